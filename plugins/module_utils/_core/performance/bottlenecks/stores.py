# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about databases and caches."""

from __future__ import annotations

import re
from typing import Optional

from ..datastores.model import Cache, Database, WantedIndex
from .model import Bottleneck, Fact, Optimization
from .situation import Situation

_OFF = {"off", "false", "0", "no", "disabled", "none"}
_ON = {"off": "on", "false": "true", "0": "1", "no": "yes", "disabled": "enabled"}
_FEWEST_LOOKUPS = 20
_LOW_RATIO = 0.5


def missing_index(situation: Situation) -> list[Bottleneck]:
    """Statements that read a whole table where an index would do, by the time that they take."""
    return [
        found
        for database in situation.evidence.databases
        for wanted in database.wanted
        for found in [_missing_index(situation, database, wanted)]
        if found
    ]


def _missing_index(situation: Situation, database: Database, wanted: WantedIndex) -> Optional[Bottleneck]:
    statement = next((s for s in database.statements if s.query == wanted.query), None)
    running = next((r for r in database.running if r.query == wanted.query), None)
    facts = [Fact("tables", f"{database.service}: {wanted.reason}")]
    cost = 0.0
    if statement and database.seconds:
        loaded = situation.under_load(database)
        cost = statement.total_ms / 1000 / loaded
        calls = statement.calls / loaded
        text = f"{wanted.query} took {statement.mean_ms:.1f} ms {calls:.1f} times a second"
        facts.insert(0, Fact("statements", text, round(statement.mean_ms, 3)))
    if running:
        cost = cost or running.active
        text = f"{running.active:.1f} of it ran at any moment, for {running.longest_s * 1000:.0f} ms at most"
        facts.append(Fact("activity", text, round(running.active, 3)))
    client = max(database.clients, key=lambda c: c.active, default=None)
    endpoint = situation.worst(client.service if client and client.service else database.service)
    if endpoint is None or not cost:
        return None
    parameters = {
        "service": database.service,
        "container": database.container,
        "database": database.database,
        "schema": wanted.schema,
        "table": wanted.table,
        "columns": [list(c) for c in wanted.columns],
        "index": wanted.name,
        "sql": wanted.sql,
    }
    return Bottleneck(
        "performance.missing_index",
        database.service,
        endpoint.name,
        min(cost, situation.waiting_through(database.service)),
        (situation.time_fact(endpoint), *facts, situation.cpu_fact(database.service)),
        Optimization("indexes", parameters),
    )


def uncached_read(situation: Situation) -> list[Bottleneck]:
    """Services whose configuration switches a cache off that they could use."""
    found = []
    for name, service in situation.evidence.services.items():
        switch = next((v for v in service.environment.items() if _is_off(*v)), None)
        store = _store(situation, name)
        endpoints = [e for e in situation.endpoints if e.entry == name]
        if not switch or not store or not endpoints:
            continue
        cache = next(iter(situation.caches_of(name)), None)
        requests = sum(e.rps for e in endpoints)
        facts = [situation.time_fact(endpoints[0]), Fact("configuration", f"{name} has {switch[0]}={switch[1]}")]
        if cache and cache.seconds:
            lookups = (cache.hits + cache.misses) / situation.under_load(cache)
            if lookups > requests / 2:
                continue
            facts.append(
                Fact("cache", f"{store} was asked {lookups:.1f} times a second for {requests:.1f} requests/s", lookups)
            )
        parameters = {
            "service": name,
            "variable": switch[0],
            "from": switch[1],
            "value": _ON.get(str(switch[1]).lower(), "on"),
            "cache": store,
        }
        cost = sum(e.waiting for e in endpoints)
        optimization = Optimization("cache", parameters)
        found.append(Bottleneck("performance.uncached_read", name, endpoints[0].name, cost, tuple(facts), optimization))
    return found


def _is_off(name: str, value: str) -> bool:
    words = re.split(r"[^A-Z]+", name.upper())
    plain = not {"TTL", "SIZE", "SECONDS", "URL", "HOST", "PORT", "PREFIX", "S"} & set(words)
    return bool({"CACHE", "CACHING"} & set(words)) and plain and str(value).lower() in _OFF


def _store(situation: Situation, service: str) -> str:
    """The cache that a service calls, as asked or as its address says; empty for none."""
    asked = next((c.service for c in situation.caches_of(service)), "")
    if asked:
        return asked
    environment = situation.service(service).environment.values()
    called = [p for c, p in situation.evidence.calls if c == service]
    return next(
        (p for p in called if any(re.match(rf"rediss?://[^/]*\b{re.escape(p)}\b", str(v)) for v in environment)), ""
    )


def low_hit_ratio(situation: Situation) -> list[Bottleneck]:
    """Caches that miss more often than they have keys: a cold one misses each key once."""
    found = []
    for name in situation.evidence.services:
        endpoints = [e for e in situation.endpoints if e.entry == name]
        for cache in situation.caches_of(name):
            lookups, ratio = cache.hits + cache.misses, cache.hit_ratio
            again = cache.misses - cache.keys
            if not endpoints or not cache.seconds or ratio is None or lookups < _FEWEST_LOOKUPS:
                continue
            if ratio >= _LOW_RATIO or again < 0.2 * lookups:
                continue
            cost = (1 - ratio) * sum(e.waiting for e in endpoints)
            facts = (situation.time_fact(endpoints[0]), *_cache_facts(cache, ratio))
            found.append(Bottleneck("performance.low_hit_ratio", name, endpoints[0].name, cost, facts))
    return found


def _cache_facts(cache: Cache, ratio: float) -> list[Fact]:
    text = (
        f"{cache.service}: {ratio:.0%} of {cache.hits + cache.misses} look-ups found something, with {cache.keys} keys"
    )
    lost = f"{cache.expired} keys expired, {cache.evictions} were evicted for want of memory"
    return [Fact("cache", text, round(ratio, 4)), Fact("keys", lost, float(cache.expired + cache.evictions))]
