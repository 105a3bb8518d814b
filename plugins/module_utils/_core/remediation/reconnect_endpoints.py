# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connect, or connect anew, endpoints with the names that Compose gives them, while everything runs."""

from __future__ import annotations

from typing import Any

from ..diagnosis.case import NO_EMBEDDED_DNS, reached
from ..model import Finding, Outcome
from .mac_addresses import lost_mac
from .patch import merge, reset, service_patch
from .persist import persist
from .situation import Proposal, Remediation, Situation, refuse
from .steps import Step, connect, reconnect


def propose(situation: Situation) -> Proposal:
    """Endpoints for every finding: those the configuration names are only connected; others are configured as well."""
    steps: list[Step] = []
    patch: dict[str, Any] = {}
    recreated: list[str] = []
    refusals: list[str] = []
    for finding in situation.findings:
        if finding.subject.get("network"):
            for container in finding.subject.get("containers") or [finding.subject.get("container")]:
                cause = str(finding.subject.get("cause") or "")
                found = _as_configured(situation, str(container), str(finding.subject["network"]), cause)
                refusals += [found] if isinstance(found, str) else []
                steps += found if isinstance(found, list) else []
        elif finding.subject.get("off_default_bridge"):
            for service in finding.subject["services"]:
                patch = merge(patch, _off_default_bridge(situation, service, finding.subject["off_default_bridge"]))
                recreated += [service] if service not in recreated else []
        elif finding.subject.get("providers"):
            side = _side(situation, finding)
            if side is None:
                refusals.append(
                    f"neither '{finding.subject['consumer']}' nor its providers have a user-defined network"
                )
                continue
            services, networks = side
            steps += _join(situation, services, networks, finding)
            patch = merge(patch, _patch(situation, services, networks))
            recreated += [s for s in services if s not in recreated]
    if refusals or not (steps or patch):
        return refuse(*(refusals or ["no endpoint that lacks a name or a network is known"]))
    return persist(situation, steps, patch, recreated, "the configuration must say what the running network does")


def _as_configured(situation: Situation, container: str, network: str, cause: str) -> list[Step] | str:
    """The steps, or why it cannot be done without losing something."""
    state = situation.state.containers.get(container)
    if state is None:
        return []
    if network not in state.endpoints:
        endpoint = situation.wanted_endpoint(container, network)
        return [connect(container, network, endpoint, f"the configuration puts '{state.service}' on '{network}'")]
    endpoint = situation.kept_endpoint(container, state.endpoints[network])
    lost = lost_mac(situation, container, endpoint)
    return lost or reconnect(container, network, endpoint, cause or f"its endpoint lacks the name '{state.service}'")


def _off_default_bridge(situation: Situation, service: str, networks: list[str]) -> dict[str, Any]:
    """Without its network mode, on the networks of the configuration that are meant; "default" is there unsaid."""
    keys = [situation.network_key(n) for n in networks if situation.network_key(n)] or ["default"]
    return service_patch(service, network_mode=reset(), networks={key: None for key in keys})


def _side(situation: Situation, finding: Finding) -> tuple[list[str], list[str]] | None:
    """Who joins whose networks: the side whose recreation fewer users would notice."""
    consumer, providers = finding.subject["consumer"], list(finding.subject["providers"])
    own = _user_defined(situation, [consumer])[:1]
    theirs: list[str] = []
    for provider in providers:
        networks = _user_defined(situation, [provider])
        if not networks:
            theirs = []
            break
        if not set(networks) & set(theirs):
            theirs.append(networks[0])
    seen = _seen_by_users(situation)

    def cost(services: list[str], networks: list[str]) -> tuple[int, int]:
        flips = sum(_moves_default_route(situation, s, networks) for s in services)
        return flips, sum((s in seen) + _stateful(situation, s) for s in services)

    choices = [(cost(s, n), s, n) for s, n in (([consumer], theirs), (providers, own)) if n]
    if not choices:
        return None
    _cost, services, networks = min(choices, key=lambda c: c[0])
    return services, networks


def _moves_default_route(situation: Situation, service: str, networks: list[str]) -> bool:
    """Whether joining would give its containers another default gateway.

    The engine takes the first network by name that is not internal: https://github.com/moby/moby/issues/21741
    """
    for container in situation.case.containers_of(service):
        present = [e.network for e in container.endpoints if not _internal(situation, e.network)]
        joined = [n for n in networks if not _internal(situation, n)]
        if present and joined and min(joined) < min(present):
            return True
    return False


def _internal(situation: Situation, name: str) -> bool:
    network = situation.case.network(name)
    return bool(network and network.internal)


def _user_defined(situation: Situation, services: list[str]) -> list[str]:
    """Networks of the configuration that those services are on, in the engine's names."""
    found = [e.network for s in services for c in situation.case.containers_of(s) for e in c.endpoints]
    return [n for n in dict.fromkeys(found) if n not in NO_EMBEDDED_DNS and situation.network_key(n)]


def _seen_by_users(situation: Situation) -> set[str]:
    """Services that a request from a published port reaches over dependencies that work."""
    case = situation.case
    works = {
        (w.dependency.consumer, case.provider(w.dependency))
        for w in case.walks
        if w.outcome is Outcome.OK and w.dependency.kind == "call"
    }
    published = [c.service for c in case.snapshot.containers if c.ports and c.running]
    return reached(published, lambda service: [provider for consumer, provider in works if consumer == service])


def _stateful(situation: Situation, service: str) -> int:
    return int(any(m.type == "volume" for c in situation.case.containers_of(service) for m in c.mounts))


def _join(situation: Situation, services: list[str], networks: list[str], finding: Finding) -> list[Step]:
    cause = f"'{finding.subject['consumer']}' shares no network with the services that it calls"
    steps = []
    for service in services:
        for container in situation.containers_of(service):
            state = situation.state.containers[container]
            if state.state != "running":
                continue
            for network in networks:
                if network not in state.endpoints:
                    steps.append(connect(container, network, situation.wanted_endpoint(container, network), cause))
    return steps


def _patch(situation: Situation, services: list[str], networks: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for service in services:
        present = situation.service(service).get("networks") or {}
        wanted = {situation.network_key(n): None for n in networks if situation.network_key(n) not in present}
        # a service without networks is on "default" only as long as it names no other
        result = merge(result, {"services": {service: {"networks": {**{k: None for k in present}, **wanted}}}})
    return result


REMEDIATION = Remediation(
    name="reconnect_endpoints",
    summary="connects or reconnects endpoints with the right aliases and addresses, while everything runs",
    invasiveness=1,
    reversible="full",
    restarts="none; a service that the configuration keeps apart is recreated once, so that the fix lasts",
    downtime="0.05 to 0.2 s for a reconnected endpoint",
    propose=propose,
)
