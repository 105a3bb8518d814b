# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about services that compute, or may not compute as much as they would."""

from __future__ import annotations

from typing import Optional

from .model import Bottleneck, Fact, Function
from .settings import workers
from .situation import Situation

# shares of what a service could use from which it is busy, of a period's throttling, and of a function's samples
_BUSY = 0.75
_THROTTLED = 0.2
_HOT = 0.25
# a service that computes less than this keeps nobody waiting
_LEAST_CORES = 0.05


def throttled(situation: Situation) -> list[Bottleneck]:
    """Services that their CPU limit holds back."""
    found = []
    for name in situation.evidence.services:
        used = situation.used(name)
        endpoint = situation.worst(name)
        if used.throttled < _THROTTLED or endpoint is None:
            continue
        limit = situation.service(name).cpus
        facts = [
            situation.time_fact(endpoint),
            Fact(
                "containers", f"{name} was held back in {used.throttled:.0%} of all periods", round(used.throttled, 4)
            ),
            situation.cpu_fact(name),
        ]
        if limit:
            facts.append(Fact("configuration", f"{name} may use {limit:g} cores", limit))
        cost = max(0.0, situation.waiting_through(name) - in_databases(situation, name))
        found.append(Bottleneck("performance.throttled", name, endpoint.name, cost, tuple(facts)))
    return found


def is_throttled(situation: Situation, service: str) -> bool:
    """Whether its CPU limit holds it back."""
    return situation.used(service).throttled >= _THROTTLED


def is_busy(situation: Situation, service: str) -> bool:
    """Whether its processes compute nearly all the time."""
    return _busy_share(situation, service) >= _BUSY


def computed_or_queued(situation: Situation, service: str) -> float:
    """Requests that are computed, or wait for their turn, at any moment: u / (1 - u) for one process that is busy for u of the time.

    The mean of a queue with one server and random arrivals; https://en.wikipedia.org/wiki/M/M/1_queue.
    """
    return situation.used(service).cpu / max(1 - _BUSY, 1 - _busy_share(situation, service))


def _busy_share(situation: Situation, service: str) -> float:
    profile = situation.profile(service)
    processes = max(1, sum(1 for p in profile.processes if p.cpu > _LEAST_CORES)) if profile else 1
    limit = situation.service(service).cpus or situation.evidence.cores or processes
    return situation.used(service).cpu / min(processes, limit)


def computing(situation: Situation) -> list[Bottleneck]:
    """Services that compute: the function where they do, or that they are busy."""
    found = []
    for name in situation.evidence.services:
        if (
            name not in situation.evidence.stores
            and situation.used(name).cpu >= _LEAST_CORES
            and not is_throttled(situation, name)
        ):
            found += [b for b in [_computing(situation, name)] if b]
    return found


def _computing(situation: Situation, name: str) -> Optional[Bottleneck]:
    endpoint = situation.worst(name)
    if endpoint is None:
        return None
    cpu, busy = situation.used(name).cpu, is_busy(situation, name)
    profile = situation.profile(name)
    hot = _hottest(profile.functions) if profile else None
    facts = [situation.time_fact(endpoint), situation.cpu_fact(name)]
    # who waits for a busy service waits in its queue
    queue = situation.waiting_through(name) - in_databases(situation, name)
    if hot and profile:
        text = f"{hot.own:.0%} of the samples of {name} were in {hot.function} ({hot.file}:{hot.line})"
        facts.append(Fact("profile", text, hot.own))
        at_work = max(cpu, min(profile.active, queue))
        cost = max(queue, cpu) if busy else at_work * max(hot.own, hot.total)
        return Bottleneck("performance.cpu_bound_function", name, endpoint.name, cost, tuple(facts))
    if busy:
        return Bottleneck(
            "performance.cpu_saturated", name, endpoint.name, max(queue, cpu), tuple(facts), workers(situation, name)
        )
    return None


def _hottest(functions: tuple[Function, ...]) -> Optional[Function]:
    own = [f for f in functions if f.is_programs_own and f.own >= _HOT]
    return max(own, key=lambda f: f.own, default=None)


def in_databases(situation: Situation, service: str) -> float:
    """Statements that run at any moment in the databases that a service calls."""
    return sum(situation.statements(d) for d in situation.databases_of(service))
