# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 7, the host: its forwarding, its firewall as Docker needs it, its one neighbour table."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..model import CheckResult, Confidence, Container, Finding, Outcome, Severity
from .answers import checked_service
from .case import NO_EMBEDDED_DNS, Case
from .make import finding, listed, log_evidence
from .ways import LOOPBACK, Way, closed_ways, is_host

# a table so full has no room for a burst
_NEARLY = 0.9


def bridge_hairpin(case: Case) -> list[Finding]:
    """A published port that a container on the same network asks over the host's address: the answers take another way.

    Without docker-proxy the kernel rewrites the address on the way there. On the way back the packets stay on the bridge,
    where it looks at them only with bridge-nf-call-iptables.
    """
    snapshot = case.snapshot
    broken: dict[str, list[tuple[Way, Container]]] = {}
    if snapshot.engine.settings.get("userland-proxy") == "false" and not snapshot.host.bridge_filtering:
        for way in closed_ways(case, "timeout"):
            asked = next((c for c in snapshot.containers if c.running and way.port in {p.host_port for p in c.published}), None)
            if asked and is_host(case, way) and case.shared_networks(way.consumer, asked):
                broken.setdefault(asked.name, []).append((way, asked))
    found = []
    for pairs in broken.values():
        way, asked = pairs[0]
        port = next(p for p in asked.published if p.host_port == way.port)
        found.append(
            finding(
                "host.bridge_hairpin",
                Confidence.CERTAIN if snapshot.host.bridge_filtering is False else Confidence.LIKELY,
                f"'{asked.service}' cannot be reached over the host's port {way.port} from its own network",
                [w.walk.dependency.name for w, _asked in pairs],
                evidence=(
                    f"{asked.name} publishes {port.container_port} as {way.port} of the host, and shares "
                    f"{listed(case.shared_networks(way.consumer, asked))} with {way.consumer.name}",
                    "dockerd runs with userland-proxy=false, and net.bridge.bridge-nf-call-iptables is not 1",
                    *(w.evidence for w, _asked in pairs[:3]),
                    *log_evidence(case, way.consumer.service, [way.walk.dependency.host]),
                ),
                confirm="sysctl net.bridge.bridge-nf-call-iptables",
                advice=f"Let '{way.consumer.service}' call {asked.service}:{port.container_port} "
                f"({way.walk.dependency.origin}): no need to go over the host. Or sysctl -w "
                "net.bridge.bridge-nf-call-iptables=1, or take userland-proxy=false out of the engine's settings.",
                subject={"service": asked.service, "consumer": way.consumer.service, "port": way.port},
            )
        )
    return found


def host_firewall_flush(case: Case) -> list[Finding]:
    """Docker's rules are gone: the host's firewall drops what they accepted, or nothing is translated any more."""
    host, settings = case.snapshot.host, case.snapshot.engine.settings
    kept_by_iptables = settings.get("iptables") != "false" and settings.get("firewall-backend") != "nftables"
    dropped = host.docker_chains is False and host.forward_policy == "DROP"
    untranslated = host.masquerading is False and settings.get("ip-masq") != "false"
    if not kept_by_iptables or not (dropped or untranslated):
        return []
    ways = [w for w in closed_ways(case, "timeout") if _is_forwarded(case, w) and (dropped or w.provider is None)]
    checks = _unproxied(case)
    if not ways and not checks:
        return []
    return [
        finding(
            "host.host_firewall_flush",
            Confidence.CERTAIN,
            "The firewall rules that Docker needs are gone from the host",
            [*(w.walk.dependency.name for w in ways), *(r.check.name for r in checks)],
            evidence=(
                *(["the FORWARD chain jumps to none of Docker's chains, and its policy is DROP"] if dropped else []),
                *(["no rule masquerades what containers send out"] if host.masquerading is False else []),
                *(w.evidence for w in ways[:3]),
                *(f"{r.check.method} {r.check.url}: {r.error}" for r in checks[:2]),
            ),
            confirm="iptables -S FORWARD; iptables -S DOCKER; iptables -t nat -S",
            advice="The engine writes its rules when it starts: systemctl restart docker (containers stop, unless live-restore "
            "is on). Without a restart: netfix_allow_host_firewall=true lets host_firewall add those that are missing, and with "
            "--check --diff only shows them, to be added by hand. Then let the firewall script leave Docker's chains alone, or "
            "start before Docker.",
        )
    ]


def _is_forwarded(case: Case, way: Way) -> bool:
    """Whether the FORWARD chain sees these packets: between containers only where bridges are filtered."""
    if way.address.startswith(LOOPBACK) or is_host(case, way):
        return False
    return way.provider is None or case.snapshot.host.bridge_filtering is not False


def ip_forward_disabled(case: Case) -> list[Finding]:
    """The host passes no packets on: an error where a container calls somebody beyond the host, else a warning."""
    if case.snapshot.host.ip_forward is not False:
        return []
    ways = [w for w in closed_ways(case, "timeout") if w.provider is None and _is_forwarded(case, w)]
    concerned = _bridged(case)
    if not ways and not concerned:
        return []
    return [
        finding(
            "host.ip_forward_disabled",
            Confidence.CERTAIN,
            "The host does not forward packets: "
            + (
                f"{listed(dict.fromkeys(w.consumer.service for w in ways))} cannot reach other hosts"
                if ways
                else "containers cannot reach other hosts, nor other hosts their published ports"
            ),
            [w.walk.dependency.name for w in ways] or concerned,
            evidence=(
                "net.ipv4.ip_forward is 0",
                *(f"{w.evidence}; no container here has {w.address}" for w in ways[:3]),
                *(line for w in ways[:1] for line in log_evidence(case, w.consumer.service, [w.walk.dependency.host])),
            ),
            confirm="sysctl net.ipv4.ip_forward",
            advice="Switch it on: sysctl -w net.ipv4.ip_forward=1, and in /etc/sysctl.d for the next boot "
            "(netfix_allow_host_firewall=true lets host_firewall do the former). Find who switches it off: a hardening role, or a "
            "network manager.",
            severity=Severity.ERROR if ways else Severity.WARNING,
        )
    ]


def dockerd_iptables_false(case: Case) -> list[Finding]:
    """An engine that writes no rules: an error where a port is published in vain, else a warning."""
    settings = case.snapshot.engine.settings
    concerned = _bridged(case)
    if settings.get("iptables") != "false" or not concerned:
        return []
    ways = [w for w in closed_ways(case, "timeout") if w.provider is None and _is_forwarded(case, w)]
    ways = ways if case.snapshot.host.masquerading is False else []
    checks = _unproxied(case)
    broken = [*(w.walk.dependency.name for w in ways), *(r.check.name for r in checks)]
    proxy = settings.get("userland-proxy", "true")
    return [
        finding(
            "host.dockerd_iptables_false",
            Confidence.CERTAIN,
            "The Docker Engine is told to write no firewall rules: "
            + ("published ports and ways out do not work" if broken else "networks are not kept apart, and have no way out"),
            broken or concerned,
            evidence=(
                f"dockerd runs with iptables=false and userland-proxy={proxy}",
                *(["no rule masquerades what containers send out"] if case.snapshot.host.masquerading is False else []),
                *(w.evidence for w in ways[:2]),
                *(f"{r.check.method} {r.check.url}: {r.error}" for r in checks[:2]),
            ),
            confirm="grep -s iptables /etc/docker/daemon.json; ps -o args= -C dockerd; iptables -t nat -S DOCKER",
            severity=Severity.ERROR if broken else Severity.WARNING,
        )
    ]


def _unproxied(case: Case) -> list[CheckResult]:
    """Checks without an answer at a port that a running container should publish, where only firewall rules could do it."""
    if case.snapshot.engine.settings.get("userland-proxy") != "false":
        return []
    return [
        r
        for r in case.open_checks()
        if r.check.source == "host"
        and not r.status
        and any(
            c.running and urlsplit(r.check.url).port in {p.host_port for p in c.ports}
            for c in case.containers_of(checked_service(case, r))
        )
    ]


def _bridged(case: Case) -> list[str]:
    """Services with a way to the outside over the host: on a network that is not internal."""
    outward = {n.name for n in case.snapshot.networks if n.driver == "bridge" and not n.internal} - set(NO_EMBEDDED_DNS[1:])
    return sorted({c.service for c in case.snapshot.containers if c.running and any(e.network in outward for e in c.endpoints)})


def arp_table_overflow(case: Case) -> list[Finding]:
    """The kernel's one neighbour table is full: packets vanish, here and on every other stack of the host."""
    host = case.snapshot.host
    if host.neighbours is None or not host.neighbour_limit:
        return []
    refused = host.neighbours_refused
    if host.neighbours < _NEARLY * host.neighbour_limit and not refused:
        return []
    ways = closed_ways(case, "timeout", "EHOSTUNREACH")
    # where a dependency fails as well, it says why a check does
    waiting = [r for r in case.open_checks() if r.error in ("timeout", "EHOSTUNREACH") or r.status == 504]
    checks = [] if any(w.outcome is Outcome.FAILED for w in case.walks) else waiting
    broken = [*(w.walk.dependency.name for w in ways), *(r.check.name for r in checks)]
    wanted = 4 * host.neighbour_limit
    return [
        finding(
            "host.arp_table_overflow",
            Confidence.LIKELY,
            f"The host's neighbour table is {'full' if refused else 'nearly full'}"
            + (": packets between containers vanish" if broken else ""),
            broken or case.services(),
            evidence=(
                f"the kernel's neighbour table has {host.neighbours} entries, gc_thresh3 allows {host.neighbour_limit}",
                *([f"it had no room {refused} times while the project was probed"] if refused else []),
                *(w.evidence for w in ways[:3]),
            ),
            confirm="cat /proc/net/stat/arp_cache; sysctl net.ipv4.neigh.default.gc_thresh3",
            advice=f"Raise its limits: sysctl -w net.ipv4.neigh.default.gc_thresh1={wanted // 4} "
            f"net.ipv4.neigh.default.gc_thresh2={wanted // 2} net.ipv4.neigh.default.gc_thresh3={wanted}, and in "
            "/etc/sysctl.d for the next boot. The host's own namespace sets them for all containers.",
            severity=Severity.ERROR if broken else Severity.WARNING,
        )
    ]
