# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that a project gives to its services, as its Compose configuration says it.

Every reader of the configuration takes it as it comes: where a part has an unexpected shape it is read as empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

_HOST_NAMES = frozenset({"host.docker.internal", "gateway.docker.internal", "host.containers.internal"})
_OWN_PORT = re.compile(r"(?i)(?:(?:app|server|http|https|listen|bind|web|api|service|grpc|uvicorn|gunicorn)_)?port")


@dataclass(frozen=True)
class Names:
    """The names that matter for one consumer, in lower case.

    ``known`` are all that the project gives to its services, ``own`` those of the consumer itself, ``own_ports`` what
    it listens on as far as the configuration tells.
    """

    known: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()
    own_ports: frozenset[int] = frozenset()

    def knows(self, host: str) -> bool:
        """Whether the project gives this name to another service than the consumer."""
        name = host.lower().rstrip(".")
        return name in self.known and name not in self.own


def names_of_services(config: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """For each service all names that the project gives to it, in lower case."""
    project = str(config.get("name") or "")
    return {
        str(name): frozenset(n.lower() for n in _names_of_service(str(name), mapping(service), config, project))
        for name, service in mapping(config.get("services")).items()
    }


def names_of(config: Mapping[str, Any], consumer: str, named: Optional[Mapping[str, frozenset[str]]] = None) -> Names:
    """The names that the project gives to its services, and those and the ports of the consumer itself.

    ``named`` is what names_of_services() gives, for callers that ask for many consumers.
    """
    known: set[str] = set(_HOST_NAMES)
    own: set[str] = set()
    shared: set[str] = set()
    for name, mine in (names_of_services(config) if named is None else named).items():
        known |= mine
        if name == consumer:
            own |= mine
        else:
            shared |= mine
    service = mapping(mapping(config.get("services")).get(consumer))
    given = {alias for _unused, alias in links_of(service)} | _extra_hosts(service)
    return Names(frozenset(known | {n.lower() for n in given}), frozenset(own - shared), frozenset(own_ports(service)))


def _names_of_service(name: str, service: Mapping[str, Any], config: Mapping[str, Any], project: str) -> Iterator[str]:
    names = {name, str(service.get("container_name") or ""), str(service.get("hostname") or "")} - {""}
    networks = service.get("networks")
    keys = [str(k) for k in networks] if isinstance(networks, (list, tuple, Mapping)) else ["default"]
    for key in keys:
        entry = networks.get(key) if isinstance(networks, Mapping) else None
        aliases = mapping(entry).get("aliases")
        names |= {str(a) for a in aliases} if isinstance(aliases, (list, tuple)) else set()
    if project:
        names |= {f"{project}-{name}-1", f"{project}_{name}_1"}
    names.add(f"tasks.{name}")
    yield from names
    for key in keys:
        real = mapping(mapping(config.get("networks")).get(key)).get("name") or (f"{project}_{key}" if project else key)
        yield from (f"{n}.{real}" for n in names)


def own_ports(service: Mapping[str, Any]) -> Iterator[int]:
    """The ports that the service listens on, as far as its published and exposed ports and its variables tell."""
    for port in sequence(service.get("ports")):
        text = (
            str(port.get("target") or "")
            if isinstance(port, Mapping)
            else str(port).partition("/")[0].rsplit(":", 1)[-1]
        )
        if text.isdigit():
            yield int(text)
    for port in sequence(service.get("expose")):
        text = str(port).partition("/")[0]
        if text.isdigit():
            yield int(text)
    for key, value in environment_of(service.get("environment")).items():
        if value.isdigit() and _OWN_PORT.fullmatch(key):
            yield int(value)


def environment_of(value: Any) -> dict[str, str]:
    """The variables that have a value; of the list form of a Compose file too."""
    if isinstance(value, (list, tuple)):
        value = dict(str(v).split("=", 1) for v in value if "=" in str(v))
    return {str(k): str(v) for k, v in mapping(value).items() if isinstance(v, (str, int, float))}


def links_of(service: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Pairs of the linked container or service and the name that the consumer has for it."""
    for key in ("links", "external_links"):
        for link in sequence(service.get(key)):
            name, _unused, alias = str(link).partition(":")
            if name:
                yield name, alias or name


def _extra_hosts(service: Mapping[str, Any]) -> set[str]:
    value = service.get("extra_hosts")
    if isinstance(value, Mapping):
        return {str(k) for k in value}
    return {re.split(r"[:=]", str(v), maxsplit=1)[0].strip() for v in sequence(value)}


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Any) -> Sequence[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, (list, tuple)) else ()
