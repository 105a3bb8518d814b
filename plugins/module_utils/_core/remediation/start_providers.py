# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start providers that are down, and wait until they are healthy."""

from __future__ import annotations

from .healthy import wait_healthy
from .situation import Proposal, Remediation, Situation, refuse
from .steps import Action, on_container


def propose(situation: Situation) -> Proposal:
    """Start every stopped container that the findings name, those that others depend on first."""
    named = [c for f in situation.findings for c in f.subject.get("containers") or ()]
    stopped = [
        c
        for c in dict.fromkeys(named)
        if c in situation.state.containers and situation.state.containers[c].state == "exited"
    ]
    if not stopped:
        return refuse("no provider with a stopped container is known")
    ordered = sorted(stopped, key=lambda c: _depth(situation, situation.state.containers[c].service))
    steps = []
    for name in ordered:
        service = situation.state.containers[name].service
        steps.append(on_container(Action.START, name, f"'{service}' is not running, and others call it"))
        steps.append(wait_healthy(situation.state.containers[name], f"'{service}' must serve before its callers are asked"))
    return Proposal(tuple(steps), restarted=tuple(ordered))


def _depth(situation: Situation, service: str, seen: tuple[str, ...] = ()) -> int:
    needs = situation.service(service).get("depends_on") or {}
    return 1 + max((_depth(situation, n, (*seen, service)) for n in needs if n not in seen and n != service), default=0)


REMEDIATION = Remediation(
    name="start_providers",
    summary="starts providers that are down and waits until they are healthy",
    invasiveness=2,
    reversible="full",
    restarts="provider",
    downtime="none",
    propose=propose,
)
