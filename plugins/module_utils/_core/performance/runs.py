# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One load run: its figures for the whole and for each endpoint, computed from raw samples and never from buckets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Optional

from .series import Answer, Series, series, spread
from .statistics import percentile
from .usage import Usage

PERCENTILES = (50, 90, 95, 99)
# Beyond these the generator measures itself. Source: the share of its core that it still answers evenly with, and a
# lateness that is small beside what anyone would call slow.
LATEST_SEND_MS = 10.0
BUSIEST_GENERATOR = 0.7


class Sample(NamedTuple):
    """One request. Times are in seconds since the run began; ``scheduled_s`` is when it was meant to be sent."""

    endpoint: str
    scheduled_s: float
    sent_s: float
    answered_s: float
    ok: bool


@dataclass(frozen=True)
class Figures:
    """What one set of samples says. Times in milliseconds; ``rps`` counts answers that were no failure as well.

    ``latency_ms`` runs from sending to the answer, as Locust counts it (closed model). ``schedule_ms`` runs from the
    intended time (open model): a server that hangs is not let off for the requests that it kept waiting. It is None
    where no schedule was set. Failed requests are in neither: one that fails fast is no fast one.
    """

    requests: int = 0
    failures: int = 0
    rps: float = 0.0
    latency_ms: dict[str, float] = field(default_factory=dict)
    schedule_ms: Optional[dict[str, float]] = None

    @property
    def failure_ratio(self) -> float:
        """Failures by requests, 0 to 1; 0 for no request."""
        return self.failures / self.requests if self.requests else 0.0

    def value(self, metric: str) -> Optional[float]:
        """One metric by name, None where it was not measured. Percentiles are those of the schedule where there is one.

        Raises KeyError for a name that no metric has.
        """
        plain = {
            "requests": float(self.requests),
            "failures": float(self.failures),
            "failure_ratio": self.failure_ratio,
            "rps": self.rps,
        }
        if metric in plain:
            return plain[metric]
        if metric not in METRICS:
            raise KeyError(metric)
        return (self.latency_ms if self.schedule_ms is None else self.schedule_ms).get(metric)


METRICS = ("requests", "failures", "failure_ratio", "rps", "mean", "max", *(f"p{p}" for p in PERCENTILES))
HIGHER_IS_BETTER = ("requests", "rps")
TIMES = ("mean", "max", *(f"p{p}" for p in PERCENTILES))


@dataclass(frozen=True)
class Run:
    """One run of a load. ``measured_from`` (seconds since 1970) and ``seconds`` are the window, warm-up left out.

    ``errors`` counts the most frequent ones. ``late_p99_ms`` is how late the generator woke up to send, ``generator_cpu``
    the share of a core that its busiest process used, 0 to 1. ``spreads`` (by endpoint, the whole as the empty name) and
    ``series`` are what pictures are drawn from. ``retaken`` is how often the run was taken anew because something else
    held the generator up.
    """

    number: int
    measured_from: float
    seconds: float
    whole: Figures
    endpoints: dict[str, Figures] = field(default_factory=dict)
    errors: dict[str, int] = field(default_factory=dict)
    containers: dict[str, Usage] = field(default_factory=dict)
    late_p99_ms: float = 0.0
    generator_cpu: float = 0.0
    spreads: dict[str, dict[str, int]] = field(default_factory=dict)
    series: Series = Series()
    late_limit_ms: float = LATEST_SEND_MS
    retaken: int = 0

    def figures(self, endpoint: str = "") -> Optional[Figures]:
        """Those of one endpoint, or of the whole."""
        return self.endpoints.get(endpoint) if endpoint else self.whole

    @property
    def held_up(self) -> bool:
        """Whether it was late without being busy: something else had the machine, and another run may fare better."""
        return self.generator_cpu <= BUSIEST_GENERATOR and self.late_p99_ms > self.late_limit_ms

    @property
    def unusable(self) -> str:
        """Why its figures say nothing about the server; empty where they do."""
        if not self.whole.requests:
            return f"run {self.number} sent no request"
        if self.generator_cpu > BUSIEST_GENERATOR:
            return (
                f"in run {self.number} the load generator was the limit: it used {self.generator_cpu:.0%} of a core "
                f"(at most {BUSIEST_GENERATOR:.0%}); lower the load or add workers"
            )
        if self.held_up:
            again = f", also when it was taken {self.retaken} times more" if self.retaken else ""
            return (
                f"in run {self.number} something held the load generator up: it woke up {self.late_p99_ms:.0f} ms late (p99, at "
                f"most {self.late_limit_ms:.0f} ms) while it used {self.generator_cpu:.0%} of a core{again}; see what else runs "
                "on its machine, and whether the locustfile waits without gevent"
            )
        return ""


def figures(samples: Sequence[Sample], seconds: float, scheduled: bool) -> Figures:
    """The figures of samples that were taken within ``seconds``."""
    good = [s for s in samples if s.ok]
    answers = sorted((s.answered_s - s.sent_s) * 1000 for s in good)
    intended = sorted((s.answered_s - s.scheduled_s) * 1000 for s in good) if scheduled else None
    return Figures(
        requests=len(samples),
        failures=len(samples) - len(good),
        rps=len(samples) / seconds if seconds else 0.0,
        latency_ms=_times(answers),
        schedule_ms=None if intended is None else _times(intended),
    )


def _times(ordered: Sequence[float]) -> dict[str, float]:
    if not ordered:
        return {}
    percentiles = {f"p{p}": percentile(ordered, p) for p in PERCENTILES}
    return {"mean": sum(ordered) / len(ordered), **percentiles, "max": ordered[-1]}


def by_endpoint(samples: Iterable[Sample], seconds: float, scheduled: bool) -> dict[str, Figures]:
    """The figures of each endpoint, in the order of their names."""
    groups: dict[str, list[Sample]] = {}
    for sample in samples:
        groups.setdefault(sample.endpoint, []).append(sample)
    return {name: figures(groups[name], seconds, scheduled) for name in sorted(groups)}


def pictured(
    samples: Sequence[Sample], warm_up_s: float, seconds: float, scheduled: bool
) -> tuple[dict[str, dict[str, int]], Series]:
    """``spreads`` and ``series`` of a run, times against the schedule where there is one."""
    answers = [
        Answer(
            s.scheduled_s - warm_up_s,
            s.answered_s - warm_up_s,
            s.answered_s - (s.scheduled_s if scheduled else s.sent_s),
            s.ok,
        )
        for s in samples
    ]
    times: dict[str, list[float]] = {"": []}
    for sample, answer in zip(samples, answers):
        if answer.ok:
            times[""].append(answer.took_s)
            times.setdefault(sample.endpoint, []).append(answer.took_s)
    return {name: spread(found) for name, found in sorted(times.items())}, series(answers, seconds)


def from_counts(counts: Mapping[int, int], failures: int, seconds: float) -> Figures:
    """Figures of a run that is still under way: how many answers took how many whole milliseconds."""
    answers = [float(ms) for ms, number in sorted(counts.items()) for _unused in range(number)]
    requests = len(answers) + failures
    return Figures(requests, failures, requests / seconds if seconds else 0.0, _times(answers))
