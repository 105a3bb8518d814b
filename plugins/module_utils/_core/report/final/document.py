# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the final report consists of, before it becomes Markdown or HTML: blocks of lines, lines of spans."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional, Union

from ..text import plain


@dataclass(frozen=True)
class Span:
    """A piece of a line. ``kind`` is empty, ``code``, ``strong``, or ``quote``: a sentence as the journal has it."""

    text: str
    kind: str = ""


Line = tuple[Span, ...]
Piece = Union[str, int, Span, Line]


def line(*pieces: Piece) -> Line:
    """The pieces one after another."""
    spans: list[Span] = []
    for piece in pieces:
        if isinstance(piece, tuple):
            spans += piece
        else:
            spans.append(piece if isinstance(piece, Span) else Span(str(piece)))
    return tuple(span for span in spans if span.text)


def code(value: object) -> Span:
    """A name, path or command from the journal."""
    return Span(plain(value, 400), "code")


def strong(value: object) -> Span:
    """What must not be overlooked."""
    return Span(plain(value, 400), "strong")


def quote(value: object) -> Span:
    """A sentence as the journal has it, whatever the language of the report."""
    return Span(plain(value, 1200), "quote")


def joined(pieces: Iterable[Piece], separator: str = ", ") -> Line:
    """The pieces as one line, with the separator between them."""
    parts: list[Piece] = []
    for piece in pieces:
        parts += [separator, piece] if parts else [piece]
    return line(*parts)


@dataclass(frozen=True)
class Heading:
    """A section (2) or a part of one (3). ``anchor`` is the same in every language."""

    text: str
    anchor: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """``tone`` is empty, ``lead``, ``note``, ``warn`` or ``label``."""

    line: Line
    tone: str = ""


@dataclass(frozen=True)
class Bullets:
    """A list; each item is a line and, below it, why."""

    items: tuple[tuple[Line, Line], ...]
    numbered: bool = False


@dataclass(frozen=True)
class Cell:
    """``note`` is smaller and below; ``tone`` colours it; numbers are aligned to the right."""

    line: Line
    note: str = ""
    tone: str = ""
    number: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of cells under their titles."""

    titles: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Tile:
    """One figure that one looks at first."""

    label: str
    value: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Tiles:
    """Figures side by side."""

    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Figure:
    """A drawing. ``name`` tells its file beside the Markdown; ``caption`` says what is seen in it."""

    name: str
    svg: str
    caption: Line


@dataclass(frozen=True)
class Command:
    """A command to copy."""

    text: str


@dataclass(frozen=True)
class Criterion:
    """One row of the checklist: its mark and state, what was wanted, and what it is known from."""

    mark: str
    state: str
    tone: str
    text: Line
    evidence: Line


@dataclass(frozen=True)
class Checklist:
    """The criteria, with the titles of the columns."""

    titles: tuple[str, ...]
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True)
class Card:
    """Something with a name and a state: a bottleneck, an experiment, an attempt. ``share`` (0 to 1) draws a bar."""

    head: Line
    blocks: tuple[Block, ...]
    anchor: str
    badge: str = ""
    chip: str = ""
    tone: str = "idle"
    share: Optional[float] = None


@dataclass(frozen=True)
class Fold:
    """What is shown where it is asked for."""

    summary: str
    blocks: tuple[Block, ...]


Block = Union[Heading, Paragraph, Bullets, Table, Tiles, Figure, Command, Checklist, Card, Fold]


@dataclass(frozen=True)
class Document:
    """The whole report. ``lead`` is the line below the title, ``blocks`` are its sections in their order."""

    language: str
    title: str
    lead: Line
    blocks: tuple[Block, ...]
