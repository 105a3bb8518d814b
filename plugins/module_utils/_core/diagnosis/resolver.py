# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 2: which resolver does the consumer really use?"""

from __future__ import annotations

from dataclasses import dataclass
from shlex import quote
from typing import Any, Optional

from ..model import Confidence, Container, Finding, Layer, Mount, Walk
from ..parsing.resolver_files import hosts_line, parse_nsswitch, parse_resolv_conf
from .case import EMBEDDED_DNS, NO_EMBEDDED_DNS, Case
from .make import finding, getent, log_evidence

RESOLV_CONF = "/etc/resolv.conf"
NSSWITCH = "/etc/nsswitch.conf"
PASSED_BY = ("resolver.resolv_conf_overwritten_at_start", "resolver.resolv_conf_public_first")
DOCKERS_LINE = f"nameserver {EMBEDDED_DNS}"


@dataclass(frozen=True)
class _Cause:
    """Why one container does not ask the embedded DNS: what differs from one kind to another."""

    code: str
    confidence: Confidence
    says: str
    evidence: tuple[str, ...]
    file: str = RESOLV_CONF
    advice: str = ""
    mount: Optional[Mount] = None


def embedded_dns_unreachable(case: Case) -> list[Finding]:
    """127.0.0.11 refuses, while the engine listens in that namespace: the rules that lead there are gone."""
    found = []
    for name, walks in _by_container(case, Layer.NAME).items():
        container = case.container(name)
        refused = [w for w in walks if _refused_by_embedded_dns(case, w)]
        ports = _engine_ports(container)
        if container is None or not refused or not ports:
            continue
        why = f"the rules in '{container.service}' that lead to Docker's DNS are gone, and only a start makes them anew"
        found.append(
            finding(
                "resolver.netns_dns_iptables_flushed",
                Confidence.CERTAIN,
                f"Inside service '{container.service}' nothing leads to Docker's DNS any more",
                [w.dependency.name for w in refused],
                evidence=(
                    f"its resolv.conf says {DOCKERS_LINE}, and {EMBEDDED_DNS}:53 refuses",
                    f"the engine listens there all the same, on {', '.join(ports)}: only the redirection is missing",
                    *log_evidence(case, container.service, [w.dependency.host for w in refused]),
                ),
                confirm=f"nsenter -t {container.pid} -n iptables -t nat -S",
                advice=f"Restart it: docker restart {name}. If its own start flushes the nat table (iptables -t nat -F), "
                "make it flush its own chains only: Docker's rules stand there too.",
                subject={"service": container.service, "container": name, "restart": why},
            )
        )
    return found


def resolver_bypassed(case: Case) -> list[Finding]:
    """The embedded DNS knows the name, the container's own resolver does not: one finding for each container."""
    found = []
    for name, walks in _by_container(case, Layer.RESOLVER).items():
        container = case.container(name)
        if container is not None:
            found.append(_bypassed(case, container, walks, _cause(case, container, walks[0].dependency.host)))
    return found


def _bypassed(case: Case, container: Container, walks: list[Walk], cause: _Cause) -> Finding:
    host = walks[0].dependency.host
    own, embedded = case.name_probe(container.name, host), case.name_probe(container.name, host, EMBEDDED_DNS)
    got = ", ".join(own.answers) if own and own.answers else f"nothing ({own.error if own else 'failed'})"
    subject: dict[str, Any] = {"service": container.service, "container": container.name}
    if cause.mount:
        subject.update(mount=cause.mount.source, target=cause.file)
    return finding(
        cause.code,
        cause.confidence,
        f"Service '{container.service}' {cause.says}",
        [w.dependency.name for w in walks],
        evidence=(
            f"{container.service} resolves '{host}' to {got}, from {own.via if own else '?'}",
            f"{EMBEDDED_DNS} in the same container answers {', '.join(embedded.answers) if embedded else '?'}",
            *([f"{cause.mount.source} is mounted at {cause.file}"] if cause.mount else []),
            *cause.evidence,
            *log_evidence(case, container.service, [w.dependency.host for w in walks]),
        ),
        confirm=f"docker exec {container.name} cat {quote(cause.file)}" if cause.file else getent(container, host),
        advice=cause.advice,
        subject=subject,
        # what the container itself writes can be passed by, and its files are not ours
        mendable=bool(cause.mount) or cause.code in PASSED_BY,
    )


def _cause(case: Case, container: Container, host: str) -> _Cause:
    own = case.name_probe(container.name, host)
    if own and own.via == NSSWITCH:
        return _nsswitch(container)
    nameservers = parse_resolv_conf(container.resolv_conf or "").nameservers
    named = ", ".join(nameservers) or "no nameserver"
    mount = _mount_at(container, RESOLV_CONF)
    if mount:
        return _Cause(
            "resolver.resolv_conf_bind_mounted",
            Confidence.CERTAIN,
            "resolves with a mounted resolv.conf and never asks Docker's DNS",
            (f"its resolv.conf names {named} instead of {EMBEDDED_DNS}",),
            advice=f"Remove the mount of {mount.source} from service '{container.service}'.",
            mount=mount,
        )
    if EMBEDDED_DNS in nameservers[1:]:
        return _Cause(
            "resolver.resolv_conf_public_first",
            Confidence.CERTAIN,
            f"asks {nameservers[0]} before Docker's DNS, and believes it",
            (f"its resolv.conf names {named} in this order: the first that says 'no such name' ends the search",),
            advice=f"Take {nameservers[0]} out of {RESOLV_CONF} ({_writer(container)}). To have it asked for names "
            f"outside the project, set 'dns: [{nameservers[0]}]' on service '{container.service}': "
            "Docker's DNS asks it then.",
        )
    if container.resolv_conf is not None and EMBEDDED_DNS not in nameservers:
        return _Cause(
            "resolver.resolv_conf_overwritten_at_start",
            Confidence.CERTAIN if _writes_resolv_conf(container) else Confidence.LIKELY,
            "has overwritten the resolv.conf that Docker gave to it",
            (
                f"its resolv.conf names {named}; Docker writes {EMBEDDED_DNS} on a user-defined network",
                *([f"{_writer(container)} mentions {RESOLV_CONF}"] if _writes_resolv_conf(container) else []),
            ),
            advice=f"Find what writes the file ({_writer(container)}) and have it keep '{DOCKERS_LINE}' as the first. "
            f"Until the next start this helps: docker exec {container.name} sh -c 'echo {DOCKERS_LINE} > {RESOLV_CONF}'",
        )
    return _Cause(
        "resolver.bypassed",
        Confidence.LIKELY,
        "does not resolve through Docker's DNS",
        (f"its resolv.conf names {named}",),
        file="",
    )


def _nsswitch(container: Container) -> _Cause:
    mount = _mount_at(container, NSSWITCH)
    line = hosts_line(container.nsswitch or "")
    missing = not any(source.name == "dns" for source in parse_nsswitch(container.nsswitch or ""))
    return _Cause(
        "resolver.nsswitch_without_dns" if missing else "resolver.nsswitch_notfound_return",
        Confidence.CERTAIN,
        "never asks DNS: its nsswitch.conf " + ("leaves it out" if missing else "stops before it"),
        (f"its nsswitch.conf says '{line}'",),
        file=NSSWITCH,
        advice=(f"Remove the mount of {mount.source} from" if mount else f"Correct {NSSWITCH} in the image of")
        + f" service '{container.service}', or write 'hosts: files dns' into it.",
        mount=mount,
    )


def _by_container(case: Case, layer: Layer) -> dict[str, list[Walk]]:
    found: dict[str, list[Walk]] = {}
    for walk in case.open_walks(layer):
        found.setdefault(walk.container, []).append(walk)
    return found


def _refused_by_embedded_dns(case: Case, walk: Walk) -> bool:
    probe = case.name_probe(walk.container, walk.dependency.host)
    return bool(probe and probe.error == "ECONNREFUSED" and probe.via == EMBEDDED_DNS)


def _engine_ports(container: Optional[Container]) -> list[str]:
    """Where the engine's resolver listens in the container's namespace: it cannot take port 53 there."""
    if container is None or not any(e.network not in NO_EMBEDDED_DNS for e in container.endpoints):
        return []
    waiting = [s for s in container.sockets or () if s.address == EMBEDDED_DNS and s.state in ("UNCONN", "LISTEN")]
    return sorted(f"{s.protocol} {s.port}" for s in waiting)


def _mount_at(container: Container, path: str) -> Optional[Mount]:
    return next((m for m in container.mounts if m.destination == path), None)


def _writes_resolv_conf(container: Container) -> bool:
    return any("resolv.conf" in word for word in (*container.entrypoint, *container.command))


def _writer(container: Container) -> str:
    if _writes_resolv_conf(container):
        return f"the command of service '{container.service}'"
    return "its entrypoint, a VPN or a DHCP hook"
