# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports: of whom they are, where they can be reached, and whether the engine published them at all."""

from __future__ import annotations

from typing import Optional
from urllib.parse import urlsplit

from ..model import CheckResult, Confidence, Container, Finding
from .case import Case
from .make import finding
from .ways import broken, is_host, refused, seen


def published_port_is_another_app(case: Case) -> list[Finding]:
    """A port that a service should publish is published by somebody else's container: one finding for each service."""
    found = []
    for container in case.snapshot.containers:
        # one that the engine could not start for that reason is found by what the engine says
        if container.error or container.published:
            continue
        for port in container.ports:
            other = _publisher(case, port.host_port)
            if other is None or not port.host_port:
                continue
            results = [r for r in case.snapshot.checks if _at_port(r, port.host_port)]
            calls = [w.dependency.name for w in case.open_walks() if w.dependency.consumer == container.service]
            found.append(
                finding(
                    "protocol.published_port_is_another_app_404",
                    Confidence.CERTAIN,
                    f"Port {port.host_port} of the host belongs to container {other.name}, not to '{container.service}'",
                    [*(r.check.name for r in results), *calls] or [container.service],
                    evidence=(
                        f"the configuration publishes port {port.host_port} for '{container.service}', whose container "
                        f"{container.name} is {container.state} and publishes nothing",
                        f"the engine publishes it for {other.name}"
                        + (f" of project '{other.project}'" if other.project else f" (image {other.image})"),
                        *(
                            f"{r.check.method} {r.check.url}: HTTP {r.status} from {r.server or 'it'}"
                            for r in results[:2]
                        ),
                    ),
                    confirm=f"docker ps --filter publish={port.host_port}",
                    advice=f"Stop {other.name} or give it another port, then start '{container.service}'; or publish "
                    f"'{container.service}' on another port.",
                    subject={"service": container.service, "container": other.name, "port": port.host_port},
                )
            )
            break
    return found


def _publisher(case: Case, port: int) -> Optional[Container]:
    others = (*case.snapshot.strangers, *case.snapshot.bystanders)
    return next((c for c in others if any(p.host_port == port for p in c.published)), None)


def _at_port(result: CheckResult, port: int) -> bool:
    return result.check.source == "host" and urlsplit(result.check.url).port == port


def published_on_loopback(case: Case) -> list[Finding]:
    """A container asks the host for a port that is published on the host's loopback only."""
    found = []
    for ways in refused(case, by_consumer=True):
        way = ways[0]
        publisher = _loopback_publisher(case, way.port) if is_host(case, way) else None
        if publisher is None:
            continue
        container, inside = publisher
        first = way.walk.dependency
        near = bool(container.service) and container in case.containers_of(container.service)
        shared = near and bool(case.shared_networks(way.consumer, container))
        advice = (
            f"Say {container.service}:{inside} in {first.origin} of service '{first.consumer}': both are on one network"
            if shared
            else f"Put '{first.consumer}' and {container.name} on one network and call it by its name and port {inside}"
        )
        found.append(
            finding(
                "port.published_on_loopback_from_container",
                Confidence.CERTAIN,
                f"Service '{first.consumer}' calls {first.target} on the host, which publishes that port on 127.0.0.1 only",
                broken(ways),
                evidence=(
                    f"{first.origin} of '{first.consumer}' says {first.target}; that is the host, {way.address}",
                    f"the engine publishes port {inside} of {container.name} on 127.0.0.1:{way.port}, "
                    "which no container can reach",
                    *seen(case, ways),
                ),
                confirm=f"docker port {container.name}",
                advice=f"{advice}.",
                subject={
                    "consumer": first.consumer,
                    "host": first.host,
                    "service": container.service or container.name,
                    "port": way.port,
                    "new_port": inside,
                },
                mendable=shared and first.rewritable,
            )
        )
    return found


def _loopback_publisher(case: Case, port: int) -> Optional[tuple[Container, int]]:
    snapshot = case.snapshot
    for container in (*snapshot.containers, *snapshot.strangers, *snapshot.bystanders):
        for one in container.published:
            if one.host_port == port and one.host_ip.startswith("127.") and one.protocol == "tcp":
                return container, one.container_port
    return None


def internal_network_publishes_nothing(case: Case) -> list[Finding]:
    """A container publishes ports by configuration, but is on internal networks only: the engine publishes none."""
    found = []
    for container in case.snapshot.containers:
        networks = [case.network(e.network) for e in container.endpoints]
        if not container.running or not container.ports or container.published or not networks:
            continue
        if not all(n is not None and n.internal for n in networks):
            continue
        names = [n.name for n in networks if n]
        results = [r for r in case.open_checks() if any(_at_port(r, p.host_port) for p in container.ports)]
        ports = sorted({p.host_port for p in container.ports if p.host_port})
        found.append(
            finding(
                "host.internal_network_no_published_port",
                Confidence.CERTAIN,
                f"The ports of '{container.service}' are not published: it is on internal networks only",
                [r.check.name for r in results] or [container.service],
                evidence=(
                    f"the configuration publishes {', '.join(str(p) for p in ports) or 'ports'} of '{container.service}', "
                    "the engine publishes none",
                    f"{container.name} is on {', '.join(names)}, which {'is' if len(names) == 1 else 'are'} internal",
                    *(f"{r.check.method} {r.check.url}: {r.error}" for r in results[:2]),
                ),
                confirm=f"docker port {container.name}",
                advice=f"Put '{container.service}' on a second network that is not internal; {names[0]} can stay "
                "internal for the others.",
                subject={"service": container.service, "container": container.name, "networks": names},
            )
        )
    return found
