# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The project's services and networks as the journal keeps them, so that a report can draw them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..diagnosis.case import Case, finished_well
from ..model import Container, Snapshot

# the worst first: one replica that is not well is what a reader wants to know of
HEALTHS = ("unhealthy", "starting", "healthy")


def topology(snapshot: Snapshot) -> dict[str, Any]:
    """Services, networks, and which service goes by each host that a dependency names.

    ::

        {services: [{name, state, health, exit_code, replicas, running, networks: [name], image}],
         networks: [{name, driver, internal, project}], providers: {host: service}}

    ``state`` is the engine's, of the replica that is worst off: ``not created`` where there is no container, and
    ``finished`` for a job that ended well. ``networks`` are those that a container is on, or where there is none
    those of the configuration. A host that no service goes by is not among the ``providers``. It holds no value of
    an environment variable.
    """
    case = Case(snapshot)
    hosts = sorted({dependency.host for dependency in snapshot.dependencies})
    return {
        "services": [_service(case, name) for name in sorted(case.services())],
        "networks": [
            {"name": n.name, "driver": n.driver, "internal": n.internal, "project": n.project}
            for n in sorted(snapshot.networks, key=lambda n: n.name)
        ],
        "providers": {host: provider for host in hosts if (provider := case.service_named(host))},
    }


def _service(case: Case, name: str) -> dict[str, Any]:
    containers = case.containers_of(name)
    joined = {endpoint.network for container in containers for endpoint in container.endpoints}
    configured = (case.snapshot.config.get("services") or {}).get(name) or {}
    down = next((container for container in containers if not container.running), None)
    return {
        "name": name,
        "state": _state(containers),
        "health": next((h for h in HEALTHS if any(c.health == h for c in containers)), ""),
        "exit_code": down.exit_code if down else 0,
        "replicas": len(containers),
        "running": sum(container.running for container in containers),
        "networks": sorted(joined if containers else case.configured_networks(name)),
        "image": containers[0].image if containers else str(configured.get("image") or ""),
    }


def _state(containers: Sequence[Container]) -> str:
    if not containers:
        return "not created"
    if finished_well(containers):
        return "finished"
    return next((container.state for container in containers if not container.running), "running")
