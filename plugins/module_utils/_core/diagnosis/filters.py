# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stops packets on purpose: firewall rules of the operator.

A rule may be somebody's policy: it is named, and never touched.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from ..model import Confidence, Finding, Network
from ..parsing.firewall import Packet, Verdict, passes, stopped_by
from .case import Case
from .make import finding
from .ways import Way, broken, closed_ways, is_host, seen

BRIDGE_NAME = "com.docker.network.bridge.name"
_FORWARDING = ("DOCKER-USER", "FORWARD")


def firewall_rule(case: Case) -> list[Finding]:
    """One finding for each rule of the operator that stops packets between a consumer and its provider or the host."""
    stopped: dict[tuple[str, str], list[tuple[Way, Verdict]]] = {}
    for way in closed_ways(case):
        found = _verdict(case, way)
        if found:
            stopped.setdefault((found[0], found[1].rule), []).append((way, found[1]))
    return [_rule_finding(case, chain, rule, hits) for (chain, rule), hits in stopped.items()]


def _verdict(case: Case, way: Way) -> Optional[tuple[str, Verdict]]:
    """The chain and the rule in it, or of a chain that it jumps to, that explain exactly this error."""
    rules = case.snapshot.firewall_rules
    for chain, packet in _packets(case, way):
        verdict = stopped_by(rules, chain, packet)
        # a rejected answer is told to the provider; and the kernel rejects only so often (net.ipv4.icmp_ratelimit)
        told = {"timeout"} if verdict is None or packet.reply else {"timeout", verdict.error}
        # Docker's own rules come before those that were appended to FORWARD
        idle = chain == "FORWARD" and verdict is not None and not case.snapshot.rule_packets.get(verdict.rule)
        if verdict and way.error in told and not idle:
            return chain, verdict
    return None


def _packets(case: Case, way: Way) -> Iterator[tuple[str, Packet]]:
    """The first packet and its answer, with the chains that see them."""
    if way.network is None or not way.source or ":" in way.address:
        return
    bridge = _bridge(way.network)
    if way.provider is None:
        if is_host(case, way):
            yield "INPUT", Packet(way.source, way.address, destination_port=way.port, incoming=bridge)
        return
    if case.snapshot.host.bridge_filtering is False:
        return
    for chain in _FORWARDING:
        yield chain, Packet(way.source, way.address, 0, way.port, bridge, bridge)
        yield chain, Packet(way.address, way.source, way.port, 0, bridge, bridge, reply=True)


def _bridge(network: Network) -> str:
    return network.options.get(BRIDGE_NAME) or f"br-{network.id[:12]}"


def _rule_finding(case: Case, chain: str, rule: str, hits: list[tuple[Way, Verdict]]) -> Finding:
    ways = [way for way, _verdict in hits]
    drops = hits[0][1].error == "timeout"
    packets = case.snapshot.rule_packets.get(rule, 0)
    network = ways[0].network.name if ways[0].network else ""
    bridge = _bridge(ways[0].network) if ways[0].network else ""
    pairs = list(dict.fromkeys(f"'{w.consumer.service}' and {w.walk.dependency.target}" for w in ways))
    others = [f"{len(pairs) - 2} others"] if len(pairs) > 2 else []
    code = {
        "INPUT": "host.host_input_firewall",
        "FORWARD": "host.forward_rule",
        "DOCKER-USER": "host.docker_user_drop" if drops else "host.docker_user_reject",
    }[chain]
    allow = f"iptables -I {chain} -i {bridge} -p tcp --dport {ways[0].port} -j {'RETURN' if chain == 'DOCKER-USER' else 'ACCEPT'}"
    return finding(
        code,
        Confidence.CERTAIN if packets and all(v.certain for _way, v in hits) else Confidence.LIKELY,
        f"A firewall rule {'drops' if drops else 'rejects'} the packets between {' and between '.join(pairs[:2] + others)}",
        broken(ways),
        evidence=(
            f"chain {chain} has the rule: {rule}",
            f"packets that it has met: {packets}",
            f"network '{network}' is bridge {bridge}",
            *seen(case, ways),
        ),
        confirm=f"iptables -nvL {rule.split()[1]} --line-numbers",
        advice=f"It may be policy: ask who made it. To take it away: iptables -D {rule[len('-A ') :]}. To let this "
        f"traffic pass and keep the rule: {allow}.",
        subject={"chain": chain, "rule": rule, "network": network},
    )


def closed_host(case: Case) -> list[Finding]:
    """The host's INPUT chain drops by policy what no rule of it accepts."""
    closed: dict[str, list[Way]] = {}
    if case.snapshot.host.input_policy == "DROP":
        for way in closed_ways(case, "timeout"):
            if any(
                chain == "INPUT" and not passes(case.snapshot.firewall_rules, chain, packet)
                for chain, packet in _packets(case, way)
            ):
                closed.setdefault(way.network.name if way.network else "", []).append(way)
    found = []
    for network, ways in closed.items():
        bridge = _bridge(ways[0].network) if ways[0].network else ""
        found.append(
            finding(
                "host.host_input_firewall",
                Confidence.LIKELY,
                f"The host's firewall lets nothing in from network '{network}'",
                broken(ways),
                evidence=(
                    "the policy of the INPUT chain is DROP, and no rule that could be read accepts these packets",
                    f"network '{network}' is bridge {bridge}",
                    *seen(case, ways),
                ),
                confirm="iptables -nvL INPUT --line-numbers",
                advice=f"If containers may call the host: iptables -I INPUT -i {bridge} -p tcp --dport {ways[0].port} "
                "-j ACCEPT, or the same in the firewall's own configuration (ufw, firewalld).",
                subject={"chain": "INPUT", "rule": "", "network": network},
            )
        )
    return found
