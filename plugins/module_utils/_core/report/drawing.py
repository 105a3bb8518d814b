# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The topology as SVG: services from those that call to those that are called, broken edges with their cause.

Everything is drawn with classes; ``stylesheet`` gives them their colours, light and dark.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Optional

from ..model import Outcome
from .elements import Markup, element, join, text
from .graph import Edge, Graph, Node
from .layout import Arc, Bundle, Layout, Spot, lay_out, spread
from .reading import WORST_FIRST
from .text import clip, columns, plain

# Pixels. The first three belong to the type sizes of the stylesheet.
CHARACTER = 7.3
SMALL_CHARACTER = 6.1
CONDITION_CHARACTER = 5.7
NODE_HEIGHT = 44.0
PITCH = 58.0
GAP = 58.0
MARGIN = 14.0
NARROWEST, WIDEST = 124.0, 220.0
ARROW = 7.0
CHIP_WIDTH, CHIP_HEIGHT = 16.0, 14.0
LABEL_HEIGHT = 18.0
LABEL_ROOM = 40.0
LOOSE_GAP = 20.0
LOOP_ROOM = 36.0

CHIPS = 4
HUES = 8
TOLD_WALKS = 6
CODE_LENGTH = 36
# With more labels than this only their numbers are shown, with more dependencies those that work stand back.
LABELS_WITH_CODE = 14
DENSE = 60
# A drawing wider than this keeps its size and is scrolled.
WIDE = 2000


class Cause(NamedTuple):
    """What an edge or a service is marked with: ``tone`` is ``bad``, ``warn`` or ``idle``, ``link`` an anchor."""

    number: int
    code: str
    summary: str
    tone: str
    link: str


@dataclass(frozen=True)
class _Label:
    """The mark on broken edges with one cause: in which gap, how high, on how many, and nearest to which end."""

    gap: int
    height: float
    cause: Cause
    times: int
    side: str


@dataclass(frozen=True)
class _Frame:
    """The horizontal measures: how wide nodes are, and where each column begins."""

    width: float
    lefts: tuple[float, ...]

    def gap(self, number: int) -> tuple[float, float]:
        """Where the gap right of that column begins and ends."""
        return self.lefts[number] + self.width, self.lefts[number + 1]


def draw(graph: Graph, causes: Sequence[Cause], title: str) -> Markup:
    """The graph as one SVG element. ``causes`` belong to the groups of the reading, in their order."""
    arcs = {Arc(edge.consumer, edge.provider, edge.outcome.value): edge for edge in graph.edges}
    layout = lay_out([node.name for node in graph.nodes], list(arcs))
    labels = _labels(layout, arcs, causes)
    texts = [_label_text(label, len(labels) <= LABELS_WITH_CODE) for label in labels]
    frame = _frame(graph, layout, labels, texts)
    networks = {str(network["name"]): number for number, network in enumerate(graph.networks)}
    nodes = {node.name: node for node in graph.nodes}
    right = frame.lefts[-1] + frame.width if frame.lefts else 0.0
    right += LOOP_ROOM * any(edge.consumer == edge.provider for edge in graph.edges)
    bottom = MARGIN + layout.height * PITCH
    loose, right, bottom = _loose([nodes[name] for name in layout.loose], right, bottom, frame.width, networks, causes)
    width, height = right + MARGIN, bottom + MARGIN
    style = "map" + " dense" * (len(graph.edges) > DENSE) + " wide" * (width > WIDE)
    return element(
        "svg",
        element("title", title),
        _services(graph, layout, frame, networks, causes),
        loose,
        _placed(labels, texts, frame),
        viewBox=f"0 0 {width:.0f} {height:.0f}",
        width=round(width),
        height=round(height),
        role="img",
        class_=style,
    )


def letters(number: int) -> str:
    """A, B, … Z, AA, AB, …: the short name of a network."""
    return (letters(number // 26 - 1) if number >= 26 else "") + chr(ord("A") + number % 26)


def chip(network: int, x: float = 0.0, y: float = 0.0) -> Markup:
    """The mark of a network."""
    return join(
        element("rect", x=x, y=y, width=CHIP_WIDTH, height=CHIP_HEIGHT, rx=3, class_=f"hue{network % HUES}"),
        element("text", letters(network), x=x + CHIP_WIDTH / 2, y=y + 10.5, class_="network"),
    )


def _y(height: float) -> float:
    return MARGIN + height * PITCH


def _frame(graph: Graph, layout: Layout, labels: Sequence[_Label], texts: Sequence[str]) -> _Frame:
    needed = [columns(plain(node.name)) * CHARACTER + 22 for node in graph.nodes]
    needed += [columns(node.condition) * CONDITION_CHARACTER + _chips_width(node) + 34 for node in graph.nodes]
    width = min(max([NARROWEST, *needed]), WIDEST)
    gaps = [GAP] * max(layout.columns - 1, 0)
    for label, words in zip(labels, texts):
        gaps[label.gap] = max(gaps[label.gap], _label_width(words) + LABEL_ROOM)
    lefts = [MARGIN] * min(layout.columns, 1)
    for gap in gaps:
        lefts.append(lefts[-1] + width + gap)
    return _Frame(width, tuple(lefts))


def _services(
    graph: Graph, layout: Layout, frame: _Frame, networks: Mapping[str, int], causes: Sequence[Cause]
) -> list[Markup]:
    """Every service with its calls, so that pointing at it can show them; the broken ones come last, on top."""
    rank = {outcome: number for number, outcome in enumerate(reversed(WORST_FIRST))}
    calls: dict[str, list[Edge]] = {node.name: [] for node in graph.nodes}
    for edge in sorted(graph.edges, key=lambda edge: rank[edge.outcome]):
        calls[edge.consumer].append(edge)
    drawn = []
    callers = [node for node in graph.nodes if node.name in layout.spots]
    for node in sorted(callers, key=lambda node: max((rank[edge.outcome] for edge in calls[node.name]), default=0)):
        spot = layout.spots[node.name]
        x, y = frame.lefts[spot.column], _y(spot.height)
        lines = [_edge(edge, layout, frame, x, y, causes) for edge in calls[node.name]]
        drawn.append(element("g", lines, _node(node, x, y, frame.width, networks, causes), class_="service"))
    return drawn


def _edge(edge: Edge, layout: Layout, frame: _Frame, x: float, y: float, causes: Sequence[Cause]) -> Markup:
    marks = []
    arc = Arc(edge.consumer, edge.provider, edge.outcome.value)
    if arc in layout.routes:
        path, tip = _route(layout.routes[arc], arc in layout.backward, frame)
    else:
        # it calls itself
        right = x + frame.width
        path, tip = f"M{right:.1f} {y - 9:.1f}c34 -14 34 32 {ARROW:.0f} 18", _tip(right, y + 9, -1)
        marks = [_badge(causes[number], right + 26 + 20 * place, y) for place, number in enumerate(edge.causes)]
    told = []
    for walk in edge.walks:
        where = "" if walk.outcome is Outcome.OK else f" at {walk.layer.value}"
        told.append(f"{walk.dependency.name}: {walk.outcome.value}{where}, {walk.detail}".rstrip(", "))
    return element("g", _title(told), element("path", d=path), tip, marks, class_=f"edge {edge.outcome.value}")


def _route(route: Sequence[Spot], backward: bool, frame: _Frame) -> tuple[str, Markup]:
    """A path through the spots, curved in the gaps and level in the columns, and the arrow's tip."""
    # What closes a cycle keeps away from the arrow that may go the other way.
    shift = 9.0 if backward else 0.0
    first, last = route[0], route[-1]
    x, y = frame.gap(first.column)[0], _y(first.height) + shift
    tip = _tip(x, y, -1) if backward else _tip(frame.lefts[last.column], _y(last.height), 1)
    path = f"M{x + ARROW if backward else x:.1f} {y:.1f}"
    for spot in route[1:]:
        start, end = frame.gap(spot.column - 1)
        middle, height = (start + end) / 2, _y(spot.height) + (shift if spot is last else 0.0)
        stop = end - ARROW if spot is last and not backward else end
        path += f"C{middle:.1f} {y:.1f} {middle:.1f} {height:.1f} {stop:.1f} {height:.1f}"
        path += "" if spot is last else f"h{frame.width:.1f}"
        y = height
    return path, tip


def _tip(x: float, y: float, direction: int) -> Markup:
    return element("path", d=f"M{x:.1f} {y:.1f}l{-direction * (ARROW + 1):.1f} -4v8z", class_="tip")


def _title(lines: Sequence[str]) -> Markup:
    """What is shown when one points at it."""
    more = [f"… {len(lines) - TOLD_WALKS} more"] if len(lines) > TOLD_WALKS else []
    return element("title", Markup("\n".join(text(line, 300) for line in [*lines[:TOLD_WALKS], *more])))


def _node(node: Node, x: float, y: float, width: float, networks: Mapping[str, int], causes: Sequence[Cause]) -> Markup:
    """One service in its box, the left end of its middle being at x and y."""
    top = y - NODE_HEIGHT / 2
    about = [causes[number] for number in node.causes]
    worst = next((tone for tone in ("bad", "warn") if tone in [cause.tone for cause in about]), "")
    lines = [plain(node.name), f"image {node.image}" if node.image else "", *map("network {}".format, node.networks)]
    lines += [f"{cause.code}: {cause.summary}" for cause in about]
    chips, right = [], x + width - 8 - _chips_width(node)
    for network in node.networks[:CHIPS]:
        chips.append(chip(networks[network], right, top + 25))
        right += CHIP_WIDTH + 2
    if len(node.networks) > CHIPS:
        chips.append(element("text", f"+{len(node.networks) - CHIPS}", x=right, y=top + 35.5, class_="condition"))
    name = clip(plain(node.name), int((width - 20) / CHARACTER))
    condition = clip(plain(node.condition), int((width - 34 - _chips_width(node)) / CONDITION_CHARACTER))
    classes = " ".join(filter(None, ["box", worst, "outside" if node.stranger else ""]))
    return element(
        "g",
        _title([line for line in lines if line]),
        element("rect", x=x, y=top, width=width, height=NODE_HEIGHT, rx=7, class_=classes),
        element("text", name, x=x + 10, y=top + (18 if node.condition else 26), class_="name"),
        element("circle", cx=x + 14, cy=top + 32, r=3.5, class_=f"dot {node.tone}") if node.condition else None,
        element("text", condition, x=x + 22, y=top + 35.5, class_="condition"),
        chips,
        [_badge(cause, x + width - 8 - 20 * number, top) for number, cause in enumerate(about[:CHIPS])],
    )


def _chips_width(node: Node) -> float:
    shown = min(len(node.networks), CHIPS)
    return shown * (CHIP_WIDTH + 2) + (18.0 if len(node.networks) > CHIPS else 0.0)


def _badge(cause: Cause, x: float, y: float) -> Markup:
    return element(
        "a",
        element("circle", cx=x, cy=y, r=9, class_=f"badge {cause.tone}"),
        element("text", cause.number, x=x, y=y + 3.5, class_="number"),
        href=f"#{cause.link}",
    )


def _labels(layout: Layout, arcs: Mapping[Arc, Edge], causes: Sequence[Cause]) -> list[_Label]:
    """The labels of the broken edges; those with one cause that begin or end together have one between them."""
    gaps = _label_gaps(layout, arcs)
    ends: dict[tuple[int, int, str, Spot], list[Arc]] = {}
    for arc, route in layout.routes.items():
        gap = gaps[arc]
        for number in arcs[arc].causes:
            for side, spot in (("from", route[gap - route[0].column]), ("to", route[gap - route[0].column + 1])):
                ends.setdefault((gap, number, side, spot), []).append(arc)
    labels = []
    told: set[tuple[Arc, int]] = set()
    for (gap, number, side, spot), group in sorted(ends.items(), key=lambda item: -len(item[1])):
        left = [arc for arc in group if (arc, number) not in told]
        told.update((arc, number) for arc in left)
        if len(left) > 1:
            labels.append(_Label(gap, spot.height, causes[number], len(left), side))
        elif left:
            heights = [spot.height for spot in layout.routes[left[0]] if spot.column in (gap, gap + 1)]
            labels.append(_Label(gap, sum(heights) / 2, causes[number], 1, "middle"))
    return sorted(labels, key=lambda label: (label.gap, label.height, label.cause.number))


def _label_gaps(layout: Layout, arcs: Mapping[Arc, Edge]) -> dict[Arc, int]:
    """The gap in which each edge has its label.

    Where edges with one cause share their way, that is the gap where all of them are together; where their causes
    differ, the one that each has for itself.
    """
    reasons: dict[Optional[Bundle], set[tuple[int, ...]]] = {}
    for arc in layout.routes:
        reasons.setdefault(layout.bundles[arc], set()).add(arcs[arc].causes)
    gaps = {}
    for arc, route in layout.routes.items():
        bundle = layout.bundles[arc]
        alike = len(reasons[bundle]) == 1
        last = bundle is not None and (bundle.side == "to") == alike
        gaps[arc] = route[-1].column - 1 if last else route[0].column
    return gaps


def _label_text(label: _Label, in_full: bool) -> str:
    code = f"{label.cause.number} {clip(plain(label.cause.code), CODE_LENGTH)}" if in_full else str(label.cause.number)
    return f"{code} ×{label.times}" if label.times > 1 else code


def _label_width(words: str) -> float:
    return columns(words) * SMALL_CHARACTER + 12


def _placed(labels: Sequence[_Label], texts: Sequence[str], frame: _Frame) -> list[Markup]:
    """The labels, pushed apart where they would cover each other."""
    placed = []
    for gap in sorted({label.gap for label in labels}):
        here = [number for number, label in enumerate(labels) if label.gap == gap]
        wanted = [_y(labels[number].height) for number in here]
        heights = spread(wanted, [0.0, *[LABEL_HEIGHT + 3] * (len(here) - 1)], [1.0] * len(here))
        left, right = frame.gap(gap)
        for number, y in zip(here, heights):
            label, width = labels[number], _label_width(texts[number])
            x = {"from": left + 14, "to": right - ARROW - 9 - width, "middle": (left + right - width) / 2}[label.side]
            placed.append(_pill(label.cause, texts[number], x, y, width))
    return placed


def _pill(cause: Cause, words: str, x: float, y: float, width: float) -> Markup:
    return element(
        "a",
        _title([f"{cause.code}: {cause.summary}"]),
        element("rect", x=x, y=y - LABEL_HEIGHT / 2, width=width, height=LABEL_HEIGHT, rx=9, class_="pill"),
        element("text", words, x=x + width / 2, y=y + 3.5, class_="cause"),
        href=f"#{cause.link}",
    )


def _loose(
    nodes: Sequence[Node],
    right: float,
    bottom: float,
    width: float,
    networks: Mapping[str, int],
    causes: Sequence[Cause],
) -> tuple[list[Markup], float, float]:
    """The services that nobody calls and that call nobody, in rows below the others; and where these end."""
    if not nodes:
        return [], right, bottom
    step = width + LOOSE_GAP
    in_row = max(int((right - MARGIN + LOOSE_GAP) // step), min(5, len(nodes)))
    top = bottom + 30
    drawn = [element("text", "without a known dependency", x=MARGIN, y=bottom + 14, class_="caption")]
    for number, node in enumerate(nodes):
        row, column = divmod(number, in_row)
        y = top + row * PITCH + NODE_HEIGHT / 2
        drawn.append(_node(node, MARGIN + column * step, y, width, networks, causes))
    rows = (len(nodes) + in_row - 1) // in_row
    return drawn, max(right, MARGIN + min(in_row, len(nodes)) * step - LOOSE_GAP), top + rows * PITCH
