# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where packets went that met a closed port or vanished, and who listens there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from ..model import Container, Layer, Network, Outcome, Socket, Walk
from ..parsing.urls import host_port
from .case import EMBEDDED_DNS, Case
from .make import log_evidence

LOOPBACK = ("127.", "::1")


@dataclass(frozen=True)
class Way:
    """One failed attempt to connect. ``provider`` is None where the address is the host's own.

    ``source`` is the consumer's address and ``network`` the network that the packets take.
    """

    walk: Walk
    consumer: Container
    address: str
    error: str
    provider: Optional[Container]
    network: Optional[Network]
    source: str = ""

    @property
    def port(self) -> int:
        """The port that was asked."""
        return self.walk.dependency.port

    @property
    def evidence(self) -> str:
        """What was seen, as one line."""
        return f"from inside {self.consumer.service}: {self.walk.detail}"


def closed_ways(case: Case, *errors: str) -> list[Way]:
    """Attempts that failed with one of those errors (all where none is named), of walks that nothing explains yet."""
    found = []
    for walk in case.open_walks(Layer.ADDRESS, Layer.PORT):
        consumer = case.container(walk.container)
        dependency = walk.dependency
        if consumer is None:
            continue
        for probe in case.port_probes(consumer.name, dependency.host, dependency.port):
            if probe.outcome is Outcome.FAILED and (not errors or probe.error in errors):
                found.append(_way(case, walk, consumer, probe.host, probe.error))
    return found


def _way(case: Case, walk: Walk, consumer: Container, address: str, error: str) -> Way:
    provider = case.owner(address)
    if provider is None:
        gateway = consumer.default_route.partition(" ")[0]
        through = [e for e in consumer.endpoints if e.gateway and gateway in ("", e.gateway)]
    else:
        near = {e.network for e in provider.endpoints if address in (e.address, e.address6)}
        through = [e for e in consumer.endpoints if e.network in near]
    network = case.network(through[0].network) if through else None
    return Way(walk, consumer, address, error, provider, network, through[0].address if through else "")


def is_host(case: Case, way: Way) -> bool:
    """Whether the address is the host's: pinned by ``host-gateway``, or the gateway of one of the networks."""
    pins = (entry.replace("=", ":", 1).split(":", 1) for entry in way.consumer.extra_hosts)
    if any(pin == [way.walk.dependency.host, "host-gateway"] for pin in pins):
        return True
    gateways = {s.gateway for n in case.snapshot.networks for s in n.subnets}
    return way.address in gateways | {e.gateway for c in case.snapshot.containers for e in c.endpoints} - {""}


def listeners(container: Container, port: int = 0) -> list[Socket]:
    """Its listening TCP sockets, the embedded DNS's left out; only those of one port where one is named."""
    return [
        s
        for s in container.sockets or ()
        if s.state == "LISTEN" and s.protocol == "tcp" and s.address != EMBEDDED_DNS and port in (0, s.port)
    ]


def heard(container: Container) -> str:
    """What the container listens on, as a line of evidence."""
    if container.sockets is None:
        return f"what {container.name} listens on could not be read"
    places = sorted({host_port(s.address, s.port) for s in listeners(container)})
    return f"{container.name} listens on {', '.join(places)}" if places else f"nothing listens in {container.name}"


def refused(case: Case, by_consumer: bool = False) -> list[list[Way]]:
    """Refused attempts by who was asked for which port; by who asked as well where the cause is the asker's."""
    groups: dict[tuple[str, ...], list[Way]] = {}
    for way in closed_ways(case, "ECONNREFUSED"):
        asked = way.provider.service or way.provider.name if way.provider else way.address
        asker = (way.consumer.service, way.walk.dependency.host) if by_consumer else ()
        groups.setdefault((asked, str(way.port), *asker), []).append(way)
    return list(groups.values())


def broken(ways: list[Way]) -> list[str]:
    """Names of the dependencies that they belong to."""
    return [w.walk.dependency.name for w in ways]


def seen(case: Case, ways: list[Way]) -> tuple[str, ...]:
    """What was seen of them, and what the consumer's log says."""
    lines = dict.fromkeys(w.evidence for w in ways)
    return (*list(lines)[:3], *log_evidence(case, ways[0].consumer.service, [ways[0].walk.dependency.host]))
