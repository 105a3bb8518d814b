# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed steps: everything that a remediation or its undoing can do to a project. Nothing else is ever done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Optional

from ..model import Endpoint, Network, to_data
from .databases import Place


class Action(str, Enum):
    """The closed set of changes."""

    WRITE_OVERRIDE = "write_override"
    CONNECT = "connect"
    DISCONNECT = "disconnect"
    CONNECT_ALL = "connect_all"
    DISCONNECT_ALL = "disconnect_all"
    CREATE_NETWORK = "create_network"
    REMOVE_NETWORK = "remove_network"
    RECREATE = "recreate"
    RENAME = "rename"
    REMOVE_CONTAINER = "remove_container"
    START = "start"
    STOP = "stop"
    RESTART = "restart"
    SIGNAL = "signal"
    CHANGE_RULES = "change_rules"
    SET_SYSCTL = "set_sysctl"
    WAIT_HEALTHY = "wait_healthy"
    CREATE_INDEX = "create_index"
    DROP_INDEX = "drop_index"
    RUN_SCRIPT = "run_script"
    END_STATEMENTS = "end_statements"


@dataclass(frozen=True)
class Step:
    """One change, what it changes, and why."""

    action: Action
    object: str
    cause: str
    args: dict[str, Any] = field(default_factory=dict)


def connect(container: str, network: str, endpoint: Endpoint, cause: str) -> Step:
    """Attach a container with that endpoint's aliases, links and fixed addresses."""
    return Step(
        Action.CONNECT,
        f"{container} to {network}",
        cause,
        {"container": container, "network": network, "endpoint": to_data(endpoint)},
    )


def disconnect(container: str, network: str, cause: str) -> Step:
    """Detach a container."""
    return Step(Action.DISCONNECT, f"{container} from {network}", cause, {"container": container, "network": network})


def reconnect(container: str, network: str, endpoint: Endpoint, cause: str) -> list[Step]:
    """Detach and attach anew: the engine cannot change an endpoint's aliases in place."""
    return [disconnect(container, network, cause), connect(container, network, endpoint, cause)]


def connect_all(network: str, endpoints: Mapping[str, Endpoint], cause: str) -> Step:
    """Attach containers: those with a fixed address at once, then the others in their order, as addresses are given."""
    plain = {container: to_data(endpoint) for container, endpoint in endpoints.items()}
    return Step(
        Action.CONNECT_ALL, f"{', '.join(plain)} to {network}", cause, {"network": network, "endpoints": plain}
    )


def disconnect_all(network: str, containers: Iterable[str], cause: str) -> Step:
    """Detach containers, all at once."""
    names = list(containers)
    return Step(
        Action.DISCONNECT_ALL, f"{', '.join(names)} from {network}", cause, {"network": network, "containers": names}
    )


def create_network(network: Network, cause: str) -> Step:
    """Create a network with those options, labels and address pools."""
    return Step(Action.CREATE_NETWORK, network.name, cause, {"network": to_data(network)})


def remove_network(name: str, cause: str) -> Step:
    """Remove a network that nothing is attached to any more."""
    return Step(Action.REMOVE_NETWORK, name, cause, {"network": name})


def write_override(text: Optional[str], path: str, cause: str) -> Step:
    """Write our override file, or remove it where the text is None."""
    return Step(Action.WRITE_OVERRIDE, path, cause, {"text": text})


def recreate(service: str, cause: str) -> Step:
    """Bring one service's containers to the configuration, leaving all others alone."""
    return Step(Action.RECREATE, service, cause, {"service": service})


def rename(container: str, name: str, cause: str) -> Step:
    """Give a container another name."""
    return Step(Action.RENAME, f"{container} to {name}", cause, {"container": container, "name": name})


def on_container(action: Action, container: str, cause: str, **args: Any) -> Step:
    """Start, stop, restart, signal, wait for or remove one container; its volumes stay."""
    return Step(action, container, cause, {"container": container, **args})


def change_rules(table: str, commands: Sequence[str], cause: str) -> Step:
    """Change a table of the host's firewall with commands of ``iptables-restore``: all of them, or none."""
    return Step(Action.CHANGE_RULES, f"iptables table {table}", cause, {"table": table, "commands": list(commands)})


def set_sysctl(name: str, value: str, cause: str) -> Step:
    """Set a switch of the host's kernel."""
    return Step(Action.SET_SYSCTL, f"{name}={value}", cause, {"name": name, "value": value})


def create_index(place: Place, name: str, statement: str, cause: str) -> Step:
    """Make one index of a database, without locking writers out."""
    return Step(Action.CREATE_INDEX, name, cause, {"place": to_data(place), "statement": statement, "index": name})


def drop_index(place: Place, name: str, statement: str, cause: str) -> Step:
    """Take one index away that was not there before."""
    return Step(Action.DROP_INDEX, name, cause, {"place": to_data(place), "statement": statement, "index": name})


def run_script(container: str, words: Sequence[str], cause: str) -> Step:
    """Run the operator's own script, inside of a container."""
    return Step(Action.RUN_SCRIPT, f"{' '.join(words)} in {container}", cause, {"container": container, "words": list(words)})


def end_statements(place: Place, cause: str) -> Step:
    """End the statements of ours that go on in a database although whoever began them is dead."""
    return Step(Action.END_STATEMENTS, f"{place.database} in {place.container}", cause, {"place": to_data(place)})


def network_payload(network: Mapping[str, Any]) -> dict[str, Any]:
    """Body of ``POST /networks/create`` for a network's plain data.

    Source: https://docs.docker.com/reference/api/engine/version/v1.45/#tag/Network/operation/NetworkCreate
    """
    pools = []
    for subnet in network.get("subnets") or ():
        pool = {"Subnet": subnet["subnet"], "Gateway": subnet.get("gateway"), "IPRange": subnet.get("ip_range")}
        pool["AuxiliaryAddresses"] = subnet.get("aux_addresses") or None
        pools.append({k: v for k, v in pool.items() if v})
    ipam: dict[str, Any] = {"Driver": network.get("ipam_driver") or "default", "Config": pools}
    if network.get("ipam_options"):
        ipam["Options"] = network["ipam_options"]
    # engines before 28 do not know the word, and those after 1.44 always look for duplicates
    without_ipv4 = {} if network.get("ipv4", True) else {"EnableIPv4": False}
    return {
        **without_ipv4,
        "Name": network["name"],
        "CheckDuplicate": True,
        "Driver": network.get("driver") or "bridge",
        "Internal": bool(network.get("internal")),
        "Attachable": bool(network.get("attachable")),
        "EnableIPv6": bool(network.get("ipv6")),
        "IPAM": ipam,
        "Options": dict(network.get("options") or {}),
        "Labels": dict(network.get("labels") or {}),
    }


def endpoint_config(endpoint: Mapping[str, Any]) -> dict[str, Any]:
    """``EndpointConfig`` of ``POST /networks/{id}/connect`` for an endpoint's plain data; what is not chosen is left out.

    Source: https://docs.docker.com/reference/api/engine/version/v1.48/#tag/Network/operation/NetworkConnect
    """
    ipam = {
        "IPv4Address": endpoint.get("static_ipv4"),
        "IPv6Address": endpoint.get("static_ipv6"),
        "LinkLocalIPs": list(endpoint.get("link_local") or ()),
    }
    config = {
        "Aliases": list(endpoint.get("aliases") or ()),
        "IPAMConfig": {k: v for k, v in ipam.items() if v},
        "Links": list(endpoint.get("links") or ()),
        "MacAddress": endpoint.get("static_mac"),
        "DriverOpts": dict(endpoint.get("driver_opts") or {}),
        "GwPriority": endpoint.get("gw_priority"),
    }
    return {k: v for k, v in config.items() if v}
