# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reload or restart only the consumer that holds a stale address, or has lost its way to Docker's DNS."""

from __future__ import annotations

from .healthy import wait_healthy
from .situation import Proposal, Remediation, Situation, refuse
from .steps import Action, on_container


def propose(situation: Situation) -> Proposal:
    """nginx reloads on SIGHUP without losing a request; anything else is restarted."""
    steps = []
    restarted = []
    for finding in situation.findings:
        name = str(finding.subject.get("container") or "")
        container = situation.case.container(name)
        if container is None or not container.running:
            continue
        restart = str(finding.subject.get("restart") or "")
        cause = restart or f"'{container.service}' still uses {finding.subject.get('address') or 'an address that moved'}"
        # https://nginx.org/en/docs/control.html
        if not restart and any("nginx" in word for word in (container.image, *container.entrypoint, *container.command)):
            steps.append(on_container(Action.SIGNAL, name, cause, signal="SIGHUP"))
        else:
            steps.append(on_container(Action.RESTART, name, cause))
            steps.append(wait_healthy(situation.state.containers[name], "it was restarted"))
            restarted.append(name)
    return (
        Proposal(tuple(steps), restarted=tuple(restarted))
        if steps
        else refuse("no running consumer with a stale address is known")
    )


REMEDIATION = Remediation(
    name="refresh_upstreams",
    summary="reloads or restarts only the consumer that holds a stale address",
    invasiveness=2,
    reversible="none",
    restarts="none for nginx (reload), else the consumer",
    downtime="none for nginx, else one restart of the consumer",
    propose=propose,
)
