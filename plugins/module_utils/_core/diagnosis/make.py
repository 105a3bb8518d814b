# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One way to make a finding: the registry gives what belongs to its kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Optional

from ..model import Confidence, Container, Finding
from .case import Case
from .registry import KINDS


def finding(
    code: str,
    confidence: Confidence,
    summary: str,
    breaks: Iterable[str],
    evidence: Iterable[str] = (),
    confirm: str = "",
    advice: str = "",
    subject: Optional[Mapping[str, Any]] = None,
    mendable: bool = True,
) -> Finding:
    """A finding of a registered kind. ``mendable`` False keeps the kind's remediations away: advice only."""
    kind = KINDS[code]
    return Finding(
        code=code,
        severity=kind.severity,
        confidence=confidence,
        summary=summary,
        breaks=tuple(dict.fromkeys(breaks)),
        evidence=tuple(dict.fromkeys(evidence)),
        confirm=confirm,
        remediations=kind.remediations if mendable else (),
        advice=advice or kind.why_none,
        subject=dict(subject or {}),
    )


def log_evidence(case: Case, service: str, hosts: Iterable[str]) -> tuple[str, ...]:
    """What the service's own log says about those hosts or addresses: one line each, with its time."""
    wanted = {h.lower() for h in hosts if h}
    found = []
    for event in case.snapshot.log_events:
        if event.service == service and (event.host.lower() in wanted or event.address in wanted):
            times = f" ({event.count} times)" if event.count > 1 else ""
            found.append(f"log of {service} at {event.time[:19] or '?'}{times}: {event.line}")
    return tuple(found[:2])


def getent(container: Container, host: str) -> str:
    """The command that resolves a name as the application in that container does."""
    return f"docker exec {container.name} getent hosts {host}"
