# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 4, the address: who has it, whether any is left, and whether the subnet is anybody else's."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any, Optional, Union

from ..model import CheckResult, Confidence, Container, Finding, Layer, Network, Outcome, Severity, Subnet, Walk
from .answers import checked_service
from .case import Case, network_names
from .creation import TAKEN_PORT, halted, never_started
from .make import finding, listed, log_evidence

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]
Range = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]

EXHAUSTED = re.compile(r"no available IPv\d addresses on this network's address pools: (?P<network>\S+)")
TAKEN = re.compile(r"\bAddress already in use", re.I)
BRIDGE_NAME = "com.docker.network.bridge.name"
# a wider route is a default route in parts, as VPN clients set it
WIDEST_ROUTE = 8


def network_ip_exhausted(case: Case) -> list[Finding]:
    """A network whose addresses are all given away: one finding for each network."""
    refused: dict[str, list[Container]] = {}
    for container in case.snapshot.containers:
        said = EXHAUSTED.search(container.error)
        if said and not container.running:
            refused.setdefault(said["network"], []).append(container)
    found = []
    for name, containers in refused.items():
        network = case.network(name)
        services = list(dict.fromkeys(c.service for c in containers))
        found.append(
            halted(
                case,
                "address.network_ip_exhausted",
                services,
                f"Network '{name}' has no address left for {listed(services)}",
                evidence=(
                    *(f"the engine about {c.name}: {_said(c)}" for c in containers[:2]),
                    *([_capacity(s, network) for s in network.subnets] if network else ()),
                ),
                confirm=f"docker network inspect -f '{{{{json .IPAM.Config}}}} {{{{len .Containers}}}}' {name}",
                advice=f"Give network '{name}' a larger subnet (or ip_range) under networks: in the Compose file. Compose "
                f"applies it to a new network only: docker compose -p {case.snapshot.project} down, then up -d.",
                subject={"network": name, "services": services},
            )
        )
    return found


def _said(container: Container) -> str:
    """What the engine says, without the id of the network."""
    return re.sub(r" \([0-9a-f]{12,}\)", "", container.error)


def _capacity(subnet: Subnet, network: Network) -> str:
    whole, pool = _range(subnet.subnet), _range(subnet.ip_range or subnet.subnet)
    if whole is None or pool is None:
        return f"subnet {subnet.subnet}"
    # the engine keeps the first and the last address of the subnet, and the gateway's
    named = (_address(a) for a in (_gateway(subnet), *subnet.aux_addresses.values()))
    kept = {whole.network_address, whole.broadcast_address, *(a for a in named if a)}
    free = pool.num_addresses - sum(_inside(str(a), pool) for a in kept)
    return f"{pool} has {free} address{'' if free == 1 else 'es'} for containers, {len(network.attached)} on it"


def _gateway(subnet: Subnet) -> str:
    """The gateway's address; the engine takes the first of the subnet where none was chosen."""
    whole = _range(subnet.subnet)
    return subnet.gateway or (str(whole.network_address + 1) if whole else "")


def static_ip_taken_by_dynamic(case: Case) -> list[Finding]:
    """A fixed address that another container has: one finding for each service that wants one."""
    found = []
    for service, network, address in _fixed(case):
        refused = [c for c in case.containers_of(service) if not c.running and _address_is_taken(c)]
        holder = case.owner(str(address))
        gateway = any(str(address) == _gateway(s) for s in network.subnets)
        if not refused or (not gateway and holder is not None and holder.service == service):
            continue
        endpoint = holder.endpoint(network.name) if holder else None
        fixed = endpoint is not None and str(address) in (endpoint.static_ipv4, endpoint.static_ipv6)
        whose = "the network's gateway" if gateway else f"container {holder.name}" if holder else ""
        found.append(
            halted(
                case,
                "address.static_ip_taken_by_dynamic",
                [service],
                f"Service '{service}' wants the address {address}"
                + (f", which {whose} has" if whose else ", which is taken"),
                evidence=(
                    f"the configuration fixes {address} for service '{service}' on '{network.name}'",
                    f"the engine about {refused[0].name}: {_said(refused[0])}",
                    f"{whose} has {address} on '{network.name}'"
                    + (", fixed as well" if fixed else ", given by the engine")
                    if holder and not gateway
                    else f"{whose or 'nobody that runs now'} has {address}",
                ),
                confirm=f"docker network inspect -f '{{{{json .Containers}}}}' {network.name}",
                advice=f"Give service '{service}' another ipv4_address."
                if fixed or gateway
                else f"Keep fixed addresses out of what the engine gives away: set ip_range of '{network.name}' to a part of "
                f"its subnet without {address}, then docker compose -p {case.snapshot.project} down and up -d.",
                subject={
                    "service": service,
                    "network": network.name,
                    "address": str(address),
                    "holder": holder.name if holder else "",
                },
                confidence=Confidence.CERTAIN if whose else Confidence.LIKELY,
            )
        )
    return found


def _address_is_taken(container: Container) -> bool:
    # the engine has the same words for a port that is taken
    return bool(TAKEN.search(container.error)) and not TAKEN_PORT.search(container.error)


def static_ip_outside_subnet(case: Case) -> list[Finding]:
    """A fixed address that is in no subnet of its network: one finding for each service."""
    found = []
    waiting = never_started(case)
    for service, network, address in _fixed(case):
        subnets = [s.subnet for s in network.subnets if s.subnet]
        if service not in waiting or not subnets or any(_inside(str(address), _range(s)) for s in subnets):
            continue
        configured = _configured_subnets(case, network)
        old = configured and set(configured) != set(subnets)
        found.append(
            halted(
                case,
                "address.static_ip_outside_subnet",
                [service],
                f"Service '{service}' wants the address {address}, which is not in the subnet of '{network.name}'",
                evidence=(
                    f"the configuration fixes {address} for service '{service}' on '{network.name}'",
                    f"'{network.name}' has the subnet {', '.join(subnets)}",
                    *([f"the configuration gives it {', '.join(configured)}: it was made before"] if old else []),
                ),
                confirm=f"docker network inspect -f '{{{{json .IPAM.Config}}}}' {network.name}",
                advice=f"Compose leaves an existing network as it is: docker compose -p {case.snapshot.project} down, then up -d."
                if old
                else f"Give service '{service}' an address of {', '.join(subnets)}, or none; or change the network's subnet.",
                subject={"service": service, "network": network.name, "address": str(address)},
            )
        )
    return found


def _fixed(case: Case) -> Iterator[tuple[str, Network, Address]]:
    """Service, network and address of every fixed address of the configuration, of networks that exist."""
    names = network_names(case.snapshot.config, case.snapshot.project)
    for service, spec in (case.snapshot.config.get("services") or {}).items():
        for key, entry in ((spec or {}).get("networks") or {}).items():
            network = case.network(names.get(key, ""))
            for field in ("ipv4_address", "ipv6_address"):
                address = _address(str((entry or {}).get(field) or ""))
                if network and address:
                    yield service, network, address


def _configured_subnets(case: Case, network: Network) -> list[str]:
    names = network_names(case.snapshot.config, case.snapshot.project)
    key = next((k for k, name in names.items() if name == network.name), "")
    return _subnets_of(((case.snapshot.config.get("networks") or {}).get(key)) or {})


def _subnets_of(spec: dict[str, Any]) -> list[str]:
    configured = [str(c.get("subnet") or "") for c in (spec.get("ipam") or {}).get("config") or ()]
    return [s for s in configured if _range(s)]


def subnet_overlaps_other_network(case: Case) -> list[Finding]:
    """A network that cannot be made because its subnet is another network's: one finding for each network."""
    found = []
    specs = case.snapshot.config.get("networks") or {}
    for key, name in network_names(case.snapshot.config, case.snapshot.project).items():
        services = [s for s in never_started(case) if name in case.configured_networks(s)]
        clash = _clash(case, name, _subnets_of(specs[key] or {}))
        if clash is None or not services or case.network(name) or (specs[key] or {}).get("external"):
            continue
        subnet, other, theirs = clash
        users = [c.name for c in (*case.snapshot.bystanders, *case.snapshot.containers) if c.endpoint(other)]
        found.append(
            halted(
                case,
                "address.subnet_overlaps_other_network",
                services,
                f"Network '{name}' cannot be made: its subnet {subnet} overlaps {theirs} of network '{other}'",
                evidence=(
                    f"the configuration gives network '{key}' the subnet {subnet}",
                    f"network '{other}' has {theirs}; containers on it: {', '.join(users) or 'none'}",
                    f"the engine has no network '{name}'",
                ),
                confirm=f"docker network inspect -f '{{{{json .IPAM.Config}}}}' {other}",
                advice=f"Give network '{key}' a free subnet, or take 'ipam' out of it and let the engine choose"
                + (f"; or remove '{other}', which no container uses: docker network rm {other}" if not users else "")
                + f". Then docker compose -p {case.snapshot.project} up -d.",
                subject={"network": name, "key": key, "subnet": subnet, "other": other},
            )
        )
    return found


def _clash(case: Case, own: str, subnets: list[str]) -> Optional[tuple[str, str, str]]:
    """The first subnet that is another network's as well: that subnet, the other network's name and subnet."""
    for subnet in subnets:
        for other, theirs in case.snapshot.host.subnets.items():
            for taken in theirs:
                if other != own and _overlap(_range(subnet), _range(taken)):
                    return subnet, other, taken
    return None


def subnet_overlaps_host_route(case: Case) -> list[Finding]:
    """A subnet of the project that the host routes elsewhere: an error only where something fails by it."""
    found = []
    for network in case.snapshot.networks:
        for subnet in network.subnets if network.driver == "bridge" else ():
            for route in case.snapshot.host.routes:
                target, _sep, device = route.partition(" dev ")
                theirs, ours = _range(target), _range(subnet.subnet)
                if (
                    theirs
                    and ours
                    and theirs.prefixlen >= WIDEST_ROUTE
                    and _overlap(theirs, ours)
                    and device != network.options.get(BRIDGE_NAME)
                ):
                    found.append(_hidden(case, network, ours, theirs, device))
    return found


def _hidden(case: Case, network: Network, ours: Range, theirs: Range, device: str) -> Finding:
    part = theirs if theirs.prefixlen >= ours.prefixlen else ours
    walks = [w for w in case.open_walks(Layer.ADDRESS, Layer.PORT) if _calls_into(case, w, network, part)]
    checks = [r for r in case.open_checks() if _asks_into(case, r, network, theirs, ours)]
    broken = [*(w.dependency.name for w in walks), *(r.check.name for r in checks)]
    on_it = sorted({c.service for c in case.snapshot.containers if c.service and c.endpoint(network.name)})
    return finding(
        "address.subnet_overlaps_host_route",
        Confidence.LIKELY if broken else Confidence.CERTAIN,
        f"Network '{network.name}' ({ours}) hides {part} of the host's network behind {device}",
        broken or on_it,
        evidence=(
            f"network '{network.name}' has the subnet {ours}; the host has a route {theirs} dev {device}",
            *(f"from inside {w.dependency.consumer}: {w.detail}; no container has that address" for w in walks[:3]),
            *(f"{r.check.method} {r.check.url}: {r.error}" for r in checks[:2]),
            *(line for w in walks[:1] for line in log_evidence(case, w.dependency.consumer, [w.dependency.host])),
        ),
        confirm=f"ip -4 route show | grep -e '^{theirs.network_address}' -e '^{ours.network_address}'",
        advice=f"Give network '{network.name}' a subnet outside of {theirs} (ipam.config under networks: in the Compose "
        f"file); Compose applies it to a new network only: docker compose -p {case.snapshot.project} down, then up -d.",
        subject={"network": network.name, "subnet": str(ours), "route": str(theirs), "device": device},
        severity=Severity.ERROR if broken else Severity.WARNING,
    )


def _calls_into(case: Case, walk: Walk, network: Network, part: Range) -> bool:
    """Whether a consumer on the network calls an address there that no container has: it is meant for the host's side."""
    consumer = case.container(walk.container)
    if consumer is None or consumer.endpoint(network.name) is None:
        return False
    dependency = walk.dependency
    probes = case.port_probes(consumer.name, dependency.host, dependency.port)
    asked = [p.host for p in probes if p.outcome is Outcome.FAILED]
    return bool(asked) and all(_inside(a, part) and case.owner(a) is None for a in asked)


def _asks_into(case: Case, result: CheckResult, network: Network, theirs: Range, ours: Range) -> bool:
    """Whether the host, asked for a container on the network, sends its packets the other way: the narrower route wins."""
    if result.check.source != "host" or result.status or theirs.prefixlen < ours.prefixlen:
        return False
    containers = [c for c in case.containers_of(checked_service(case, result)) if c.running]
    endpoints = [e for c in containers if (e := c.endpoint(network.name))]
    return bool(endpoints) and all(_inside(e.address, theirs) for e in endpoints)


def _range(text: str) -> Optional[Range]:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _address(text: str) -> Optional[Address]:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _overlap(one: Optional[Range], other: Optional[Range]) -> bool:
    # ranges of the two families overlap nowhere; overlaps() raises for them
    return bool(one and other and one.version == other.version and one.overlaps(other))


def _inside(address: str, within: Optional[Range]) -> bool:
    found = _address(address)
    return bool(found and within and found in within)
