# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a network anew with its labels, options and names; every endpoint is carried over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from ..diagnosis.address import WIDEST_ROUTE
from ..diagnosis.case import network_names
from ..diagnosis.filters import BRIDGE_NAME
from ..model import Container, Endpoint, Network, Outcome, Snapshot, Subnet
from ..parsing.firewall import names_interface, subnets_in
from . import reconnect_endpoints
from .mac_addresses import lost_mac
from .patch import merge, override, reset
from .persist import persist
from .situation import Proposal, Remediation, Situation, refuse
from .state import hold_addresses, network_fields
from .steps import Action, Step, connect_all, create_network, disconnect_all, remove_network
from .subnets import free_subnet, overlap, parsed, room, same_family, wider

# Compose since 2.31 makes a network anew whose label does not fit its configuration, and leaves one without it alone
LABEL_CONFIG_HASH = "com.docker.compose.config-hash"
_HIDES = "address.subnet_overlaps_host_route"
_CAUSE = "it must carry Compose's labels and its services' names"


@dataclass(frozen=True)
class Wishes:
    """What the operator asked for: which network, and with which subnet; DNS servers for its services.

    ``carry`` is whether containers of others come along.
    """

    name: str = ""
    subnet: str = ""
    dns: tuple[str, ...] = ()
    carry: bool = False


def wishes(options: Mapping[str, Any]) -> Wishes:
    """Those of the options of the module."""
    return Wishes(
        name=str(options.get("network_name") or ""),
        subnet=str(options.get("network_subnet") or ""),
        dns=tuple(options.get("network_dns") or ()),
        carry=options.get("network_shared") == "carry",
    )


def guests(snapshot: Snapshot, network: str) -> list[Container]:
    """Containers of others on a network, stopped ones too: these could not start any more without it."""
    return [c for c in (*snapshot.strangers, *snapshot.bystanders) if c.endpoint(network)]


def all_guests(snapshot: Snapshot) -> tuple[str, ...]:
    """Names of the containers of others on any network of the project's configuration."""
    names = network_names(snapshot.config, snapshot.project).values()
    return tuple(dict.fromkeys(c.name for n in names for c in guests(snapshot, n)))


@dataclass
class _Plan:
    """One network as it is and as it will be, its endpoints in the order in which they come back.

    ``fixed`` are the containers that keep a dynamic address only by having it fixed.
    """

    key: str
    old: Network
    new: Network
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    fixed: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)


def propose(situation: Situation) -> Proposal:
    """The network of your choice, else those that the findings name, else those of the broken dependencies.

    A network that is already as it should be is made anew only where you force it; then services that share none are
    joined as well, as ``reconnect_endpoints`` does it, and those with ``network_mode`` ``bridge`` or ``none`` lose that.
    """
    wanted = wishes(situation.options)
    names = _networks(situation, wanted)
    placed = _placement(situation) if situation.forced else {}
    if not names and not placed:
        return refuse(
            f"network '{wanted.name}' is not in the project's configuration" if wanted.name else "no network of the project is broken"
        )
    if wanted.subnet and len(names) > 1:
        return refuse(
            f"network_subnet is for one network, and {len(names)} would be made anew ({', '.join(names)}): say which with network_name"
        )
    plans: list[_Plan] = []
    for network in filter(None, map(situation.case.network, names)):
        plans.append(_plan(situation, network, wanted, plans))
    if not plans and not placed:
        return refuse(f"network '{names[0]}' does not exist: docker compose up makes it")
    refusals = [*_bad_servers(wanted), *(r for plan in plans for r in plan.refusals)]
    if refusals:
        return refuse(*refusals)
    plans = [p for p in plans if situation.forced or not _is_right(situation, p)]
    steps = [step for plan in plans for step in _steps(situation, plan)]
    patch: dict[str, Any] = {}
    for plan in plans:
        patch = merge(patch, _subnet_patch(situation, plan))
    services = _served(situation, plans) if wanted.dns else []
    for service in services:
        patch = merge(patch, {"services": {service: {"dns": override(list(wanted.dns))}}})
    if situation.forced:
        joined = reconnect_endpoints.propose(situation)
        steps += [s for s in joined.steps if _joins(situation, s, names)]
        patch, services = merge(patch, joined.patch), [*services, *joined.recreated, *placed]
    for service, key in placed.items():
        patch = merge(patch, {"services": {service: {"network_mode": reset(), "networks": {key: None}}}})
    proposal = persist(situation, steps, patch, services, "the configuration must say what the running network does")
    return replace(proposal, carried=tuple(g.name for p in plans for g in guests(situation.case.snapshot, p.old.name)))


def _networks(situation: Situation, wanted: Wishes) -> list[str]:
    if wanted.name:
        known = network_names(situation.config, situation.case.snapshot.project)
        return [name for key, name in known.items() if wanted.name in (key, name)]
    named = _named(situation, "name.network_rebuilt_naively", _HIDES)
    if named:
        return named
    broken = {w.dependency.consumer for w in situation.case.walks if w.outcome is Outcome.FAILED}
    users = [c for s in sorted(broken) for c in situation.case.containers_of(s)]
    if situation.forced and not users:
        users = list(situation.case.snapshot.containers)
    used = [e.network for c in users for e in c.endpoints]
    return [n for n in dict.fromkeys(used) if situation.network_key(n)]


def _joins(situation: Situation, step: Step, rebuilt: Iterable[str]) -> bool:
    """Whether a step connects a container to a network that it is not on, and that is not made anew."""
    if step.action is not Action.CONNECT:
        return False
    network = str(step.args["network"])
    return network not in rebuilt and step.args["container"] not in situation.state.attached(network)


def _placement(situation: Situation) -> dict[str, str]:
    """Services of broken dependencies that the configuration keeps off every network, with the key of the one to join."""
    parties: dict[str, list[str]] = {}
    for walk in situation.case.walks:
        if walk.outcome is Outcome.FAILED:
            consumer, provider = walk.dependency.consumer, situation.case.provider(walk.dependency)
            parties.setdefault(consumer, []).append(provider)
            parties.setdefault(provider, []).append(consumer)
    found = {}
    for service, others in parties.items():
        if situation.service(service).get("network_mode") in ("bridge", "none"):
            keys = [key for other in others for key in situation.service(other).get("networks") or {}]
            found[service] = keys[0] if keys else "default"
    return found


def _named(situation: Situation, *codes: str) -> list[str]:
    return list(dict.fromkeys(str(f.subject["network"]) for f in situation.findings if f.code in codes))


def _bad_servers(wanted: Wishes) -> list[str]:
    return [f"network_dns: {s!r} is not the address of a DNS server" for s in wanted.dns if not parsed(s, address=True)]


def _plan(situation: Situation, network: Network, wanted: Wishes, others: Iterable[_Plan]) -> _Plan:
    key = situation.network_key(network.name)
    plan = _Plan(key, network, network)
    plan.refusals += _why_not(situation, network, wanted)
    if plan.refusals:
        return plan
    pools, plan.refusals = _pools(situation, network, wanted, _taken(situation, network, others))
    plan.new = _renewed(situation, network, key, pools)
    endpoints = _endpoints(situation, network, plan.new)
    newcomers = [n for n, e in endpoints.items() if n not in situation.state.attached(network.name) and not e.static_ipv4]
    plan.endpoints = hold_addresses(endpoints, plan.new, newcomers)
    plan.fixed = [n for n, e in plan.endpoints.items() if e.static_ipv4 != endpoints[n].static_ipv4]
    plan.refusals += _misfits(situation, plan) + _evaded(situation, plan)
    return plan


def _why_not(situation: Situation, network: Network, wanted: Wishes) -> list[str]:
    """Why this network must not be made anew, however it looks afterwards."""
    key = situation.network_key(network.name)
    if (situation.config.get("networks", {}).get(key) or {}).get("external"):
        return [f"network '{network.name}' is external: make it anew in the project that owns it, with network_shared=carry"]
    if network.driver != "bridge":
        return [f"network '{network.name}' has driver {network.driver}; only bridge networks can be rebuilt"]
    others = [c.name for c in guests(situation.case.snapshot, network.name)]
    if others and not wanted.carry:
        return [
            f"containers of others are on network '{network.name}': {', '.join(others)}; network_shared=carry takes them along"
        ]
    return []


def _pools(
    situation: Situation, network: Network, wanted: Wishes, taken: Mapping[str, str]
) -> tuple[tuple[Subnet, ...], list[str]]:
    """The address pools: the configured ones, else the present ones, one of them as the operator wants it.

    What overlaps something else is replaced by a free one; what the operator wants so is refused.
    """
    configured = _configured_pools(situation, network)
    own = configured if configured and not any(_first_overlap(p.subnet, taken) for p in configured) else network.subnets
    if wanted.subnet:
        return _with_given(own, wanted.subnet, taken, network)
    pools: list[Subnet] = []
    for pool in own:
        # a wider route does no harm unless something is missed there: the narrower one wins
        harmless = () if network.name in _named(situation, _HIDES) else [s for s in taken if wider(s, pool.subnet)]
        clash = _first_overlap(pool.subnet, {s: what for s, what in taken.items() if s not in harmless})
        if clash:
            free = free_subnet(pool.subnet, [*taken, *(p.subnet for p in own)], situation.case.snapshot.host.address_pools)
            if not free:
                return own, [f"subnet {pool.subnet} of network '{network.name}' overlaps {clash}; name another with network_subnet"]
            pool = Subnet(free)
        pools.append(pool)
    return tuple(pools), []


def _configured_pools(situation: Situation, network: Network) -> tuple[Subnet, ...]:
    spec = situation.config.get("networks", {}).get(situation.network_key(network.name)) or {}
    return tuple(
        Subnet(
            subnet=str(p.get("subnet") or ""),
            gateway=str(p.get("gateway") or ""),
            ip_range=str(p.get("ip_range") or ""),
            aux_addresses=dict(p.get("aux_addresses") or {}),
        )
        for p in (spec.get("ipam") or {}).get("config") or ()
        if p.get("subnet")
    )


def _with_given(
    pools: tuple[Subnet, ...], given: str, taken: Mapping[str, str], network: Network
) -> tuple[tuple[Subnet, ...], list[str]]:
    subnet = parsed(given) if "/" in given else None
    if subnet is None:
        return pools, [f"network_subnet {given!r} is no subnet like 10.20.0.0/24: the bits after the prefix must be zero"]
    clash = _first_overlap(given, taken)
    if clash and given not in {s.subnet for s in network.subnets}:
        return pools, [f"network_subnet {given} overlaps {clash}"]
    if subnet.version not in {n.version for n in (parsed(p.subnet) for p in pools) if n}:
        return pools, [f"network_subnet {given} is of IPv{subnet.version}, and network '{network.name}' has no such subnet"]
    # what the pool says of itself, a gateway or a range, is of the old subnet
    return tuple(Subnet(given) if same_family(p.subnet, given) and p.subnet != given else p for p in pools), []


def _taken(situation: Situation, network: Network, others: Iterable[_Plan]) -> dict[str, str]:
    """What a subnet must not overlap, and what that is. A route to the network itself is none of it."""
    snapshot = situation.case.snapshot
    own = {s.subnet for s in network.subnets}
    known = [*snapshot.networks, *(plan.new for plan in others)]
    networks = {n.name: tuple(s.subnet for s in n.subnets) for n in known}
    found: dict[str, str] = {}
    for name, subnets in {**snapshot.host.subnets, **networks}.items():
        if name != network.name:
            found.update({s: f"{s} of network '{name}'" for s in subnets if s})
    for route in snapshot.host.routes:
        subnet = route.partition(" ")[0]
        routed = parsed(subnet)
        if routed and routed.prefixlen >= WIDEST_ROUTE and subnet not in own:
            found.setdefault(subnet, f"the host's route {route}")
    return found


def _first_overlap(subnet: str, taken: Mapping[str, str]) -> str:
    return next((what for other, what in taken.items() if overlap(subnet, other)), "")


def _renewed(situation: Situation, network: Network, key: str, pools: tuple[Subnet, ...]) -> Network:
    """The network as the configuration describes it; what that leaves open stays as it is."""
    spec: dict[str, Any] = situation.config.get("networks", {}).get(key) or {}
    new = replace(
        network,
        subnets=pools,
        options={**network.options, **{str(k): str(v) for k, v in (spec.get("driver_opts") or {}).items()}},
        internal=bool(spec.get("internal", network.internal)),
        attachable=bool(spec.get("attachable", network.attachable)),
        ipv6=bool(spec.get("enable_ipv6", network.ipv6)),
        labels=situation.compose_labels(network, key),
        key=key,
        project=situation.case.snapshot.project,
    )
    if network_fields(new) == network_fields(network):
        return new
    return replace(new, labels={k: v for k, v in new.labels.items() if k != LABEL_CONFIG_HASH})


def _endpoints(situation: Situation, network: Network, new: Network) -> dict[str, Endpoint]:
    """Every endpoint as it was, with what the configuration adds; and those of members that lost theirs."""
    found = situation.state.attached(network.name)
    members = [
        c.name
        for service in situation.case.services()
        if network.name in situation.case.configured_networks(service)
        for c in situation.case.containers_of(service)
        if c.running and c.name in situation.state.containers and c.network_mode not in ("none", "host", "bridge")
    ]
    return {name: _endpoint(situation, name, new, found.get(name)) for name in dict.fromkeys([*found, *members])}


def _endpoint(situation: Situation, container: str, network: Network, old: Optional[Endpoint]) -> Endpoint:
    seen = situation.case.container(container)
    if old and (seen is None or seen.one_off or not situation.service(seen.service)):
        # a guest, a one-off run or an orphan: the configuration says nothing about it
        return old
    if old is None:
        return situation.wanted_endpoint(container, network.name)
    kept = situation.kept_endpoint(container, old)
    wanted = situation.wanted_endpoint(container, network.name)
    return replace(
        kept,
        # an address that somebody gave by hand on a subnet that was not the configured one
        static_ipv4=wanted.static_ipv4 or _if_inside(old.static_ipv4, network),
        static_ipv6=wanted.static_ipv6 or _if_inside(old.static_ipv6, network),
    )


def _if_inside(address: str, network: Network) -> str:
    inside: Optional[str] = next((address for s in network.subnets if address and overlap(address, s.subnet)), None)
    return inside or ""


def _misfits(situation: Situation, plan: _Plan) -> list[str]:
    """Endpoints that the new network could not take as they are."""
    reasons = []
    for pool in plan.new.subnets:
        free = room(pool)
        if free < len(plan.endpoints):
            reasons.append(
                f"subnet {pool.subnet} has {free} addresses for containers, and {len(plan.endpoints)} are on network '{plan.old.name}'"
            )
    subnets = ", ".join(p.subnet for p in plan.new.subnets)
    for name, endpoint in plan.endpoints.items():
        for address in filter(None, (endpoint.static_ipv4, endpoint.static_ipv6)):
            if not _if_inside(address, plan.new):
                reasons.append(f"{name} has the fixed address {address}, which {subnets} does not hold: change one of them")
        if lost_mac(situation, name, endpoint):
            reasons.append(lost_mac(situation, name, endpoint))
    return reasons


def _evaded(situation: Situation, plan: _Plan) -> list[str]:
    """The firewall's rule that names the network, or that would not hold for its new subnet."""
    rules = (*situation.case.snapshot.firewall_rules, *(situation.options.get("nft_rules") or ()))
    bridge = plan.old.options.get(BRIDGE_NAME) or f"br-{plan.old.id[:12]}"
    for rule in rules:
        if names_interface(rule, bridge) or _is_evaded(rule, plan):
            return [f"a firewall rule names network '{plan.old.name}', and a rebuild would silently evade it: {rule}"]
    return []


def _is_evaded(rule: str, plan: _Plan) -> bool:
    after = [n for n in (parsed(s.subnet) for s in plan.new.subnets) if n]
    for named in subnets_in(rule) if plan.old.subnets else ():
        for old in (parsed(s.subnet) for s in plan.old.subnets):
            if old is None or old.version != named.version or not named.overlaps(old) or not named.prefixlen:
                continue
            wider = named.supernet_of(old) and named != old
            if not wider or not all(named.supernet_of(n) for n in after if n.version == named.version):
                return True
    return False


def _is_right(situation: Situation, plan: _Plan) -> bool:
    """Whether the network and its endpoints are what they would be after the rebuild."""
    old, new = (replace(n, labels=_plain(n.labels)) for n in (plan.old, plan.new))
    attached = situation.state.attached(plan.old.name)
    complete = all(n in attached and set(attached[n].aliases) >= set(e.aliases) for n, e in plan.endpoints.items())
    return complete and network_fields(old) == network_fields(new)


def _plain(labels: Mapping[str, str]) -> dict[str, str]:
    return {k: v for k, v in labels.items() if k != "com.docker.compose.version"}


def _steps(situation: Situation, plan: _Plan) -> list[Step]:
    name = plan.old.name
    attached = [n for n in plan.endpoints if n in situation.state.attached(name)]
    steps = [disconnect_all(name, _idle_first(situation, attached), _CAUSE)] if attached else []
    steps += [remove_network(name, _CAUSE), create_network(plan.new, _CAUSE)]
    keeps = "every container keeps its place"
    if plan.fixed:
        keeps += f"; the engine would give others by now, so these addresses are fixed: {', '.join(plan.fixed)}"
    return steps + ([connect_all(name, plan.endpoints, keeps)] if plan.endpoints else [])


def _idle_first(situation: Situation, containers: Iterable[str]) -> list[str]:
    """In the order in which to detach them: the more dependencies have to do with one, the shorter it is to be away."""
    busy: Counter[str] = Counter()
    for walk in situation.case.walks:
        consumer, providers = situation.case.parties(walk)
        busy.update(c.name for c in (consumer, *providers) if c)
    return sorted(containers, key=lambda name: busy[name])


def _subnet_patch(situation: Situation, plan: _Plan) -> dict[str, Any]:
    """The pools in our override file, where they are neither the configured ones nor left to the engine."""
    configured = _configured_pools(situation, plan.old)
    if plan.new.subnets == (configured or plan.old.subnets):
        return {}
    pools = []
    for pool in plan.new.subnets:
        said = {
            "subnet": pool.subnet,
            "gateway": pool.gateway,
            "ip_range": pool.ip_range,
            "aux_addresses": dict(pool.aux_addresses),
        }
        pools.append({k: v for k, v in said.items() if v})
    return {"networks": {plan.key: {"ipam": {"config": override(pools) if configured else pools}}}}


def _served(situation: Situation, plans: Iterable[_Plan]) -> list[str]:
    names = {plan.old.name for plan in plans}
    return [s for s in situation.case.services() if names & situation.case.configured_networks(s)]


REMEDIATION = Remediation(
    name="rebuild_network",
    summary="makes a network anew with its labels, options and names, and carries every endpoint over",
    invasiveness=5,
    reversible="full",
    restarts="none; with DNS servers of your own the services on that network, which then are recreated",
    downtime="about a second for the project's containers on that network",
    propose=propose,
)
