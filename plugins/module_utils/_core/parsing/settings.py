# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings files of any kind, line by line: the keys under which each value stands.

YAML, TOML, JSON, INI and properties are read by their indentation, sections and separators. That is no parser of these
languages: it tells for each line where in the file it belongs, keeps the place of every value, reads on behind what it
does not understand, and needs nothing but the standard library, which has no YAML.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

SETTING = re.compile(
    r"^[ \t\-]*(?P<quote>[\"']?)(?P<key>[A-Za-z_][\w.\-]*)(?P=quote)[ \t]*"
    r"(?:=>|=|:(?=[ \t]|$)|(?<=[\"']):)[ \t]*(?P<value>.*?)[ \t,]*$"
)
_SECTION = re.compile(r"[ \t]*\[\[?[ \t]*([^\[\]=,/\"'][^\[\]=,/]*?)[ \t]*\]?\][ \t]*")
_LEAD = re.compile(r"([ \t]*)((?:-[ \t]+)*)")


@dataclass(frozen=True)
class Setting:
    """The value of one line and where in the text it begins. ``path`` are the keys it stands under, outermost first."""

    path: tuple[str, ...]
    value: str
    start: int

    @property
    def key(self) -> str:
        """The innermost key, empty where there is none."""
        return self.path[-1] if self.path else ""


def settings(text: str) -> Iterator[Setting]:
    """Every line that holds something, in order. A line without a key of its own belongs to the key above it."""
    section: tuple[str, ...] = ()
    above: list[tuple[int, str]] = []
    offset = 0
    for raw in text.splitlines(keepends=True):
        line = raw.rstrip("\r\n")
        header = _SECTION.fullmatch(line)
        if header:
            section, above = tuple(re.split(r"[.:]", header.group(1))), []
        elif line.strip():
            spaces, dashes = _LEAD.match(line).groups()  # type: ignore[union-attr]
            column = len(spaces) + len(dashes)
            # An item may stand in the same column as the key of its list.
            above = [(c, k) for c, k in above if (c <= len(spaces) if dashes else c < column)]
            setting = SETTING.match(line)
            value, start = (setting["value"], setting.start("value")) if setting else (line, 0)
            if setting:
                above.append((column, setting["key"]))
            yield Setting(section + tuple(k for _unused, k in above), value, offset + start)
        offset += len(raw)
