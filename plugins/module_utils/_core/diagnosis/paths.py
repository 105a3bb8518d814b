# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way there and its limits: packets that are too large for a link, and ports to start from that ran out."""

from __future__ import annotations

from ..model import Confidence, Container, Dependency, Finding, Interface, Layer, Outcome, Probe
from .answers import checked_service
from .case import Case
from .make import finding, log_evidence
from .ways import closed_ways

NO_PORT = "EADDRNOTAVAIL"
# so many of the ports to start from must be taken: the others may be in use by another protocol
_MOST = 0.9


def mtu_blackhole(case: Case) -> list[Finding]:
    """Small packets arrive, large ones that the sender's interface allows are lost: one finding for each address."""
    found = []
    for address in dict.fromkeys(p.host for p in _echoes(case)):
        lost = [p for p in _echoes(case) if p.host == address and p.size and p.error == "timeout"]
        passed = [p.container for p in _echoes(case) if p.host == address and not p.size and p.outcome is Outcome.OK]
        lost = [p for p in lost if p.container in passed]
        provider = case.owner(address)
        if not lost or provider is None:
            continue
        askers = {p.container for p in lost}
        calls = [
            w.dependency.name
            for w in case.walks
            if w.container in askers
            and any(p.host == address for p in case.port_probes(w.container, w.dependency.host, w.dependency.port))
        ]
        narrow = [name for name in sorted({provider.name, *askers}) if _narrow_links(case, name)]
        network = next((e.network for e in provider.endpoints if e.address == address), "")
        links = [text for name in sorted({provider.name, *askers}) for text in _narrow_links(case, name)]
        found.append(
            finding(
                "port.mtu_blackhole",
                Confidence.CERTAIN,
                f"Large packets to '{provider.service or provider.name}' are lost: small requests pass, large answers hang",
                calls,
                evidence=(
                    *(
                        f"from inside {p.container}: an echo of {p.size} bytes to {address} that must not be cut up is lost, "
                        "a small one comes back"
                        for p in lost[:3]
                    ),
                    *links,
                ),
                confirm=f"nsenter -t {_pid(case, lost[0].container)} -n ping -c 1 -W 1 -M do -s {lost[0].size - 28} {address}",
                advice=(
                    "Give the host's end the MTU of the container's, or the network the smaller one: driver_opts "
                    "com.docker.network.driver.mtu, which needs the network to be made anew."
                ),
                subject={
                    "service": provider.service,
                    "container": provider.name,
                    "address": address,
                    "size": lost[0].size,
                    # an endpoint that is connected anew gets a link with the network's own MTU
                    "network": network,
                    "containers": narrow,
                    "cause": "its link takes smaller packets than its interface, and a new one does not",
                },
                mendable=bool(network and narrow),
            )
        )
    return found


def _echoes(case: Case) -> list[Probe]:
    return [p for p in case.snapshot.probes if p.layer is Layer.ADDRESS]


def _pid(case: Case, name: str) -> int:
    container = case.container(name)
    return container.pid if container else 0


def narrow_ends(case: Case, container: Container) -> list[tuple[Interface, Interface]]:
    """Its interfaces whose other end, on the host, takes only smaller packets; with that end."""
    ends = {i.index: i for i in case.snapshot.host.interfaces}
    pairs = [(inner, ends[inner.peer]) for inner in container.interfaces if inner.peer in ends]
    return [(inner, outer) for inner, outer in pairs if 0 < outer.mtu < inner.mtu]


def _narrow_links(case: Case, name: str) -> list[str]:
    container = case.container(name)
    return [
        f"{inner.name} of {name} has MTU {inner.mtu}, its other end {outer.name} on the host {outer.mtu}"
        for inner, outer in (narrow_ends(case, container) if container else ())
    ]


def ephemeral_port_exhaustion(case: Case) -> list[Finding]:
    """A consumer has no port left to call a provider from: all that it may use are taken by calls to that provider."""
    found = []
    for container in case.snapshot.containers:
        for (address, port), taken in _full(container).items():
            wanted = (container.name, address, port)
            here = [w for w in closed_ways(case, NO_PORT) if (w.consumer.name, w.address, w.port) == wanted]
            suffers = any(container.service in case.downstream(checked_service(case, r)) for r in case.open_checks())
            calls = _calls(case, container, address, port)
            if not calls or not (here or suffers):
                continue
            first, last = container.local_ports
            found.append(
                finding(
                    "port.ephemeral_port_exhaustion",
                    Confidence.CERTAIN if here else Confidence.LIKELY,
                    f"Service '{container.service}' has no ports left to call {calls[0].target} from",
                    [d.name for d in calls],
                    evidence=(
                        f"{container.name} may start connections from the ports {first} to {last}: {last - first + 1} of them",
                        f"its connections to {address}:{port}: "
                        + ", ".join(f"{n} {s}" for s, n in sorted(taken.items())),
                        *(w.evidence for w in here[:2]),
                        *log_evidence(case, container.service, [address, *(d.host for d in calls)]),
                    ),
                    confirm=f"nsenter -t {container.pid} -n ss -tan 'dst {address}:{port}'",
                    advice=f"Let the program of service '{container.service}' keep its connections and use them again "
                    "(keep-alive, a pool). Else widen sysctls net.ipv4.ip_local_port_range of the service, or set "
                    "net.ipv4.tcp_tw_reuse to 1.",
                    subject={
                        "service": container.service,
                        "container": container.name,
                        "address": address,
                        "port": port,
                    },
                )
            )
    return found


def _calls(case: Case, container: Container, address: str, port: int) -> list[Dependency]:
    """What the container's configuration says that resolves to that place."""
    return [
        w.dependency
        for w in case.walks
        if w.container == container.name
        and w.dependency.port == port
        and any(p.host == address for p in case.port_probes(container.name, w.dependency.host, port))
    ]


def _full(container: Container) -> dict[tuple[str, int], dict[str, int]]:
    """Where its connections take nearly all its ports: how many there are in which state."""
    if len(container.local_ports) != 2:
        return {}
    first, last = container.local_ports
    taken: dict[tuple[str, int], dict[str, int]] = {}
    for socket in container.sockets or ():
        if socket.remote_port and first <= socket.port <= last:
            states = taken.setdefault((socket.remote, socket.remote_port), {})
            states[socket.state] = states.get(socket.state, 0) + 1
    return {place: n for place, n in taken.items() if sum(n.values()) >= _MOST * (last - first + 1)}
