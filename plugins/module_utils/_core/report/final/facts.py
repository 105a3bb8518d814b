# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a journal holds for the final report, taken apart once; what it does not hold is None or empty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ...model import CheckResult, from_data
from ...performance.baselines import Noise, noise_floor
from ...performance.comparison import Comparison, Rules, RunSet
from ...performance.runs import Run
from ...performance.statistics import median
from ..journal import overall_status
from ..reading import Reading, read

PRIMARY = "p95"


@dataclass(frozen=True)
class Spread:
    """One figure over runs: its median, the lowest and the highest, and how many runs had it."""

    median: float
    low: float
    high: float
    runs: int


def spread(runs: Sequence[Run], metric: str, endpoint: str = "") -> Optional[Spread]:
    """The metric over the runs that have it; None where none has."""
    return _spread([f.value(metric) for f in (run.figures(endpoint) for run in runs) if f and f.requests])


def closed_spread(runs: Sequence[Run], metric: str, endpoint: str = "") -> Optional[Spread]:
    """A percentile as Locust counts it, from sending to the answer, whatever the schedule was."""
    return _spread([f.latency_ms.get(metric) for f in (run.figures(endpoint) for run in runs) if f])


def _spread(values: Sequence[Optional[float]]) -> Optional[Spread]:
    known = [value for value in values if value is not None]
    return Spread(median(known), min(known), max(known), len(known)) if known else None


def totals(runs: Sequence[Run], endpoint: str = "") -> tuple[int, int]:
    """Requests and failures of all runs together."""
    figures = [f for f in (run.figures(endpoint) for run in runs) if f]
    return sum(f.requests for f in figures), sum(f.failures for f in figures)


def endpoints(runs: Sequence[Run]) -> list[str]:
    """Every endpoint of the runs, the busiest first."""
    names = {name for run in runs for name in run.endpoints}
    return sorted(names, key=lambda name: (-totals(runs, name)[0], name))


def scheduled(runs: Sequence[Run]) -> bool:
    """Whether the load had a schedule (open model)."""
    return any(run.whole.schedule_ms is not None for run in runs)


@dataclass(frozen=True)
class Experiment:
    """One optimization that was tried, refused or failed."""

    number: int
    optimization: str
    target: str
    parameters: Mapping[str, Any]
    why: str
    steps: tuple[Mapping[str, Any], ...]
    answers: Mapping[str, Any]
    comparison: Optional[Comparison]
    verdict: str
    decision: str
    reason: str
    undo_verified: Optional[bool]


@dataclass(frozen=True)
class Final:
    """All that was kept, against the state before; ``interleaved`` where the runs took turns."""

    before: Optional[RunSet]
    after: Optional[RunSet]
    comparison: Optional[Comparison]
    interleaved: bool


@dataclass(frozen=True)
class Tuning:
    """The part of the load tests."""

    settings: Mapping[str, Any]
    baseline: Optional[RunSet]
    folder: str
    profiles: tuple[Mapping[str, Any], ...]
    bottlenecks: tuple[Mapping[str, Any], ...]
    unseen: tuple[Mapping[str, Any], ...]
    looked: bool
    experiments: tuple[Experiment, ...]
    final: Optional[Final]
    results: str
    seconds: Optional[float]

    @property
    def runs(self) -> tuple[Run, ...]:
        """Those of the baseline."""
        return self.baseline.runs if self.baseline else ()

    @property
    def primary(self) -> tuple[str, str]:
        """The metric that decides and its endpoint, empty for the whole."""
        return str(self.settings.get("primary") or PRIMARY), str(self.settings.get("endpoint") or "")

    def noise(self, runs: Sequence[Run]) -> Noise:
        """How much equal runs differ in the metric that decides."""
        metric, endpoint = self.primary
        return noise_floor(runs, Rules(primary=metric, endpoint=endpoint))

    def decided(self, *decisions: str) -> list[Experiment]:
        """The experiments that ended so."""
        return [experiment for experiment in self.experiments if experiment.decision in decisions]

    def all_runs(self) -> list[Run]:
        """Of the baseline and of the last comparison."""
        sides = [self.baseline, *((self.final.before, self.final.after) if self.final else ())]
        return [run for side in sides if side for run in side.runs]


@dataclass(frozen=True)
class Facts:
    """One host's part. The network's part may be of an earlier run: then ``borrowed_run`` is its id."""

    host: Mapping[str, Any]
    status: str
    journal: Mapping[str, Any]
    network: Mapping[str, Any]
    borrowed_run: str
    before: Reading
    after: Optional[Reading]
    checks: tuple[CheckResult, ...]
    validated: bool
    tuning: Optional[Tuning]
    local: Optional[Mapping[str, Any]]

    @property
    def without_docker(self) -> bool:
        """Whether the services, or those under load, were local processes."""
        baseline = self.tuning.baseline if self.tuning else None
        return bool(self.local) or bool(baseline and baseline.fingerprint.get("setting", "docker") != "docker")

    @property
    def last(self) -> Reading:
        """The latest diagnosis."""
        return self.after or self.before

    @property
    def attempts(self) -> list[Mapping[str, Any]]:
        """The attempts to mend the network."""
        return list(self.network.get("attempts") or [])

    @property
    def outcome(self) -> str:
        """The network's status, or ``not_touched`` where it stayed broken and nothing was changed."""
        status = str(self.network.get("status") or "failed")
        touched = any(attempt.get("verdict") in ("undone", "failed", "kept") for attempt in self.attempts)
        return "not_touched" if status == "not_mended" and not touched else status

    @property
    def looked(self) -> bool:
        """Whether the network was diagnosed at all."""
        return bool(self.network.get("before") or self.network.get("after"))


def facts_of(host: Mapping[str, Any], journal: Mapping[str, Any], earlier: Optional[Mapping[str, Any]] = None) -> Facts:
    """One host of a journal taken apart; ``earlier`` is the journal of the run that mended the network.

    Raises ValueError where something in it is not what it should be.
    """
    network, borrowed = host, ""
    if earlier is not None and not host.get("attempts"):
        found = _same(host, earlier)
        if found is not None:
            network, borrowed = found, str(earlier.get("run_id") or "")
    # The project was looked at again in this run: that is what holds now.
    later = host if borrowed and (host.get("before") or host.get("after")) else network
    after = later.get("after") or (later.get("before") if borrowed and later is host else None)
    validation = host.get("validation") or network.get("validation") or {}
    before = read(network.get("before") or network.get("after") or {})
    last = read(after) if after else None
    checks = tuple(from_data(CheckResult, data) for data in validation.get("checks") or [])
    return Facts(
        host=host,
        status=overall_status([host]),
        journal=journal,
        network={**network, "validation": validation},
        borrowed_run=borrowed,
        before=before,
        after=last,
        checks=checks or (last or before).checks,
        validated=bool(checks),
        tuning=_read_tuning(host["tuning"]) if host.get("tuning") else None,
        local=ran_locally(host),
    )


def ran_locally(host: Mapping[str, Any]) -> Optional[Mapping[str, Any]]:
    """What is known of the services without Docker; None where none ran, or were only stopped or planned."""
    local = host.get("local")
    return local if isinstance(local, Mapping) and local.get("state") not in ("absent", "planned") else None


def _same(host: Mapping[str, Any], journal: Mapping[str, Any]) -> Optional[Mapping[str, Any]]:
    hosts = [one for one in journal.get("hosts") or [] if isinstance(one, Mapping)]
    alike = [one for one in hosts if one.get("project") == host.get("project")]
    named = [one for one in alike if one.get("host") == host.get("host")]
    return next(iter(named or (alike if len(alike) == 1 else [])), None)


def _read_tuning(data: Any) -> Tuning:
    try:
        return _tuning(data)
    except (AttributeError, KeyError, TypeError) as exc:
        raise ValueError(f"'tuning' is not as docs/journal.md describes it: {exc}") from exc


def _entries(data: Any) -> tuple[Mapping[str, Any], ...]:
    return tuple(one for one in data or () if isinstance(one, Mapping))


def _tuning(data: Mapping[str, Any]) -> Tuning:
    baseline, bottlenecks, final = (data.get(key) or {} for key in ("baseline", "bottlenecks", "final"))
    return Tuning(
        settings=data.get("settings") or {},
        baseline=_run_set(baseline, "baseline"),
        folder=str(baseline.get("folder") or ""),
        profiles=_entries(data.get("profiles")),
        bottlenecks=tuple(sorted(_entries(bottlenecks.get("items")), key=lambda item: int(item.get("rank") or 99))),
        unseen=_entries(bottlenecks.get("unseen")),
        looked=bool(data.get("bottlenecks")),
        experiments=tuple(_experiment(one, number) for number, one in enumerate(_entries(data.get("experiments")), 1)),
        final=_final(final) if final else None,
        results=str(data.get("results") or ""),
        seconds=float(data["seconds"]) if data.get("seconds") else None,
    )


def _run_set(data: Any, name: str) -> Optional[RunSet]:
    if not data or not data.get("runs"):
        return None
    return from_data(RunSet, {"name": name, "fingerprint": {}, **data})


def _comparison(data: Any) -> Optional[Comparison]:
    return from_data(Comparison, data) if data and data.get("verdict") else None


def _experiment(data: Mapping[str, Any], number: int) -> Experiment:
    comparison = _comparison(data.get("comparison"))
    return Experiment(
        number=int(data.get("number") or number),
        optimization=str(data.get("optimization") or ""),
        target=str(data.get("target") or ""),
        parameters=data.get("parameters") or {},
        why=str(data.get("why") or ""),
        steps=_entries(data.get("steps")),
        answers=data.get("answers") or {},
        comparison=comparison,
        verdict=str(data.get("verdict") or (comparison.verdict.value if comparison else "not measured")),
        decision=str(data.get("decision") or ""),
        reason=str(data.get("reason") or ""),
        undo_verified=data.get("undo_verified"),
    )


def _final(data: Mapping[str, Any]) -> Final:
    return Final(
        before=_run_set(data.get("before"), "before"),
        after=_run_set(data.get("after"), "after"),
        comparison=_comparison(data.get("comparison")),
        interleaved=bool(data.get("interleaved")),
    )
