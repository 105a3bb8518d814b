# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evidence from what modules return."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Optional

from ...model import from_data
from ..datastores.difference import cache_since, since
from ..datastores.indexes import wanted_indexes
from ..datastores.model import Cache, Database
from ..runs import Run
from .model import Evidence, Profile, Service

_ROUTE = re.compile(r"(?:^|[,;\s])(/[\w./-]*)=https?://([\w.-]+)")


def evidence_from(
    load: Mapping[str, Any],
    profiles: Sequence[Mapping[str, Any]] = (),
    datastores: Optional[Mapping[str, Any]] = None,
    datastores_before: Optional[Mapping[str, Any]] = None,
    topology: Optional[Mapping[str, Any]] = None,
    routes: Sequence[Mapping[str, Any]] = (),
    activity: Optional[Mapping[str, Any]] = None,
) -> Evidence:
    """Evidence from a set of runs and what process_profile_info, datastore_stats_info and compose_topology_info returned.

    ``routes`` are those of the operator (``netfix_routes``); others are read from variables like ``/prefix=http://service``.
    ``activity`` was sampled under the same load at another time.
    Raises ValueError where something is not what those modules return.
    """
    topology = topology or {}
    services = {name: _service(told) for name, told in (topology.get("services") or {}).items()}
    databases = [from_data(Database, d) for d in (datastores or {}).get("databases") or ()]
    caches = [from_data(Cache, c) for c in (datastores or {}).get("caches") or ()]
    if datastores_before:
        earlier = {d["container"]: from_data(Database, d) for d in datastores_before.get("databases") or ()}
        databases = [since(earlier.get(d.container, d), d) if not d.seconds else d for d in databases]
        first = {c["container"]: from_data(Cache, c) for c in datastores_before.get("caches") or ()}
        caches = [cache_since(first.get(c.container, c), c) if not c.seconds else c for c in caches]
    if activity:
        sampled = {d["container"]: from_data(Database, d) for d in activity.get("databases") or ()}
        databases = [_with_activity(d, sampled.get(d.container)) for d in databases]
    calls = (d for d in topology.get("dependencies") or () if d.get("kind") == "call" and d.get("host") in services)
    runs = [from_data(Run, r) for r in load.get("runs") or ()]
    return Evidence(
        runs=tuple(runs),
        services=services,
        calls=tuple((str(d["consumer"]), str(d["host"])) for d in calls),
        routes=tuple(_routes(routes, services)),
        profiles=tuple(from_data(Profile, p) for p in profiles),
        databases=tuple(databases),
        caches=tuple(caches),
        cores=_cores(load.get("fingerprint") or {}),
        warm_up_s=_number((load.get("fingerprint") or {}).get("warm_up")),
    )


def _with_activity(database: Database, sampled: Optional[Database]) -> Database:
    if sampled is None or not sampled.samples:
        return database
    seen = replace(
        database,
        samples=sampled.samples,
        clients=sampled.clients,
        running=sampled.running,
        statements_from=database.statements_from or sampled.statements_from,
    )
    return replace(seen, wanted=wanted_indexes(seen))


def _service(told: Mapping[str, Any]) -> Service:
    made = from_data(Service, {**told, "containers": [c["name"] for c in told.get("containers") or ()]})
    return replace(made, environment={str(k): str(v) for k, v in made.environment.items()})


def _routes(routes: Iterable[Mapping[str, Any]], services: Mapping[str, Service]) -> Iterable[tuple[str, str, str]]:
    said = {(str(r["gateway"]), str(r["prefix"]), str(r["service"])) for r in routes}
    for gateway, service in services.items():
        for value in service.environment.values():
            said |= {(gateway, prefix, host) for prefix, host in _ROUTE.findall(value) if host in services}
    return sorted(said)


def _cores(fingerprint: Mapping[str, Any]) -> int:
    found = re.search(r"\bcores (\d+)", str(fingerprint.get("host", "")))
    return int(found.group(1)) if found else 0


def _number(told: Any) -> float:
    try:
        return max(0.0, float(told))
    except (TypeError, ValueError):
        return 0.0
