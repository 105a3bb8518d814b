# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One function for each statistic. The standard library only: a managed host needs no SciPy.

The *run* is the sample. Requests of one run are not independent of each other, so a test over requests calls noise
significant; a test over runs does not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Optional

# asymptotic relative efficiency of the rank-sum test under normal noise: 3/pi
RANK_EFFICIENCY = 3 / math.pi
# what the exact test of few runs and the practical threshold cost, and the power that is planned for so that nine times in
# ten holds for noise that is not normal as well: found on recorded runs, docs/measuring.md
FEW_RUNS_MORE, PLANNED_POWER = 2, 0.95


@dataclass(frozen=True)
class Effect:
    """By what factor the second set differs from the first, with its interval; ``confidence`` is what it attains."""

    ratio: float
    low: float
    high: float
    confidence: float

    @property
    def percent(self) -> float:
        """The change in percent."""
        return (self.ratio - 1) * 100


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The percentile of values in ascending order, interpolated linearly between the closest ranks.

    NumPy's and R's default (type 7): https://doi.org/10.1080/00031305.1996.10473566. Raises ValueError for no values.
    """
    if not ordered:
        raise ValueError("there is no percentile of no values")
    place = (len(ordered) - 1) * percent / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median(values: Sequence[float]) -> float:
    """The median of values in any order."""
    return percentile(sorted(values), 50)


def interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float]:
    """The interval of the median: the two closest values, as far from either end, that hold it with that confidence.

    Exact for any distribution; the whole range where so few values cannot give it (fewer than 6 for 95 %).
    Source: Hollander, Wolfe, Chicken, Nonparametric Statistical Methods, 3.6.
    """
    ordered = sorted(values)
    count, tail, cut = len(ordered), 0, 0
    for number in range(count // 2):
        tail += math.comb(count, number)
        if tail / 2**count > (1 - confidence) / 2:
            break
        cut = number
    return ordered[cut], ordered[count - 1 - cut]


def rank_sum(one: Sequence[float], other: Sequence[float]) -> float:
    """The two-sided p-value of the exact Wilcoxon rank-sum (Mann-Whitney) test, ties by midranks.

    Every way to deal the runs out to the two sets is counted: https://doi.org/10.2307/3001968
    """
    doubled = _doubled_midranks([*one, *other])
    found = sum(doubled[: len(one)])
    counts = _sums(doubled, len(one))
    total = sum(counts.values())
    below = sum(n for s, n in counts.items() if s <= found)
    above = sum(n for s, n in counts.items() if s >= found)
    return min(1.0, 2 * min(below, above) / total)


def shift(one: Sequence[float], other: Sequence[float], confidence: float = 0.95) -> Effect:
    """By what factor the other set differs: the Hodges-Lehmann estimate over logarithms, with its exact interval.

    The values must be above 0. Where so few runs cannot give the confidence, the interval is the widest there is, and
    the effect says what it attains. Source: Hollander, Wolfe, Chicken, Nonparametric Statistical Methods, 4.3.
    """
    logs = sorted(math.log(b) - math.log(a) for a in one for b in other)
    counts = _sums(list(range(1, len(one) + len(other) + 1)), len(other))
    total = sum(counts.values())
    tail, cut = 0, 0
    for number, ways in enumerate(counts[s] for s in sorted(counts)):
        if number and (tail + ways) / total > (1 - confidence) / 2:
            break
        tail, cut = tail + ways, number
    return Effect(
        ratio=math.exp(median(logs)),
        low=math.exp(logs[cut]),
        high=math.exp(logs[len(logs) - 1 - cut]),
        confidence=1 - 2 * tail / total,
    )


def noise(values: Sequence[float]) -> float:
    """How much equal runs differ: the standard deviation of their logarithms, about the coefficient of variation."""
    logs = [math.log(v) for v in values]
    middle = sum(logs) / len(logs)
    return math.sqrt(sum((v - middle) ** 2 for v in logs) / (len(logs) - 1))


def runs_needed(spread: float, ratio: float, alpha: float = 0.05, power: float = PLANNED_POWER) -> int:
    """How many runs a side show a change by that factor with that power, where equal runs differ by ``spread``.

    The normal approximation for the rank-sum test (https://doi.org/10.1002/sim.4780060105) and two more; never fewer than
    the test can tell anything with.
    """
    z = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
    runs = math.ceil(2 * (z * spread / math.log(ratio)) ** 2 / RANK_EFFICIENCY) + FEW_RUNS_MORE
    return max(runs, fewest_runs(alpha))


def smallest_shown(spread: float, runs: int, alpha: float = 0.05, power: float = PLANNED_POWER) -> Optional[float]:
    """The least change, as a share, that so many runs a side show with that power; None for too few to show any.

    The inverse of ``runs_needed``.
    """
    if runs < fewest_runs(alpha):
        return None
    z = NormalDist().inv_cdf(1 - alpha / 2) + NormalDist().inv_cdf(power)
    return math.expm1(z * spread * math.sqrt(2 / (RANK_EFFICIENCY * (runs - FEW_RUNS_MORE))))


def fewest_runs(alpha: float = 0.05) -> int:
    """The fewest runs a side with which the most extreme outcome is significant."""
    runs = 2
    while 2 / math.comb(2 * runs, runs) > alpha:
        runs += 1
    return runs


def _doubled_midranks(values: Sequence[float]) -> list[int]:
    """Twice the rank of each value, so that the midranks of ties are whole numbers."""
    ordered = sorted(values)
    first = {v: n for n, v in reversed(list(enumerate(ordered, 1)))}
    last = {v: n for n, v in enumerate(ordered, 1)}
    return [first[v] + last[v] for v in values]


def _sums(ranks: Sequence[int], size: int) -> dict[int, int]:
    """How many choices of ``size`` ranks give each sum."""
    ways: list[dict[int, int]] = [{0: 1}, *({} for _unused in range(size))]
    for rank in ranks:
        for taken in range(size, 0, -1):
            for total, number in ways[taken - 1].items():
                ways[taken][total + rank] = ways[taken].get(total + rank, 0) + number
    return ways[size]
