# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Engine API's inspect calls answer, as the collection's own words.

Source of the shapes: https://docs.docker.com/reference/api/engine/version/v1.45/ (ContainerInspect, NetworkInspect).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..model import Container, Endpoint, Mount, Network, Port, Subnet

LABEL_PROJECT = "com.docker.compose.project"
LABEL_SERVICE = "com.docker.compose.service"
LABEL_NUMBER = "com.docker.compose.container-number"
LABEL_ONE_OFF = "com.docker.compose.oneoff"
LABEL_CONFIG_HASH = "com.docker.compose.config-hash"
LABEL_CONFIG_FILES = "com.docker.compose.project.config_files"
LABEL_WORKING_DIR = "com.docker.compose.project.working_dir"
LABEL_NETWORK = "com.docker.compose.network"


def container_from_inspect(data: Mapping[str, Any]) -> Container:
    """One container from ``GET /containers/{id}/json``; missing parts give empty fields."""
    state = data.get("State") or {}
    config = data.get("Config") or {}
    host = data.get("HostConfig") or {}
    labels = dict(config.get("Labels") or {})
    health = state.get("Health") or {}
    log = health.get("Log") or []
    endpoints = ((data.get("NetworkSettings") or {}).get("Networks")) or {}
    short_id = str(data.get("Id", ""))[:12]
    return Container(
        id=str(data.get("Id", "")),
        name=str(data.get("Name", "")).lstrip("/"),
        service=labels.get(LABEL_SERVICE, ""),
        project=labels.get(LABEL_PROJECT, ""),
        number=_number(labels.get(LABEL_NUMBER), 1),
        one_off=labels.get(LABEL_ONE_OFF, "").lower() == "true",
        image=str(config.get("Image") or ""),
        image_id=str(data.get("Image") or ""),
        state=str(state.get("Status") or ""),
        pid=int(state.get("Pid") or 0),
        created_at=str(data.get("Created") or ""),
        started_at=str(state.get("StartedAt") or ""),
        finished_at=str(state.get("FinishedAt") or ""),
        exit_code=int(state.get("ExitCode") or 0),
        error=str(state.get("Error") or ""),
        oom_killed=bool(state.get("OOMKilled")),
        restart_count=int(data.get("RestartCount") or 0),
        restart_policy=str((host.get("RestartPolicy") or {}).get("Name") or ""),
        health=str(health.get("Status") or "").replace("none", ""),
        health_output=str(log[-1].get("Output") or "")[:500] if log else "",
        network_mode=str(host.get("NetworkMode") or ""),
        hostname=str(config.get("Hostname") or ""),
        endpoints=tuple(
            replace(_endpoint(name, raw or {}, short_id), static_mac=_chosen_mac(name, raw or {}, config, host))
            for name, raw in sorted(endpoints.items())
        ),
        extra_hosts=tuple(host.get("ExtraHosts") or ()),
        dns=tuple(host.get("Dns") or ()),
        dns_search=tuple(host.get("DnsSearch") or ()),
        dns_options=tuple(host.get("DnsOptions") or ()),
        mounts=tuple(_mount(m) for m in data.get("Mounts") or ()),
        ports=_ports(host.get("PortBindings") or {}),
        published=_ports((data.get("NetworkSettings") or {}).get("Ports") or {}),
        entrypoint=_words(config.get("Entrypoint")),
        command=_words(config.get("Cmd")),
        environment=environment_of(config.get("Env") or ()),
        labels=labels,
        config_hash=labels.get(LABEL_CONFIG_HASH, ""),
    )


def container_from_list(data: Mapping[str, Any]) -> Container:
    """One container from ``GET /containers/json``: name, project and its folder, state, addresses, published ports."""
    labels = dict(data.get("Labels") or {})
    endpoints = ((data.get("NetworkSettings") or {}).get("Networks")) or {}
    return Container(
        id=str(data.get("Id", "")),
        name=str((data.get("Names") or [""])[0]).lstrip("/"),
        service=labels.get(LABEL_SERVICE, ""),
        project=labels.get(LABEL_PROJECT, ""),
        number=_number(labels.get(LABEL_NUMBER), 1),
        one_off=labels.get(LABEL_ONE_OFF, "").lower() == "true",
        image=str(data.get("Image") or ""),
        state=str(data.get("State") or ""),
        network_mode=str((data.get("HostConfig") or {}).get("NetworkMode") or ""),
        endpoints=tuple(_endpoint(name, raw or {}, "") for name, raw in sorted(endpoints.items())),
        labels={k: v for k, v in labels.items() if k == LABEL_WORKING_DIR},
        published=tuple(
            Port(int(p["PrivatePort"]), str(p.get("Type") or "tcp"), str(p.get("IP") or ""), int(p["PublicPort"]))
            for p in data.get("Ports") or ()
            if p.get("PublicPort")
        ),
    )


def network_from_inspect(data: Mapping[str, Any]) -> Network:
    """One network from ``GET /networks/{id}``."""
    labels = dict(data.get("Labels") or {})
    ipam = data.get("IPAM") or {}
    return Network(
        id=str(data.get("Id", "")),
        name=str(data.get("Name", "")),
        driver=str(data.get("Driver") or ""),
        scope=str(data.get("Scope") or ""),
        internal=bool(data.get("Internal")),
        attachable=bool(data.get("Attachable")),
        # engines before 28 do not tell, and cannot do without
        ipv4=bool(data.get("EnableIPv4", True)),
        ipv6=bool(data.get("EnableIPv6")),
        subnets=tuple(
            Subnet(
                subnet=str(c.get("Subnet") or ""),
                gateway=str(c.get("Gateway") or ""),
                ip_range=str(c.get("IPRange") or ""),
                aux_addresses=dict(c.get("AuxiliaryAddresses") or c.get("AuxAddress") or {}),
            )
            for c in ipam.get("Config") or ()
        ),
        ipam_driver=str(ipam.get("Driver") or "default"),
        ipam_options=dict(ipam.get("Options") or {}),
        options=dict(data.get("Options") or {}),
        labels=labels,
        key=labels.get(LABEL_NETWORK, ""),
        project=labels.get(LABEL_PROJECT, ""),
        attached=tuple(sorted(str(c.get("Name") or "") for c in (data.get("Containers") or {}).values())),
    )


def _endpoint(network: str, raw: Mapping[str, Any], short_id: str) -> Endpoint:
    ipam = raw.get("IPAMConfig") or {}
    # the engine adds the short id to Aliases (before 26) and DNSNames; it is no choice of the operator's
    return Endpoint(
        network=network,
        network_id=str(raw.get("NetworkID") or ""),
        address=str(raw.get("IPAddress") or ""),
        address6=str(raw.get("GlobalIPv6Address") or ""),
        prefix_length=int(raw.get("IPPrefixLen") or 0),
        gateway=str(raw.get("Gateway") or ""),
        mac=str(raw.get("MacAddress") or ""),
        aliases=tuple(sorted({a for a in raw.get("Aliases") or () if a != short_id})),
        dns_names=tuple(sorted({a for a in raw.get("DNSNames") or raw.get("Aliases") or () if a != short_id})),
        static_ipv4=str(ipam.get("IPv4Address") or ""),
        static_ipv6=str(ipam.get("IPv6Address") or ""),
        link_local=tuple(ipam.get("LinkLocalIPs") or ()),
        links=tuple(raw.get("Links") or ()),
        driver_opts=dict(raw.get("DriverOpts") or {}),
        gw_priority=int(raw.get("GwPriority") or 0),
    )


def _chosen_mac(network: str, raw: Mapping[str, Any], config: Mapping[str, Any], host: Mapping[str, Any]) -> str:
    """The MAC address that somebody chose: the engine tells it for the network that the container was made with.

    On the others it looks as if the engine had chosen it.
    """
    first = str(host.get("NetworkMode") or "")
    own = first == network or (len(first) >= 12 and str(raw.get("NetworkID") or "").startswith(first))
    return str(config.get("MacAddress") or "") if own else ""


def _mount(raw: Mapping[str, Any]) -> Mount:
    return Mount(
        type=str(raw.get("Type") or ""),
        source=str(raw.get("Name") or raw.get("Source") or "")
        if raw.get("Type") == "volume"
        else str(raw.get("Source") or ""),
        destination=str(raw.get("Destination") or ""),
        read_only=not raw.get("RW", True),
    )


def _ports(bindings: Mapping[str, Any]) -> tuple[Port, ...]:
    found = []
    for spec, hosts in sorted(bindings.items()):
        number, _sep, protocol = spec.partition("/")
        for host in hosts or ():
            found.append(
                Port(
                    _number(number, 0),
                    protocol or "tcp",
                    str(host.get("HostIp") or ""),
                    _number(host.get("HostPort"), 0),
                )
            )
    return tuple(found)


def environment_of(pairs: Any) -> dict[str, str]:
    """An ``Env`` of the engine, ``NAME=value`` each, as a mapping."""
    return dict(p.split("=", 1) if "=" in p else (p, "") for p in pairs)


def _words(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _number(value: Any, default: int) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return default
