# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sampled stacks as a flame graph: an SVG of its own that needs no script, with a title on every box.

The width of a box is its share of all samples, what it called is above it, and neighbours are in the order of their
names. The differential one lays two profiles over each other: a width is the mean of both shares, so that what is gone
is still there to be seen, and the colour says which way it went.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Callable, NamedTuple

from ..performance.profile import Frame, Stack, Stacks
from ..performance.profile_difference import shares, without_numbers
from .elements import Markup, element, text
from .text import clip, count, plain

WIDTH = 1200.0
MARGIN = 10.0
HEAD = 62.0
FOOT = 12.0
ROW = 18.0
CHARACTER = 6.6
LEGEND_CHARACTER = 7.2
# a narrower box is not drawn: a tenth of a percent
NARROWEST = 0.001
# a change below this share of all samples has no colour, one of this much the full colour
FAINT, FULL = 0.002, 0.10

_PYTHON = ("/lib/python3", "<frozen ", "<string>")
_LIBRARIES = ("/site-packages/", "/dist-packages/")
_STYLE = """
svg { background: #fff; font: 11px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
text { fill: #1b2330; }
.title { font: 600 16px system-ui, sans-serif; }
.soft { font: 12px system-ui, sans-serif; fill: #5a6678; }
rect { stroke: #fff; stroke-width: .6; }
g:hover > rect { stroke: #1b2330; stroke-width: 1.2; }
.own { fill: #f0a35e; } .library { fill: #f3d27a; } .python { fill: #cfd8e3; } .process { fill: #e4e8ee; }
.more3 { fill: #e8655f; } .more2 { fill: #f09a95; } .more1 { fill: #f8cdca; } .same { fill: #e4e8ee; }
.less1 { fill: #c9dcf5; } .less2 { fill: #93b9ea; } .less3 { fill: #5b92da; }
"""


class _Head(NamedTuple):
    """What stands above the graph; ``legend`` are classes of the stylesheet with what they mean."""

    title: str
    note: str
    legend: Sequence[tuple[str, str]]


@dataclass
class _Box:
    """A frame at one place of the graph, with its shares on the left and on the right side."""

    frame: Frame
    before: float = 0.0
    after: float = 0.0
    own_before: float = 0.0
    own_after: float = 0.0
    above: dict[Frame, _Box] = field(default_factory=dict)

    @property
    def width(self) -> float:
        return (self.before + self.after) / 2


def render_flame_graph(stacks: Stacks, title: str, note: str = "") -> str:
    """The SVG of one profile; with no stacks, one that says so."""
    told = shares(stacks)
    samples = sum(stacks.values())
    root = _tree(told, told)

    def about(box: _Box) -> str:
        return (
            f"{box.frame.label}: {box.before:.1%} of the samples ({round(box.before * samples)}), "
            f"{box.own_before:.1%} in itself"
        )

    legend = (("own", "application"), ("library", "packages"), ("python", "Python's own library"))
    head = _Head(title, "There are no samples." if not samples else note or count(samples, "sample"), legend)
    return _svg(root, head, about, lambda box: _origin(box.frame))


def render_flame_difference(before: Stacks, after: Stacks, title: str, note: str = "") -> str:
    """The SVG of what changed between two profiles. Processes and lines, which move, are left out."""
    root = _tree(shares(without_numbers(before)), shares(without_numbers(after)))

    def about(box: _Box) -> str:
        name = f"{box.frame.function} ({box.frame.file})" if box.frame.file else box.frame.function
        return (
            f"{name}: {box.before:.1%} of the samples before, {box.after:.1%} after "
            f"({(box.after - box.before) * 100:+.1f} points); in itself {box.own_before:.1%}, then {box.own_after:.1%}"
        )

    legend = (("more3", "takes a larger share than before"), ("less3", "a smaller one"), ("same", "the same"))
    told = note or f"{count(sum(before.values()), 'sample')} before, {sum(after.values())} after"
    return _svg(root, _Head(title, told, legend), about, _change)


def _tree(before: Mapping[Stack, float], after: Mapping[Stack, float]) -> _Box:
    root = _Box(Frame("all"))
    for side, told in (("before", before), ("after", after)):
        for stack, share in told.items():
            box = root
            _add(box, side, share)
            for frame in stack:
                box = box.above.setdefault(frame, _Box(frame))
                _add(box, side, share)
            _add(box, f"own_{side}", share)
    return root


def _add(box: _Box, name: str, share: float) -> None:
    setattr(box, name, getattr(box, name) + share)


def _origin(frame: Frame) -> str:
    if not frame.file:
        return "process"
    if any(part in frame.file for part in _LIBRARIES):
        return "library"
    return "python" if any(part in frame.file for part in _PYTHON) else "own"


def _change(box: _Box) -> str:
    change = box.after - box.before
    if abs(change) < FAINT:
        return "same"
    step = 1 + min(2, int(abs(change) / FULL * 3))
    return f"{'more' if change > 0 else 'less'}{step}"


@dataclass(frozen=True)
class _Placed:
    """A box that is wide enough to be seen: where it begins, as a share of the width, and its row from the bottom."""

    box: _Box
    left: float
    row: int


def _svg(root: _Box, head: _Head, about: Callable[[_Box], str], tone: Callable[[_Box], str]) -> str:
    placed = list(_placed(root))
    bottom = HEAD + (1 + max(p.row for p in placed)) * ROW
    return element(
        "svg",
        element("style", Markup(_STYLE)),
        element("title", head.title),
        element("text", clip(plain(head.title), 110), x=MARGIN, y=24.0, class_="title"),
        element("text", clip(plain(head.note), 160), x=MARGIN, y=42.0, class_="soft"),
        _legend(head.legend),
        [_drawn(p, bottom, text(about(p.box)), tone(p.box)) for p in placed],
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {WIDTH:g} {bottom + FOOT:g}",
        width="100%",
        role="img",
    )


def _legend(entries: Sequence[tuple[str, str]]) -> list[Markup]:
    drawn: list[Markup] = []
    x = WIDTH - MARGIN
    for tone, words in reversed(entries):
        x -= len(words) * LEGEND_CHARACTER
        drawn.append(element("text", words, x=x, y=24.0, class_="soft"))
        x -= 16
        drawn.append(element("rect", x=x, y=14.0, width=12.0, height=12.0, class_=tone))
        x -= 14
    return drawn


def _placed(root: _Box) -> Iterator[_Placed]:
    """Those that are drawn; a loop and not a recursion, because Python's own stacks can be as deep as ours may be."""
    waiting = [_Placed(root, 0.0, 0)]
    while waiting:
        here = waiting.pop()
        yield here
        left = here.left
        for frame in sorted(here.box.above):
            above = here.box.above[frame]
            if above.width >= NARROWEST:
                waiting.append(_Placed(above, left, here.row + 1))
            left += above.width


def _drawn(placed: _Placed, bottom: float, about: Markup, tone: str) -> Markup:
    room = WIDTH - 2 * MARGIN
    wide, x, y = placed.box.width * room, MARGIN + placed.left * room, bottom - (placed.row + 1) * ROW
    name = clip(plain(placed.box.frame.function), int((wide - 6) / CHARACTER)) if wide > 3 * CHARACTER else ""
    return element(
        "g",
        element("title", about),
        element("rect", x=x, y=y, width=max(wide, 0.5), height=ROW - 1, class_=tone),
        element("text", name, x=x + 3, y=y + 12) if name else None,
    )
