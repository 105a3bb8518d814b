# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The IPv4 firewall rules that Docker Engine 20.10 to 27 writes for its networks and published ports.

Sources, the same rules from v20.10.27 to v27.5.1 of https://github.com/moby/moby: libnetwork/firewall_linux.go
(DOCKER-USER), libnetwork/drivers/bridge/setup_ip_tables_linux.go (chains, bridges, isolation),
libnetwork/iptables/iptables.go (jumps; published ports, from 27 on in libnetwork/drivers/bridge/port_mapping_linux.go).
Seen with ``iptables-save`` on 26.1.5.

Left out are what the mangle table holds for SCTP, and what legacy links need on a default bridge with icc=false.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Optional

from ..model import Container, Endpoint, Network, Port

BRIDGE = "com.docker.network.bridge."
HOST_ADDRESS = "com.docker.network.host_ipv4"
GATEWAY_MODE = BRIDGE + "gateway_mode_ipv4"
# the engines whose rules these are
FIRST_VERSION, LAST_VERSION = (20, 10), (27, 99)

USER, FIRST_STAGE, SECOND_STAGE = "DOCKER-USER", "DOCKER-ISOLATION-STAGE-1", "DOCKER-ISOLATION-STAGE-2"
CHAINS = (("filter", "DOCKER"), ("filter", FIRST_STAGE), ("filter", SECOND_STAGE), ("filter", USER), ("nat", "DOCKER"))


@dataclass(frozen=True)
class Rule:
    """One rule. ``text`` is as iptables-save prints it; ``first`` rules belong before what else their chain holds."""

    table: str
    text: str
    first: bool = False

    @property
    def chain(self) -> str:
        """The chain that it is in."""
        return self.text.split()[1]


def docker_rules(networks: Iterable[Network], containers: Iterable[Container], userland_proxy: bool) -> list[Rule]:
    """The rules for all networks and running containers of an engine; each chain's are in their order.

    A container needs its default route: its ports are published at the endpoint that the route leads through.
    """
    bridges = [n for n in sorted(networks, key=lambda n: n.name) if n.driver == "bridge" and _subnet(n)]
    rules = [*_base(userland_proxy)]
    for network in bridges:
        rules += _internal(network) if network.internal else _outward(network, userland_proxy)
    rules += [
        Rule("filter", f"-A FORWARD -i {bridge_of(n)} -o {bridge_of(n)} -j DROP")
        for n in bridges
        if not _is_on(n, "enable_icc")
    ]
    by_name = {n.name: n for n in bridges if not n.internal}
    for container in containers:
        endpoint = _way_out(container)
        if endpoint and endpoint.network in by_name:
            for port in container.published:
                rules += _published(bridge_of(by_name[endpoint.network]), endpoint.address, port, userland_proxy)
    return list(dict.fromkeys(rules))


def bridge_of(network: Network) -> str:
    """The network's interface on the host."""
    return network.options.get(BRIDGE + "name") or f"br-{network.id[:12]}"


def _subnet(network: Network) -> str:
    """Its IPv4 subnet, empty for none."""
    return next((s.subnet for s in network.subnets if s.subnet and ":" not in s.subnet), "")


def _is_on(network: Network, option: str) -> bool:
    return network.options.get(BRIDGE + option, "true").lower() not in ("false", "0", "f")


def _base(userland_proxy: bool) -> Iterator[Rule]:
    yield Rule("filter", f"-A FORWARD -j {USER}", first=True)
    yield Rule("filter", f"-A FORWARD -j {FIRST_STAGE}", first=True)
    yield Rule("filter", f"-A {USER} -j RETURN")
    yield Rule("filter", f"-A {FIRST_STAGE} -j RETURN")
    yield Rule("filter", f"-A {SECOND_STAGE} -j RETURN")
    yield Rule("nat", "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER")
    others = "! -d 127.0.0.0/8 " if userland_proxy else ""
    yield Rule("nat", f"-A OUTPUT {others}-m addrtype --dst-type LOCAL -j DOCKER")


def _internal(network: Network) -> Iterator[Rule]:
    bridge, subnet = bridge_of(network), _subnet(network)
    yield Rule("filter", f"-A {FIRST_STAGE} ! -s {subnet} -o {bridge} -j DROP", first=True)
    yield Rule("filter", f"-A {FIRST_STAGE} ! -d {subnet} -i {bridge} -j DROP", first=True)
    if _is_on(network, "enable_icc"):
        yield Rule("filter", f"-A FORWARD -i {bridge} -o {bridge} -j ACCEPT")


def _outward(network: Network, userland_proxy: bool) -> Iterator[Rule]:
    bridge, subnet = bridge_of(network), _subnet(network)
    yield Rule("filter", f"-A FORWARD -o {bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
    yield Rule("filter", f"-A FORWARD -o {bridge} -j DOCKER")
    yield Rule("filter", f"-A FORWARD -i {bridge} ! -o {bridge} -j ACCEPT")
    if _is_on(network, "enable_icc"):
        yield Rule("filter", f"-A FORWARD -i {bridge} -o {bridge} -j ACCEPT")
    yield Rule("filter", f"-A {FIRST_STAGE} -i {bridge} ! -o {bridge} -j {SECOND_STAGE}", first=True)
    yield Rule("filter", f"-A {SECOND_STAGE} -o {bridge} -j DROP", first=True)
    address = network.options.get(HOST_ADDRESS)
    target = f"SNAT --to-source {address}" if address else "MASQUERADE"
    if _is_on(network, "enable_ip_masquerade"):
        yield Rule("nat", f"-A POSTROUTING -s {subnet} ! -o {bridge} -j {target}")
        if userland_proxy:
            yield Rule("nat", f"-A DOCKER -i {bridge} -j RETURN", first=True)
    if not userland_proxy:
        yield Rule("nat", f"-A POSTROUTING -o {bridge} -m addrtype --src-type LOCAL -j {target}")


def _way_out(container: Container) -> Optional[Endpoint]:
    """The endpoint that the container's default route leads through."""
    gateway = container.default_route.partition(" dev ")[0]
    return next((e for e in container.endpoints if gateway and e.gateway == gateway and e.address), None)


def _published(bridge: str, address: str, port: Port, userland_proxy: bool) -> Iterator[Rule]:
    if ":" in port.host_ip or not port.host_port:
        return
    anywhere = not port.host_ip or ipaddress.ip_address(port.host_ip).is_unspecified
    at = "" if anywhere else f"-d {port.host_ip}/32 "
    protocol = f"-p {port.protocol} -m {port.protocol}"
    others = f"! -i {bridge} " if userland_proxy else ""
    inside = f"{protocol} --dport {port.container_port}"
    yield Rule(
        "nat",
        f"-A DOCKER {at}{others}{protocol} --dport {port.host_port} -j DNAT --to-destination {address}:{port.container_port}",
    )
    yield Rule("filter", f"-A DOCKER -d {address}/32 ! -i {bridge} -o {bridge} {inside} -j ACCEPT")
    yield Rule("nat", f"-A POSTROUTING -s {address}/32 -d {address}/32 {inside} -j MASQUERADE")


def writes_these(version: str) -> bool:
    """Whether an engine of that version (``26.1.5``) writes these rules; later ones lay theirs out in other chains."""
    numbers: Sequence[str] = version.split(".")[:2]
    found = tuple(int(n) for n in numbers if n.isdigit())
    return len(found) == 2 and FIRST_VERSION <= found <= LAST_VERSION
