# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thresholds as users of k6 and Taurus write them: ``p95(checkout) < 250ms``, ``failure_ratio < 1%``, ``rps > 50``."""

from __future__ import annotations

import operator
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from .runs import METRICS, TIMES, Run
from .statistics import median

OPERATORS = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
FACTORS = {"us": 0.001, "µs": 0.001, "ms": 1.0, "s": 1000.0, "m": 60000.0}
PATTERN = re.compile(
    r"\s*(?P<metric>[a-z_0-9]+)\s*(?:\((?P<endpoint>.+)\))?\s*(?P<sign><=|>=|<|>)\s*(?P<limit>[0-9.]+)\s*(?P<unit>\S*)\s*$"
)


class ThresholdError(ValueError):
    """A threshold that cannot be read, or that names what was not measured."""


@dataclass(frozen=True)
class Threshold:
    """One metric, of one endpoint or the whole, and its limit: milliseconds for times, 0 to 1 for ratios."""

    text: str
    metric: str
    endpoint: str
    sign: str
    limit: float


@dataclass(frozen=True)
class Crossed:
    """A threshold, what was measured (the median over runs), and whether it holds; None where nothing was measured."""

    threshold: Threshold
    value: Optional[float]
    holds: bool


def parse_threshold(text: str) -> Threshold:
    """Read one threshold. Raises ThresholdError, naming what was expected."""
    found = PATTERN.match(text)
    if not found:
        raise ThresholdError(
            f"The threshold {text!r} cannot be read. Write a metric, a sign and a limit: p95(checkout) < 250ms, "
            "failure_ratio < 1%, rps > 50."
        )
    metric, unit = found["metric"], found["unit"]
    if metric not in METRICS:
        raise ThresholdError(f"The threshold {text!r} names no metric. Metrics: {', '.join(METRICS)}.")
    if metric in TIMES:
        expected, factor = "us, ms, s or m", FACTORS.get(unit)
    elif metric == "failure_ratio":
        expected, factor = "% or nothing", {"%": 0.01, "": 1.0}.get(unit)
    else:
        expected, factor = "no unit", {"": 1.0, "/s": 1.0 if metric == "rps" else None}.get(unit)
    if factor is None:
        raise ThresholdError(f"The threshold {text!r} needs {expected} behind its limit; found {unit or 'nothing'!r}.")
    try:
        limit = float(found["limit"]) * factor
    except ValueError as exc:
        raise ThresholdError(f"The threshold {text!r} has no number as its limit; found {found['limit']!r}.") from exc
    return Threshold(text.strip(), metric, (found["endpoint"] or "").strip(), found["sign"], limit)


def judge_thresholds(thresholds: Iterable[Threshold], runs: Iterable[Run]) -> list[Crossed]:
    """Each threshold against the median over runs. What was not measured does not hold.

    Raises ThresholdError for an endpoint that no run has: a misspelt one must not pass.
    """
    known = list(runs)
    names = {name for run in known for name in run.endpoints}
    result = []
    for threshold in thresholds:
        if threshold.endpoint and threshold.endpoint not in names:
            raise ThresholdError(
                f"The threshold {threshold.text!r} names no endpoint of this load. Endpoints: {', '.join(sorted(names)) or 'none'}."
            )
        figures = [run.figures(threshold.endpoint) for run in known]
        values = [f.value(threshold.metric) for f in figures if f and f.requests]
        measured = [v for v in values if v is not None]
        value = median(measured) if measured else None
        holds = value is not None and bool(OPERATORS[threshold.sign](value, threshold.limit))
        result.append(Crossed(threshold, value, holds))
    return result
