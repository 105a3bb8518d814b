# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about waiting that is no computing: for a connection, for a worker, for something that was not measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Optional

from .computing import computed_or_queued, in_databases, is_busy, is_throttled
from .model import Bottleneck, Fact
from .settings import pool, said_to_serve, workers
from .situation import Situation

# a pool is in use from this share of its connections on, and too small from so many requests under way for each of them
_IN_USE = 0.5
_WANTED = 1.5
# a queue for workers is one from so many under way for each that is served
_QUEUED = 2.0
# what is waited for steadily takes most requests about as long; a busy machine does not
_STEADY = 2.5
_UNEXPLAINED = 0.5


def small_pool(situation: Situation) -> list[Bottleneck]:
    """Services whose few database connections are always in use."""
    found = []
    for database in situation.evidence.databases:
        for client in database.clients:
            waiting = situation.waiting_through(client.service) if client.service else 0.0
            endpoint = situation.worst(client.service)
            small = 0 < client.connections <= database.max_connections / 4
            if not small or endpoint is None or client.busy < _IN_USE or waiting < _WANTED * client.connections:
                continue
            busy = f"{client.service} has {client.connections:.0f} connections to {database.service}, in use {client.busy:.0%} of the time"
            under_way = f"{waiting:.1f} requests are under way at any moment"
            facts = (
                situation.time_fact(endpoint),
                Fact("activity", busy, round(client.busy, 4)),
                Fact("load", under_way, round(waiting, 3)),
                situation.cpu_fact(client.service),
            )
            optimization = pool(situation, client.service, waiting)
            cost = waiting - client.connections
            found.append(Bottleneck("performance.small_pool", client.service, endpoint.name, cost, facts, optimization))
    return found


def waiting(situation: Situation, known: Iterable[Bottleneck]) -> list[Bottleneck]:
    """What is left of the slow endpoints' time, blamed on the service where it is spent: a queue, or a wait for something."""
    service = situation.blamed
    if not service or is_busy(situation, service) or is_throttled(situation, service):
        return []
    if any(b.service == service and b.code == "performance.small_pool" for b in known):
        return []
    under_way = situation.slow_waiting(service)
    explained = in_databases(situation, service) + computed_or_queued(situation, service)
    left = under_way - explained
    if left < _UNEXPLAINED * under_way:
        return []
    return [b for b in [_queue(situation, service, left) or _steady(situation, service, left)] if b]


def _queue(situation: Situation, service: str, left: float) -> Optional[Bottleneck]:
    slots = _slots(situation, service)
    endpoint = situation.worst(service)
    if slots is None or not slots.value or endpoint is None or left < _QUEUED * slots.value:
        return None
    facts = (
        situation.time_fact(endpoint),
        Fact("load", f"{left:.1f} requests are under way in {service} at any moment", round(left, 3)),
        slots,
        situation.cpu_fact(service),
    )
    return Bottleneck(
        "performance.too_few_workers",
        service,
        endpoint.name,
        left - slots.value,
        facts,
        workers(situation, service, left),
    )


def _slots(situation: Situation, service: str) -> Optional[Fact]:
    """How many requests a service serves at a time: as it says, or at most as it has threads beside those that accept them.

    None where neither is known: an asynchronous service has one thread, whatever it serves.
    """
    told = said_to_serve(situation, service)
    if told:
        return Fact("configuration", f"{service} serves {told} at a time by its configuration", float(told))
    profile = situation.profile(service)
    threads = sum(max(0, p.threads - 1) for p in profile.processes) if profile else 0
    return Fact("profile", f"{threads} threads serve them at most", float(threads)) if threads else None


def _steady(situation: Situation, service: str, left: float) -> Optional[Bottleneck]:
    # a machine that holds up even the load generator lets everything wait, and by no less than a sleep would
    if situation.too_busy:
        return None
    slow = [e for e in situation.slow if service in e.path and e.p90_ms <= _STEADY * e.p50_ms]
    if not slow:
        return None
    facts = [
        situation.time_fact(slow[0]),
        Fact(
            "containers",
            f"{service} used {situation.used(service).cpu:.2f} cores meanwhile",
            situation.used(service).cpu,
        ),
    ]
    for database in situation.databases_of(service):
        running = situation.statements(database)
        facts.append(Fact("statements", f"{running:.2f} statements ran in {database.service} at any moment", running))
    facts.append(Fact("load", f"{left:.1f} of those who wait are explained by neither", round(left, 3)))
    return Bottleneck("performance.slow_dependency", service, slow[0].name, left, tuple(facts))
