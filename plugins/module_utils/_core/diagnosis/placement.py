# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers 2 and 3: where the parties were put: default bridge, the host's network, no network, another project."""

from __future__ import annotations

import os
from typing import Any

from ..model import Confidence, Container, Finding, Layer, Network, Walk
from ..parsing.inspect import LABEL_WORKING_DIR
from .case import Case
from .creation import belongs
from .make import finding, listed, log_evidence, probe_lines
from .name import likely_service

MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"
ENGINE_WITH_PRIORITY = 28


def network_mode_none(case: Case) -> list[Finding]:
    """A party without any network: one finding for each service."""
    broken: dict[str, list[Walk]] = {}
    for walk in case.open_walks(Layer.NAME, Layer.RESOLVER):
        consumer, providers = case.parties(walk)
        alone = [c for c in ([consumer] if consumer else []) + providers if c.network_mode == "none"]
        if alone:
            broken.setdefault(alone[0].service, []).append(walk)
    return [
        finding(
            "name.network_mode_none",
            Confidence.CERTAIN,
            f"Service '{service}' runs without any network (network_mode: none)",
            [w.dependency.name for w in walks],
            evidence=(
                f"container {_of(case, service).name} has the network mode 'none': no address, no name",
                *_told(case, walks),
            ),
            confirm=f"docker inspect -f '{{{{.HostConfig.NetworkMode}}}}' {_of(case, service).name}",
            advice=f"It may be on purpose. If it is not, take 'network_mode: none' out of service '{service}' and put it "
            f"on a network of {listed(_others(case, service, walks))}; then docker compose up -d {service}.",
            subject={"service": service, "network_mode": "none"},
        )
        for service, walks in broken.items()
    ]


def network_mode_host_backend(case: Case) -> list[Finding]:
    """A provider in the host's own network, which has no endpoint and so no name: one finding for each provider."""
    broken: dict[str, list[Walk]] = {}
    for walk in case.open_walks(Layer.NAME, Layer.RESOLVER):
        _consumer, providers = case.parties(walk)
        if providers and all(c.network_mode == "host" for c in providers):
            broken.setdefault(providers[0].service, []).append(walk)
    found = []
    for service, walks in broken.items():
        container = _of(case, service)
        variable, port, address = _listening_port(container, walks[0].dependency.port)
        asked = walks[0].dependency
        caller = case.container(walks[0].container)
        # the host is the caller's own "localhost" where it shares the host's network
        beside = caller is not None and caller.network_mode == "host"
        how = (
            f"call localhost:{port or asked.port}"
            if beside
            else f"give '{asked.consumer}' extra_hosts: [\"{asked.host}:host-gateway\"] and call {asked.host}:{port or asked.port}"
        )
        evidence = [f"container {container.name} has the network mode 'host': it has no endpoint, so no DNS name"]
        if variable:
            evidence.append(f"its environment has {variable}={port}, and {address}:{port} of the host listens")
        found.append(
            finding(
                "name.network_mode_host_backend",
                Confidence.CERTAIN,
                f"Service '{service}' runs in the host's network, where it has no name",
                [w.dependency.name for w in walks],
                evidence=(*evidence, *_told(case, walks)),
                confirm=f"docker inspect -f '{{{{.HostConfig.NetworkMode}}}}' {container.name}",
                advice=f"Take 'network_mode: host' out of service '{service}', or {how} (a server bound to 127.0.0.1 cannot "
                "be reached that way).",
                subject={
                    "service": service,
                    "network_mode": "host",
                    "consumer": asked.consumer,
                    "host": asked.host,
                    "new_host": asked.host,
                    "port": asked.port,
                    "new_port": port or asked.port,
                    "host_gateway": True,
                },
                mendable=not beside and _one_call(walks),
            )
        )
    return found


def _listening_port(container: Container, asked: int) -> tuple[str, int, str]:
    """Where a program in a network that it shares listens, as far as its environment tells: variable, port, address."""
    for socket in container.sockets or ():
        if socket.state == "LISTEN" and socket.port != asked:
            variable = next((k for k, v in container.environment.items() if v == str(socket.port)), "")
            if variable:
                return variable, socket.port, socket.address
    return "", 0, ""


def network_mode_service(case: Case) -> list[Finding]:
    """A provider in another container's network, which has that one's names only: one finding for each provider."""
    broken: dict[str, list[Walk]] = {}
    for walk in case.open_walks(Layer.NAME, Layer.RESOLVER):
        _consumer, providers = case.parties(walk)
        if providers and all(c.network_mode.startswith("container:") for c in providers):
            broken.setdefault(providers[0].service, []).append(walk)
    found = []
    for service, walks in broken.items():
        container = _of(case, service)
        owner = case.place(container)
        name = owner.service if owner is not container else container.network_mode.partition(":")[2][:12]
        asked, (_variable, port, _address) = walks[0].dependency, _listening_port(container, walks[0].dependency.port)
        hosts = list(dict.fromkeys(w.dependency.host for w in walks))
        found.append(
            finding(
                "name.network_mode_service",
                Confidence.CERTAIN,
                f"Service '{service}' has the network of '{name}', and no name of its own",
                [w.dependency.name for w in walks],
                evidence=(
                    f"container {container.name} has the network mode '{container.network_mode[:22]}', which is '{name}'",
                    *_told(case, walks),
                ),
                confirm=f"docker inspect -f '{{{{.HostConfig.NetworkMode}}}}' {container.name}",
                advice=f"Call '{name}{f':{port}' if port else ''}' instead of {listed(hosts)}, or give service '{name}' "
                f"{listed(hosts)} among the aliases of its network (networks: …: aliases).",
                subject={
                    "service": service,
                    "owner": name,
                    "consumer": asked.consumer,
                    "host": asked.host,
                    "new_host": name,
                    "port": asked.port,
                    "new_port": port or asked.port,
                },
                mendable=owner is not container and _one_call(walks),
            )
        )
    return found


def _one_call(walks: list[Walk]) -> bool:
    """Whether one consumer calls it by one name, which can be changed in one place."""
    return len({(w.dependency.consumer, w.dependency.host, w.dependency.port) for w in walks}) == 1


def on_default_bridge(case: Case) -> list[Finding]:
    """Parties on the default bridge, which serves no names: all of them, or one apart from the others."""
    together: list[Walk] = []
    apart: dict[str, list[Walk]] = {}
    for walk in case.open_walks(Layer.NAME, Layer.RESOLVER):
        consumer, providers = case.parties(walk)
        if consumer is None or not providers:
            continue
        there = [c for c in (consumer, *providers) if _is_on_default_bridge(c)]
        if len(there) == 1 + len(providers):
            together.append(walk)
        elif there and any(e.network != "bridge" for c in (consumer, *providers) for e in c.endpoints):
            apart.setdefault(there[0].service, []).append(walk)
    return ([_no_dns(case, together)] if together else []) + [_mixed(case, s, w) for s, w in apart.items()]


def _is_on_default_bridge(container: Container) -> bool:
    return [e.network for e in container.endpoints] == ["bridge"]


def _no_dns(case: Case, walks: list[Walk]) -> Finding:
    services = _parties_of(case, walks)
    first = case.container(walks[0].container)
    nameservers = [
        line.split()[1]
        for line in ((first.resolv_conf if first else "") or "").splitlines()
        if line.startswith("nameserver ") and len(line.split()) > 1
    ]
    return finding(
        "resolver.default_bridge_no_dns",
        Confidence.CERTAIN,
        f"{listed(services)} run on the default bridge, where no service has a name",
        [w.dependency.name for w in walks],
        evidence=(
            f"{listed(services)} have the network mode 'bridge'; Docker's DNS serves user-defined networks only",
            f"resolv.conf of {walks[0].dependency.consumer} names {', '.join(nameservers) or 'nobody'}, not 127.0.0.11",
            *_told(case, walks),
        ),
        confirm=f"docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {walks[0].container}",
        advice=f"Take 'network_mode: bridge' out of {listed(services)}: without it Compose puts them on a network of "
        "their own that serves names; then docker compose up -d.",
        subject={"services": services, "off_default_bridge": ["default"]},
    )


def _mixed(case: Case, service: str, walks: list[Walk]) -> Finding:
    others = _others(case, service, walks)
    networks = sorted({e.network for s in others for c in case.containers_of(s) for e in c.endpoints} - {"bridge"})
    return finding(
        "name.mixed_default_bridge_and_custom",
        Confidence.CERTAIN,
        f"Service '{service}' runs on the default bridge, apart from {listed(others)}",
        [w.dependency.name for w in walks],
        evidence=(
            f"container {_of(case, service).name} is on 'bridge' only; {listed(others)} on {', '.join(networks)}",
            *_told(case, walks),
        ),
        confirm=f"docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {_of(case, service).name}",
        advice=f"Take 'network_mode: bridge' out of service '{service}' and put it on a network of {listed(others)}; then "
        f"docker compose up -d {service}.",
        subject={"services": [service], "others": others, "off_default_bridge": networks},
    )


def wrong_project_name(case: Case) -> list[Finding]:
    """Providers that have no container here, and run in another project: one finding for each such project."""
    todo = {
        f"{w.dependency.name} {w.container}": (w, _twins(case, w)) for w in case.open_walks(Layer.CONTAINER, Layer.NAME)
    }
    found = []
    while any(twins for _walk, twins in todo.values()):
        projects = sorted({project for _walk, twins in todo.values() for project in twins})
        # the one that has most of what is missing here
        best = max(projects, key=lambda p: sum(p in twins for _walk, twins in todo.values()))
        pairs = {key: (walk, twins[best]) for key, (walk, twins) in todo.items() if best in twins}
        found.append(_elsewhere(case, best, list(pairs.values()), [p for p in projects if p != best]))
        todo = {key: pair for key, pair in todo.items() if key not in pairs}
    return found


def _twins(case: Case, walk: Walk) -> dict[str, Container]:
    """By project, the containers elsewhere that go by the called name and may be what is meant."""
    host, port = walk.dependency.host.rstrip(".").lower(), walk.dependency.port
    service = case.provider(walk.dependency)
    if service and case.containers_of(service):
        return {}
    named = {
        c.project: c
        for c in case.snapshot.bystanders
        if c.state == "running" and not c.one_off and host in (c.service.lower(), c.name.lower())
    }
    here = {project: c for project, c in named.items() if _same_folder(case, c)}
    if here or service:
        # many projects have a service of that name: what came from the same folder is this project's
        return here
    meant = likely_service(case, host, port)
    listens = {s.port for c in case.containers_of(meant) for s in c.sockets or () if s.state == "LISTEN"}
    return {} if meant and port in listens else named


def _same_folder(case: Case, container: Container) -> bool:
    own = os.path.dirname(case.snapshot.config_files[0]) if case.snapshot.config_files else ""
    return container.labels.get(LABEL_WORKING_DIR, "") == own != ""


def _elsewhere(case: Case, project: str, pairs: list[tuple[Walk, Container]], also: list[str]) -> Finding:
    walks = [walk for walk, _twin in pairs]
    twins = list({twin.name: twin for _walk, twin in pairs}.values())
    own, networks = case.snapshot.project, sorted({e.network for t in twins for e in t.endpoints})
    same_folder = all(_same_folder(case, t) for t in twins)
    consumers = list(dict.fromkeys(w.dependency.consumer for w in walks))
    hosts = list(dict.fromkeys(w.dependency.host for w in walks))
    where = f"in project '{project}'" if project else "outside of any project"
    return finding(
        "name.wrong_project_name",
        Confidence.CERTAIN if same_folder else Confidence.POSSIBLE if also else Confidence.LIKELY,
        f"{listed(hosts)} {'runs' if len(hosts) == 1 else 'run'} {where}, and not in '{own}'",
        [w.dependency.name for w in walks],
        evidence=(
            *(
                f"container {t.name} {belongs(case, t)} is on {', '.join(e.network for e in t.endpoints) or 'no network'}"
                for t in twins
            ),
            *(["both projects were started from the same folder"] if same_folder else []),
            *([f"so is one of project {listed(also)}"] if also and not same_folder else []),
            f"project '{own}' has no container for {listed(hosts)}",
            *_told(case, walks),
        ),
        confirm=f"docker ps --filter name={twins[0].name} "
        "--format '{{.Names}} {{.Label \"com.docker.compose.project\"}} {{.Networks}}'",
        advice=f"Start them under one name (docker compose -p {own} up -d, COMPOSE_PROJECT_NAME, or 'name:' in the Compose "
        f"file), or put {listed(consumers)} on the network {' or '.join(networks) or 'of theirs'} as an external network.",
        subject={"project": project, "containers": [t.name for t in twins], "networks": networks, "hosts": hosts},
    )


def multihomed_default_route(case: Case) -> list[Finding]:
    """A default route through a network that cannot reach out, beside one that could: one finding for each service."""
    found = []
    for service in case.services():
        for container in case.containers_of(service):
            gateway = container.default_route.partition(" dev ")[0]
            networks = {e.network: case.network(e.network) for e in container.endpoints}
            used = next((e.network for e in container.endpoints if gateway and e.gateway == gateway), "")
            out = [name for name, network in networks.items() if name != used and _reaches_out(network)]
            present = networks.get(used)
            if not container.running or present is None or _reaches_out(present) or not out:
                continue
            if _chosen(case, service, used):
                continue
            found.append(_blind_route(case, container, used, out))
            break
    return found


def _reaches_out(network: Any) -> bool:
    """Whether the engine translates the addresses of what leaves a network."""
    return (
        isinstance(network, Network)
        and network.driver == "bridge"
        and not network.internal
        and network.options.get(MASQUERADE, "").lower() != "false"
    )


def _chosen(case: Case, service: str, network: str) -> bool:
    """Whether the configuration asks for the default route through that network."""
    spec = (case.snapshot.config.get("services") or {}).get(service) or {}
    key = getattr(case.network(network), "key", "")
    return bool(((spec.get("networks") or {}).get(key) or {}).get("gw_priority"))


def _blind_route(case: Case, container: Container, used: str, out: list[str]) -> Finding:
    external = [d.name for d in case.snapshot.dependencies if d.consumer == container.service and d.kind == "external"]
    major = case.snapshot.engine.version.partition(".")[0]
    knows = major.isdigit() and int(major) >= ENGINE_WITH_PRIORITY
    how = (
        f"Give service '{container.service}' 'gw_priority: 1' on network '{out[0]}'"
        if knows
        else f"Rename the networks so that '{out[0]}' comes first: the engine takes the first by name (from Engine 28 on, "
        "gw_priority decides)"
    )
    return finding(
        "host.multihomed_default_route",
        Confidence.LIKELY,
        f"Service '{container.service}' leaves through network '{used}', which cannot reach out; '{out[0]}' could",
        external or [container.service],
        evidence=(
            f"the default route of {container.name} is {container.default_route}, the gateway of '{used}'",
            f"network '{used}' has the option {MASQUERADE}=false",
            f"{container.name} is on {', '.join(out)} as well, which translates addresses",
        ),
        confirm=f"docker exec {container.name} cat /proc/net/route",
        advice=f"{how}; or take {MASQUERADE} out of '{used}'. If the host's network routes that subnet by itself, all is well.",
        subject={"service": container.service, "container": container.name, "network": used, "others": out},
    )


def _of(case: Case, service: str) -> Container:
    containers = case.containers_of(service)
    return next((c for c in containers if c.running), containers[0])


def _parties_of(case: Case, walks: list[Walk]) -> list[str]:
    return list(dict.fromkeys(s for w in walks for s in (w.dependency.consumer, case.provider(w.dependency))))


def _others(case: Case, service: str, walks: list[Walk]) -> list[str]:
    return [s for s in _parties_of(case, walks) if s != service]


def _told(case: Case, walks: list[Walk]) -> list[str]:
    """What probes and the first consumer's log show."""
    first = walks[0].dependency.consumer
    hosts = [w.dependency.host for w in walks if w.dependency.consumer == first]
    return [*probe_lines(case, walks), *log_evidence(case, first, hosts)]
