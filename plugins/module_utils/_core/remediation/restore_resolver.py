# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take away what bypasses the embedded DNS: mounted files, a stale pin, ndots, a proxy that is sent internal names."""

from __future__ import annotations

import re
from typing import Any

from .patch import escape, items_of, merge, replaced, service_patch
from .persist import persist
from .situation import Proposal, Remediation, Situation, refuse


def propose(situation: Situation) -> Proposal:
    """The service without the mount, the pins or the options that the findings name; everything else of it stays."""
    patch: dict[str, Any] = {}
    services: list[str] = []
    left: list[str] = []
    for finding in situation.findings:
        service = str(finding.subject.get("service") or "")
        if finding.subject.get("mount"):
            part = _without_mount(situation, patch, service, str(finding.subject["target"]))
        elif finding.subject.get("dns_opt"):
            part = _without_options(situation, patch, service, list(finding.subject["dns_opt"]))
        elif finding.subject.get("no_proxy"):
            # programs differ in which spelling they read
            value = escape(",".join(finding.subject["no_proxy"]))
            part = service_patch(service, environment={"NO_PROXY": value, "no_proxy": value})
        elif finding.subject.get("hosts"):
            part = _without_pins(situation, patch, service, list(finding.subject["hosts"]))
        else:
            continue
        if not part:
            left.append(
                f"the configuration of service '{service}' does not say what bypasses DNS there; it was not set by Compose"
            )
            continue
        patch = merge(patch, part)
        services.append(service)
    if not patch:
        return refuse(*(left or ["nothing that bypasses DNS is known"]))
    return persist(situation, (), patch, services, "what bypasses Docker's DNS must go", left)


def _without_mount(situation: Situation, patch: dict[str, Any], service: str, target: str) -> dict[str, Any]:
    volumes = items_of(patch, service, "volumes", situation.service(service).get("volumes"))
    rest = [v for v in volumes if v.get("target") != target]
    return service_patch(service, volumes=replaced(rest)) if len(rest) < len(volumes) else {}


def _without_options(
    situation: Situation, patch: dict[str, Any], service: str, options: list[str]
) -> dict[str, Any]:
    """Without its ndots, Docker writes its own: ``ndots:0``."""
    present = items_of(patch, service, "dns_opt", situation.service(service).get("dns_opt"))
    rest = [o for o in present if o not in options]
    return service_patch(service, dns_opt=replaced(rest)) if len(rest) < len(present) else {}


def _without_pins(situation: Situation, patch: dict[str, Any], service: str, hosts: list[str]) -> dict[str, Any]:
    entries = items_of(patch, service, "extra_hosts", situation.extra_hosts(service))
    wanted = {h.lower() for h in hosts}
    rest = [e for e in entries if re.split("[:=]", str(e), maxsplit=1)[0].lower() not in wanted]
    return service_patch(service, extra_hosts=replaced(rest)) if len(rest) < len(entries) else {}


REMEDIATION = Remediation(
    name="restore_resolver",
    summary="takes away what bypasses the embedded DNS",
    invasiveness=3,
    reversible="full",
    restarts="consumer",
    downtime="one restart of the consumer",
    propose=propose,
)
