# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project's restorable state, and how two states differ.

The checkpoint is one such state; undoing is going from the present one back to it, from whatever point was
reached. Container ids and times are no part of it: a recreated container with the same configuration is the same.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Optional

from ..model import Container, Endpoint, Network, Subnet
from ..parsing.inspect import LABEL_CONFIG_FILES, container_from_inspect, network_from_inspect
from .databases import DatabaseState
from .host_state import HostState, changed_by_others, removals

# What Compose writes anew on every creation, without any change of meaning. The list of files is of that kind: a
# container that a file does not concern keeps the list of the day when it was made.
VOLATILE_LABELS = (
    "com.docker.compose.replace",
    "com.docker.compose.version",
    LABEL_CONFIG_FILES,
)
# what differences call the host's own rules and switches
HOST = "host firewall"
# and the statements of ours that are under way in a database
STATEMENTS = "database statements"
LABEL_DEPENDS_ON = "com.docker.compose.depends_on"
VOLATILE_HOST_CONFIG = ("ContainerIDFile", "LogPath")
ANONYMOUS = re.compile(r"^[0-9a-f]{64}$")


@dataclass(frozen=True)
class ContainerState:
    """One container: whether it runs, its whole configuration, and its endpoints by network."""

    name: str
    service: str
    state: str
    config_hash: str
    image_id: str
    config: dict[str, Any] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)

    @property
    def kept_running(self) -> bool:
        """Whether the engine keeps it running: one in a crash loop is now ``running`` and now ``restarting``."""
        return self.state in ("running", "restarting")


@dataclass(frozen=True)
class ProjectState:
    """Everything that a remediation may change. ``override`` is our file's text, None without one.

    ``host`` is what the attempt changes of the host itself, None where that is nothing.
    ``guests`` are endpoints of other projects' containers on this one's networks, by container and network: only of
    those that a remediation carries over. ``database`` is the one whose indexes the attempt changes, None for none.
    """

    project: str
    override: Optional[str] = None
    containers: dict[str, ContainerState] = field(default_factory=dict)
    networks: dict[str, Network] = field(default_factory=dict)
    host: Optional[HostState] = None
    guests: dict[str, dict[str, Endpoint]] = field(default_factory=dict)
    database: Optional[DatabaseState] = None

    def attached(self, network: str) -> dict[str, Endpoint]:
        """The endpoints on a network, those of guests too, by container."""
        own = {c.name: c.endpoints for c in self.containers.values()}
        return {name: found[network] for name, found in {**own, **self.guests}.items() if network in found}


@dataclass(frozen=True)
class Difference:
    """One field that is not as it was. ``dynamic`` marks an address that the engine chose by itself."""

    object: str
    field: str
    was: str
    found: str
    dynamic: bool = False

    def __str__(self) -> str:
        return f"{self.object}: {self.field} was {self.was}, is {self.found}"


def capture(
    project: str,
    containers: Iterable[Mapping[str, Any]],
    networks: Iterable[Mapping[str, Any]],
    override: Optional[str],
    guests: Iterable[Mapping[str, Any]] = (),
) -> ProjectState:
    """The state that inspect data show. ``networks`` are those that the project uses or owns."""
    known = {n.name: n for n in (network_from_inspect(raw) for raw in networks)}
    others = [container_from_inspect(raw) for raw in guests]
    return ProjectState(
        project=project,
        override=override,
        containers={c.name: c for c in (_container(raw) for raw in containers)},
        networks=known,
        guests={c.name: {e.network: e for e in c.endpoints if e.network in known} for c in others},
    )


def _container(raw: Mapping[str, Any]) -> ContainerState:
    seen: Container = container_from_inspect(raw)
    return ContainerState(
        name=seen.name,
        service=seen.service,
        state=seen.state,
        config_hash=seen.config_hash,
        image_id=seen.image_id,
        config={"Config": _config(raw, seen), "HostConfig": _host_config(raw)},
        endpoints={e.network: e for e in seen.endpoints},
    )


def _config(raw: Mapping[str, Any], seen: Container) -> dict[str, Any]:
    config = dict(raw.get("Config") or {})
    labels = {k: v for k, v in (config.get("Labels") or {}).items() if k not in VOLATILE_LABELS}
    # Compose writes it in the order of a Go map, another one each time
    labels[LABEL_DEPENDS_ON] = ",".join(sorted(labels.get(LABEL_DEPENDS_ON, "").split(",")))
    config["Labels"] = labels
    if config.get("Hostname") == seen.id[:12]:
        config["Hostname"] = ""
    config["Env"] = sorted(config.get("Env") or ())
    config.pop("MacAddress", None)
    return config


def _host_config(raw: Mapping[str, Any]) -> dict[str, Any]:
    host = {k: v for k, v in (raw.get("HostConfig") or {}).items() if k not in VOLATILE_HOST_CONFIG}
    host["Mounts"] = _mounts(raw, host.get("Mounts") or ())
    host["Binds"] = [b for b in host.get("Binds") or () if not ANONYMOUS.match(b.partition(":")[0])]
    for key in ("Binds", "Mounts", "ExtraHosts"):
        if host.get(key):
            host[key] = sorted(host[key], key=str)
    return {k: v for k, v in host.items() if v or k not in ("Binds", "Mounts")}


def _mounts(raw: Mapping[str, Any], wanted: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those that were chosen, and the anonymous volumes that are mounted: by name, so that one that was lost is missed.

    A container that Compose makes anew gets its predecessor's anonymous volumes, and as mounts what an image's or the
    configuration's bare path was before.
    """
    anonymous = {m["Destination"]: m["Name"] for m in raw.get("Mounts") or () if ANONYMOUS.match(m.get("Name") or "")}
    chosen = [m for m in wanted if m.get("Target") not in anonymous]
    return chosen + [{"Type": "volume", "Source": name, "Target": where} for where, name in anonymous.items()]


def differences(was: ProjectState, found: ProjectState) -> list[Difference]:
    """Every field in which the found state is not as it was, networks first."""
    result: list[Difference] = []
    if was.override != found.override:
        result.append(Difference("compose.netfix.yml", "content", _presence(was.override), _presence(found.override)))
    result += _host_differences(was.host, found.host)
    result += _database_differences(was.database, found.database)
    for name in sorted({*was.networks, *found.networks}):
        result += _network_differences(name, was.networks.get(name), found.networks.get(name))
    for name in sorted({*was.containers, *found.containers}):
        result += _container_differences(name, was.containers.get(name), found.containers.get(name))
    # a guest that its owner has removed meanwhile is not missed
    for name in sorted(set(was.guests) & set(found.guests)):
        for network, endpoint in was.guests[name].items():
            result += _endpoint_differences(name, network, endpoint, found.guests[name].get(network))
    return result


def _host_differences(was: Optional[HostState], found: Optional[HostState]) -> list[Difference]:
    """What the attempt changed and is still so; others change the host's rules all the time, the engine first of all."""
    if was is None or found is None:
        return []
    result = [
        Difference(HOST, f"switch {name}", value, found.switches.get(name, ""))
        for name, value in was.switches.items()
        if found.switches.get(name) != value
    ]
    for table, commands in removals(found, was).items():
        left = f"{len(commands)} changes away from that, undone by iptables -t {table} {commands[0]} and so on"
        result.append(Difference(HOST, f"table {table}", "as in the checkpoint", left))
    for table, (more, less) in changed_by_others(found, was).items():
        text = f"{more} rules more and {less} less, because of others"
        result.append(Difference(HOST, f"table {table}", "as in the checkpoint", text, dynamic=True))
    return result


def _database_differences(was: Optional[DatabaseState], found: Optional[DatabaseState]) -> list[Difference]:
    """Indexes that others make meanwhile are theirs."""
    if was is None or found is None:
        return []
    result = [Difference(STATEMENTS, "under way", "0", str(found.running))] if found.running else []
    for name in was.missing(found):
        now = found.indexes.get(name)
        what = "absent" if now is None else now.definition if now.valid else "invalid"
        result.append(Difference(f"index {name}", "definition", was.indexes[name].definition, what))
    return result + [Difference(f"index {name}", "existence", "False", "True") for name in was.surplus(found)]


def _presence(text: Optional[str]) -> str:
    return "absent" if text is None else f"{len(text.splitlines())} lines"


def _gateway(subnet: Subnet) -> str:
    """The gateway that was chosen, empty for the one that the engine takes anyway.

    Once it was restarted, Engine 26.1.5 tells that one as well.
    """
    try:
        hosts = [next(ipaddress.ip_network(text).hosts()) for text in (subnet.subnet, subnet.ip_range) if text]
    except (ValueError, StopIteration):
        return subnet.gateway
    return "" if subnet.gateway in map(str, hosts) else subnet.gateway


def network_fields(network: Network) -> dict[str, Any]:
    """The fields of a network that a rebuild must carry over."""
    return {
        "driver": network.driver,
        "internal": network.internal,
        "attachable": network.attachable,
        "ipv4": network.ipv4,
        "ipv6": network.ipv6,
        "subnets": [(s.subnet, _gateway(s), s.ip_range, sorted(s.aux_addresses.items())) for s in network.subnets],
        "ipam": (network.ipam_driver, sorted(network.ipam_options.items())),
        "options": sorted(network.options.items()),
        "labels": sorted((k, v) for k, v in network.labels.items()),
    }


def _network_differences(name: str, was: Optional[Network], found: Optional[Network]) -> list[Difference]:
    if was is None or found is None:
        return [Difference(f"network {name}", "existence", str(was is not None), str(found is not None))]
    before, after = network_fields(was), network_fields(found)
    return [Difference(f"network {name}", k, str(before[k]), str(after[k])) for k in before if before[k] != after[k]]


def _container_differences(
    name: str, was: Optional[ContainerState], found: Optional[ContainerState]
) -> list[Difference]:
    what = f"container {name}"
    if was is None or found is None:
        return [Difference(what, "existence", str(was is not None), str(found is not None))]
    result = []
    if was.kept_running != found.kept_running:
        result.append(Difference(what, "state", was.state, found.state))
    if was.image_id != found.image_id:
        result.append(Difference(what, "image", was.image_id, found.image_id))
    # values may be secrets: the field's name is enough
    result += [Difference(what, name, "as in the checkpoint", "other") for name in changed_fields(was, found)]
    for network in sorted({*was.endpoints, *found.endpoints}):
        result += _endpoint_differences(name, network, was.endpoints.get(network), found.endpoints.get(network))
    return result


def changed_fields(was: ContainerState, found: ContainerState) -> list[str]:
    """The fields of a container's configuration that are not as they were; nothing and an empty value are the same."""
    parts = [(part, was.config.get(part) or {}, found.config.get(part) or {}) for part in ("Config", "HostConfig")]
    return [
        f"{part}.{key}"
        for part, before, after in parts
        for key in sorted({*before, *after})
        if (before.get(key) or None) != (after.get(key) or None)
    ]


def endpoint_fields(endpoint: Endpoint) -> dict[str, Any]:
    """The fields of an endpoint that somebody chose."""
    return {
        "aliases": sorted(endpoint.aliases),
        "static_ipv4": endpoint.static_ipv4,
        "static_ipv6": endpoint.static_ipv6,
        "link_local": sorted(endpoint.link_local),
        "links": sorted(endpoint.links),
        "driver_opts": sorted(endpoint.driver_opts.items()),
        "gw_priority": endpoint.gw_priority,
    }


def _endpoint_differences(
    name: str, network: str, was: Optional[Endpoint], found: Optional[Endpoint]
) -> list[Difference]:
    what = f"endpoint {name} on {network}"
    if was is None or found is None:
        return [Difference(what, "existence", str(was is not None), str(found is not None))]
    before, after = endpoint_fields(was), endpoint_fields(found)
    result = [
        Difference(what, k, str(before[k]), str(after[k]), dynamic=_held(k, was, found))
        for k in before
        if before[k] != after[k]
    ]
    if was.static_mac and found.mac and found.mac != was.static_mac:
        result.append(Difference(what, "MAC address", was.static_mac, found.mac))
    if was.address and found.address and was.address != found.address:
        result.append(Difference(what, "address", was.address, found.address, dynamic=not was.static_ipv4))
    return result


def _held(name: str, was: Endpoint, found: Endpoint) -> bool:
    """Whether an address differs only in that it is fixed now, and was the engine's choice."""
    return (name == "static_ipv4" and not was.static_ipv4 and found.static_ipv4 == was.address) or (
        name == "static_ipv6" and not was.static_ipv6 and found.static_ipv6 == was.address6
    )


def same_endpoint(was: Endpoint, found: Endpoint) -> bool:
    """Whether an endpoint is as somebody chose it; an address that was fixed where it was counts as the same."""
    before, after = endpoint_fields(was), endpoint_fields(found)
    return all(before[k] == after[k] or _held(k, was, found) for k in before)


def hold_addresses(
    endpoints: Mapping[str, Endpoint], network: Network, newcomers: Iterable[str] = ()
) -> dict[str, Endpoint]:
    """The endpoints in the order in which to attach them to an empty network, so that their addresses come back.

    The engine gives the lowest that is free. Where a lower one was freed since, one of the ``newcomers`` takes it; an
    address that would not come back even so is fixed: to whoever remembers it, it stays the same.
    """
    # of IPv6 the engine gives one to those as well that have a fixed address of IPv4
    last = {name: replace(e, address=e.address6 or e.address) for name, e in endpoints.items()}
    waiting = list(newcomers)
    new = {name: endpoints[name] for name in waiting}
    order = sorted(address_order(last), key=lambda name: not is_fixed(endpoints[name]))
    held = {name: endpoints[name] for name in order if name not in waiting}
    for pool in network.subnets:
        held = _hold(held, pool, waiting, new)
    return {**held, **{name: new[name] for name in waiting}}


def is_fixed(endpoint: Endpoint) -> bool:
    """Whether no address of it is left for the engine to choose."""
    return bool(endpoint.static_ipv4 and (endpoint.static_ipv6 or not endpoint.address6))


def _hold(
    endpoints: Mapping[str, Endpoint], pool: Subnet, waiting: list[str], newcomers: Mapping[str, Endpoint]
) -> dict[str, Endpoint]:
    subnet = ipaddress.ip_network(pool.subnet)
    now, fixed = ("address6", "static_ipv6") if subnet.version == 6 else ("address", "static_ipv4")
    reserved = [pool.gateway or str(next(_given(pool))), *pool.aux_addresses.values()]
    taken = {ipaddress.ip_address(a) for a in (*reserved, *(getattr(e, fixed) for e in endpoints.values())) if a}

    def lowest() -> Any:
        return next((a for a in _given(pool) if a not in taken), None)

    result: dict[str, Endpoint] = {}
    for name, endpoint in endpoints.items():
        address = ipaddress.ip_address(getattr(endpoint, now)) if getattr(endpoint, now) else None
        if name in newcomers:
            taken.add(lowest())
        elif address and address in subnet and not getattr(endpoint, fixed):
            while waiting and lowest() != address:
                newcomer = waiting.pop(0)
                result[newcomer] = newcomers[newcomer]
                taken.add(lowest())
            if lowest() != address:
                chosen: dict[str, Any] = {fixed: str(address)}
                endpoint = replace(endpoint, **chosen)
            taken.add(address)
        result[name] = endpoint
    return result


def _given(pool: Subnet) -> Iterator[Any]:
    """The addresses that the engine gives out of a pool, in its order."""
    subnet = ipaddress.ip_network(pool.subnet)
    if not pool.ip_range:
        return iter(subnet.hosts())
    return (a for a in ipaddress.ip_network(pool.ip_range) if a != subnet.network_address)


def address_order(endpoints: Mapping[str, Endpoint]) -> tuple[str, ...]:
    """Container names in the order of their addresses, those without one last."""

    def key(name: str) -> tuple[int, int, str]:
        try:
            return (0, int(ipaddress.ip_address(endpoints[name].address)), name)
        except ValueError:
            return (1, 0, name)

    return tuple(sorted(endpoints, key=key))
