# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take away what bypasses the embedded DNS: mounted files, a stale pin, ndots, a proxy that is sent internal names."""

from __future__ import annotations

import re
from typing import Any

from .patch import escape, merge, override, reset, service_patch
from .persist import persist
from .situation import Proposal, Remediation, Situation, refuse


def propose(situation: Situation) -> Proposal:
    """The service without the mount, the pins or the options that the findings name; everything else of it stays."""
    patch: dict[str, Any] = {}
    services: list[str] = []
    for finding in situation.findings:
        service = str(finding.subject.get("service") or "")
        if finding.subject.get("mount"):
            part = _without_mount(situation, service, str(finding.subject["target"]))
        elif finding.subject.get("dns_opt"):
            part = _without_options(situation, service, list(finding.subject["dns_opt"]))
        elif finding.subject.get("no_proxy"):
            # programs differ in which spelling they read
            value = escape(",".join(finding.subject["no_proxy"]))
            part = service_patch(service, environment={"NO_PROXY": value, "no_proxy": value})
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


def _without_options(situation: Situation, service: str, options: list[str]) -> dict[str, Any]:
    """Without its ndots, Docker writes its own: ``ndots:0``."""
    present = situation.service(service).get("dns_opt") or []
    rest = [o for o in present if o not in options]
    if len(rest) == len(present):
        return {}
    return service_patch(service, dns_opt=override(rest) if rest else reset())


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
