# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""links and extra_hosts, pinned to addresses that are fixed first, so that the pins cannot go stale."""

from __future__ import annotations

from typing import Any

from .patch import appended, merge, service_patch
from .persist import persist
from .pins import broken_dependencies, fixed_address
from .situation import Proposal, Remediation, Situation, refuse


def propose(situation: Situation) -> Proposal:
    """For every broken dependency: the provider's address fixed, the consumer's hosts file pinned to it."""
    found, reasons = broken_dependencies(situation)
    patch: dict[str, Any] = {}
    services: list[str] = []
    for broken in found:
        consumer = broken.dependency.consumer
        settings, reason = fixed_address(situation, broken)
        if reason:
            reasons.append(reason)
            continue
        if not broken.answered:
            reasons.append(f"{broken.dependency.name}: {broken.address} did not answer either; a pin cannot help")
            continue
        patch = merge(patch, service_patch(broken.provider, networks=settings))
        # an earlier run may have pinned others in our override file: merge() lets a patch's list replace them
        before = (merge(situation.override, patch).get("services") or {}).get(consumer) or {}
        pin = f"{broken.dependency.host}={broken.address}"
        link = f"{broken.provider}:{broken.dependency.host}"
        patch = merge(
            patch,
            service_patch(
                consumer,
                extra_hosts=appended(before.get("extra_hosts"), pin),
                links=appended(before.get("links"), link),
            ),
        )
        services += [broken.provider, consumer]
    if not patch:
        return refuse(*(reasons or ["no broken dependency is known"]))
    return persist(situation, (), patch, services, "the consumer gets a fixed address instead of a name lookup")


REMEDIATION = Remediation(
    name="static_hosts",
    summary="links and extra_hosts pinned to fixed addresses",
    invasiveness=4,
    reversible="full",
    restarts="consumer, providers",
    downtime="one restart of the consumer and of each pinned provider",
    propose=propose,
)
