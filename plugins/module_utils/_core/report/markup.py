# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data inside Markdown: nothing in it becomes markup, a link, HTML or a new row of a table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .text import plain

# GitHub Flavored Markdown 2.4 allows a backslash before any ASCII punctuation; only what could begin markup
# needs one. An underscore inside a word never does (https://github.github.com/gfm/#emphasis-and-strong-emphasis).
_SPECIAL = re.compile(r"[\\`*\[\]|~]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
_BLOCK_START = re.compile(r"^(?:[#+=-]|\d+(?=[.)](?:\s|$)))")


def prose(value: object) -> str:
    """``value`` as one line of running text."""
    text = _SPECIAL.sub(lambda match: "\\" + match.group(), plain(value))
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Number and bullet markers open a list, a hash a heading: at the start of a paragraph, cell or item only.
    return _BLOCK_START.sub(lambda m: m.group() + "\\" if m.group()[0].isdigit() else "\\" + m.group(), text)


def code(value: object) -> str:
    """``value`` as a code span, also where it holds backticks; empty for an empty value.

    Inside a table, wrap it in ``cell()``: there a pipe ends the cell even within a code span.
    """
    text = plain(value)
    if not text:
        return ""
    fence = "`" * (_longest_run(text) + 1)
    edge = " " if text[0] == "`" or text[-1] == "`" else ""
    return f"{fence}{edge}{text}{edge}{fence}"


def codes(values: Iterable[object]) -> str:
    """``values`` as code spans with commas between them."""
    return ", ".join(code(value) for value in values)


def block(value: object, language: str = "") -> list[str]:
    """``value`` as the lines of a fenced code block."""
    text = plain(value)
    fence = "`" * max(_longest_run(text) + 1, 3)
    return [fence + language, text, fence]


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)


def cell(markup: str) -> str:
    """``markup`` fit for a table: its pipes escaped unless they already are."""
    return re.sub(r"(?<!\\)((?:\\\\)*)\|", r"\1\\|", markup)


def table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """The lines of a table of markup."""
    lines = [f"| {' | '.join(titles)} |", "|" + " --- |" * len(titles)]
    return lines + [f"| {' | '.join(cell(markup) for markup in row)} |" for row in rows]
