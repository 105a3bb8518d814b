# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the nodes of a directed graph go so that it can be read from left to right: a layered drawing.

The steps are those of Sugiyama, Tagawa and Toda (1981): break cycles, give every node a column by its longest
path from a node that nobody calls, order the columns by barycentres so that few arcs cross, then straighten.
Everything is deterministic: the same graph gives the same drawing.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, sqrt
from typing import NamedTuple, Optional, Union

# A column holds so many nodes at least, and at most so many times the square root of all.
SHORTEST_COLUMN = 8
LONGEST_COLUMN = 2.2
SWEEPS = 12
NODE_PITCH = 1.0
BEND_PITCH = 0.24
# Bends weigh more than nodes, so that long arcs run straight.
BEND_WEIGHT = 3.0


class Arc(NamedTuple):
    """A directed edge. Long arcs of one ``kind`` that end or begin at the same node share their way."""

    source: str
    target: str
    kind: str = ""


class Bundle(NamedTuple):
    """Long arcs that share their way ``from`` their left end or ``to`` their right end, which is ``node``."""

    side: str
    node: str
    kind: str


class Bend(NamedTuple):
    """Where the arcs of a bundle pass through a column between their ends."""

    bundle: Bundle
    column: int


class Spot(NamedTuple):
    """A column counted from 0, and a height in node pitches from the top to the middle of what is there."""

    column: int
    height: float


Vertex = Union[str, Bend]
Links = dict[Vertex, list[Vertex]]


@dataclass(frozen=True)
class Layout:
    """Where everything goes.

    ``routes`` has the spots of every arc from left to right, ends included; those in ``backward`` close a cycle and
    begin at their target. ``bundles`` has the bundle of every arc, None where it is too short for one. ``loose`` are
    the nodes without an arc; they have no spot.
    """

    spots: dict[str, Spot]
    routes: dict[Arc, tuple[Spot, ...]]
    backward: frozenset[Arc]
    bundles: dict[Arc, Optional[Bundle]]
    loose: tuple[str, ...]
    columns: int
    height: float


def lay_out(nodes: Sequence[str], arcs: Sequence[Arc]) -> Layout:
    """The layout of those nodes. An arc from a node to itself gives it a spot, but has no route."""
    joined = [arc for arc in arcs if arc.source != arc.target]
    linked = {name for arc in arcs for name in (arc.source, arc.target)}
    names = [name for name in nodes if name in linked]
    backward = _closing_cycles(names, joined)
    ends = {arc: (arc.target, arc.source) if arc in backward else (arc.source, arc.target) for arc in joined}
    columns = _columns(names, set(ends.values()))
    chains, bundles = _chains(ends, columns, backward)
    order, left, right = _ordered(names, columns, chains.values())
    heights = _heights(order, left, right)
    spots = {vertex: Spot(number, heights[vertex]) for number, column in enumerate(order) for vertex in column}
    return Layout(
        spots={name: spots[name] for name in names},
        routes={arc: tuple(spots[vertex] for vertex in chain) for arc, chain in chains.items()},
        backward=frozenset(backward),
        bundles=bundles,
        loose=tuple(name for name in nodes if name not in linked),
        columns=len(order),
        height=max((heights[vertex] + _pitch(vertex) / 2 for vertex in heights), default=0.0),
    )


def _closing_cycles(names: Sequence[str], arcs: Sequence[Arc]) -> set[Arc]:
    """Few arcs without which there is no cycle: those that lead back in the order of Eades, Lin and Smyth (1993).

    Who calls nobody that is left goes to the end, who is called by nobody to the beginning; when there is neither,
    the one that calls most and is called least goes to the beginning.
    """
    calls: dict[str, set[str]] = {name: set() for name in names}
    callers: dict[str, set[str]] = {name: set() for name in names}
    for arc in arcs:
        calls[arc.source].add(arc.target)
        callers[arc.target].add(arc.source)
    left = dict.fromkeys(names)
    first: list[str] = []
    last: list[str] = []
    while left:
        end = next((name for name in left if not calls[name]), None)
        start = next((name for name in left if not callers[name]), None)
        chosen = end or start or max(left, key=lambda name: len(calls[name]) - len(callers[name]))
        (last if chosen == end else first).append(chosen)
        del left[chosen]
        for name in calls.pop(chosen):
            callers[name].discard(chosen)
        for name in callers.pop(chosen):
            calls[name].discard(chosen)
    position = {name: number for number, name in enumerate([*first, *reversed(last)])}
    return {arc for arc in arcs if position[arc.source] > position[arc.target]}


def _columns(names: Sequence[str], pairs: set[tuple[str, str]]) -> dict[str, int]:
    """The column of every node, each right of those that call it, none much longer than the drawing is wide."""
    before: dict[str, list[str]] = {name: [] for name in names}
    after: dict[str, list[str]] = {name: [] for name in names}
    for source, target in pairs:
        before[target].append(source)
        after[source].append(target)
    longest: dict[str, int] = {}
    waiting = {name: len(before[name]) for name in names}
    ready = [name for name in names if not waiting[name]]
    for name in ready:
        longest[name] = max((longest[other] + 1 for other in before[name]), default=0)
        for other in after[name]:
            waiting[other] -= 1
            if not waiting[other]:
                ready.append(other)
    limit = max(SHORTEST_COLUMN, ceil(LONGEST_COLUMN * sqrt(len(names))))
    column: dict[str, int] = {}
    filled: dict[int, int] = {}
    position = {name: number for number, name in enumerate(names)}
    for name in sorted(names, key=lambda name: (longest[name], position[name])):
        number = max((column[other] + 1 for other in before[name]), default=0)
        while filled.get(number, 0) >= limit:
            number += 1
        column[name] = number
        filled[number] = filled.get(number, 0) + 1
    # Who calls more than calls him moves towards whom he calls: that shortens more arcs than it makes longer.
    for name in sorted(names, key=lambda name: -column[name]):
        if len(after[name]) > len(before[name]):
            nearest = min(column[other] for other in after[name]) - 1
            free = [n for n in range(nearest, column[name], -1) if filled.get(n, 0) < limit]
            if free:
                filled[column[name]] -= 1
                column[name] = free[0]
                filled[free[0]] = filled.get(free[0], 0) + 1
    return column


def _chains(
    ends: Mapping[Arc, tuple[str, str]], columns: Mapping[str, int], backward: set[Arc]
) -> tuple[dict[Arc, list[Vertex]], dict[Arc, Optional[Bundle]]]:
    """The vertices that each arc passes from left to right, and its bundle."""
    degree: dict[tuple[str, str], int] = {}
    for first, last in ends.values():
        degree["from", first] = degree.get(("from", first), 0) + 1
        degree["to", last] = degree.get(("to", last), 0) + 1
    chains: dict[Arc, list[Vertex]] = {}
    bundles: dict[Arc, Optional[Bundle]] = {}
    for arc, (first, last) in ends.items():
        between = range(columns[first] + 1, columns[last])
        side = "to" if degree["to", last] >= degree["from", first] else "from"
        kind = arc.kind + " back" * (arc in backward)
        bundle = Bundle(side, last if side == "to" else first, kind)
        chains[arc] = [first, *(Bend(bundle, column) for column in between), last]
        bundles[arc] = bundle if between else None
    return chains, bundles


def _ordered(
    names: Sequence[str], columns: Mapping[str, int], chains: Iterable[Sequence[Vertex]]
) -> tuple[list[list[Vertex]], Links, Links]:
    """The columns in an order with few crossings, and every vertex's neighbours on its left and on its right."""
    left: Links = {name: [] for name in names}
    right: Links = {name: [] for name in names}
    for chain in chains:
        for one, other in zip(chain, chain[1:]):
            if other not in right.setdefault(one, []):
                right[one].append(other)
                left.setdefault(other, []).append(one)
            left.setdefault(one, [])
            right.setdefault(other, [])
    order: list[list[Vertex]] = [[] for _unused in range(max(columns.values(), default=-1) + 1)]
    todo: list[Vertex] = [*sorted(names, key=lambda name: columns[name], reverse=True)]
    seen: set[Vertex] = set()
    while todo:
        vertex = todo.pop()
        if vertex not in seen:
            seen.add(vertex)
            number = vertex.column if isinstance(vertex, Bend) else columns[vertex]
            order[number].append(vertex)
            todo += reversed(_bends_in_the_middle(right[vertex]))
    best, fewest = order, _crossings(order, right)
    for sweep in range(SWEEPS):
        if not fewest:
            break
        order = _swept(order, left if sweep % 2 == 0 else right, backwards=sweep % 2 == 1)
        crossings = _crossings(order, right)
        if crossings < fewest:
            best, fewest = order, crossings
    return best, left, right


def _bends_in_the_middle(vertices: Sequence[Vertex]) -> list[Vertex]:
    """What leads further goes between the nodes, not below them: or each column would hang lower than the last."""
    nodes = [vertex for vertex in vertices if not isinstance(vertex, Bend)]
    bends = [vertex for vertex in vertices if isinstance(vertex, Bend)]
    half = len(nodes) // 2
    return [*nodes[:half], *bends, *nodes[half:]]


def _swept(order: list[list[Vertex]], neighbours: Links, backwards: bool) -> list[list[Vertex]]:
    """Every column in the order of the mean position of its neighbours; what has none stays where it is."""
    swept = [list(column) for column in order]
    numbers = range(len(swept) - 2, -1, -1) if backwards else range(1, len(swept))
    for number in numbers:
        fixed = {vertex: place for place, vertex in enumerate(swept[number + 1 if backwards else number - 1])}
        key = {}
        for place, vertex in enumerate(swept[number]):
            places = [fixed[other] for other in neighbours[vertex] if other in fixed]
            key[vertex] = sum(places) / len(places) if places else float(place)
        swept[number].sort(key=key.__getitem__)
    return swept


def _crossings(order: list[list[Vertex]], right: Links) -> int:
    total = 0
    for column, following in zip(order, order[1:]):
        place = {vertex: number for number, vertex in enumerate(following)}
        above: list[int] = []
        for vertex in column:
            targets = [place[other] for other in right[vertex]]
            total += sum(len(above) - bisect_right(above, target) for target in targets)
            for target in targets:
                insort(above, target)
    return total


def _pitch(vertex: Vertex) -> float:
    return BEND_PITCH if isinstance(vertex, Bend) else NODE_PITCH


def _heights(order: list[list[Vertex]], left: Links, right: Links) -> dict[Vertex, float]:
    """The height of every vertex: as near to its neighbours' as its column's order and the pitches allow."""
    heights: dict[Vertex, float] = {}
    for column in order:
        position = 0.0
        for vertex in column:
            heights[vertex] = position + _pitch(vertex) / 2
            position += _pitch(vertex)
    for sweep in range(SWEEPS):
        # At last both sides pull, so that nobody hangs on one of them alone.
        sides = (left, right) if sweep >= SWEEPS - 2 else (left,) if sweep % 2 == 0 else (right,)
        for column in order if sweep % 2 == 0 else reversed(order):
            wanted = []
            for vertex in column:
                others = [heights[other] for side in sides for other in side[vertex]]
                wanted.append(sum(others) / len(others) if others else heights[vertex])
            gaps = [0.0, *((_pitch(one) + _pitch(other)) / 2 for one, other in zip(column, column[1:]))]
            weights = [BEND_WEIGHT if isinstance(vertex, Bend) else 1.0 for vertex in column]
            heights.update(zip(column, spread(wanted, gaps, weights)))
    top = min((heights[vertex] - _pitch(vertex) / 2 for vertex in heights), default=0.0)
    return {vertex: height - top for vertex, height in heights.items()}


def spread(wanted: Sequence[float], gaps: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Positions as near to the wanted ones as possible, in their order, each ``gaps[i]`` or more after the one before.

    Least squares, by pooling neighbours that would overlap.
    """
    offsets: list[float] = []
    for gap in gaps:
        offsets.append((offsets[-1] if offsets else 0.0) + gap)
    # Each pool: sum of weighted positions, sum of weights, how many.
    pools: list[tuple[float, float, int]] = []
    for position, offset, weight in zip(wanted, offsets, weights):
        pool = ((position - offset) * weight, weight, 1)
        while pools and pools[-1][0] / pools[-1][1] > pool[0] / pool[1]:
            last = pools.pop()
            pool = (pool[0] + last[0], pool[1] + last[1], pool[2] + last[2])
        pools.append(pool)
    means = [total / weight for total, weight, number in pools for _unused in range(number)]
    return [mean + offset for mean, offset in zip(means, offsets)]
