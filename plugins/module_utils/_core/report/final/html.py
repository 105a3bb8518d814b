# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The document as one HTML page that needs nothing else: no script, no file, no network."""

from __future__ import annotations

from itertools import groupby
from typing import Optional

from ..elements import Markup, element, join
from ..html_diagnosis import command, table_row
from ..html_page import document
from ..load_plots import PLOT_STYLES
from ..stylesheet import STYLESHEET
from .document import (
    Block,
    Bullets,
    Card,
    Cell,
    Checklist,
    Command,
    Criterion,
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
from .style import STYLE
from .words import Words

LANGUAGES = {"en": "en", "pt_BR": "pt-BR"}
SHEET = STYLESHEET + PLOT_STYLES + STYLE


def to_html(report: Document, words: Words) -> str:
    """The page."""
    banner = element(
        "header",
        element("p", element("b", "netfix"), Markup(" "), words.text("eyebrow"), class_="eyebrow"),
        element("h1", report.title),
        element("p", _line(report.lead), class_="lead"),
    )
    content = element("div", _sections(report.blocks), class_="text")
    main = element("main", banner, _contents(report, words), content, class_="final")
    return document(report.title, main, SHEET, LANGUAGES[report.language])


def _contents(report: Document, words: Words) -> Markup:
    headings = [block for block in report.blocks if isinstance(block, Heading) and block.level == 2]
    items = [element("li", element("a", one.text, href=f"#{one.anchor}")) for one in headings]
    title = words.text("heading.contents")
    return element("nav", element("p", title, class_="label"), element("ol", items), aria_label=title)


def _sections(blocks: tuple[Block, ...]) -> Markup:
    """Each heading of the second level with what follows it as one section."""
    sections: list[Markup] = []
    inner: list[Markup] = []
    anchor: Optional[str] = None
    for is_figure, group in groupby(blocks, lambda block: isinstance(block, Figure)):
        if is_figure:
            inner.append(element("div", [_block(block) for block in group], class_="plots"))
            continue
        for block in group:
            if isinstance(block, Heading) and block.level == 2:
                sections.append(element("section", inner, id=anchor)) if inner else None
                inner, anchor = [], block.anchor
            inner.append(_block(block))
    sections.append(element("section", inner, id=anchor))
    return join(sections)


def _block(block: Block) -> Markup:
    if isinstance(block, Heading):
        identity = block.anchor if block.level > 2 else None
        return element(f"h{block.level}", block.text, id=identity)
    if isinstance(block, Paragraph):
        return element("p", _line(block.line), class_=block.tone or None)
    if isinstance(block, Bullets):
        items = [element("li", _line(item), _why(why)) for item, why in block.items]
        return element("ol" if block.numbered else "ul", items, class_="advice" if block.numbered else None)
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Tiles):
        return _tiles(block)
    if isinstance(block, Checklist):
        return element("ul", [_criterion(one) for one in block.criteria], class_="criteria")
    if isinstance(block, Figure):
        drawing = element("div", Markup(block.svg), class_="scroll")
        return element("figure", drawing, element("figcaption", _line(block.caption)), class_="chart")
    if isinstance(block, Command):
        return command(block.text)
    if isinstance(block, Card):
        return _card(block)
    return _fold(block)


def _fold(block: Fold) -> Markup:
    return element("details", element("summary", block.summary), [_block(one) for one in block.blocks])


def _why(why: Line) -> Optional[Markup]:
    return element("small", _line(why)) if why else None


def _table(block: Table) -> Markup:
    numbers = [any(row[place].number for row in block.rows) for place in range(len(block.titles))]
    titles = [element("th", title, class_="right" if number else None) for title, number in zip(block.titles, numbers)]
    rows = [table_row([(title, _cell(cell)) for title, cell in zip(block.titles, row)]) for row in block.rows]
    head = element("thead", element("tr", titles))
    return element("div", element("table", head, element("tbody", rows)), class_="scroll")


def _cell(cell: Cell) -> Markup:
    classes = " ".join(name for name in ("number" if cell.number else "", cell.tone) if name)
    note = element("small", cell.note) if cell.note else None
    return element("span", _line(cell.line), note, class_=classes or None)


def _tiles(block: Tiles) -> Markup:
    items = [
        element(
            "li",
            element("span", tile.label, class_="what"),
            element("b", tile.value, class_=tile.tone or None),
            element("small", tile.note) if tile.note else None,
        )
        for tile in block.tiles
    ]
    return element("ul", items, class_="tiles")


def _criterion(one: Criterion) -> Markup:
    sign = element("span", one.mark, class_=f"sign {one.tone}", aria_hidden="true")
    head = element("p", _line(one.text), Markup(" "), element("span", one.state, class_=f"chip {one.tone}"))
    return element("li", sign, element("div", head, element("p", _line(one.evidence), class_="seen")))


def _card(block: Card) -> Markup:
    head = element(
        "h4",
        element("span", block.badge, class_=f"badge {block.tone}") if block.badge else None,
        element("span", _line(block.head)),
        element("span", block.chip, class_=f"chip {block.tone}") if block.chip else None,
    )
    inner = [_block(one) for one in block.blocks]
    return element("article", head, _bar(block), inner, class_=f"card {block.tone}", id=block.anchor)


def _bar(block: Card) -> Optional[Markup]:
    """The share as a bar: widths are attributes, because the policy allows no style of an element."""
    if block.share is None:
        return None
    part = element("rect", x=0, y=0, width=max(min(block.share, 1.0), 0.0) * 100, height=6, class_="part")
    whole = element("rect", x=0, y=0, width=100, height=6, class_="whole")
    return element(
        "svg",
        whole,
        part,
        viewBox="0 0 100 6",
        preserveAspectRatio="none",
        class_=f"share {block.tone}",
        aria_hidden="true",
    )


def _line(line: Line) -> Markup:
    return join([_span(span) for span in line])


def _span(span: Span) -> Markup:
    if span.kind == "code":
        return element("code", span.text)
    if span.kind == "strong":
        return element("b", span.text)
    if span.kind == "quote":
        return element("span", span.text, lang="en", class_="said")
    # text() strips; the blanks at the ends of a piece are part of the sentence
    head = " " if span.text.startswith(" ") else ""
    tail = " " if span.text.endswith(" ") and span.text.strip() else ""
    return join(Markup(head), span.text, Markup(tail))
