# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take away what bypasses the embedded DNS: a mounted resolv.conf, a stale pin in extra_hosts."""

from __future__ import annotations

import re
from typing import Any

from .patch import merge, override, reset, service_patch
from .persist import persist
from .situation import Proposal, Remediation, Situation, refuse


def propose(situation: Situation) -> Proposal:
    """The service without the mount or the pins that the findings name; everything else of it stays."""
    patch: dict[str, Any] = {}
    services: list[str] = []
    for finding in situation.findings:
        service = str(finding.subject.get("service") or "")
        if finding.subject.get("mount"):
            part = _without_mount(situation, service, str(finding.subject["target"]))
        elif finding.subject.get("hosts"):
            part = _without_pins(situation, service, list(finding.subject["hosts"]))
        else:
            continue
        if not part:
            return refuse(
                f"the configuration of service '{service}' does not say what bypasses DNS there; it was not set by Compose"
            )
        patch = merge(patch, part)
        services.append(service)
    if not patch:
        return refuse("nothing that bypasses DNS is known")
    return persist(situation, (), patch, services, "what bypasses Docker's DNS must go")


def _without_mount(situation: Situation, service: str, target: str) -> dict[str, Any]:
    volumes = situation.service(service).get("volumes") or []
    rest = [v for v in volumes if v.get("target") != target]
    if len(rest) == len(volumes):
        return {}
    return service_patch(service, volumes=override(rest) if rest else reset())


def _without_pins(situation: Situation, service: str, hosts: list[str]) -> dict[str, Any]:
    entries = situation.service(service).get("extra_hosts") or []
    if isinstance(entries, dict):
        entries = [f"{k}={v}" for k, v in entries.items()]
    wanted = {h.lower() for h in hosts}
    rest = [e for e in entries if re.split("[:=]", str(e), maxsplit=1)[0].lower() not in wanted]
    if len(rest) == len(entries):
        return {}
    return service_patch(service, extra_hosts=override(rest) if rest else reset())


REMEDIATION = Remediation(
    name="restore_resolver",
    summary="takes away what bypasses the embedded DNS",
    invasiveness=3,
    reversible="full",
    restarts="consumer",
    downtime="one restart of the consumer",
    propose=propose,
)
