# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence seen from the users' side: which endpoint waits how much, through which services, and what they do."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Optional, Union

from ..datastores.model import NOT_MEASURED, Cache, Database
from ..runs import Run
from ..statistics import median
from .model import Evidence, Fact, Profile, Service

# An endpoint is slow from here on, and where it takes that many times as long as the fastest one.
SLOW_MS = 30.0
SLOW_FACTOR = 4.0


@dataclass(frozen=True)
class Endpoint:
    """An endpoint, by medians over runs. ``waiting`` is how many users wait for it at any moment (rate × mean time)."""

    name: str
    rps: float
    mean_ms: float
    p50_ms: float
    p90_ms: float
    gateway: str
    entry: str
    path: frozenset[str]

    @property
    def waiting(self) -> float:
        """Users who wait for it at any moment (Little's law)."""
        return self.rps * self.mean_ms / 1000


@dataclass(frozen=True)
class Used:
    """What a service's containers used, by medians over runs: cores, and the share of the periods in which they were held back."""

    cpu: float = 0.0
    throttled: float = 0.0


class Situation:
    """The evidence with what follows from it. Reads nothing else."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """Those with requests."""
        return tuple(run for run in self.evidence.runs if run.whole.requests)

    @cached_property
    def too_busy(self) -> bool:
        """Whether no run can be trusted, because its load generator was held up or was the limit."""
        return all(run.unusable for run in self.runs)

    @cached_property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """Every endpoint, the one for which most users wait first."""
        names = sorted({name for run in self.runs for name in run.endpoints})
        found = [e for e in map(self._endpoint, names) if e]
        return tuple(sorted(found, key=lambda e: -e.waiting))

    def _endpoint(self, name: str) -> Optional[Endpoint]:
        figures = [run.endpoints[name] for run in self.runs if name in run.endpoints]
        figures = [f for f in figures if f.latency_ms]
        if not figures:
            return None

        def middle(metric: str) -> float:
            return median([f.latency_ms[metric] for f in figures])

        gateway, entry = self._entry(name)
        path = frozenset(filter(None, {gateway, entry, *self._beyond(entry)}))
        rps = median([f.rps for f in figures])
        return Endpoint(name, rps, middle("mean"), middle("p50"), middle("p90"), gateway, entry, path)

    def _entry(self, name: str) -> tuple[str, str]:
        """Gateway and service of an endpoint, by the longest route; the gateway alone where it has none for it."""
        path = name.split(" ", 1)[-1]
        routes = [r for r in self.evidence.routes if path == r[1] or path.startswith(r[1].rstrip("/") + "/")]
        if routes:
            gateway, _prefix, service = max(routes, key=lambda r: len(r[1]))
            return gateway, service
        return (self.evidence.routes[0][0], "") if self.evidence.routes else ("", "")

    def _beyond(self, service: str) -> set[str]:
        found: set[str] = set()
        open_ = [service]
        while open_:
            consumer = open_.pop()
            more = {p for c, p in self.evidence.calls if c == consumer} - found
            found |= more
            open_ += sorted(more)
        return found

    @cached_property
    def waiting(self) -> float:
        """Users who wait for anything at any moment."""
        return sum(e.waiting for e in self.endpoints)

    def through(self, service: str) -> tuple[Endpoint, ...]:
        """The endpoints whose requests may get to a service; all of them where no routes are known."""
        return tuple(e for e in self.endpoints if service in e.path or not self.evidence.routes)

    def waiting_through(self, service: str) -> float:
        """Users who wait for an endpoint that may get to a service."""
        return sum(e.waiting for e in self.through(service))

    def worst(self, service: str) -> Optional[Endpoint]:
        """Of these the one for which most users wait."""
        return next(iter(self.through(service)), None)

    @cached_property
    def slow(self) -> tuple[Endpoint, ...]:
        """Endpoints that take long, by itself and beside the fastest."""
        fastest = min((e.p50_ms for e in self.endpoints), default=0.0)
        one = len(self.endpoints) == 1
        return tuple(
            e for e in self.endpoints if e.p50_ms >= SLOW_MS and (one or e.p50_ms >= SLOW_FACTOR * max(fastest, 1.0))
        )

    @cached_property
    def blamed(self) -> str:
        """The service farthest from the users that all slow endpoints pass and no fast one surely does; empty for none.

        Databases and caches are not among them: what they do is measured.
        """
        if not self.slow or not self.evidence.routes:
            return ""
        common = frozenset.intersection(*(e.path for e in self.slow)) - self.evidence.stores
        for endpoint in self.endpoints:
            if endpoint not in self.slow:
                common -= self._surely(endpoint)
        providers = {c: {p for x, p in self.evidence.calls if x == c} for c in common}
        return next((s for s in sorted(common) if not providers[s] & common), "")

    def _surely(self, endpoint: Endpoint) -> set[str]:
        """What each request of an endpoint passes: where a cache answers, only what is before it."""
        answered = any(c.service in endpoint.path and c.hits for c in self.evidence.caches)
        return {endpoint.gateway, endpoint.entry} if answered else set(endpoint.path)

    def slow_waiting(self, service: str) -> float:
        """Users who wait for a slow endpoint that passes a service."""
        return sum(e.waiting for e in self.slow if service in e.path)

    def used(self, service: str) -> Used:
        """What its containers used."""
        names = self.service(service).containers
        found: list[Used] = []
        for run in self.runs:
            usages = [run.containers[n] for n in names if n in run.containers and run.containers[n].seconds]
            if usages:
                seconds = max(u.seconds for u in usages)
                # the kernel's period is a tenth of a second
                held = max(u.throttled_periods / (10 * seconds) for u in usages)
                found.append(Used(sum(u.cpu for u in usages), min(1.0, held)))
        if not found:
            return Used()
        return Used(median([u.cpu for u in found]), median([u.throttled for u in found]))

    def service(self, name: str) -> Service:
        """What is known of a service."""
        return self.evidence.services.get(name, Service())

    def profile(self, service: str) -> Optional[Profile]:
        """Its profile, None where there is none of use."""
        return next((p for p in self.evidence.profiles if p.service == service and p.outcome != NOT_MEASURED), None)

    def databases_of(self, service: str) -> list[Database]:
        """The databases that a service calls, itself or through others."""
        beyond = self._beyond(service)
        return [d for d in self.evidence.databases if d.service in beyond and d.outcome != NOT_MEASURED]

    def caches_of(self, service: str) -> list[Cache]:
        """The caches that a service calls itself."""
        called = {p for c, p in self.evidence.calls if c == service}
        return [c for c in self.evidence.caches if c.service in called and c.outcome != NOT_MEASURED]

    def under_load(self, store: Union[Database, Cache]) -> float:
        """How many of the seconds of which a store's counters are were under load; all of them where no run was in them."""
        began, warm_up = store.at - store.seconds, self.evidence.warm_up_s
        loads = [(run.measured_from - warm_up, run.measured_from + run.seconds) for run in self.runs]
        loaded = sum(max(0.0, min(end, store.at) - max(begin, began)) for begin, end in loads)
        return min(loaded, store.seconds) if loaded >= 1 else store.seconds

    def statements(self, database: Database) -> float:
        """Statements that run at any moment, on average."""
        if database.seconds and database.statements_from == "pg_stat_statements":
            return sum(s.total_ms for s in database.statements) / 1000 / self.under_load(database)
        return sum(r.active for r in database.running)

    def time_fact(self, endpoint: Endpoint) -> Fact:
        """How much of the waiting an endpoint is."""
        share = endpoint.waiting / self.waiting if self.waiting else 0.0
        return Fact(
            "load",
            f"{endpoint.name} takes {endpoint.mean_ms:.1f} ms on average (p50 {endpoint.p50_ms:.1f}) at {endpoint.rps:.1f} "
            f"requests/s: {share:.0%} of all waiting",
            round(share, 4),
        )

    def cpu_fact(self, service: str) -> Fact:
        """What a service computes."""
        used = self.used(service)
        return Fact("containers", f"{service} used {used.cpu:.2f} cores", round(used.cpu, 3))
