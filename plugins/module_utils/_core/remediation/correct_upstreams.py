# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Point the consumer's configuration at the right name and port, or fill its route table."""

from __future__ import annotations

from typing import Any

from ..parsing.rewrite import rewrite_environment
from .patch import escape, merge, service_patch
from .persist import persist
from .situation import Proposal, Remediation, Situation, refuse


def propose(situation: Situation) -> Proposal:
    """Environment variables with the right names; names are preferred to addresses, which move."""
    patch: dict[str, Any] = {}
    services: list[str] = []
    for finding in situation.findings:
        subject = finding.subject
        if subject.get("variable"):
            service, part = str(subject["service"]), _routes(subject)
        elif subject.get("host") and subject.get("consumer"):
            service, part = str(subject["consumer"]), _renamed(situation, subject, patch)
        else:
            continue
        if not part:
            return refuse(f"no environment variable of service '{service}' holds what must change")
        patch = merge(patch, service_patch(service, environment=part))
        services.append(service)
    if not patch:
        return refuse("no wrong upstream is known")
    return persist(situation, (), patch, services, "the configuration must name the services that exist")


def _renamed(situation: Situation, subject: dict[str, Any], patch: dict[str, Any]) -> dict[str, str]:
    consumer = str(subject["consumer"])
    # one variable may need several corrections
    corrected = ((patch.get("services") or {}).get(consumer) or {}).get("environment") or {}
    # "docker compose config" doubles every dollar sign already
    return rewrite_environment(
        {**(situation.service(consumer).get("environment") or {}), **corrected},
        str(subject["host"]),
        str(subject.get("new_host") or subject["service"]),
        int(subject.get("port") or 0),
        int(subject.get("new_port") or 0),
    )


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
    restarts="consumer",
    downtime="one restart of the consumer",
    propose=propose,
)
