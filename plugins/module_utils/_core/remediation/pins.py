# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Broken dependencies whose provider is known, and addresses for providers that stay what they are.

The engine takes a chosen address only on a network whose subnet was chosen too, and one inside a network's dynamic
range is somebody else's after the next ``down`` and ``up``. So where a provider has no fixed address yet, it and its
consumers get a network of our own besides those that they have: internal, so that no default route moves to it, with
a free subnet of which the engine hands out the upper half only. https://github.com/moby/moby/issues/21741
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, Optional, Union

from ..diagnosis.case import NO_EMBEDDED_DNS
from ..model import Container, Dependency, Outcome
from .patch import merge, service_patch
from .situation import DirectCheck, Situation
from .subnets import last_free

NETWORK = "netfix"
_REJECTED = (400, 421)


@dataclass(frozen=True)
class Broken:
    """One broken dependency, the service and port that it means, and how that answered when it was asked directly."""

    dependency: Dependency
    provider: str
    port: int
    fixed: str
    check: DirectCheck

    @property
    def rejects_address(self) -> bool:
        """Whether the provider turns requests away that name it by its address."""
        return self.check.status in _REJECTED


@dataclass(frozen=True)
class Asked:
    """What became of the broken dependencies: those whose provider can be given an address, why others' cannot."""

    broken: tuple[Broken, ...]
    reasons: tuple[str, ...]
    checks: tuple[DirectCheck, ...]

    def sifted(self, why_not: Callable[[Broken], str]) -> tuple[list[Broken], list[str]]:
        """Those that nothing speaks against, and why the others stay as they are."""
        judged = [(broken, why_not(broken)) for broken in self.broken]
        left = [f"{broken.dependency.name}: {reason}" for broken, reason in judged if reason]
        return [broken for broken, reason in judged if not reason], [*self.reasons, *left]


def broken_dependencies(situation: Situation) -> Asked:
    """Every broken dependency, with what the direct checks of its provider showed."""
    found = [_broken(situation, dependency) for dependency in _failing(situation)]
    return Asked(
        tuple(f for f in found if isinstance(f, Broken)),
        tuple(dict.fromkeys(f.reason for f in found if isinstance(f, _Unable))),
        tuple(dict.fromkeys(f.check for f in found if f.check)),
    )


@dataclass(frozen=True)
class _Unable:
    reason: str
    check: Optional[DirectCheck] = None


def _failing(situation: Situation) -> list[Dependency]:
    """The calls that a walk or a finding says are broken.

    A finding may know better than a walk: a gateway that keeps an old address fails where its names resolve well.
    """
    calls = [d for d in situation.case.snapshot.dependencies if d.kind in ("call", "loopback")]
    names = {w.dependency.name for w in situation.case.walks if w.outcome is Outcome.FAILED}
    for finding in situation.findings:
        broken = {d.name for d in calls} & set(finding.breaks)
        hosts = finding.subject.get("hosts") or ()
        own = (d for d in calls if d.consumer == finding.subject.get("service") and (not hosts or d.host in hosts))
        names |= broken or {d.name for d in own}
    return [d for d in calls if d.name in names]


def _broken(situation: Situation, dependency: Dependency) -> Union[Broken, _Unable]:
    def unable(reason: str, check: Optional[DirectCheck] = None) -> _Unable:
        return _Unable(f"{dependency.name}: {reason}", check)

    case = situation.case
    provider, port = _meant(situation, dependency)
    consumers = case.containers_of(dependency.consumer)
    running = [c for c in case.containers_of(provider) if c.running]
    if not provider:
        return unable("no service is known to provide it")
    if not running:
        return unable(f"service '{provider}' does not run")
    if not consumers or (not any(c.running for c in consumers) and not _keeps_it_down(situation, dependency)):
        return unable(f"service '{dependency.consumer}' does not run")
    replicas = max(len(running), _scale(situation.service(provider)))
    if replicas > 1:
        return unable(f"'{provider}' has {replicas} replicas, and an address would pin one of them")
    shared = case.shared_networks(consumers[0], running[0])
    check = _check(situation, dependency, consumers[0], running[0], port, shared)
    if check.tcp not in ("open", "not asked"):
        return unable(f"{check.address}:{port} did not answer a direct check ({check.tcp})", check)
    if check.tcp == "not asked" and not _listens(running[0], port):
        return unable(f"'{provider}' does not listen on port {port} where others could reach it", check)
    fixed = next(filter(None, (_fixed(situation, running[0], n) for n in shared)), "")
    reason = "" if fixed else _why_no_network(situation, dependency, provider, consumers[0], running[0])
    return unable(reason, check) if reason else Broken(dependency, provider, port, fixed, check)


def _meant(situation: Situation, dependency: Dependency) -> tuple[str, int]:
    """The service and port that a dependency means; a finding may know better than the name that is called."""
    for finding in situation.findings:
        subject = finding.subject
        if dependency.name in finding.breaks and subject.get("host") == dependency.host and subject.get("service"):
            if subject.get("consumer") == dependency.consumer:
                return str(subject["service"]), int(subject.get("new_port") or dependency.port)
    return situation.case.provider(dependency), dependency.port


def _keeps_it_down(situation: Situation, dependency: Dependency) -> bool:
    """Whether a finding says that the consumer does not run because of this very call."""
    return any(
        f.subject.get("service") == dependency.consumer and f.subject.get("host") == dependency.host
        for f in situation.findings
    )


def _scale(service: Mapping[str, Any]) -> int:
    return int(service.get("scale") or (service.get("deploy") or {}).get("replicas") or 1)


def _check(
    situation: Situation, dependency: Dependency, consumer: Container, provider: Container, port: int, shared: list[str]
) -> DirectCheck:
    endpoint = provider.endpoint(shared[0]) if shared else None
    address = endpoint.address if endpoint else ""
    tried = situation.case.tried(consumer.name, port, [address])
    tcp = ("open" if tried[0].outcome is Outcome.OK else tried[0].error) if tried else "not asked"
    if tried and tried[0].outcome is Outcome.UNKNOWN:
        tcp = "not asked"
    named = situation.case.name_probe(consumer.name, dependency.host)
    asked = [address, *([dependency.host] if named and named.answers == (address,) else [])]
    answers = [situation.case.http_probe(consumer.name, host, port) for host in asked]
    status = next((a.status for a in answers if a and a.status), 0)
    return DirectCheck(dependency.consumer, provider.service, provider.name, address, port, tcp, status)


def _listens(container: Container, port: int) -> bool:
    """Whether it may be reached at the port; where its sockets are not known, it may."""
    if container.sockets is None or not port:
        return True
    listening = [s for s in container.sockets if s.state == "LISTEN" and s.port == port]
    return any(not ipaddress.ip_address(s.address).is_loopback for s in listening)


def _fixed(situation: Situation, provider: Container, network: str) -> str:
    """The address that the configuration gives it on a network and that it has; empty where there is none."""
    settings = _networks_of(situation, provider.service).get(situation.network_key(network)) or {}
    wanted = settings.get("ipv4_address")
    endpoint = provider.endpoint(network)
    return str(wanted) if wanted and endpoint and endpoint.address == wanted else ""


def _why_no_network(
    situation: Situation, dependency: Dependency, provider: str, consumer: Container, container: Container
) -> str:
    """Why a network of our own between the two cannot or must not be; empty where it can."""
    for service in (dependency.consumer, provider):
        mode = str(situation.service(service).get("network_mode") or "")
        if mode:
            return f"service '{service}' has the network mode '{mode}', and joins no other network"
        if not situation.service(service):
            return f"service '{service}' is not in the configuration"
    snapshot = situation.case.snapshot
    for declared in snapshot.dependencies:
        if declared.kind == "separation" and {declared.consumer, situation.case.provider(declared)} == {
            dependency.consumer,
            provider,
        }:
            return f"'{dependency.consumer}' and '{provider}' are declared to be kept apart"
    for endpoint in (*consumer.endpoints, *container.endpoints):
        network = situation.case.network(endpoint.network)
        if network is None or network.name in NO_EMBEDDED_DNS:
            continue
        bridge = network.options.get("com.docker.network.bridge.name") or f"br-{network.id[:12]}"
        for rule in snapshot.firewall_rules:
            if re.search(rf"(?<![\w.-]){re.escape(bridge)}\b", rule) or any(s.subnet in rule for s in network.subnets):
                return f"a firewall rule names network '{network.name}', and a network of ours would evade it: {rule}"
    return ""


@dataclass(frozen=True)
class Fixed:
    """Every provider's fixed address, what fixes those that were not, and the services that this changes."""

    addresses: Mapping[str, str] = field(default_factory=dict)
    patch: Mapping[str, Any] = field(default_factory=dict)
    services: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()


def fixed_addresses(situation: Situation, broken: Iterable[Broken]) -> Fixed:
    """Addresses for the providers; those that have none join a network of ours, with their consumers."""
    found = list(broken)
    addresses = {b.provider: b.fixed for b in found if b.fixed}
    wanting = list(dict.fromkeys(b.provider for b in found if b.provider not in addresses))
    if not wanting:
        return Fixed(addresses)
    subnet = _our_subnet(situation) or _new_subnet(situation)
    if not subnet:
        return Fixed(refusals=("no subnet for a network with fixed addresses is free on this host",))
    pool = ipaddress.IPv4Network(subnet)
    lower, upper = pool.subnets(1)
    ipam = {"config": [{"subnet": str(pool), "ip_range": str(upper), "gateway": str(pool[1])}]}
    patch: dict[str, Any] = {"networks": {NETWORK: {"internal": True, "ipam": ipam}}}
    taken = {str((_networks_of(situation, s).get(NETWORK) or {}).get("ipv4_address")) for s in situation.case.services()}
    free = (str(a) for a in lower.hosts() if str(a) not in taken and a != pool[1])
    addresses.update(zip(wanting, free))
    if len(addresses) < len({b.provider for b in found}):
        return Fixed(refusals=(f"subnet {subnet} has no address left for every provider",))
    for provider in wanting:
        patch = merge(patch, _joined(situation, provider, {"ipv4_address": addresses[provider]}))
    consumers = [b.dependency.consumer for b in found if b.provider in wanting]
    for consumer in consumers:
        patch = merge(patch, _joined(situation, consumer, None))
    return Fixed(addresses, patch, tuple(dict.fromkeys([*wanting, *consumers])))


def _networks_of(situation: Situation, service: str) -> dict[str, Any]:
    return situation.service(service).get("networks") or {}


def _our_subnet(situation: Situation) -> str:
    """That of the network which an earlier change made; empty where there is none."""
    network = (situation.override.get("networks") or {}).get(NETWORK) or {}
    pools = (network.get("ipam") or {}).get("config") or [{}]
    return str(pools[0].get("subnet") or "")


def _joined(situation: Situation, service: str, settings: Optional[dict[str, Any]]) -> dict[str, Any]:
    # a service without networks is on "default" only as long as it names no other
    return service_patch(service, networks={**{k: None for k in _networks_of(situation, service)}, NETWORK: settings})


def _new_subnet(situation: Situation) -> str:
    """A /24 that overlaps no route of the host and no network of the engine; empty where there is none."""
    snapshot = situation.case.snapshot
    return last_free(
        [
            *(route.partition(" ")[0] for route in snapshot.host.routes),
            *(subnet for subnets in snapshot.host.subnets.values() for subnet in subnets),
            *(s.subnet for n in snapshot.networks for s in n.subnets),
        ]
    )
