# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a network anew with its labels, options and names; every endpoint is carried over."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Any, Optional

from ..model import Endpoint, Network, Subnet
from .situation import Proposal, Remediation, Situation, refuse
from .state import address_order, network_fields
from .steps import Step, connect, create_network, disconnect, remove_network


def propose(situation: Situation) -> Proposal:
    """Every network that the findings name, or where none does, those of the broken dependencies."""
    steps: list[Step] = []
    refusals: list[str] = []
    for name in _networks(situation):
        network = situation.case.network(name)
        if network is None:
            continue
        reason = _why_not(situation, network)
        if reason:
            refusals.append(reason)
            continue
        steps += _rebuild(situation, network)
    return (
        refuse(*refusals)
        if refusals
        else Proposal(tuple(steps))
        if steps
        else refuse("no network of the project is broken")
    )


def _networks(situation: Situation) -> list[str]:
    named = [str(f.subject["network"]) for f in situation.findings if f.code == "name.network_rebuilt_naively"]
    if named:
        return list(dict.fromkeys(named))
    broken = {w.dependency.consumer for w in situation.case.walks if w.outcome.value == "failed"}
    used = [e.network for s in sorted(broken) for c in situation.case.containers_of(s) for e in c.endpoints]
    return [n for n in dict.fromkeys(used) if situation.network_key(n)]


def _why_not(situation: Situation, network: Network) -> str:
    """Why this network must not be rebuilt; empty where it may."""
    key = situation.network_key(network.name)
    if not key:
        return f"network '{network.name}' is not in the project's configuration"
    if ((situation.config.get("networks") or {}).get(key) or {}).get("external"):
        return f"network '{network.name}' is external: other projects rely on it as it is"
    if network.driver != "bridge":
        return f"network '{network.name}' has driver {network.driver}; only bridge networks can be rebuilt"
    strangers = [c.name for c in situation.case.snapshot.strangers if c.endpoint(network.name)]
    if strangers:
        return f"containers of others are on network '{network.name}': {', '.join(strangers)}"
    bridge = network.options.get("com.docker.network.bridge.name") or f"br-{network.id[:12]}"
    for rule in situation.case.snapshot.firewall_rules:
        if bridge in rule or any(s.subnet in rule for s in network.subnets if s.subnet):
            return f"a firewall rule names network '{network.name}', and a rebuild would silently evade it: {rule}"
    return ""


def _rebuild(situation: Situation, network: Network) -> list[Step]:
    key = situation.network_key(network.name)
    wanted = _wanted(situation, network, key)
    cause = "it must carry Compose's labels and its services' names"
    attached = {
        c.name: c.endpoints[network.name] for c in situation.state.containers.values() if network.name in c.endpoints
    }
    endpoints = {name: _endpoint(situation, name, network.name, wanted, old) for name, old in attached.items()}
    same = network_fields(replace(network, labels=_plain(network.labels))) == network_fields(
        replace(wanted, labels=_plain(wanted.labels))
    )
    if same and all(set(attached[n].aliases) >= set(e.aliases) for n, e in endpoints.items()):
        return []
    order = address_order(attached)
    steps = [disconnect(name, network.name, cause) for name in order]
    steps += [remove_network(network.name, cause), create_network(wanted, cause)]
    return steps + [
        connect(name, network.name, endpoints[name], f"'{situation.state.containers[name].service}' keeps its place")
        for name in order
    ]


def _plain(labels: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in labels.items() if k != "com.docker.compose.version"}


def _wanted(situation: Situation, network: Network, key: str) -> Network:
    """The network as the configuration describes it; what it leaves open stays as it is."""
    spec: dict[str, Any] = (situation.config.get("networks") or {}).get(key) or {}
    pools = tuple(
        Subnet(
            subnet=str(p.get("subnet") or ""),
            gateway=str(p.get("gateway") or ""),
            ip_range=str(p.get("ip_range") or ""),
            aux_addresses=dict(p.get("aux_addresses") or {}),
        )
        for p in (spec.get("ipam") or {}).get("config") or ()
        if p.get("subnet")
    )
    taken = _overlapping(situation, network, pools)
    return replace(
        network,
        subnets=network.subnets if not pools or taken else pools,
        options={**network.options, **{str(k): str(v) for k, v in (spec.get("driver_opts") or {}).items()}},
        internal=bool(spec.get("internal", network.internal)),
        attachable=bool(spec.get("attachable", network.attachable)),
        labels=situation.compose_labels(network, key),
        key=key,
        project=situation.case.snapshot.project,
    )


def _overlapping(situation: Situation, network: Network, pools: tuple[Subnet, ...]) -> bool:
    others = [s.subnet for n in situation.case.snapshot.networks if n.name != network.name for s in n.subnets]
    others += list(situation.options.get("host_routes") or ())
    current = {s.subnet for s in network.subnets}
    return any(_overlap(p.subnet, o) for p in pools for o in others if o not in current)


def _overlap(one: str, other: str) -> bool:
    try:
        first, second = ipaddress.ip_network(one, strict=False), ipaddress.ip_network(other, strict=False)
    except ValueError:
        return False
    return first.version == second.version and first.overlaps(second)


def _endpoint(situation: Situation, container: str, name: str, network: Network, old: Endpoint) -> Endpoint:
    wanted = situation.wanted_endpoint(container, name)
    return replace(
        wanted,
        aliases=tuple(sorted({*wanted.aliases, *old.aliases})),
        static_ipv4=wanted.static_ipv4 or _if_inside(old.static_ipv4, network),
        static_ipv6=wanted.static_ipv6 or _if_inside(old.static_ipv6, network),
        links=old.links,
        driver_opts=old.driver_opts or wanted.driver_opts,
    )


def _if_inside(address: str, network: Network) -> str:
    inside: Optional[str] = next((address for s in network.subnets if address and _overlap(address, s.subnet)), None)
    return inside or ""


REMEDIATION = Remediation(
    name="rebuild_network",
    summary="makes a network anew with its labels, options and names, and carries every endpoint over",
    invasiveness=5,
    reversible="full",
    restarts="none",
    downtime="about a second for the project's containers on that network",
    propose=propose,
)
