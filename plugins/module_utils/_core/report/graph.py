# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drawing of the topology shows: services, who calls whom and how it went, and where the causes sit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..model import Outcome, Severity, Walk
from .reading import WORST_FIRST, Group, Reading


@dataclass(frozen=True)
class Node:
    """One service, or a host that is none: then ``stranger`` says what it is.

    ``causes`` are the positions of the groups of the reading whose finding is about this service. ``state`` is
    empty where the journal does not tell it.
    """

    name: str
    stranger: str = ""
    state: str = ""
    health: str = ""
    exit_code: int = 0
    replicas: int = 0
    running: int = 0
    networks: tuple[str, ...] = ()
    image: str = ""
    causes: tuple[int, ...] = ()

    @property
    def tone(self) -> str:
        """``good``, ``warn``, ``bad``, or ``idle`` for what did its work or is not known."""
        if self.state in ("", "finished") or (self.state == "exited" and not self.exit_code):
            return "idle"
        if self.state != "running" or self.health == "unhealthy":
            return "bad"
        return "warn" if self.health == "starting" else "good"

    @property
    def condition(self) -> str:
        """``healthy``, ``running``, ``exited (137)``, ``2 of 3 run``: its state in a word or two."""
        if self.stranger:
            return self.stranger
        if 0 < self.running < self.replicas:
            return f"{self.running} of {self.replicas} run"
        text = f"{self.state} ({self.exit_code})" if self.state == "exited" else self.state
        text = self.health or text if self.state == "running" else text
        return f"{text} ×{self.replicas}" if self.replicas > 1 else text


@dataclass(frozen=True)
class Edge:
    """All dependencies of one service on another; ``outcome`` is the worst of them.

    ``causes`` are the positions of the groups of the reading that the failed ones belong to.
    """

    consumer: str
    provider: str
    outcome: Outcome
    walks: tuple[Walk, ...]
    causes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Graph:
    """Nodes and edges in a fixed order. ``networks`` are plain data as in the journal, those in use."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    networks: tuple[Mapping[str, Any], ...] = ()


def graph(topology: Mapping[str, Any], reading: Reading) -> Graph:
    """The graph of one diagnosis. Without a topology (an older journal) the walks alone tell the services."""
    services = {str(entry.get("name")): entry for entry in topology.get("services") or ()}
    edges = _edges(reading, services, topology.get("providers") or {})
    outside = {walk.dependency.host for walk in reading.walks if walk.dependency.kind == "external"}
    named = [name for edge in edges for name in (edge.consumer, edge.provider)]
    nodes = []
    for name in dict.fromkeys([*services, *named]):
        causes = tuple(number for number, group in enumerate(reading.groups) if _is_about(group, name))
        if name in services:
            nodes.append(_service(services[name], causes))
        else:
            stranger = "outside the project" if name in outside else "no such service" if services else ""
            nodes.append(Node(name, stranger, causes=causes))
    used = {network for node in nodes for network in node.networks}
    networks = [entry for entry in topology.get("networks") or () if entry.get("name") in used]
    known = {entry.get("name") for entry in networks}
    networks += [{"name": name} for name in sorted(used) if name not in known]
    return Graph(tuple(nodes), tuple(edges), tuple(networks))


def _edges(reading: Reading, services: Mapping[str, Any], providers: Mapping[str, Any]) -> list[Edge]:
    position = {id(walk): number for number, group in enumerate(reading.groups) for walk in group.walks}
    exact = {name.lower(): name for name in services}
    calls: dict[tuple[str, str], list[Walk]] = {}
    for walk in reading.walks:
        host = walk.dependency.host
        if walk.dependency.kind == "separation" and walk.outcome is Outcome.OK:
            continue  # kept apart as wanted: nobody calls there
        provider = str(providers.get(host) or exact.get(host.rstrip(".").lower(), host))
        if walk.dependency.kind == "loopback":
            provider = walk.dependency.consumer
        calls.setdefault((walk.dependency.consumer, provider), []).append(walk)
    edges = []
    for (consumer, provider), walks in calls.items():
        outcomes = {walk.outcome for walk in walks}
        causes = sorted({position[id(walk)] for walk in walks if id(walk) in position})
        worst = next(outcome for outcome in WORST_FIRST if outcome in outcomes)
        edges.append(Edge(consumer, provider, worst, tuple(walks), tuple(causes)))
    return edges


def _service(entry: Mapping[str, Any], causes: tuple[int, ...]) -> Node:
    return Node(
        name=str(entry["name"]),
        state=str(entry.get("state") or ""),
        health=str(entry.get("health") or ""),
        exit_code=int(entry.get("exit_code") or 0),
        replicas=int(entry.get("replicas") or 0),
        running=int(entry.get("running") or 0),
        networks=tuple(str(network) for network in entry.get("networks") or ()),
        image=str(entry.get("image") or ""),
        causes=causes,
    )


def _is_about(group: Group, service: str) -> bool:
    if group.finding is None or group.finding.severity is Severity.INFO:
        return False
    subject = group.finding.subject
    return subject.get("service") == service or service in (subject.get("services") or ())
