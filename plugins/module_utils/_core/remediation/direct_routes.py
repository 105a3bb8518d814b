# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Point the gateway's routes at the addresses and ports that answered directly."""

from __future__ import annotations

from typing import Any

from ..parsing.rewrite import rewrite_host
from .patch import merge, service_patch
from .persist import persist
from .pins import broken_dependencies, fixed_address
from .situation import Proposal, Remediation, Situation, refuse


def propose(situation: Situation) -> Proposal:
    """Routes rewritten to fixed addresses, for those providers alone that answered a direct check."""
    found, reasons = broken_dependencies(situation)
    patch: dict[str, Any] = {}
    services: list[str] = []
    rewritten: dict[str, dict[str, str]] = {}
    for broken in found:
        dependency = broken.dependency
        settings, reason = fixed_address(situation, broken)
        environment = situation.service(dependency.consumer).get("environment") or {}
        if not broken.answered:
            reason = f"{dependency.name}: {broken.address}:{dependency.port} did not answer a direct check"
        elif not reason and not dependency.origin.startswith("environment"):
            reason = (
                f"{dependency.name} is read from {dependency.origin}; only routes in the environment can be rewritten"
            )
        if reason:
            reasons.append(reason)
            continue
        values = rewritten.setdefault(dependency.consumer, {})
        value = values.get(dependency.key) or str(environment.get(dependency.key) or "")
        values[dependency.key] = rewrite_host(value, dependency.host, broken.address, dependency.port, dependency.port)
        patch = merge(patch, service_patch(broken.provider, networks=settings))
        services.append(broken.provider)
    for consumer, values in rewritten.items():
        patch = merge(patch, service_patch(consumer, environment=values))
    if not patch:
        return refuse(*(reasons or ["no broken dependency is known"]))
    return persist(situation, (), patch, [*services, *rewritten], "the routes bypass name resolution")


REMEDIATION = Remediation(
    name="direct_routes",
    summary="points the gateway's routes at the addresses and ports that answered directly",
    invasiveness=4,
    reversible="full",
    restarts="gateway, providers",
    downtime="one restart of the gateway and of each provider whose address is fixed",
    propose=propose,
)
