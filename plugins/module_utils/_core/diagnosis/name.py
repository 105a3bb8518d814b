# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 3: does the name resolve there, and to whom?"""

from __future__ import annotations

import difflib
import re

from ..model import Confidence, Container, Finding, Layer, Severity, Walk
from .case import EMBEDDED_DNS, HOSTS_FILE, NO_EMBEDDED_DNS, Case, network_names
from .make import finding, getent, listed, log_evidence, probe_lines

# how alike a name must be to count as a misspelling of another, as difflib's ratio
ALIKE = 0.75


def network_rebuilt_naively(case: Case) -> list[Finding]:
    """A network of the configuration without Compose's labels, on which services lost their aliases."""
    found = []
    specs = case.snapshot.config.get("networks") or {}
    for key, name in network_names(case.snapshot.config, case.snapshot.project).items():
        network = case.network(name)
        if network is None or (specs[key] or {}).get("external") or network.key:
            continue
        nameless = [
            c
            for c in case.snapshot.containers
            if c.running and (e := c.endpoint(network.name)) and c.service and c.service not in e.dns_names
        ]
        breaks = [
            w.dependency.name for w in case.open_walks(Layer.NAME) if _touches(case, w, {c.service for c in nameless})
        ]
        if not nameless or not breaks:
            continue
        found.append(
            finding(
                "name.network_rebuilt_naively",
                Confidence.CERTAIN,
                f"Network '{network.name}' was created anew without Compose's labels and without service names",
                breaks,
                evidence=(
                    f"the configuration names the network '{key}', but it lacks the label com.docker.compose.network",
                    f"{len(nameless)} of {len(network.attached)} containers on it do not answer to their service name: "
                    + ", ".join(sorted(c.service for c in nameless)),
                    *log_evidence(case, nameless[0].service, [c.service for c in nameless]),
                ),
                confirm=f"docker network inspect -f '{{{{json .Labels}}}}' {network.name}",
                advice="Rebuild the network with its labels, and connect every container with its service's aliases.",
                subject={"network": network.name, "key": key},
            )
        )
    return found


def endpoint_without_alias(case: Case) -> list[Finding]:
    """Provider and consumer share a network, the provider's endpoint there lacks the service name."""
    broken: dict[tuple[str, str], list[Walk]] = {}
    for walk in case.open_walks(Layer.NAME):
        consumer, providers = case.parties(walk)
        for provider in providers:
            for network in case.shared_networks(consumer, provider) if consumer else ():
                endpoint = provider.endpoint(network)
                if endpoint and not _answers(endpoint.dns_names, walk.dependency.host) and _meant(case, provider, walk):
                    broken.setdefault((provider.name, network), []).append(walk)
    found = []
    for (name, network), walks in broken.items():
        container = case.container(name)
        endpoint = container.endpoint(network) if container else None
        if container is None or endpoint is None:
            continue
        found.append(
            finding(
                "name.reconnected_without_alias",
                Confidence.CERTAIN,
                f"Service '{container.service}' is on '{network}' without its name",
                [w.dependency.name for w in walks],
                evidence=(
                    f"on '{network}' container {name} answers to {', '.join(endpoint.dns_names) or 'no name'}, not to '{container.service}'",
                    *probe_lines(case, walks),
                    *log_evidence(case, walks[0].dependency.consumer, [walks[0].dependency.host]),
                ),
                confirm=f"docker inspect -f '{{{{json .NetworkSettings.Networks}}}}' {name}",
                subject={"container": name, "service": container.service, "network": network, "hosts": _hosts(walks)},
            )
        )
    return found


def no_shared_network(case: Case) -> list[Finding]:
    """Both run, and no user-defined network has both: by configuration, or because an endpoint was taken away."""
    lost: dict[str, dict[str, list[Walk]]] = {}
    apart: dict[tuple[str, str], list[Walk]] = {}
    for walk in case.open_walks(Layer.NAME, Layer.RESOLVER):
        consumer, providers = case.parties(walk)
        linked = _linked(case, walk)
        providers = providers or [c for c in case.containers_of(linked) if linked and c.running]
        if consumer is None or not providers:
            continue
        if any(case.shared_networks(case.place(consumer), p) for p in providers):
            continue
        configured = case.configured_networks(consumer.service) & case.configured_networks(providers[0].service)
        if configured:
            network = sorted(configured)[0]
            away = [c for c in (consumer, *providers) if c.endpoint(network) is None]
            for container in away:
                lost.setdefault(network, {}).setdefault(container.name, []).append(walk)
        else:
            kind = "name.links_to_other_network" if linked else "name.disjoint_networks"
            apart.setdefault((kind, consumer.service), []).append(walk)
    return [_lost(case, n, c) for n, c in lost.items()] + [_apart(case, k, s, w) for (k, s), w in apart.items()]


def _linked(case: Case, walk: Walk) -> str:
    """The service that a link of the consumer gives the called name to, empty where none does."""
    spec = (case.snapshot.config.get("services") or {}).get(walk.dependency.consumer) or {}
    host, provider = walk.dependency.host.lower(), case.provider(walk.dependency)
    for link in spec.get("links") or ():
        service, _sep, alias = str(link).partition(":")
        if service in case.services() and (host == (alias or service).lower() or service == provider):
            return service
    return ""


def _lost(case: Case, network: str, by_container: dict[str, list[Walk]]) -> Finding:
    """One finding for a network, however many containers were taken off it."""
    containers = [c for c in case.snapshot.containers if c.name in by_container]
    services = list(dict.fromkeys(c.service for c in containers))
    walks = list({w.dependency.name: w for found in by_container.values() for w in found}.values())
    one = len(services) == 1
    elsewhere = [f"{c.name} is on {', '.join(e.network for e in c.endpoints) or 'no network'}" for c in containers]
    return finding(
        "name.network_disconnected_at_runtime",
        Confidence.CERTAIN,
        f"{'Service' if one else 'Services'} {listed(services)} "
        f"{'has lost its place' if one else 'have lost their places'} in network '{network}'",
        [w.dependency.name for w in walks],
        evidence=(
            f"the configuration puts {listed(services)} on '{network}'; {'; '.join(elsewhere)}",
            *probe_lines(case, walks),
            *log_evidence(case, walks[0].dependency.consumer, [walks[0].dependency.host]),
        ),
        confirm=f"docker network inspect -f '{{{{json .Containers}}}}' {network}",
        subject={
            "containers": [c.name for c in containers],
            "services": services,
            "network": network,
            "hosts": _hosts(walks),
        },
    )


def _apart(case: Case, code: str, consumer: str, walks: list[Walk]) -> Finding:
    meant = {w.dependency.name: case.provider(w.dependency) or _linked(case, w) for w in walks}
    providers = list(dict.fromkeys(meant.values()))
    own = _networks_of(case, consumer)
    user_defined = [n for n in own if n not in NO_EMBEDDED_DNS]
    theirs = sorted({n for p in providers for n in _networks_of(case, p)})
    bound = [c for s in (consumer, *providers) for c in case.containers_of(s) if _is_bound(c)]
    linked = code == "name.links_to_other_network"
    return finding(
        code,
        Confidence.CERTAIN,
        f"Service '{consumer}' "
        + (
            f"has a link to {listed(providers)}, but shares no network"
            if linked
            else f"shares no network with {listed(providers)}"
        ),
        [w.dependency.name for w in walks],
        evidence=(
            *(
                [f"the configuration links '{consumer}' to {listed(providers)}; a link makes no network"]
                if linked
                else []
            ),
            f"'{consumer}' is on {', '.join(own) or 'no network'}; {listed(providers)} on {', '.join(theirs) or 'no network'}",
            *(
                f"container {c.name} has the network mode '{c.network_mode[:22]}': it joins no other network"
                for c in bound[:1]
            ),
            *probe_lines(case, walks),
            *log_evidence(case, consumer, [w.dependency.host for w in walks]),
        ),
        confirm=getent_of(case, walks[0]),
        advice=_way_round(case, bound[0])
        if bound
        else f"Put '{consumer}' and {listed(providers)} on a common network.",
        subject={
            "consumer": consumer,
            "providers": providers,
            "hosts": {meant[w.dependency.name]: w.dependency.host for w in walks},
        },
        mendable=not bound and (bool(user_defined) or any(n not in NO_EMBEDDED_DNS for n in theirs)),
    )


def _is_bound(container: Container) -> bool:
    """Whether a container has another's network, or the host's, and can join none."""
    return container.network_mode == "host" or container.network_mode.startswith("container:")


def _way_round(case: Case, bound: Container) -> str:
    if bound.network_mode == "host":
        return (
            f"Service '{bound.service}' has the host's network, where no service has a name: take 'network_mode: host' "
            f"out of it, or let it call localhost and a port that the called service publishes."
        )
    owner = case.place(bound)
    name = owner.service if owner is not bound else bound.network_mode.partition(":")[2][:12]
    return (
        f"Service '{bound.service}' has the network of '{name}': put '{name}' on a common network with what it calls."
    )


def stale_extra_hosts(case: Case) -> list[Finding]:
    """/etc/hosts answers with an address that the service does not have."""
    broken: dict[str, list[Walk]] = {}
    for walk in case.open_walks(Layer.NAME):
        probe = case.name_probe(walk.container, walk.dependency.host)
        if probe and probe.answers and probe.via == HOSTS_FILE:
            broken.setdefault(walk.container, []).append(walk)
    found = []
    for name, walks in broken.items():
        container = case.container(name)
        if container is None:
            continue
        evidence = []
        for walk in walks:
            host = walk.dependency.host
            own, embedded = case.name_probe(name, host), case.name_probe(name, host, EMBEDDED_DNS)
            holder = case.owner(own.answers[0]) if own else None
            evidence.append(
                f"/etc/hosts of {name} says '{host}' is {own.answers[0] if own else '?'}, which "
                + (f"container {holder.name} has" if holder else "no container has")
            )
            if embedded and embedded.answers:
                evidence.append(f"{EMBEDDED_DNS} says '{host}' is {', '.join(embedded.answers)}")
        hosts = _hosts(walks)
        pinned = [e for e in container.extra_hosts if re.split("[:=]", e, maxsplit=1)[0] in hosts]
        found.append(
            finding(
                "name.stale_extra_hosts",
                Confidence.CERTAIN,
                f"Service '{container.service}' has a stale address for {listed(hosts)} in /etc/hosts",
                [w.dependency.name for w in walks],
                (*evidence, *log_evidence(case, container.service, hosts)),
                confirm=getent(container, hosts[0]),
                advice=f"Remove extra_hosts {', '.join(pinned) or ', '.join(hosts)} from service '{container.service}'.",
                subject={"service": container.service, "container": name, "hosts": hosts},
                mendable=bool(pinned),
            )
        )
    return found


def misspelt_name(case: Case) -> list[Finding]:
    """A name that nobody has, and a service whose name differs only slightly."""
    broken: dict[tuple[str, str], list[Walk]] = {}
    for walk in case.open_walks(Layer.NAME):
        if not case.provider(walk.dependency):
            broken.setdefault((walk.dependency.consumer, walk.dependency.host), []).append(walk)
    found = []
    for (consumer, host), walks in broken.items():
        meant = likely_service(case, host, walks[0].dependency.port)
        if not meant:
            continue
        first = walks[0].dependency
        found.append(
            finding(
                "name.service_renamed_typo",
                Confidence.LIKELY,
                f"Service '{consumer}' calls '{host}', which no service is named; '{meant}' is meant",
                [w.dependency.name for w in walks],
                evidence=(
                    f"{first.origin} of '{consumer}' says {first.target}",
                    f"services of the project: {', '.join(case.services())}",
                    *probe_lines(case, walks),
                    *log_evidence(case, consumer, [host]),
                ),
                confirm=getent_of(case, walks[0]),
                advice=f"Write '{meant}' instead of '{host}' in {first.origin} of service '{consumer}'.",
                subject={
                    "consumer": consumer,
                    "host": host,
                    "service": meant,
                    "keys": sorted({w.dependency.key for w in walks}),
                },
                mendable=any(w.dependency.rewritable for w in walks),
            )
        )
    return found


def likely_service(case: Case, host: str, port: int) -> str:
    """The service that a misspelt host most likely means; empty where none, or more than one, is as likely."""
    scored = []
    for service in case.services():
        ratio = difflib.SequenceMatcher(None, _plain(host), _plain(service)).ratio()
        contained = min(len(_plain(host)), len(_plain(service))) >= 4 and (
            _plain(host) in _plain(service) or _plain(service) in _plain(host)
        )
        listens = port and any(
            s.port == port for c in case.containers_of(service) for s in c.sockets or () if s.state == "LISTEN"
        )
        score = ratio + (0.2 if contained else 0) + (0.3 if listens else 0)
        if ratio >= ALIKE or (contained and listens) or (listens and ratio >= 0.6):
            scored.append((score, service))
    scored.sort(reverse=True)
    if not scored or (len(scored) > 1 and scored[0][0] - scored[1][0] < 0.05):
        return ""
    return scored[0][1]


def name_unresolved(case: Case) -> list[Finding]:
    """What no rule above explains: an honest finding with the evidence.

    A host that nothing has and nobody misses is a warning: an alternative of the configuration that is not in use.
    """
    found = []
    for walk in case.open_walks(Layer.NAME):
        probe = case.name_probe(walk.container, walk.dependency.host)
        wrong = bool(probe and probe.answers)
        told = log_evidence(case, walk.dependency.consumer, [walk.dependency.host])
        unused = not wrong and not told and not case.provider(walk.dependency) and not case.open_checks()
        found.append(
            finding(
                "name.wrong_address" if wrong else "name.unresolved",
                Confidence.POSSIBLE,
                f"'{walk.dependency.host}' "
                + ("resolves to an address that is not the service's" if wrong else "does not resolve")
                + f" in service '{walk.dependency.consumer}'",
                [walk.dependency.name],
                evidence=(
                    walk.detail,
                    f"{walk.dependency.origin} of '{walk.dependency.consumer}' says {walk.dependency.target}",
                    *told,
                    *(["no service has that name, no log tells of it, and no check fails"] if unused else []),
                ),
                confirm=getent_of(case, walk),
                advice=f"If '{walk.dependency.consumer}' does not use it, put '{walk.dependency.name.replace('→', '->')}' "
                "into netfix_ignore."
                if unused
                else "",
                severity=Severity.WARNING if unused else None,
                subject={"service": walk.dependency.consumer, "host": walk.dependency.host},
            )
        )
    return found


def getent_of(case: Case, walk: Walk) -> str:
    """The command that resolves the walk's name by hand."""
    return f"docker exec {walk.container} getent hosts {walk.dependency.host}"


def _meant(case: Case, provider: Container, walk: Walk) -> bool:
    """Whether the host is a name that the service should have on the network: its own, or a configured alias."""
    config = (case.snapshot.config.get("services") or {}).get(provider.service) or {}
    names = {provider.service}
    for spec in (config.get("networks") or {}).values():
        names.update((spec or {}).get("aliases") or ())
    return _answers(names, walk.dependency.host)


def _answers(names: object, host: str) -> bool:
    return host.rstrip(".").lower() in {str(n).lower() for n in names}  # type: ignore[attr-defined]


def _touches(case: Case, walk: Walk, services: set[str]) -> bool:
    return case.provider(walk.dependency) in services


def _networks_of(case: Case, service: str) -> list[str]:
    return sorted({e.network for c in case.containers_of(service) for e in c.endpoints})


def _hosts(walks: list[Walk]) -> list[str]:
    return list(dict.fromkeys(w.dependency.host for w in walks))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
