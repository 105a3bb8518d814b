# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Point the consumer's configuration at the right name and port, or fill its route table."""

from __future__ import annotations

from typing import Any

from ..model import Dependency, Finding
from ..parsing.rewrite import rewrite_nginx_resolver
from .host_gateway import name_the_host
from .patch import escape, merge, service_patch
from .persist import persist
from .situation import Proposal, Remediation, Situation, refuse
from .upstreams import Change, Target, redirect, rewrite_files


def propose(situation: Situation) -> Proposal:
    """Routes with the right names, wherever they are written; names are preferred to addresses, which move."""
    patch: dict[str, Any] = {}
    services: list[str] = []
    left: list[str] = []
    for finding in situation.findings:
        subject = finding.subject
        if subject.get("variable"):
            service, part = str(subject["service"]), _routes(subject)
            change = Change(merge(patch, service_patch(service, environment=part)), (service,)) if part else Change(patch)
        elif subject.get("resolver"):
            service = str(subject["service"])
            change = _resolving(situation, service, str(subject["resolver"]), patch)
        elif subject.get("host") and subject.get("consumer"):
            service, change = str(subject["consumer"]), _renamed(situation, finding, patch)
            if subject.get("host_gateway"):
                named = name_the_host(situation, change.patch, service, str(subject["host"]))
                change = Change(named, (*change.services, service), change.refusals)
        else:
            continue
        left += change.refusals
        if not change.services and not change.refusals:
            left.append(f"{finding.code}: no variable or mounted file of service '{service}' holds what must change")
        patch = dict(change.patch)
        services += change.services
    if not patch:
        return refuse(*(left or ["no wrong upstream is known"]))
    return persist(situation, (), patch, services, "the configuration must name the services that exist", left)


def _renamed(situation: Situation, finding: Finding, patch: dict[str, Any]) -> Change:
    subject = finding.subject
    old = Target(str(subject["host"]), int(subject.get("port") or 0))
    new = Target(str(subject.get("new_host") or subject["service"]), int(subject.get("new_port") or 0))
    broken = [d for d in situation.case.snapshot.dependencies if d.name in finding.breaks and d.host == old.host]
    dependency = broken[0] if broken else Dependency(str(subject["consumer"]), old.host, old.port)
    return redirect(situation, patch, dependency, old, new)


def _resolving(situation: Situation, service: str, nameserver: str, patch: dict[str, Any]) -> Change:
    """nginx asks the nameserver that its own directive names, whatever its container asks."""
    return rewrite_files(situation, patch, service, lambda text, _inside: (rewrite_nginx_resolver(text, nameserver), ""))


def _routes(subject: dict[str, Any]) -> dict[str, str]:
    """``prefix=scheme://service:port`` for every declared route, joined by commas."""
    entries = [
        "{prefix}={scheme}://{service}:{port}".format(
            prefix=r["prefix"], scheme=r.get("scheme") or "http", service=r["service"], port=r.get("port") or 80
        )
        for r in subject.get("routes") or ()
    ]
    return {str(subject["variable"]): escape(",".join(entries))} if entries else {}


REMEDIATION = Remediation(
    name="correct_upstreams",
    summary="points the consumer's configuration at the right name and port",
    invasiveness=4,
    reversible="full",
    restarts="consumer; the provider where its label says the port",
    downtime="one restart of what is corrected",
    propose=propose,
)
