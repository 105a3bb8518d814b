# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A page of terminal text: titles, aligned rows and wrapped paragraphs within a width, coloured only when told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .text import clip, columns, pad, wrap

MINIMUM_WIDTH = 60
MAXIMUM_WIDTH = 120

STYLES = {"bold": "1", "dim": "2", "bad": "31", "good": "32", "warn": "33", "head": "1;36"}

MARK_STYLES = {"✓": "good", "✗": "bad", "?": "warn", "!": "warn", "·": "dim"}


class Cell(NamedTuple):
    """One cell of a row: its text, the columns it has, and its style."""

    text: str
    width: int
    style: str = ""


class Page:
    """Collects lines. All text given to it must have been made ``plain()`` before."""

    def __init__(self, width: int, colour: bool) -> None:
        self.width = min(max(width, MINIMUM_WIDTH), MAXIMUM_WIDTH)
        self._colour = colour
        self._lines: list[str] = []

    def __str__(self) -> str:
        return "\n".join(line.rstrip() for line in self._lines)

    def paint(self, text: str, style: str) -> str:
        """``text`` in that style, or as it is where nothing is to be coloured."""
        if not (self._colour and style and text):
            return text
        return f"\033[{STYLES[style]}m{text}\033[0m"

    def title(self, left: str, circumstances: Sequence[str] = ()) -> None:
        """A rule across the page, what follows on its left; on its right the circumstances, the last ones first."""
        left = clip(left, self.width - 6)
        room = self.width - columns(left) - 4
        shown = [text for text in circumstances if text]
        while shown and columns(" · ".join(shown)) + 5 > room:
            del shown[0]
        tail = f" {' · '.join(shown)} ──" if shown else ""
        rule = "─" * (room - columns(tail))
        self.raw(self.paint("── ", "dim") + self.paint(left, "head") + self.paint(f" {rule}{tail}", "dim"))

    def raw(self, line: str = "") -> None:
        """One line as it is: a blank one, or a command that must stay in one piece to be copied."""
        self._lines.append(line)

    def text(self, text: str, style: str = "", indent: int = 2, hang: int = 0) -> None:
        """A paragraph, its lines after the first one ``hang`` columns further in."""
        first, *_rest = wrap(text, self.width - indent)
        rest = text[len(first) :].strip()
        self.raw(" " * indent + self.paint(first, style))
        if rest:
            for line in wrap(rest, self.width - indent - hang):
                self.raw(" " * (indent + hang) + self.paint(line, style))

    def item(self, mark: str, text: str, style: str = "", indent: int = 0) -> None:
        """A paragraph with a mark before it; the mark has the colour of what it says."""
        lines = wrap(text, self.width - indent - 2)
        lead = " " * indent + self.paint(mark, MARK_STYLES.get(mark, style)) + " "
        for line in lines:
            self.raw(lead + self.paint(line, style))
            lead = " " * (indent + 2)

    def heading(self, mark: str, text: str, right: str, style: str = "bold", indent: int = 0) -> None:
        """A marked paragraph with a remark at the right margin of its first line, or under it if that is long."""
        room = self.width - indent - 2
        beside = columns(text) + columns(right) + 2 <= room or columns(right) <= room // 4
        lead = " " * indent + self.paint(mark, MARK_STYLES.get(mark, style)) + " "
        for number, line in enumerate(wrap(text, room - columns(right) - 2 if beside and right else room)):
            gap = room - columns(line) - columns(right)
            remark = " " * gap + self.paint(right, "dim") if beside and right and not number else ""
            self.raw(lead + self.paint(line, style) + remark)
            lead = " " * (indent + 2)
        if right and not beside:
            self.text(right, "dim", indent + 2)

    def row(self, cells: Sequence[Cell], indent: int = 2, mark: str = "") -> None:
        """Cells side by side, two columns apart, each wrapped in its own; a mark stands in the indent."""
        wrapped = [wrap(cell.text, cell.width) for cell in cells]
        lead = self.paint(mark, MARK_STYLES.get(mark, "")) + " " * (indent - len(mark))
        for number in range(max(len(lines) for lines in wrapped)):
            line = lead
            for lines, cell in zip(wrapped, cells):
                text = lines[number] if number < len(lines) else ""
                line += self.paint(text, cell.style) + " " * (cell.width - columns(text) + 2)
            self.raw(line)
            lead = " " * indent

    def marked(self, rows: Sequence[tuple[str, str, str]]) -> None:
        """Rows of a mark, a label and what is to be said of it; the labels share a column."""
        label_width = min(max((columns(label) for _mark, label, _text in rows), default=1), self.width // 3)
        for mark, label, text in rows:
            self.row([Cell(label, label_width), Cell(text, self.width - label_width - 4)], mark=mark)

    def field(self, label: str, text: str, label_width: int, style: str = "", indent: int = 2) -> None:
        """A label and what it says, wrapped in a column of its own."""
        cells = [Cell(label, label_width, "dim"), Cell(text, self.width - indent - label_width - 2, style)]
        self.row(cells, indent)

    def command(self, label: str, command: str, label_width: int, indent: int = 2) -> None:
        """A label and a command to copy: never wrapped, on a line of its own where it is too long."""
        if columns(command) <= self.width - indent - label_width - 2:
            self.raw(" " * indent + self.paint(pad(label, label_width), "dim") + "  " + command)
            return
        self.raw(" " * indent + self.paint(label, "dim"))
        self.raw(" " * (indent + 2) + command)
