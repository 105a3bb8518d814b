# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Axes of the plots of a load: where a value lies in pixels, and which values are told beside the axis."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Callable


@dataclass(frozen=True)
class Scale:
    """From values to pixels; ``start`` and ``end`` may be in either order."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """Where a value lies; one beyond the axis at its end."""
        turn: Callable[[float], float] = math.log if self.logarithmic else float
        low, high = turn(self.low), turn(self.high)
        inside = min(max(value, self.low), self.high)
        share = (turn(inside) - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)


def logarithmic(values: Sequence[float], start: float, end: float) -> Scale:
    """An axis for times, a little wider than they are. Values that are not above 0 have no place on it."""
    known = [v for v in values if v > 0] or [1.0]
    margin = max((max(known) / min(known)) ** 0.04, 1.05)
    return Scale(min(known) / margin, max(known) * margin, start, end, logarithmic=True)


def from_zero(values: Sequence[float], start: float, end: float) -> Scale:
    """An axis that begins at 0 and ends at a round number."""
    most = max(values, default=0.0)
    return Scale(0.0, _round_up(most) if most > 0 else 1.0, start, end)


def _round_up(value: float) -> float:
    size = 10.0 ** math.floor(math.log10(value))
    return next(step * size for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if value <= step * size * 1.000001)


def ticks(scale: Scale, most: int) -> list[float]:
    """At most so many round values, evenly spread on the axis as far as it has room for them."""
    return _decades(scale, most) if scale.logarithmic else _steps(scale.low, scale.high, most)


def _decades(scale: Scale, most: int) -> list[float]:
    first, last = math.floor(math.log10(scale.low)), math.ceil(math.log10(scale.high))
    for steps in ((1, 2, 5), (1, 3), (1,)):
        found = [s * 10.0**e for e in range(first, last + 1) for s in steps if scale.low <= s * 10.0**e <= scale.high]
        if len(found) <= most and (len(found) > 2 or steps == (1, 2, 5)):
            # less than a decade has few of those: equal steps tell more
            return found if len(found) > 2 else _steps(scale.low, scale.high, most)
    return found[:: math.ceil(len(found) / most)] if found else _steps(scale.low, scale.high, most)


def _steps(low: float, high: float, most: int) -> list[float]:
    span = high - low
    if span <= 0:
        return [low]
    size = 10.0 ** math.floor(math.log10(span / most))
    step = next(s * size for s in (1, 2, 5, 10, 20) if span / (s * size) <= most - 1 or s == 20)
    return [number * step for number in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def milliseconds(value: float) -> str:
    """``0.5 ms``, ``12 ms``, ``1.5 s``: a time as a reader says it, three digits at most."""
    if value >= 999.5:
        return f"{value / 1000:.3g} s"
    return f"{value:.0f} ms" if value >= 99.5 else f"{value:.3g} ms"


def number(value: float) -> str:
    """``1,200``, ``35``, ``0.4``: three digits that count."""
    return f"{value:,.0f}" if abs(value) >= 99.5 else f"{value:.3g}"
