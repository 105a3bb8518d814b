# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 2, behind Docker's DNS: search domains, and the nameservers that are asked for names outside the project."""

from __future__ import annotations

import re

from ..model import Confidence, Container, Dependency, Finding, Layer, LogEvent, Outcome, Walk
from ..parsing.resolver_files import parse_resolv_conf
from .case import EMBEDDED_DNS, Case
from .make import finding, getent, log_evidence

# The engine waits four seconds for each of up to three forwarders (extIOTimeout):
# https://github.com/moby/libnetwork/issues/2374
SLOW_MS = 3000.0
# glibc, Node, Go: nobody answered, which is not "no such name"
_NO_ANSWER = re.compile(r"Temporary failure in name resolution|EAI_AGAIN|server misbehaving|SERVFAIL|i/o timeout")


def search_domain_answers(case: Case) -> list[Finding]:
    """A name with a search domain behind it resolves, and is asked before the service's own name."""
    broken: dict[str, list[Walk]] = {}
    for walk in case.open_walks(Layer.RESOLVER):
        probe = case.name_probe(walk.container, walk.dependency.host)
        if probe and probe.answers and probe.resolved_name:
            broken.setdefault(walk.container, []).append(walk)
    found = []
    for name, walks in broken.items():
        container = case.container(name)
        if container is None:
            continue
        host = walks[0].dependency.host
        conf = parse_resolv_conf(container.resolv_conf or "")
        ndots = [o for o in container.dns_options if o.startswith("ndots:") and o != "ndots:0"]
        domains = " ".join(conf.search)
        found.append(
            finding(
                "resolver.search_domain_wildcard_ndots",
                Confidence.CERTAIN,
                f"Service '{container.service}' gets its services' names answered by the search domain {domains}",
                [w.dependency.name for w in walks],
                evidence=(
                    *(_led_astray(case, w) for w in walks[:3]),
                    f"{EMBEDDED_DNS} asked for '{host}' itself answers {_answers(case, name, host, EMBEDDED_DNS)}",
                    f"its resolv.conf says 'search {domains}' and 'options ndots:{conf.ndots}': "
                    f"names with fewer than {conf.ndots} dots get the domain first",
                    *log_evidence(case, container.service, [w.dependency.host for w in walks]),
                ),
                confirm=getent(container, host),
                advice=f"Remove {', '.join(ndots) or f'ndots:{conf.ndots}'} from dns_opt of service '{container.service}' "
                f"(Docker's own is ndots:0), or write the names with a dot at their end: '{host}.'",
                subject={"service": container.service, "container": name, "dns_opt": ndots},
                mendable=bool(ndots),
            )
        )
    return found


def _led_astray(case: Case, walk: Walk) -> str:
    probe = case.name_probe(walk.container, walk.dependency.host)
    address = probe.answers[0] if probe else ""
    holder = case.owner(address)
    return (
        f"{walk.dependency.consumer} asks for '{walk.dependency.host}' and gets "
        f"{probe.resolved_name if probe else '?'}, which is {address}: "
        + (f"container {holder.name} has it" if holder else "no container has it")
    )


def _answers(case: Case, container: str, host: str, nameserver: str) -> str:
    probe = case.name_probe(container, host, nameserver)
    return ", ".join(probe.answers) if probe else "?"


def forwarder_dead(case: Case) -> list[Finding]:
    """Nobody answers for names that Docker does not know: one finding for each container, whatever showed it."""
    found = []
    for container in case.snapshot.containers:
        if not container.running or container.one_off or _only_internal(case, container):
            continue
        outside = [d for d in _external(case, container) if _unanswered(case, container, d.host)]
        missing = [w for w in case.walks if w.container == container.name and _waited_in_vain(case, w)]
        told = [] if outside else _told(case, container)
        if not outside and not missing and not told:
            continue
        hosts = [*(d.host for d in outside), *(w.dependency.host for w in missing), *(e.host for e in told)]
        confidence = Confidence.CERTAIN if outside else Confidence.LIKELY if missing else Confidence.POSSIBLE
        found.append(
            finding(
                "resolver.upstream_dns_dead_external_only",
                confidence,
                f"Nobody answers service '{container.service}' for names outside the project",
                [
                    *(d.name for d in outside),
                    *(w.dependency.name for w in missing),
                    *(d.name for d in _external(case, container) if d.host.lower() in {e.host.lower() for e in told}),
                ],
                evidence=(
                    *(_tell(case, container, h) for h in dict.fromkeys(hosts) if case.name_probe(container.name, h)),
                    f"it is forwarded to {_forwarders(container)}; "
                    "names of services never need a forwarder, and one that is misspelt does",
                    *log_evidence(case, container.service, hosts),
                ),
                confirm=getent(container, hosts[0]),
                advice=f"Correct the nameserver ({_forwarders(container)}): 'dns:' of service '{container.service}', or "
                "/etc/resolv.conf of the host. No change to the project's networks or names can help.",
                subject={"service": container.service, "container": container.name, "hosts": hosts},
            )
        )
    return found


def forwarder_slow(case: Case) -> list[Finding]:
    """A name outside the project resolves, after a dead nameserver was waited for."""
    found = []
    for container in case.snapshot.containers:
        slow = [
            (dependency, probe)
            for dependency in _external(case, container)
            if (probe := case.name_probe(container.name, dependency.host))
            and probe.outcome is Outcome.OK
            and probe.latency_ms >= SLOW_MS
        ]
        if not slow:
            continue
        host = slow[0][0].host
        found.append(
            finding(
                "resolver.first_nameserver_dead_slow",
                Confidence.LIKELY,
                f"Names outside the project take {slow[0][1].latency_ms / 1000:.0f} s in service '{container.service}'",
                [d.name for d, _unused in slow],
                evidence=(
                    *(_tell(case, container, d.host) for d, _unused in slow[:3]),
                    f"it is forwarded to {_forwarders(container)}: each that does not answer costs four seconds",
                ),
                confirm=f"docker exec {container.name} sh -c 'time getent hosts {host}'",
                advice="Take the nameserver that does not answer out of the list, or put it last: "
                f"'dns:' of service '{container.service}', or /etc/resolv.conf of the host.",
                subject={"service": container.service, "container": container.name, "hosts": [d.host for d, _p in slow]},
            )
        )
    return found


def _external(case: Case, container: Container) -> list[Dependency]:
    return [d for d in case.snapshot.dependencies if d.kind == "external" and d.consumer == container.service]


def _unanswered(case: Case, container: Container, host: str) -> bool:
    """Whether the silence lasted: a SERVFAIL at once may be the domain's own fault."""
    probe = case.name_probe(container.name, host)
    return bool(probe and (probe.error == "timeout" or (probe.error == "SERVFAIL" and probe.latency_ms >= SLOW_MS)))


def _waited_in_vain(case: Case, walk: Walk) -> bool:
    """Whether the embedded DNS kept silent about one name and answered for another: then it waits for its forwarder."""
    probe = case.name_probe(walk.container, walk.dependency.host)
    if probe is None or probe.error != "timeout" or probe.via != EMBEDDED_DNS:
        return False
    return any(
        p.container == walk.container and p.layer is Layer.NAME and p.outcome is Outcome.OK and p.via == EMBEDDED_DNS
        for p in case.snapshot.probes
    )


def _told(case: Case, container: Container) -> list[LogEvent]:
    """What its log says of names outside the project that nobody answered for, where none of them was asked."""
    hosts = {d.host.lower() for d in _external(case, container) if not case.name_probe(container.name, d.host)}
    return [
        e
        for e in case.snapshot.log_events
        if e.container == container.name
        and e.kind == "resolution"
        and e.host.lower() in hosts
        and _NO_ANSWER.search(e.line)
    ]


def _only_internal(case: Case, container: Container) -> bool:
    """Whether its networks are meant to lead nowhere."""
    networks = [case.network(e.network) for e in container.endpoints]
    return bool(networks) and all(n is not None and n.internal for n in networks)


def _tell(case: Case, container: Container, host: str) -> str:
    probe = case.name_probe(container.name, host)
    if probe is None:
        return ""
    said = ", ".join(probe.answers) or probe.error
    return f"from inside {container.service}: '{host}' is {said} after {probe.latency_ms / 1000:.1f} s (asked {probe.via})"


def _forwarders(container: Container) -> str:
    conf = parse_resolv_conf(container.resolv_conf or "")
    direct = [n for n in conf.nameservers if n != EMBEDDED_DNS]
    return ", ".join(direct or conf.ext_servers or container.dns) or "the host's nameserver"
