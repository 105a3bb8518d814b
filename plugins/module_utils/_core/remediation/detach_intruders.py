# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a name away from a container of this project that should not hold it, while everything runs."""

from __future__ import annotations

from dataclasses import replace

from .situation import Proposal, Remediation, Situation, refuse
from .steps import Step, disconnect, reconnect


def propose(situation: Situation) -> Proposal:
    """An orphan's endpoints without the contested aliases; off the network only where the name is the container's own."""
    steps: list[Step] = []
    strangers: list[str] = []
    for finding in situation.findings:
        name = str(finding.subject.get("intruder") or "")
        if name in situation.state.containers:
            steps += _detached(situation, name, list(finding.subject["hosts"]))
        elif name:
            # its own project may call it by that name, and the checkpoint holds this project only
            strangers.append(f"container {name} is not this project's, and neighbours are left alone")
    if steps:
        return Proposal(tuple(steps))
    return refuse(*(strangers or ["no container that holds another one's name is known"]))


def _detached(situation: Situation, name: str, hosts: list[str]) -> list[Step]:
    container = situation.case.container(name)
    # the engine answers to these whatever the aliases are
    own = {name, container.hostname if container else ""}
    steps: list[Step] = []
    for network, endpoint in situation.state.containers[name].endpoints.items():
        contested = {h.lower().rstrip(".").removesuffix(f".{network}") for h in hosts}
        aliases = tuple(a for a in endpoint.aliases if a.lower() not in contested)
        cause = f"'{situation.state.containers[name].service}' is configured no more, and the name is another service's"
        if contested & {n.lower() for n in own}:
            steps.append(disconnect(name, network, cause))
        elif aliases != endpoint.aliases:
            steps += reconnect(name, network, replace(endpoint, aliases=aliases), cause)
    return steps


REMEDIATION = Remediation(
    name="detach_intruders",
    summary="takes a name away from a container of the project that should not hold it",
    invasiveness=2,
    reversible="full",
    restarts="none",
    downtime="0.05 to 0.2 s for the container that loses the name",
    propose=propose,
)
