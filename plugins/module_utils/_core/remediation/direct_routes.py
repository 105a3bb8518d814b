# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Point the gateway's routes at the addresses and ports that answered directly."""

from __future__ import annotations

import re
from typing import Any

from .patch import merge, service_patch
from .persist import persist
from .pins import NETWORK, Broken, broken_dependencies, fixed_addresses
from .situation import Proposal, Remediation, Situation
from .upstreams import Change, Target, redirect


def propose(situation: Situation) -> Proposal:
    """Routes rewritten to fixed addresses, for those providers alone that did not fail a direct check."""
    asked = broken_dependencies(situation)
    routed, left = asked.sifted(lambda broken: _why_not(situation, broken))
    fixed = fixed_addresses(situation, routed)
    if not fixed.addresses:
        reasons = (*left, *fixed.refusals) or ("no broken dependency is known",)
        return Proposal(refusals=reasons, direct_checks=asked.checks)
    patch, services = dict(fixed.patch), list(fixed.services)
    for broken in routed:
        change = _routed(situation, patch, broken, fixed.addresses[broken.provider])
        patch = dict(change.patch)
        services += change.services
        left += change.refusals
    return persist(situation, (), patch, services, "the routes bypass name resolution", left, asked.checks)


def _why_not(situation: Situation, broken: Broken) -> str:
    if broken.rejects_address:
        return f"'{broken.provider}' rejects requests to its address (HTTP {broken.check.status})"
    if not broken.port:
        return "its port is not known"
    probe = _routed(situation, {}, broken, broken.fixed or "192.0.2.1")
    if probe.services:
        return ""
    return "; ".join(probe.refusals) or f"{broken.dependency.origin} names it in a way that cannot be rewritten"


def _routed(situation: Situation, patch: dict[str, Any], broken: Broken, address: str) -> Change:
    dependency = broken.dependency
    label = re.fullmatch(r"label (traefik\.\S+) of (\S+)", dependency.origin)
    if label and not label[1].lower().endswith((".url", ".address")):
        # Traefik takes the address from the engine, on the network that this label names
        # https://doc.traefik.io/traefik/reference/routing-configuration/other-providers/docker/
        network = f"{situation.case.snapshot.project}_{NETWORK}"
        part = service_patch(label[2], labels={"traefik.docker.network": network})
        return Change(merge(patch, part), (label[2],))
    old, new = Target(dependency.host, dependency.port), Target(address, broken.port)
    return redirect(situation, patch, dependency, old, new)


REMEDIATION = Remediation(
    name="direct_routes",
    summary="points the gateway's routes at the addresses and ports that answered directly",
    invasiveness=4,
    reversible="full",
    restarts="gateway; providers that have no fixed address yet",
    downtime="one restart of the gateway and of each provider whose address is fixed",
    propose=propose,
)
