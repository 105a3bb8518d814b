# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two sets of runs, and whether the second is better: an exact test over runs, the effect with its interval, and what
is worth telling. Errors come first, one metric decides, and "no difference shown" is an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Optional

from .runs import HIGHER_IS_BETTER, TIMES, Run
from .statistics import Effect, fewest_runs, median, noise, rank_sum, runs_needed, shift

# what makes two sets of runs another experiment, whatever was changed between them
CONDITIONS = (
    "users",
    "spawn_rate",
    "arrival_rate",
    "seconds",
    "warm_up",
    "locustfile",
    "tags",
    "images",
    "configuration",
    "host",
    "setting",
)


class Verdict(str, Enum):
    """The closed set of answers."""

    IMPROVED = "improved"
    REGRESSED = "regressed"
    NO_DIFFERENCE = "no difference shown"
    NOT_COMPARABLE = "not comparable"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True)
class Rules:
    """What counts, declared before anything is measured.

    A change must be significant at ``alpha``, and at least ``relative`` (a share of the value before) and ``absolute_ms``
    (times only) large. A failure ratio that rises by ``failures`` or more voids every gain.
    """

    primary: str = "p50"
    endpoint: str = ""
    alpha: float = 0.05
    relative: float = 0.05
    absolute_ms: float = 1.0
    failures: float = 0.001
    fewest_runs: int = 4


@dataclass(frozen=True)
class RunSet:
    """Runs under one fingerprint: what was measured under which conditions."""

    name: str
    fingerprint: Mapping[str, str]
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class Change:
    """One metric of one endpoint (or the whole), before and after: medians over runs, and what became of it."""

    metric: str
    endpoint: str
    before: Optional[float]
    after: Optional[float]
    effect: Optional[Effect]
    p_value: Optional[float]
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Comparison:
    """The verdict of the primary metric, every metric, and what the operator must know to trust it."""

    verdict: Verdict
    reason: str
    primary: Optional[Change] = None
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)


def compare(
    before: RunSet, after: RunSet, rules: Rules, changed: Iterable[str] = (), interleaved: bool = False
) -> Comparison:
    """Compare two sets of runs. ``changed`` are the conditions that the experiment itself changes."""
    differing = _differing(before, after, changed)
    if differing:
        return Comparison(Verdict.NOT_COMPARABLE, f"the two sets differ in {', '.join(differing)}")
    reason = _not_measured(before, after, rules)
    if reason:
        return Comparison(Verdict.NOT_MEASURED, reason)
    endpoints = sorted({n for s in (before, after) for r in s.runs for n in r.endpoints})
    metrics = [(m, e) for e in ("", *endpoints) for m in ("rps", "failure_ratio", "p50", "p95", "p99")]
    if (rules.primary, rules.endpoint) not in metrics:
        metrics.insert(0, (rules.primary, rules.endpoint))
    changes = tuple(_change(before, after, m, e, rules) for m, e in metrics)
    primary = next(c for c in changes if (c.metric, c.endpoint) == (rules.primary, rules.endpoint))
    notes = [] if interleaved else ["the sets were measured one after the other: drift between them is not excluded"]
    if primary.verdict is Verdict.NO_DIFFERENCE:
        notes += _resolution(before, rules)
    return Comparison(primary.verdict, primary.reason, primary, changes, tuple(notes))


def _differing(before: RunSet, after: RunSet, changed: Iterable[str]) -> list[str]:
    return [
        f"{name} ({before.fingerprint.get(name, 'unknown')}, then {after.fingerprint.get(name, 'unknown')})"
        for name in CONDITIONS
        if name not in set(changed) and before.fingerprint.get(name) != after.fingerprint.get(name)
    ]


def _not_measured(before: RunSet, after: RunSet, rules: Rules) -> str:
    least = max(rules.fewest_runs, fewest_runs(rules.alpha))
    for side in (before, after):
        if len(side.runs) < least:
            return f"not enough runs: {side.name} has {len(side.runs)}, and {least} are needed"
        for run in side.runs:
            if run.unusable:
                return f"{side.name}: {run.unusable}"
        if rules.endpoint and any(rules.endpoint not in run.endpoints for run in side.runs):
            return f"{side.name} has a run without any request to {rules.endpoint}"
    return ""


def _values(side: RunSet, metric: str, endpoint: str) -> list[float]:
    figures = [run.figures(endpoint) for run in side.runs]
    values = [f.value(metric) for f in figures if f and f.requests]
    return [v for v in values if v is not None]


def _change(before: RunSet, after: RunSet, metric: str, endpoint: str, rules: Rules) -> Change:
    one, other = _values(before, metric, endpoint), _values(after, metric, endpoint)
    p_value, effect = None, None
    if len(one) < len(before.runs) or len(other) < len(after.runs):
        verdict, reason = Verdict.NOT_MEASURED, "not every run has a successful request to tell it from"
    else:
        p_value = rank_sum(one, other)
        effect = shift(one, other, 1 - rules.alpha) if min(*one, *other) > 0 else None
        verdict, reason = _verdict(metric, one, other, p_value, rules)
    worse = _more_failures(before, after, endpoint, rules) or _more_failures(before, after, "", rules)
    if worse and (metric, endpoint) == (rules.primary, rules.endpoint) and _surely_more_failures(before, after, rules):
        verdict, reason = Verdict.REGRESSED, f"more requests fail: {worse}"
    elif worse and verdict is Verdict.IMPROVED:
        verdict, reason = Verdict.NO_DIFFERENCE, f"a gain is void where more requests fail: {worse}"
    was, now = (median(values) if values else None for values in (one, other))
    return Change(metric, endpoint, was, now, effect, p_value, verdict, reason)


def _verdict(
    metric: str, one: Sequence[float], other: Sequence[float], p_value: float, rules: Rules
) -> tuple[Verdict, str]:
    was, now = median(one), median(other)
    least = rules.failures if metric == "failure_ratio" else rules.relative * was
    if metric in TIMES:
        least = max(least, rules.absolute_ms)
    if p_value > rules.alpha:
        return Verdict.NO_DIFFERENCE, f"runs differ as much among themselves (p = {p_value:.2f})"
    if abs(now - was) < least:
        return Verdict.NO_DIFFERENCE, "the change is too small to matter"
    better = (now > was) == (metric in HIGHER_IS_BETTER)
    return (Verdict.IMPROVED if better else Verdict.REGRESSED), f"p = {p_value:.3f}"


def _more_failures(before: RunSet, after: RunSet, endpoint: str, rules: Rules) -> str:
    was, now = _pooled_failures(before, endpoint), _pooled_failures(after, endpoint)
    return f"{was:.2%} before, {now:.2%} after" if now - was >= rules.failures else ""


def _pooled_failures(side: RunSet, endpoint: str) -> float:
    known = [f for f in (run.figures(endpoint) for run in side.runs) if f]
    requests = sum(f.requests for f in known)
    return sum(f.failures for f in known) / requests if requests else 0.0


def _surely_more_failures(before: RunSet, after: RunSet, rules: Rules) -> bool:
    """Of the whole, or of the endpoint that decides."""
    return any(
        rank_sum(_values(before, "failure_ratio", e), _values(after, "failure_ratio", e)) <= rules.alpha
        for e in dict.fromkeys((rules.endpoint, ""))
    )


def _resolution(before: RunSet, rules: Rules) -> list[str]:
    """What could have been shown, and what it would take."""
    values = _values(before, rules.primary, rules.endpoint)
    if min(values) <= 0:
        return []
    spread = noise(values)
    if not spread:
        return []
    wanted = ", ".join(f"{runs_needed(spread, 1 + p / 100, rules.alpha)} for {p} %" for p in (20, 10, 5))
    return [f"equal runs differ by {spread:.1%} in {rules.primary}; runs a side that would show a change: {wanted}"]
