# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gateways that find their upstreams by what the other services say of themselves: Traefik and nginx-proxy.

They connect to the container's address on a network that both are on. Where that works, the service's name resolves
too, so the name stands for it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .command_line import split_command
from .names import environment_of, mapping, own_ports, sequence
from .products import product_of
from .urls import Place, find_urls

# https://doc.traefik.io/traefik/reference/routing-configuration/other-providers/docker/
_BALANCER = re.compile(
    r"(?P<server>traefik\.(?:http|tcp)\.services\.[^.]+\.loadbalancer\.server)\.(?P<what>port|scheme|url)",
    re.IGNORECASE,
)
_AUTH = re.compile(r"traefik\.http\.middlewares\.[^.]+\.forwardauth\.address", re.IGNORECASE)
_ROUTER = re.compile(r"traefik\.(?:http|tcp)\.routers\.[^.]+\.\w+|traefik\.frontend\.\w+", re.IGNORECASE)
_HIDDEN = re.compile(r"(?i)exposed_?by_?default[\"']?\s*[:=]\s*[\"']?false")
_FLAG = re.compile(r"(?im)^(?:--|traefik_)providers[._]")
_DOCKER = re.compile(r"(?im)^\s*(?:docker|swarm)\s*:|^\s*\[(?:providers\.)?docker\]|providers[._]docker")


@dataclass(frozen=True)
class Discovered:
    """A call that a gateway makes because ``service`` says so in its label or variable ``key``."""

    place: Place
    service: str
    key: str


def discovered_calls(config: Mapping[str, Any], consumer: str, static: str = "") -> Iterator[Discovered]:
    """What the consumer calls if it is a gateway that finds services by itself, else nothing.

    ``static`` is the text of Traefik's own mounted configuration file. A gateway on the host's network is left out:
    names of services do not resolve there, though it reaches their addresses.
    """
    services = mapping(config.get("services"))
    gateway = mapping(services.get(consumer))
    if gateway.get("network_mode"):
        return
    others = {
        str(name): mapping(service)
        for name, service in services.items()
        if name != consumer and not mapping(service).get("network_mode")
    }
    if product_of(gateway) in ("nginx-proxy", "docker-gen"):
        for name, service in others.items():
            yield from _virtual_host(name, service)
        return
    words = (*split_command(gateway.get("entrypoint")), *split_command(gateway.get("command")))
    variables = (f"{k}={v}" for k, v in environment_of(gateway.get("environment")).items())
    told = "\n".join((*words, *variables, static))
    if (product_of(gateway) == "traefik" or static or _FLAG.search(told)) and (
        _DOCKER.search(told) or _has_engine(gateway)
    ):
        for name, service in others.items():
            yield from _labelled(name, service, shown=not _HIDDEN.search(told))


def _has_engine(service: Mapping[str, Any]) -> bool:
    return any("docker.sock" in str(volume) for volume in sequence(service.get("volumes")))


def _labelled(name: str, service: Mapping[str, Any], shown: bool) -> Iterator[Discovered]:
    labels = environment_of(service.get("labels"))
    enabled = labels.get("traefik.enable", "").lower()
    if enabled == "false" or not (shown or enabled == "true"):
        return
    balancers: dict[str, dict[str, str]] = {}
    for key, value in labels.items():
        balancer = _BALANCER.fullmatch(key)
        if balancer:
            balancers.setdefault(balancer["server"], {})[balancer["what"].lower()] = key
        elif _AUTH.fullmatch(key):
            yield from (Discovered(place, name, key) for place in find_urls(value))
    for keys in balancers.values():
        yield from _balanced(name, service, labels, keys)
    routers = sorted((key for key in labels if _ROUTER.fullmatch(key)), key=lambda k: not k.lower().endswith(".rule"))
    served = [labels[key].lower() for key in routers if key.lower().endswith(".service")]
    elsewhere = any("@" in s and not s.endswith("@docker") for s in served)
    written = labels.get("traefik.port", "")
    if not balancers and (routers or written or enabled == "true") and not elsewhere:
        key = "traefik.port" if written else (routers or ["traefik.enable"])[0]
        yield Discovered(_place(name, _number(written) or _only_port(service), "http"), name, key)


def _balanced(
    name: str, service: Mapping[str, Any], labels: Mapping[str, str], keys: Mapping[str, str]
) -> Iterator[Discovered]:
    """The calls of one load balancer: to the URL that it has, else to the service at the port that it names.

    ``keys`` are its labels by what they say: url, port, scheme.
    """
    if "url" in keys:
        yield from (Discovered(place, name, keys["url"]) for place in find_urls(labels[keys["url"]]))
        return
    key = keys.get("port") or keys["scheme"]
    port = _number(labels[key]) or _only_port(service)
    scheme = labels[keys["scheme"]] if "scheme" in keys else "http"
    yield Discovered(_place(name, port, "" if key.lower().startswith("traefik.tcp.") else scheme), name, key)


def _virtual_host(name: str, service: Mapping[str, Any]) -> Iterator[Discovered]:
    """https://github.com/nginx-proxy/nginx-proxy/tree/main/docs"""
    environment = environment_of(service.get("environment"))
    if environment.get("VIRTUAL_HOST"):
        written = environment.get("VIRTUAL_PORT", "")
        port = _number(written) or _only_port(service) or 80
        scheme = environment.get("VIRTUAL_PROTO", "http")
        yield Discovered(_place(name, port, scheme), name, "VIRTUAL_PORT" if written else "VIRTUAL_HOST")


def _number(written: str) -> int:
    return int(written) if re.fullmatch(r"[1-9]\d{0,4}", written) else 0


def _only_port(service: Mapping[str, Any]) -> int:
    ports = set(own_ports(service))
    return ports.pop() if len(ports) == 1 else 0


def _place(name: str, port: int, scheme: str) -> Place:
    return Place(name, port if port < 65536 else 0, 0, len(name), scheme if port else "")
