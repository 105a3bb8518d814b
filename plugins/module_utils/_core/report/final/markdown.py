# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as GitHub Flavored Markdown."""

from __future__ import annotations

from ..markup import block as code_block
from ..markup import code, prose, table
from ..text import plain
from .document import (
    Block,
    Bullets,
    Card,
    Cell,
    Checklist,
    Command,
    Document,
    Figure,
    Fold,
    Heading,
    Line,
    Paragraph,
    Span,
    Table,
    Tiles,
)
from .words import Words

SIGNS = {"good": "✓ ", "bad": "✗ ", "warn": "", "idle": "", "": ""}


def to_markdown(document: Document, words: Words, name: str) -> str:
    """The document; ``name`` is the stem of the files of its drawings."""
    lines = [f"# {prose(document.title)}", "", _line(document.lead), ""]
    headings = [block for block in document.blocks if isinstance(block, Heading) and block.level == 2]
    lines += [f"## {prose(words.text('heading.contents'))}", ""]
    lines += [f"{number}. [{prose(one.text)}](#{_anchor(one.text)})" for number, one in enumerate(headings, 1)] + [""]
    level = 3
    for block in document.blocks:
        level = block.level + 1 if isinstance(block, Heading) else level
        lines += _block(block, name, level)
    return "\n".join(lines).rstrip("\n") + "\n"


def _anchor(text: str) -> str:
    """The anchor that GitHub makes of a heading."""
    kept = "".join(c for c in text.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")


def _block(block: Block, name: str, level: int) -> list[str]:
    if isinstance(block, Heading):
        return [f"{'#' * block.level} {prose(block.text)}", ""]
    if isinstance(block, Paragraph):
        text = _line(block.line)
        if block.tone == "lead":
            text = f"**{text}**" if "**" not in text else text
        quoted = "> " if block.tone in ("warn", "note") else ""
        return [f"{quoted}⚠ {text}" if block.tone == "warn" else f"{quoted}{text}", ""]
    if isinstance(block, Bullets):
        return [*_bullets(block), ""]
    if isinstance(block, Table):
        return [
            *table([prose(title) for title in block.titles], [[_cell(cell) for cell in row] for row in block.rows]),
            "",
        ]
    if isinstance(block, Tiles):
        rows = [(prose(tile.label), f"**{prose(tile.value)}**", prose(tile.note)) for tile in block.tiles]
        return [*table(["", "", ""], rows), ""]
    if isinstance(block, Checklist):
        rows_ = [(f"{one.mark} {prose(one.state)}", _line(one.text), _line(one.evidence)) for one in block.criteria]
        return [*table([prose(title) for title in block.titles], rows_), ""]
    if isinstance(block, Figure):
        return [
            f"![{prose(plain(_text(block.caption)))}]({name}-{block.name}.svg)",
            "",
            f"*{_line(block.caption)}*",
            "",
        ]
    if isinstance(block, Command):
        return [*code_block(block.text, "console"), ""]
    if isinstance(block, Card):
        badge = f"{prose(block.badge)} · " if block.badge else ""
        chip = f" ({prose(block.chip)})" if block.chip else ""
        inner = [line for one in block.blocks for line in _block(one, name, level + 1)]
        return [f"{'#' * level} {badge}{_line(block.head)}{chip}", "", *inner]
    return _fold(block, name, level)


def _fold(block: Fold, name: str, level: int) -> list[str]:
    inner = [line for one in block.blocks for line in _block(one, name, level)]
    return ["<details>", f"<summary>{prose(block.summary)}</summary>", "", *inner, "</details>", ""]


def _bullets(block: Bullets) -> list[str]:
    lines = []
    for number, (item, why) in enumerate(block.items, 1):
        sign = f"{number}." if block.numbered else "-"
        lines.append(f"{sign} {_line(item)}" + (f"<br>{_line(why)}" if why else ""))
    return lines


def _cell(cell: Cell) -> str:
    note = f"<br>{prose(cell.note)}" if cell.note else ""
    return f"{SIGNS[cell.tone] if not cell.number else ''}{_line(cell.line)}{note}"


def _text(line: Line) -> str:
    return "".join(span.text for span in line)


def _line(line: Line) -> str:
    return "".join(_span(span, not number) for number, span in enumerate(line))


def _span(span: Span, first: bool) -> str:
    if span.kind == "code":
        return code(span.text)
    if span.kind == "strong":
        return f"**{prose(span.text)}**"
    # plain() strips what stands at the ends of a piece, and only a line's first piece can open a block
    head = span.text[: len(span.text) - len(span.text.lstrip(" "))]
    tail = span.text[len(span.text.rstrip(" ")) :] if span.text.strip(" ") else ""
    text = prose(span.text) if first else prose(f"x{span.text.strip(' ')}")[1:]
    if span.kind == "quote":
        return f"\u201c{text}\u201d" if text else ""
    return f"{head}{text}{tail}"
