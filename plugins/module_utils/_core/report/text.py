# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text that a terminal or a report can take: escaped, measured in columns, wrapped, counted."""

from __future__ import annotations

import unicodedata

MARKS = {
    "ok": "✓",
    "done": "✓",
    "kept": "✓",
    "failed": "✗",
    "undone": "✗",
    "refused": "✗",
    "unknown": "?",
    "not_measured": "?",
}


def mark(outcome: object) -> str:
    """``✓`` for what went well, ``✗`` for what did not, ``?`` for what nobody knows, ``·`` for the rest."""
    return MARKS.get(str(outcome), "·")


def plain(value: object, limit: int = 0) -> str:
    """``value`` as one line in which nothing is left that a terminal would obey.

    Control characters, line breaks, bidirectional overrides and broken UTF-8 become visible escapes (``\\x1b``).
    A ``limit`` above 0 clips the line to that many columns. None is the empty string.
    """
    text = "" if value is None else str(value).strip()
    if not text.isprintable():
        text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return clip(text, limit) if limit else text


def columns(text: str) -> int:
    """How many terminal columns ``text`` takes: East Asian wide characters two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(character) for character in text)


def _columns_of(character: str) -> int:
    if unicodedata.combining(character) or unicodedata.category(character) == "Mn":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def clip(text: str, width: int) -> str:
    """``text`` cut to ``width`` columns, with ``…`` as its last one where something was cut."""
    if columns(text) <= width:
        return text
    return _head(text, width - 1) + "…"


def _head(text: str, width: int) -> str:
    used = 0
    for position, character in enumerate(text):
        used += _columns_of(character)
        if used > width:
            return text[:position]
    return text


def wrap(text: str, width: int) -> list[str]:
    """``text`` in lines of at most ``width`` columns; words longer than a line are cut. Never empty."""
    lines: list[str] = []
    current = ""
    for word in text.split(" "):
        candidate = f"{current} {word}" if current else word
        if columns(candidate) <= width:
            current = candidate
            continue
        if current:
            lines.append(current)
        while columns(word) > width:
            # A wide character in a column one wide would otherwise never be placed.
            head = _head(word, width) or word[0]
            lines.append(head)
            word = word[len(head) :]
        current = word
    return [*lines, current] if current or not lines else lines


def pad(text: str, width: int) -> str:
    """``text`` with blanks on its right up to ``width`` columns."""
    return text + " " * (width - columns(text))


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 attempt``, ``3 attempts``, ``2 dependencies``."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {plural or (noun[:-1] + 'ies' if noun.endswith('y') else noun + 's')}"


def listed(names: list[str], limit: int = 6) -> str:
    """``a, b, c``, and ``… 4 more`` where there are more than ``limit``."""
    shown = ", ".join(names[:limit])
    return f"{shown}, … {len(names) - limit} more" if len(names) > limit else shown


def duration(milliseconds: float) -> str:
    """``31 ms``, ``2.1 s``, ``3 min 05 s``."""
    if milliseconds < 999.5:
        return f"{milliseconds:.0f} ms"
    seconds = milliseconds / 1000
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"
