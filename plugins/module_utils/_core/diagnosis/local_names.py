# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 3, names for the container or the host itself: ``localhost``, ``host.docker.internal``."""

from __future__ import annotations

from ..model import Confidence, Container, Dependency, Finding, Layer, LogEvent, Walk
from ..parsing.urls import is_loopback
from .answers import checked_service
from .case import Case
from .gateways import ROUTE_VARIABLE
from .make import finding, listed, log_evidence, probe_lines

# Docker Desktop defines them by itself, the engine on Linux does not
HOST_NAMES = ("host.docker.internal", "gateway.docker.internal")


def localhost_upstream(case: Case) -> list[Finding]:
    """A call to localhost that nobody takes there, while another service listens on that port, and there is trouble."""
    found = []
    for dependency in case.snapshot.dependencies:
        if dependency.kind != "loopback" or not dependency.port:
            continue
        refused = [c for c in case.containers_of(dependency.consumer) if _refuses_itself(case, c, dependency)]
        listeners = _listeners(case, dependency) if refused else []
        told = _told(case, dependency)
        failing = [
            r.check.name
            for r in case.open_checks()
            if (r.status == 0 or r.status >= 500) and dependency.consumer in case.downstream(checked_service(case, r))
        ]
        if not listeners or not (told or failing or ROUTE_VARIABLE.search(dependency.key)):
            continue
        found.append(_finding(case, dependency, refused[0], listeners, told, failing))
    return found


def _finding(
    case: Case,
    dependency: Dependency,
    container: Container,
    listeners: list[str],
    told: list[LogEvent],
    failing: list[str],
) -> Finding:
    consumer, target = dependency.consumer, dependency.target
    meant = listeners[0] if len(listeners) == 1 else ""
    route = ROUTE_VARIABLE.search(dependency.key)
    sure = Confidence.CERTAIN if told else Confidence.LIKELY if route else Confidence.POSSIBLE
    return finding(
        "name.localhost_upstream",
        sure,
        f"Service '{consumer}' calls {target}, which is itself; "
        + (f"'{meant}' is meant" if meant else f"{listed(listeners)} listen on that port"),
        [dependency.name, *(failing if sure is not Confidence.POSSIBLE else ())],
        evidence=(
            f"{dependency.origin} of '{consumer}' says {target}",
            f"from inside {container.name}: {target} refuses, nothing listens on port {dependency.port} there",
            f"{listed(listeners)} {'listen' if len(listeners) > 1 else 'listens'} on port {dependency.port}",
            *log_evidence(case, consumer, [name for e in told for name in (e.host, e.address)]),
        ),
        confirm=f"docker exec {container.name} curl -sv --max-time 3 telnet://{target}",
        advice=f"Write '{meant or ' or '.join(listeners)}' instead of '{dependency.host}' in {dependency.origin} of "
        f"service '{consumer}': in a container, localhost is the container.",
        subject={
            "consumer": consumer,
            "host": dependency.host,
            "service": meant,
            "port": dependency.port,
            "keys": [dependency.key],
        },
        mendable=bool(meant) and dependency.rewritable,
    )


def _refuses_itself(case: Case, container: Container, dependency: Dependency) -> bool:
    """Whether the port is closed on the consumer's own loopback; a listener on another loopback address counts."""
    listens = any(s.port == dependency.port and s.state == "LISTEN" for s in container.sockets or ())
    probes = case.port_probes(container.name, dependency.host, dependency.port)
    return container.running and not listens and any(p.error == "ECONNREFUSED" for p in probes)


def _listeners(case: Case, dependency: Dependency) -> list[str]:
    """The other services that listen on the port; without those that the consumer calls already, if that leaves any."""
    listening = [
        service
        for service in case.services()
        if service != dependency.consumer
        and any(
            s.port == dependency.port and s.state == "LISTEN" and not is_loopback(s.address)
            for c in case.containers_of(service)
            if c.running
            for s in c.sockets or ()
        )
    ]
    called = {
        case.provider(d)
        for d in case.snapshot.dependencies
        if d.consumer == dependency.consumer and d.kind == "call" and d.port == dependency.port
    }
    return [s for s in listening if s not in called] or listening


def _told(case: Case, dependency: Dependency) -> list[LogEvent]:
    """The refusals at loopback that the consumer's log tells of."""
    return [
        e
        for e in case.snapshot.log_events
        if e.service == dependency.consumer
        and e.kind == "refused"
        and e.port in (0, dependency.port)
        and (is_loopback(e.host) or is_loopback(e.address))
    ]


def host_docker_internal_missing(case: Case) -> list[Finding]:
    """The name for the host that only Docker Desktop defines: one finding for each consumer."""
    broken: dict[tuple[str, str], list[Walk]] = {}
    for walk in case.open_walks(Layer.NAME, Layer.RESOLVER):
        host = walk.dependency.host.rstrip(".").lower()
        probe = case.name_probe(walk.container, walk.dependency.host)
        if host in HOST_NAMES and not (probe and probe.answers):
            broken.setdefault((walk.dependency.consumer, host), []).append(walk)
    found = []
    for (consumer, host), walks in broken.items():
        ports = {w.dependency.port for w in walks}
        published = [
            f"'{c.service}' publishes port {p.host_port} itself: {c.service}:{p.container_port} needs no way over the host."
            for c in case.snapshot.containers
            for p in c.published
            if p.host_port in ports
        ]
        found.append(
            finding(
                "name.host_docker_internal_missing",
                Confidence.CERTAIN,
                f"Service '{consumer}' calls {host}, which nothing defines on Linux",
                [w.dependency.name for w in walks],
                evidence=(
                    f"{walks[0].dependency.origin} of '{consumer}' says {walks[0].dependency.target}",
                    *probe_lines(case, walks),
                    f"'{consumer}' has no extra_hosts entry for it",
                    *log_evidence(case, consumer, [host]),
                ),
                confirm=f"docker exec {walks[0].container} getent hosts {host}",
                advice=" ".join(
                    [f"Give service '{consumer}' the entry extra_hosts: [\"{host}:host-gateway\"].", *published[:1]]
                ),
                subject={"consumer": consumer, "host": host, "new_host": host, "host_gateway": True},
            )
        )
    return found
