# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""links and extra_hosts, pinned to addresses that are fixed first, so that the pins cannot go stale."""

from __future__ import annotations

import re
from typing import Any

from ..diagnosis.case import reached
from ..parsing.urls import is_address, is_loopback
from .patch import appended, is_tagged, items_of, merge, override, service_patch
from .persist import persist
from .pins import Broken, broken_dependencies, fixed_addresses
from .situation import Proposal, Remediation, Situation


def propose(situation: Situation) -> Proposal:
    """For every broken dependency: the provider's address fixed, the consumer's hosts file pinned to it."""
    asked = broken_dependencies(situation)
    pinned, left = asked.sifted(_why_no_pin)
    fixed = fixed_addresses(situation, pinned)
    if not fixed.addresses:
        reasons = (*left, *fixed.refusals) or ("no broken dependency is known",)
        return Proposal(refusals=reasons, direct_checks=asked.checks)
    patch, services = dict(fixed.patch), list(fixed.services)
    for broken in pinned:
        patch = merge(patch, _pin(situation, patch, broken, fixed.addresses[broken.provider]))
        services.append(broken.dependency.consumer)
    cause = "the consumer gets a fixed address instead of a name lookup"
    return persist(situation, (), patch, services, cause, left, asked.checks)


def _why_no_pin(broken: Broken) -> str:
    host = broken.dependency.host
    if is_address(host) or is_loopback(host):
        return f"'{host}' is looked up nowhere, so a pin cannot lead elsewhere"
    if broken.port != broken.dependency.port:
        return f"'{broken.provider}' listens on port {broken.port}, and a pin changes no port"
    return ""


def _pin(situation: Situation, patch: dict[str, Any], broken: Broken, address: str) -> dict[str, Any]:
    consumer, host = broken.dependency.consumer, broken.dependency.host
    fields: dict[str, Any] = {}
    # an earlier run may have pinned others in our override file: merge() lets a patch's list replace them
    before = (merge(situation.override, patch).get("services") or {}).get(consumer) or {}
    pin, name = f"{host}={address}", host.lower()
    patched = ((patch.get("services") or {}).get(consumer) or {}).get("extra_hosts")
    configured = [] if is_tagged(patched) else situation.extra_hosts(consumer)
    present = [*configured, *items_of(patch, consumer, "extra_hosts", ())]
    others = [e for e in present if re.split("[:=]", e, maxsplit=1)[0].lower() != name]
    if set(present) <= {*others, pin}:
        fields["extra_hosts"] = appended(before.get("extra_hosts"), pin)
    else:
        # the first line of a hosts file wins
        fields["extra_hosts"] = override(list(dict.fromkeys([*others, pin])))
    # Compose waits for what is linked: two that wait for each other never start
    if consumer not in reached([broken.provider], lambda service: _waited_for(situation, patch, service)):
        fields["links"] = appended(before.get("links"), f"{broken.provider}:{host}")
    return service_patch(consumer, **fields)


def _waited_for(situation: Situation, patch: dict[str, Any], service: str) -> list[str]:
    spec = situation.service(service)
    links = [*(spec.get("links") or ()), *items_of(patch, service, "links", ())]
    return [*(spec.get("depends_on") or ()), *(str(link).partition(":")[0] for link in links)]


REMEDIATION = Remediation(
    name="static_hosts",
    summary="links and extra_hosts pinned to fixed addresses",
    invasiveness=4,
    reversible="full",
    restarts="consumer; providers that have no fixed address yet",
    downtime="one restart of the consumer and of each provider whose address is fixed",
    propose=propose,
)
