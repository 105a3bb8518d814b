# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 3, names that several have, or that nobody can ask for."""

from __future__ import annotations

from ..model import Confidence, Container, Endpoint, Finding, Layer, Walk
from .case import HOSTS_FILE, Case
from .make import compose_command, finding, getent, listed, log_evidence, probe_lines

# https://www.rfc-editor.org/rfc/rfc1035#section-2.3.4
LONGEST_LABEL = 63


def name_shared_with_intruder(case: Case) -> list[Finding]:
    """A container that should not have it answers to the name as well: one finding for each such container."""
    broken: dict[str, list[Walk]] = {}
    for walk in case.open_walks(Layer.NAME):
        probe = case.name_probe(walk.container, walk.dependency.host)
        if probe is None or probe.via == HOSTS_FILE:
            continue
        for holder in (case.owner(a) for a in probe.answers):
            if holder and case.is_intruder(holder):
                broken.setdefault(holder.name, []).append(walk)
    found = []
    for container in (*case.snapshot.containers, *case.snapshot.strangers):
        walks = broken.get(container.name, [])
        if walks and container.project == case.snapshot.project:
            found.append(_orphan(case, container, walks))
        elif walks:
            found.append(_stranger(case, container, walks))
    return found


def _stranger(case: Case, container: Container, walks: list[Walk]) -> Finding:
    hosts = list(dict.fromkeys(w.dependency.host for w in walks))
    network = _common_network(case, container, walks)
    whose = f"project '{container.project}'" if container.project else "no Compose project"
    return finding(
        "name.duplicate_alias_two_projects",
        Confidence.CERTAIN,
        f"Container {container.name} of {whose} answers to {listed(hosts)} as well",
        [w.dependency.name for w in walks],
        evidence=(*_holders(case, walks), *_names_there(container, network), *_heard(case, walks, hosts)),
        confirm=_ahosts(walks[0]),
        advice=f"Give '{container.service or container.name}' another name, or keep it off network '{network}'. "
        f"At once: docker network disconnect {network} {container.name} (it then loses that network).",
        subject={"intruder": container.name, "network": network, "hosts": hosts},
    )


def _orphan(case: Case, container: Container, walks: list[Walk]) -> Finding:
    hosts = list(dict.fromkeys(w.dependency.host for w in walks))
    return finding(
        "name.orphan_holds_alias",
        Confidence.CERTAIN,
        f"Container {container.name} of '{container.service}', a service that is configured no more, "
        f"answers to {listed(hosts)}",
        [w.dependency.name for w in walks],
        evidence=(
            f"services of the configuration: {', '.join(case.snapshot.config.get('services') or {})}",
            *_holders(case, walks),
            *_names_there(container, _common_network(case, container, walks)),
            *_heard(case, walks, hosts),
        ),
        confirm=_ahosts(walks[0]),
        advice=f"Stop it: docker stop {container.name}. Once nobody misses it: "
        f"{compose_command(case, 'up -d --remove-orphans')}, which removes it for good.",
        subject={"intruder": container.name, "network": _common_network(case, container, walks), "hosts": hosts},
    )


def _holders(case: Case, walks: list[Walk]) -> list[str]:
    """Who has the addresses that the names resolve to."""
    lines = []
    for walk in walks[:3]:
        probe = case.name_probe(walk.container, walk.dependency.host)
        told = []
        for address in probe.answers if probe else ():
            holder = case.owner(address)
            told.append(f"{address} ({holder.name if holder else 'no container'})")
        lines.append(f"from inside {walk.dependency.consumer}: '{walk.dependency.host}' is {', '.join(told)}")
    return lines


def _common_network(case: Case, container: Container, walks: list[Walk]) -> str:
    consumer = case.container(walks[0].container)
    shared = case.shared_networks(consumer, container) if consumer else []
    return next(iter(shared), "")


def _names_there(container: Container, network: str) -> list[str]:
    endpoint = container.endpoint(network)
    return [f"on '{network}' {container.name} answers to {', '.join(endpoint.dns_names)}"] if endpoint else []


def _heard(case: Case, walks: list[Walk], hosts: list[str]) -> tuple[str, ...]:
    return log_evidence(case, walks[0].dependency.consumer, hosts)


def _ahosts(walk: Walk) -> str:
    """All addresses of a name; "getent hosts" would show one."""
    return f"docker exec {walk.container} getent ahostsv4 {walk.dependency.host}"


def label_too_long(case: Case) -> list[Finding]:
    """A part of the name has more characters than DNS can carry: no resolver even asks for it."""
    broken: dict[tuple[str, str], list[Walk]] = {}
    for walk in case.open_walks(Layer.NAME):
        if any(len(label) > LONGEST_LABEL for label in walk.dependency.host.split(".")):
            broken.setdefault((walk.dependency.consumer, walk.dependency.host), []).append(walk)
    found = []
    for (_consumer, host), walks in broken.items():
        longest = max(host.split("."), key=len)
        first = walks[0].dependency
        consumer, providers = case.parties(walks[0])
        meant = providers[0].service if providers else ""
        accepted = [f"the engine lists it for {c.name} all the same" for c in providers if _lists(c.endpoints, host)]
        found.append(
            finding(
                "name.label_too_long",
                Confidence.CERTAIN,
                f"'{longest[:20]}…' has {len(longest)} characters, and a name in DNS has no part longer than "
                f"{LONGEST_LABEL}",
                [w.dependency.name for w in walks],
                evidence=(
                    f"{first.origin} of '{first.consumer}' says {first.target}",
                    *probe_lines(case, walks),
                    *accepted,
                    *log_evidence(case, first.consumer, [host]),
                ),
                confirm=getent(consumer, host) if consumer else "",
                advice=f"Use a shorter name in {first.origin} of service '{first.consumer}'"
                + (f": '{meant}' is the service's own." if meant else "."),
                subject={"consumer": first.consumer, "host": host, "service": meant},
                mendable=bool(meant) and first.rewritable,
            )
        )
    return found


def _lists(endpoints: tuple[Endpoint, ...], host: str) -> bool:
    return any(host.lower() in {n.lower() for n in e.dns_names} for e in endpoints)
