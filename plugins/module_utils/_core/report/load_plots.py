# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs before and after a change as SVG: how latency is spread, percentiles with intervals, and what went on over time.

Every function gives one ``<svg>`` to put into an HTML page whose style sheet holds PLOT_STYLES, or "" where the runs have
nothing to draw. ``as_file`` makes a file of it that stands alone. What was before is dashed and hollow, what is after is
solid and filled, so that nothing rests on colour; the drawings are narrow enough for a phone, and a page puts them side by
side where it has room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Callable, NamedTuple, Optional, Union

from ..performance.comparison import RunSet
from ..performance.runs import PERCENTILES, Run
from ..performance.series import BUCKETS_A_DECADE, together
from ..performance.statistics import interval, median
from .elements import Markup, element, join
from .load_scales import Scale, from_zero, logarithmic, milliseconds, number, ticks
from .text import clip

WIDTH = 460
LEFT, RIGHT, TOP = 52.0, 14.0, 34.0
PLOT_HEIGHT = 180.0
ROW, PANEL, GAP = 52.0, 84.0, 30.0
LEGEND_COLUMNS = 24
LABEL_ROOM = 48.0
MOST_PANELS = 6
Line = Sequence[Optional[float]]
WIDER = 10 ** (1 / BUCKETS_A_DECADE)

# Contrast with the card behind is at least 4.5 : 1, light and dark (https://www.w3.org/TR/WCAG22/#contrast-minimum).
PLOT_STYLES = """
.plot { --before: #a8560b; --after: #1763c6; --plot-ink: #1b2330; --plot-soft: #5a6678; --plot-rule: #dfe3ea; --plot-back: #fff; }
@media (prefers-color-scheme: dark) {
  .plot {
    --before: #f2a65a; --after: #77b0ff; --plot-ink: #e4e8ee; --plot-soft: #a3aebd; --plot-rule: #303946;
    --plot-back: #1a2029;
  }
}
.plot { display: block; width: 100%; height: auto; }
.plot text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; fill: var(--plot-ink); }
.plot .soft { fill: var(--plot-soft); font-size: 12px; }
.plot .strong { font-weight: 600; }
.plot .end { text-anchor: end; }
.plot .middle { text-anchor: middle; }
.plot .rule { stroke: var(--plot-rule); stroke-width: 1; }
.plot .before { stroke: var(--before); }
.plot .after { stroke: var(--after); }
.plot .line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.plot .line.before, .plot .swatch.before { stroke-dasharray: 5 3; }
.plot .thin { fill: none; stroke-width: 1; stroke-opacity: .35; }
.plot .swatch { stroke-width: 2.5; }
.plot .area { stroke: none; fill-opacity: .16; }
.plot .area.before { fill: var(--before); }
.plot .area.after { fill: var(--after); }
.plot .whisker { stroke-width: 2; }
.plot .run { fill: none; stroke-width: 1; stroke-opacity: .55; }
.plot .dot.before { fill: var(--plot-back); stroke-width: 2; }
.plot .dot.after { fill: var(--after); stroke-width: 2; }
"""

# What stands on the drawings; a report in another language hands its own in.
WORDS: Mapping[str, str] = MappingProxyType(
    {
        "all": "all requests",
        "spread": "How the latency of {endpoint} is spread",
        "share": "share of the answers",
        "time": "time of an answer",
        "percentiles": "Percentiles of the latency of {endpoint}",
        "median": "median over runs, with its interval",
        "course": "What went on over the time of a run",
        "requests": "requests/s",
        "failures": "failures/s",
        "p95": "p95, ms",
        "cores": "{container}: cores",
        "seconds": "seconds since the warm-up",
    }
)


class Side(NamedTuple):
    """The runs of one side and the class that draws them."""

    style: str
    name: str
    runs: Sequence[Run]


def render_distributions(
    before: RunSet, after: Optional[RunSet] = None, endpoint: str = "", words: Mapping[str, str] = WORDS
) -> str:
    """How latency is spread, both sides on one plot, over a logarithmic axis: the share of answers in each 5 %."""
    sides = _sides(before, after)
    spreads = [together(r.spreads.get(endpoint, {}) for r in side.runs) for side in sides]
    edges = [edge / 1000 for found in spreads for edge in found]
    if not edges:
        return ""
    bottom = TOP + PLOT_HEIGHT
    across = logarithmic([min(edges) / 1.05, *edges], LEFT, WIDTH - RIGHT)
    shares = [_shares(found) for found in spreads]
    up = from_zero([share for found in shares for _edge, share in found], bottom, TOP)
    drawn = [_steps(side, found, across, up) for side, found in zip(sides, shares) if found]
    label = element("text", words["share"], x=LEFT, y=TOP - 8, class_="soft")
    return _svg(
        words["spread"].format(endpoint=endpoint or words["all"]),
        bottom + 62,
        _legend(sides, bottom + 54),
        element("text", words["time"], x=WIDTH - RIGHT, y=bottom + 34, class_="soft end"),
        label,
        _across(across, TOP, bottom, milliseconds, 7),
        _up(up, "{:.0%}".format, 4),
        drawn,
    )


def render_percentiles(
    before: RunSet, after: Optional[RunSet] = None, endpoint: str = "", words: Mapping[str, str] = WORDS
) -> str:
    """The percentiles of each side: the median over runs, its interval, and every run as a small ring."""
    sides = _sides(before, after)
    values = {
        (side.style, p): [v for v in (_value(run, f"p{p}", endpoint) for run in side.runs) if v]
        for side in sides
        for p in PERCENTILES
    }
    known = [value for found in values.values() for value in found]
    if not known:
        return ""
    bottom = TOP + ROW * len(PERCENTILES)
    across = logarithmic(known, LEFT, WIDTH - RIGHT)
    rows = []
    for place, p in enumerate(PERCENTILES):
        top = TOP + ROW * place
        rows.append(element("text", f"p{p}", x=LEFT - 12, y=top + ROW / 2 + 4, class_="strong end"))
        if place:
            rows.append(_rule(0, top, WIDTH - RIGHT, top))
        for lower, side in enumerate(sides):
            height = top + (ROW / 2 if len(sides) == 1 else ROW * (0.32 + 0.36 * lower))
            rows += _whisker(side.style, values[side.style, p], across, height)
    return _svg(
        words["percentiles"].format(endpoint=endpoint or words["all"]),
        bottom + 46,
        element("text", words["median"], x=LEFT, y=TOP - 12, class_="soft"),
        _across(across, TOP, bottom, milliseconds, 6),
        rows,
        _legend(sides, bottom + 38, dots=True),
    )


def render_timeline(before: RunSet, after: Optional[RunSet] = None, words: Mapping[str, str] = WORDS) -> str:
    """Answers and failures a second, the p95, and the cores of the busiest containers, over the time of a run.

    Every run is a thin line, the median over a side's runs a thick one.
    """
    sides = _sides(before, after)
    seconds = max((r.series.step_s * len(r.series.rps) for side in sides for r in side.runs), default=0.0)
    if not seconds:
        return ""
    across = Scale(0.0, seconds, LEFT, WIDTH - RIGHT)
    panels: list[tuple[str, Mapping[str, Sequence[Line]]]] = [
        (words["requests"], {s.style: [r.series.rps for r in s.runs] for s in sides}),
        (words["failures"], {s.style: [r.series.failures for r in s.runs] for s in sides}),
        (words["p95"], {s.style: [r.series.p95_ms for r in s.runs] for s in sides}),
    ]
    for name in _busiest(sides):
        panels.append(
            (
                words["cores"].format(container=clip(name, 40)),
                {s.style: [r.series.cpu.get(name, ()) for r in s.runs] for s in sides},
            )
        )
    drawn, top = [], TOP
    for title, lines in panels:
        drawn.append(_panel(title, sides, lines, across, top))
        top += PANEL + GAP
    bottom = top - GAP
    names = [element("text", f"{t:g}", x=across(t), y=bottom + 18, class_="soft middle") for t in ticks(across, 7)]
    return _svg(
        words["course"],
        bottom + 62,
        drawn,
        names,
        element("text", words["seconds"], x=WIDTH - RIGHT, y=bottom + 34, class_="soft end"),
        _legend(sides, bottom + 54),
    )


def as_file(svg: str) -> str:
    """The drawing as a file of its own, with its colours, light and dark, and a ground to stand on."""
    head, _end, rest = svg.partition(">")
    ground = element("rect", width="100%", height="100%", rx=6, style="fill: var(--plot-back)")
    return f'{head} xmlns="http://www.w3.org/2000/svg">{element("style", Markup(PLOT_STYLES))}{ground}{rest}\n'


def _sides(before: RunSet, after: Optional[RunSet]) -> list[Side]:
    if after is None:
        return [Side("after", before.name, before.runs)]
    return [Side("before", before.name, before.runs), Side("after", after.name, after.runs)]


def _value(run: Run, metric: str, endpoint: str) -> Optional[float]:
    figures = run.figures(endpoint)
    return figures.value(metric) if figures else None


def _svg(title: str, height: float, *children: Union[Markup, list[Markup]]) -> str:
    return element(
        "svg",
        element("title", title),
        *children,
        viewBox=f"0 0 {WIDTH} {height:.0f}",
        width=WIDTH,
        height=round(height),
        role="img",
        class_="plot",
    )


def _rule(x1: float, y1: float, x2: float, y2: float) -> Markup:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_="rule")


def _across(scale: Scale, top: float, bottom: float, told: Callable[[float], str], most: int) -> Markup:
    marks = [
        join(
            _rule(scale(value), top, scale(value), bottom),
            element("text", told(value), x=scale(value), y=bottom + 17, class_="soft middle"),
        )
        for value in ticks(scale, most)
    ]
    return join(_rule(LEFT, bottom, WIDTH - RIGHT, bottom), marks)


def _up(scale: Scale, told: Callable[[float], str], most: int) -> Markup:
    marks = [
        join(
            _rule(LEFT, scale(value), WIDTH - RIGHT, scale(value)),
            element("text", told(value), x=LEFT - 6, y=scale(value) + 4, class_="soft end"),
        )
        for value in ticks(scale, most)
    ]
    return join(marks)


def _legend(sides: Sequence[Side], y: float, dots: bool = False) -> Markup:
    room = (WIDTH - RIGHT - LEFT) / 2
    parts = []
    for place, side in enumerate(sides):
        x = LEFT + room * place
        parts.append(element("line", x1=x, y1=y - 4, x2=x + 24, y2=y - 4, class_=f"swatch {side.style}"))
        if dots:
            parts.append(element("circle", cx=x + 12, cy=y - 4, r=5, class_=f"dot {side.style}"))
        parts.append(element("text", clip(side.name, LEGEND_COLUMNS), x=x + 30, y=y))
    return join(parts)


def _shares(counts: Mapping[int, int]) -> list[tuple[float, float]]:
    """Upper edge of each bucket in ms, and the share of answers in it."""
    total = sum(counts.values())
    return [(edge / 1000, count / total) for edge, count in counts.items()]


def _steps(side: Side, shares: Sequence[tuple[float, float]], across: Scale, up: Scale) -> Markup:
    ground = up(0.0)
    points: list[tuple[float, float]] = []
    last = 0.0
    for edge, share in shares:
        start = across(edge / WIDER)
        if not points or start > last + 0.5:
            points += [(last, ground)] if points else []
            points.append((start, ground))
        points += [(start, up(share)), (across(edge), up(share))]
        last = across(edge)
    points.append((last, ground))
    path = _path(points)
    return join(
        element("path", d=f"{path}Z", class_=f"area {side.style}"),
        element("path", d=path, class_=f"line {side.style}"),
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    return "".join(f"{'L' if place else 'M'}{x:.1f} {y:.1f}" for place, (x, y) in enumerate(points))


def _whisker(style: str, values: Sequence[float], across: Scale, y: float) -> list[Markup]:
    if not values:
        return []
    low, high = interval(values)
    told, beside = milliseconds(median(values)), across(max(values)) + 10
    if beside + LABEL_ROOM <= WIDTH - RIGHT:
        label = element("text", told, x=beside, y=y + 4, class_="soft")
    else:
        label = element("text", told, x=across(min(values)) - 10, y=y + 4, class_="soft end")
    rings = [element("circle", cx=across(v), cy=y, r=2.5, class_=f"run {style}") for v in values]
    return [
        element("line", x1=across(low), y1=y, x2=across(high), y2=y, class_=f"whisker {style}"),
        *rings,
        element("circle", cx=across(median(values)), cy=y, r=5, class_=f"dot {style}"),
        label,
    ]


def _panel(
    title: str,
    sides: Sequence[Side],
    lines: Mapping[str, Sequence[Line]],
    across: Scale,
    top: float,
) -> Markup:
    values = [v for found in lines.values() for line in found for v in line if v is not None]
    up = from_zero(values, top + PANEL, top + 8)
    parts = [element("text", title, x=LEFT, y=top - 2, class_="soft"), _up(up, number, 3)]
    for side in sides:
        found = [line for line in lines[side.style] if line]
        parts += [
            element("path", d=_over_time(line, across, up), class_=f"thin {side.style}")
            for line in found
            if len(found) > 1
        ]
        middle = [_middle([line[n] for line in found if n < len(line)]) for n in range(max(map(len, found), default=0))]
        if middle:
            parts.append(element("path", d=_over_time(middle, across, up), class_=f"line {side.style}"))
    return join(parts)


def _middle(values: Sequence[Optional[float]]) -> Optional[float]:
    known = [v for v in values if v is not None]
    return median(known) if known else None


def _over_time(line: Line, across: Scale, up: Scale) -> str:
    """A path through the middle of each step; where nothing is known, there is a gap."""
    step = across.high / len(line)
    path, drawing = "", False
    for place, value in enumerate(line):
        if value is None:
            drawing = False
            continue
        path += f"{'L' if drawing else 'M'}{across(step * (place + 0.5)):.1f} {up(value):.1f}"
        drawing = True
    return path


def _busiest(sides: Sequence[Side]) -> list[str]:
    most: dict[str, float] = {}
    for side in sides:
        for run in side.runs:
            for name, line in run.series.cpu.items():
                if line:
                    most[name] = max(most.get(name, 0.0), sum(line) / len(line))
    return sorted(most, key=lambda name: -most[name])[:MOST_PANELS]
