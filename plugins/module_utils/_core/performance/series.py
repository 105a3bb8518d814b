# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run's pictures are drawn from: how its answers are spread, and how it went over time.

Small enough for a journal. No figure is ever computed from it; those come from the samples themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Optional

from ..parsing.cgroup import Reading
from .statistics import percentile

# each bucket is 5 % wider than the one before it
BUCKETS_A_DECADE = 48
# below this, neighbours would have the same edge in whole microseconds
SHORTEST_US = 50.0
MOST_STEPS = 120
STEP_S = 0.5


class Answer(NamedTuple):
    """One request: seconds into the measured window at which it was due and answered, and how long that took."""

    due_s: float
    answered_s: float
    took_s: float
    ok: bool


@dataclass(frozen=True)
class Series:
    """A run in equal steps of time: answers and failures a second, the p95 of what was due then, cores by container."""

    step_s: float = 0.0
    rps: tuple[float, ...] = ()
    failures: tuple[float, ...] = ()
    p95_ms: tuple[Optional[float], ...] = ()
    cpu: dict[str, tuple[float, ...]] = field(default_factory=dict)


def spread(seconds: Iterable[float]) -> dict[str, int]:
    """How many times lie in each bucket: its upper edge in microseconds → number, in ascending order."""
    counts: dict[int, int] = {}
    for value in seconds:
        place = math.ceil(round(math.log10(max(value * 1e6, SHORTEST_US)) * BUCKETS_A_DECADE, 6))
        counts[place] = counts.get(place, 0) + 1
    return {f"{10 ** (place / BUCKETS_A_DECADE):.0f}": number for place, number in sorted(counts.items())}


def series(answers: Iterable[Answer], seconds: float) -> Series:
    """A window of so many seconds in steps of half a second, longer ones where those would be too many."""
    steps = max(1, min(MOST_STEPS, int(seconds / STEP_S)))
    step_s = seconds / steps
    if not step_s:
        return Series()
    answered, failed = [0] * steps, [0] * steps
    times: list[list[float]] = [[] for _unused in range(steps)]
    for answer in answers:
        place = int(answer.answered_s / step_s)
        if 0 <= place < steps:
            answered[place] += 1
            failed[place] += not answer.ok
        if answer.ok:
            times[min(max(int(answer.due_s / step_s), 0), steps - 1)].append(answer.took_s * 1000)
    return Series(
        step_s=round(step_s, 6),
        rps=tuple(round(n / step_s, 2) for n in answered),
        failures=tuple(round(n / step_s, 2) for n in failed),
        p95_ms=tuple(round(percentile(sorted(t), 95), 3) if t else None for t in times),
    )


def cores(
    times: Sequence[float], readings: Sequence[Optional[Reading]], begin: float, step_s: float, steps: int
) -> tuple[float, ...]:
    """How many cores a container used in each step after ``begin``, from counters that were read at those times.

    Between two readings it is taken to be even; before the first and after the last one it counts as none.
    """
    known = [(t, r.cpu_s) for t, r in zip(times, readings) if r is not None]
    if len(known) < 2 or not step_s:
        return ()
    edges = [_used(known, begin + step_s * number) for number in range(steps + 1)]
    return tuple(round((b - a) / step_s, 3) for a, b in zip(edges, edges[1:]))


def _used(known: Sequence[tuple[float, float]], moment: float) -> float:
    if moment <= known[0][0]:
        return known[0][1]
    for (t, used), (u, more) in zip(known, known[1:]):
        if t <= moment < u:
            return used + (more - used) * (moment - t) / (u - t)
    return known[-1][1]


def together(spreads: Iterable[Mapping[str, int]]) -> dict[int, int]:
    """Several spreads as one: upper edge in microseconds → number, in ascending order."""
    counts: dict[int, int] = {}
    for found in spreads:
        for edge, number in found.items():
            counts[int(edge)] = counts.get(int(edge), 0) + number
    return dict(sorted(counts.items()))
