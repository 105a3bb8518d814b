# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 1: what keeps Compose from creating or starting containers.

``docker compose up`` ends at the first refusal and often says why nowhere else: what it left undone is compared with
the configuration and with what the engine has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Optional

from ..model import Confidence, Container, Finding, Layer, Network, Outcome, Severity, Walk
from .answers import checked_service
from .case import NO_EMBEDDED_DNS, Case, network_names
from .make import compose_command, finding, listed, log_evidence

# what the engine says of a port that another container has, and of one that a process of the host has
TAKEN_PORT = re.compile(
    r"Bind for (?P<ip>\S*?):(?P<port>\d+) failed: port is already allocated|"
    r"(?:listen (?:tcp|udp)[46]? |bind host port for )(?P<host_ip>\S*?):(?P<host_port>\d+)\b.*address already in use"
)
ANY_ADDRESS = ("", "0.0.0.0", "::", "[::]")


def wanted(case: Case) -> list[str]:
    """Services of the configuration that should have a container: not scaled to zero, and not run by a plugin.

    None where the engine does not answer: who has a container is not known then.
    """
    if case.snapshot.engine.silence:
        return []
    return [name for name, spec in (case.snapshot.config.get("services") or {}).items() if _replicas(spec or {}) != 0]


def _replicas(spec: dict[str, Any]) -> int:
    scale = spec.get("scale")
    replicas = scale if scale is not None else (spec.get("deploy") or {}).get("replicas")
    return 0 if "provider" in spec else 1 if replicas is None else int(replicas)


def never_started(case: Case) -> list[str]:
    """Wanted services that Compose did not create, or created and never tried to start."""
    return [s for s in wanted(case) if all(c.state == "created" and not c.error for c in case.containers_of(s))]


def halted(
    case: Case,
    code: str,
    services: Sequence[str],
    summary: str,
    evidence: Iterable[str],
    confirm: str,
    advice: str,
    subject: Mapping[str, Any],
    confidence: Confidence = Confidence.CERTAIN,
) -> Finding:
    """A finding about services that could not be created or started.

    It is a warning where the engine was never asked to start them and nothing that was looked at misses them.
    """
    broken = held_up(case, services)
    tried = any(c.error for s in services for c in case.containers_of(s))
    up = any(c.running for c in case.snapshot.containers)
    severity = Severity.ERROR if broken or tried or not up else Severity.WARNING
    return finding(code, confidence, summary, broken or services, evidence, confirm, advice, subject, severity=severity)


def held_up(case: Case, services: Iterable[str]) -> list[str]:
    """Names of what fails because those services could not start; with them waits all that Compose never started."""
    affected = {*services, *never_started(case)}
    # so that their missing containers are not told of once more
    case.explained.update(absence(s) for s in affected)
    broken = [
        w.dependency.name for w in case.open_walks() if {w.dependency.consumer, case.provider(w.dependency)} & affected
    ]
    # a consumer without a container has no walk
    broken += [
        d.name
        for d in case.snapshot.dependencies
        if d.kind in ("call", "order") and d.consumer in affected and not case.containers_of(d.consumer)
    ]
    return broken + [r.check.name for r in case.open_checks() if {checked_service(case, r), r.check.source} & affected]


def absence(service: str) -> str:
    """The mark in Case.explained of a service whose missing container is explained."""
    return f"service {service}"


def external_network_missing(case: Case) -> list[Finding]:
    """A network that somebody else should have made does not exist: Compose starts nothing."""
    found = []
    specs = case.snapshot.config.get("networks") or {}
    for key, name in network_names(case.snapshot.config, case.snapshot.project).items():
        services = [s for s in never_started(case) if name in case.configured_networks(s)]
        external = (specs[key] or {}).get("external")
        if not external or not services or name in NO_EMBEDDED_DNS or case.network(name):
            continue
        found.append(
            halted(
                case,
                "container.external_network_missing",
                services,
                f"External network '{name}' does not exist: Compose does not start {listed(services)}",
                evidence=(
                    f"the configuration declares network '{key}' as external, by the name '{name}'",
                    f"the engine has no network '{name}'",
                    *_left_undone(case, services),
                ),
                confirm=f"docker network inspect {name}",
                advice=f"Start the project that owns '{name}', or create it: docker network create {name}. Then "
                f"docker compose -p {case.snapshot.project} up -d.",
                subject={"network": name, "key": key, "services": services},
            )
        )
    return found


def network_wrong_label(case: Case) -> list[Finding]:
    """A network of the configuration that Compose did not make: it refuses to use it at its next ``up``."""
    found = []
    specs = case.snapshot.config.get("networks") or {}
    for key, name in network_names(case.snapshot.config, case.snapshot.project).items():
        network = case.network(name)
        if network is None or network.key == key or (specs[key] or {}).get("external"):
            continue
        waiting = [s for s in never_started(case) if name in case.configured_networks(s)]
        placed = [(c, e) for c in case.snapshot.containers if c.running and (e := c.endpoint(name))]
        if waiting or (placed and all(c.service in e.dns_names for c, e in placed)):
            found.append(_wrong_label(case, key, network, waiting, sorted({c.service for c, _e in placed})))
    return found


def _wrong_label(case: Case, key: str, network: Network, waiting: list[str], placed: list[str]) -> Finding:
    free = f"docker network rm {network.name}, then docker compose -p {case.snapshot.project} up -d"
    consequence = (
        f"Compose does not start {listed(waiting)}" if waiting else "the next 'docker compose up' will refuse it"
    )
    return halted(
        case,
        "container.network_wrong_label",
        waiting or placed,
        f"Network '{network.name}' was not made by Compose: {consequence}",
        evidence=(
            f"its label com.docker.compose.network is '{network.key}'; Compose expects '{key}'",
            "containers on it: " + (", ".join(network.attached) or "none"),
            *_left_undone(case, waiting),
        ),
        confirm=f"docker network inspect -f '{{{{json .Labels}}}}' {network.name}",
        advice=("" if network.attached else f"Remove it and let Compose make its own: {free}. ")
        + f"To keep it, declare network '{key}' with 'external: true' and 'name: {network.name}'.",
        subject={"network": network.name, "key": key, "services": waiting},
    )


def container_name_conflict(case: Case) -> list[Finding]:
    """The name that a service's container must have belongs to a container that is not the service's."""
    found = []
    snapshot = case.snapshot
    others = (*snapshot.bystanders, *snapshot.strangers, *snapshot.containers)
    for service in wanted(case):
        spec = (snapshot.config.get("services") or {}).get(service) or {}
        name = str(spec.get("container_name") or f"{snapshot.project}-{service}-1")
        holder = next((c for c in others if c.name == name), None)
        if holder is None or case.containers_of(service):
            continue
        where = f"'container_name: {name}'" if spec.get("container_name") else "Compose's own naming"
        found.append(
            halted(
                case,
                "container.container_name_conflict",
                [service],
                f"The container name '{name}' of service '{service}' is taken by a container {belongs(case, holder)}",
                evidence=(
                    f"{where} gives service '{service}' the container name '{name}'",
                    f"container {name} {belongs(case, holder)} is {holder.state} (image {holder.image})",
                    *_left_undone(case, [service]),
                ),
                confirm=f"docker ps --all --filter name=^{name}$ --format '{{{{.Names}}}} {{{{.Status}}}} {{{{.Labels}}}}'",
                advice=f"Find out who needs that container. Rename it (docker rename {name} {name}-old) or remove it if "
                f"nobody does, or take container_name out of service '{service}'; then "
                f"docker compose -p {snapshot.project} up -d.",
                subject={"service": service, "name": name},
            )
        )
    return found


def belongs(case: Case, container: Container) -> str:
    """Whose a container is, to stand behind the word container."""
    if not container.project:
        return "that belongs to no Compose project"
    whose = "this project" if container.project == case.snapshot.project else f"project '{container.project}'"
    return f"of service '{container.service}' in {whose}"


def host_port_already_allocated(case: Case) -> list[Finding]:
    """A container that could not start because the host's port that it publishes is taken."""
    found = []
    snapshot = case.snapshot
    for container in snapshot.containers:
        taken = TAKEN_PORT.search(container.error)
        if container.running or not taken or not container.service:
            continue
        port = int(taken["port"] or taken["host_port"])
        address = taken["ip"] if taken["port"] else taken["host_ip"]
        others = (*snapshot.bystanders, *snapshot.strangers, *snapshot.containers)
        holder = next((c for c in others if c.name != container.name and _publishes(c, address, port)), None)
        found.append(
            halted(
                case,
                "port.host_port_already_allocated",
                [container.service],
                f"Service '{container.service}' cannot start: port {port} of the host is taken"
                + (f" by container {holder.name}" if holder else ""),
                evidence=(
                    f"the engine about {container.name}: {taken[0]}",
                    f"container {holder.name} {belongs(case, holder)} publishes that port"
                    if holder
                    else f"no container publishes port {port}: a process of the host, or one that has ended, has it",
                    *_answers_of_others(case, container.service),
                ),
                confirm=f"ss -ltnp 'sport = :{port}'",
                advice=f"Stop who has the port if it is not needed, or publish another port of service "
                f"'{container.service}'; then docker compose -p {snapshot.project} up -d.",
                subject={
                    "service": container.service,
                    "container": container.name,
                    "port": port,
                    "holder": holder.name if holder else "",
                },
            )
        )
    return found


def _publishes(container: Container, address: str, port: int) -> bool:
    return any(
        p.host_port == port and (p.host_ip == address or {p.host_ip, address} & set(ANY_ADDRESS))
        for p in container.published
    )


def _answers_of_others(case: Case, service: str) -> list[str]:
    """Answers to checks of a service that does not run: somebody else writes them."""
    return [
        f"{r.check.method} {r.check.url}: HTTP {r.status} from {r.server or 'somebody'}, which is not '{service}'"
        for r in case.open_checks()
        if r.status and checked_service(case, r) == service
    ][:1]


def profile_not_enabled(case: Case) -> list[Finding]:
    """A name that belongs to a service which only a profile that is not enabled would start."""
    disabled = {name.lower(): name for name in case.snapshot.disabled}
    broken: dict[str, list[Walk]] = {}
    for walk in case.open_walks(Layer.NAME, Layer.RESOLVER):
        service = disabled.get(walk.dependency.host.rstrip(".").lower())
        if service and not case.provider(walk.dependency):
            broken.setdefault(service, []).append(walk)
    return [_of_profile(case, service, walks) for service, walks in broken.items()]


def _of_profile(case: Case, service: str, walks: list[Walk]) -> Finding:
    profiles = case.snapshot.disabled[service]
    callers = list(dict.fromkeys(w.dependency.consumer for w in walks))
    told = [line for caller in callers for line in log_evidence(case, caller, [service])]
    # what nobody misses may be left out on purpose: a tracing collector, a debugging aid
    checks = [c.outcome for c in case.snapshot.checks]
    missed = bool(told) or not checks or Outcome.FAILED in checks
    switches = " ".join(f"--profile {p}" for p in profiles[:1])
    return finding(
        "container.profile_not_enabled",
        Confidence.CERTAIN,
        f"Service '{service}' was not started: it belongs to profile {listed(profiles)}, which is not enabled",
        [w.dependency.name for w in walks],
        evidence=(
            f"{walks[0].dependency.origin} of '{callers[0]}' says {walks[0].dependency.target}",
            f"service '{service}' has 'profiles: [{', '.join(profiles)}]', and no container",
            *told,
        ),
        confirm=compose_command(case, "--profile '*' config --services"),
        advice=f"Start it: docker compose -p {case.snapshot.project} {switches} up -d {service}. If it is left out on "
        f"purpose, take it out of {walks[0].dependency.origin} of {listed(callers)}, or list it in netfix_ignore.",
        subject={"service": service, "profiles": list(profiles), "consumers": callers},
        severity=Severity.ERROR if missed else Severity.WARNING,
    )


def without_container(case: Case) -> list[Finding]:
    """Services of the configuration that have no container, where nothing above says why."""
    missing = [
        s
        for s in wanted(case)
        if absence(s) not in case.explained and not case.containers_of(s) and not _explained_otherwise(case, s)
    ]
    if not missing:
        return []
    none_at_all = not any(case.containers_of(s) for s in case.services())
    checks = {
        r.check.name: service
        for r in case.open_checks()
        if (service := checked_service(case, r)) in missing or (service := r.check.source) in missing
    }
    calls = [d.name for d in case.snapshot.dependencies if d.kind == "call" and d.consumer in missing]
    needed = [s for s in missing if s in checks.values()]
    if none_at_all:
        broken = [*calls, *checks]
        return [
            _missing(
                case, missing, broken, f"No service of project '{case.snapshot.project}' has a container", bool(broken)
            )
        ]
    found = [
        _missing(
            case,
            [s],
            [name for name, service in checks.items() if service == s],
            f"Service '{s}' has no container",
            True,
        )
        for s in needed
    ]
    rest = [s for s in missing if s not in needed]
    if rest:
        many = len(rest) > 1
        title = f"Service{'s' if many else ''} {listed(rest)} {'have' if many else 'has'} no container"
        found.append(_missing(case, rest, rest, title, False))
    return found


def _explained_otherwise(case: Case, service: str) -> bool:
    """Whether a finding names it already, or a job's container was taken away after it had done its work."""
    called = any(w.outcome is Outcome.FAILED and case.provider(w.dependency) == service for w in case.walks)
    one_off = any(c.service == service for c in case.snapshot.containers)
    return called or one_off or _is_job(case, service)


def _is_job(case: Case, service: str) -> bool:
    """Whether all that wait for the service wait for its end."""
    specs = (case.snapshot.config.get("services") or {}).values()
    entries = [e for spec in specs if (e := _waits_for(spec or {}, service)) is not None]
    return bool(entries) and all(e.get("condition") == "service_completed_successfully" for e in entries)


def _waits_for(spec: dict[str, Any], service: str) -> Optional[dict[str, Any]]:
    depends_on = spec.get("depends_on") or {}
    return (depends_on.get(service) or {}) if isinstance(depends_on, dict) and service in depends_on else None


def _missing(case: Case, services: list[str], breaks: list[str], summary: str, needed: bool) -> Finding:
    names, them = " ".join(services), "it" if len(services) == 1 else "them"
    return finding(
        "container.not_running",
        Confidence.CERTAIN,
        summary,
        breaks or services,
        evidence=(
            f"the configuration names {listed(services)}, the engine has no container for {them}",
            *(() if needed else ("nothing that was looked at needs it",)),
        ),
        confirm=compose_command(case, f"ps --all {names}"),
        advice=f"Create {them}: docker compose -p {case.snapshot.project} up -d {names}",
        subject={"service": services[0], "services": services},
        severity=Severity.ERROR if needed else Severity.WARNING,
    )


def _left_undone(case: Case, services: Iterable[str]) -> list[str]:
    """What ``up`` left behind, one line."""
    missing = [s for s in services if not case.containers_of(s)]
    waiting = [c.name for s in never_started(case) for c in case.containers_of(s)]
    return [
        *([f"no container: {', '.join(missing)}"] if missing else []),
        *([f"created and never started: {', '.join(waiting)}"] if waiting else []),
    ]
