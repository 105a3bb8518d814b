# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is made of runs before they are compared: the noise of equal ones, and sets out of runs that took turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from ..model import from_data
from .comparison import Rules, RunSet
from .runs import Run
from .statistics import median, noise, runs_needed, smallest_shown

SIDES = ("before", "after")
CHANGES = (20, 10, 5)


@dataclass(frozen=True)
class Noise:
    """How much equal runs differ in one metric; None where there are too few runs, or no answers, to tell.

    ``spread`` is the standard deviation as a share. ``halves`` is by what share the runs of even number differ from
    those of odd number, which nothing distinguishes (A/A). ``smallest_shown`` is the least change, as a share, that as
    many runs a side would show nine times in ten, ``runs_needed`` how many would show one of so many percent.
    """

    metric: str
    endpoint: str
    runs: int
    spread: Optional[float] = None
    halves: Optional[float] = None
    smallest_shown: Optional[float] = None
    runs_needed: dict[str, int] = field(default_factory=dict)


def noise_floor(runs: Sequence[Run], rules: Rules) -> Noise:
    """The noise of the metric that decides, from runs between which nothing was changed."""
    figures = [run.figures(rules.endpoint) for run in runs]
    values = [value for value in (f.value(rules.primary) if f else None for f in figures) if value]
    told = Noise(rules.primary, rules.endpoint, len(runs))
    if len(values) < len(runs) or len(values) < 2:
        return told
    spread = noise(values)
    return replace(
        told,
        spread=spread,
        halves=median(values[1::2]) / median(values[::2]) - 1,
        smallest_shown=smallest_shown(spread, len(values), rules.alpha),
        runs_needed={str(p): runs_needed(spread, 1 + p / 100, rules.alpha) for p in CHANGES} if spread else {},
    )


def run_sets(turns: Sequence[Mapping[str, Any]]) -> tuple[RunSet, RunSet]:
    """The runs of both sides out of turns of ``{side, fingerprint, runs}`` in the order in which they were taken.

    Raises ValueError where the conditions of one side changed between two of its turns.
    """
    found = []
    for side in SIDES:
        mine = [turn for turn in turns if turn["side"] == side]
        conditions = dict(mine[0]["fingerprint"]) if mine else {}
        runs: list[Run] = []
        for turn in mine:
            differing = [k for k, v in conditions.items() if turn["fingerprint"].get(k) != v]
            if differing:
                raise ValueError(
                    f"the runs {side} are no set: {', '.join(differing)} changed between run 1 and run {len(runs) + 1}"
                )
            runs += [replace(from_data(Run, r), number=len(runs) + place) for place, r in enumerate(turn["runs"], 1)]
        found.append(RunSet(side, conditions, tuple(runs)))
    return found[0], found[1]
