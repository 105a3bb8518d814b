# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rule of ``iptables-save`` stops a packet: chains are followed as the kernel follows them.

Sources: iptables(8), iptables-extensions(8).
"""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Optional

DROPPING = ("DROP", "REJECT")
# what the client of a connection is told; without --reject-with it is icmp-port-unreachable
_REJECTIONS = {
    "icmp-port-unreachable": "ECONNREFUSED",
    "tcp-reset": "ECONNREFUSED",
    "icmp-net-unreachable": "ENETUNREACH",
    "icmp-net-prohibited": "ENETUNREACH",
}
_DEPTH = 16
# where a client's own port comes from unless somebody changed net.ipv4.ip_local_port_range
_EPHEMERAL = (32768, 60999)


@dataclass(frozen=True)
class Packet:
    """A TCP packet as a chain sees it. A port of 0 is any of a client's; ``reply`` marks a provider's answer."""

    source: str
    destination: str
    source_port: int = 0
    destination_port: int = 0
    incoming: str = ""
    outgoing: str = ""
    reply: bool = False


@dataclass(frozen=True)
class Verdict:
    """The rule that stops a packet. ``certain`` is False where it has a condition that cannot be judged from outside."""

    rule: str
    certain: bool = True

    @property
    def error(self) -> str:
        """What connecting fails with: ``timeout``, or the errno name that the rejection gives."""
        words = _words(self.rule)
        if "REJECT" not in words:
            return "timeout"
        kind = words[words.index("--reject-with") + 1] if "--reject-with" in words else "icmp-port-unreachable"
        return _REJECTIONS.get(kind, "EHOSTUNREACH")


def stopped_by(rules: Sequence[str], chain: str, packet: Packet) -> Optional[Verdict]:
    """The rule that drops or rejects the packet in that chain, None where the chain lets it pass or leaves it alone.

    ``rules`` are those of all chains, in their order, as ``iptables-save`` prints them.
    """
    decided = _decide(_chains(tuple(rules)), chain, packet, _DEPTH)
    return decided if isinstance(decided, Verdict) else None


def passes(rules: Sequence[str], chain: str, packet: Packet) -> bool:
    """Whether a rule of that chain lets the packet pass; where none decides, the chain's policy does."""
    return _decide(_chains(tuple(rules)), chain, packet, _DEPTH) == "ACCEPT"


def names_interface(rule: str, interface: str) -> bool:
    """Whether a rule of iptables or nft is about that very interface; one for many (``br-+``) is not."""
    return bool(re.search(rf"(?<![\w.-]){re.escape(interface)}(?![\w.*+-])", rule))


def subnets_in(rule: str) -> list[Any]:
    """The subnets that a rule of iptables or nft names; an address is one, and so are both ends of a range."""
    found = []
    for word in re.findall(r"[0-9a-fA-F:.]+(?:/[0-9.]+)?", rule):
        try:
            found.append(ipaddress.ip_network(word, strict=False))
        except ValueError:
            continue
    return found


@dataclass(frozen=True)
class _Rule:
    """One rule: its target, and its conditions as option, values, and whether they are negated."""

    text: str
    target: str
    conditions: tuple[tuple[str, tuple[str, ...], bool], ...]


@lru_cache(maxsize=2)
def _chains(rules: tuple[str, ...]) -> dict[str, list[_Rule]]:
    chains: dict[str, list[_Rule]] = {}
    for rule in rules:
        words = _words(rule)
        if len(words) > 2 and words[0] == "-A":
            chains.setdefault(words[1], []).append(_parsed(rule, words[2:]))
    return chains


def _words(rule: str) -> list[str]:
    try:
        return shlex.split(rule)
    except ValueError:
        return rule.split()


def _parsed(rule: str, words: Sequence[str]) -> _Rule:
    conditions: list[tuple[str, tuple[str, ...], bool]] = []
    negated = False
    for position, word in enumerate(words):
        if word in ("-j", "-g"):
            return _Rule(rule, words[position + 1] if position + 1 < len(words) else "", tuple(conditions))
        if word.startswith("-"):
            conditions.append((word, (), negated))
        elif word != "!" and conditions:
            option, values, is_negated = conditions[-1]
            conditions[-1] = (option, (*values, word), is_negated)
        negated = word == "!"
    return _Rule(rule, "", ())


def _decide(chains: Mapping[str, Sequence[_Rule]], chain: str, packet: Packet, depth: int) -> Verdict | str:
    """A Verdict, ``ACCEPT``, or empty where the chain was left without a decision."""
    doubtful: Optional[Verdict] = None
    sure = True
    for rule in chains.get(chain, ()):
        matches = _matches(rule, packet)
        if matches is False:
            continue
        decided: Verdict | str = ""
        if rule.target in DROPPING:
            decided = Verdict(rule.text)
        elif rule.target in ("ACCEPT", "RETURN"):
            decided = rule.target
        elif rule.target in chains and depth:
            decided = _decide(chains, rule.target, packet, depth - 1)
        if not decided:
            continue
        if isinstance(decided, Verdict) and not (matches and sure and decided.certain):
            doubtful = doubtful or Verdict(decided.rule, certain=False)
        elif not matches:
            # perhaps it never gets any further than this
            sure = False
        elif isinstance(decided, Verdict):
            return decided
        else:
            return doubtful or ("" if decided == "RETURN" else decided)
    return doubtful or ""


def _matches(rule: _Rule, packet: Packet) -> Optional[bool]:
    """Whether all conditions of a rule hold; None where one of them cannot be judged and the others hold."""
    sure = True
    for option, values, negated in rule.conditions:
        held = _holds(option, values, packet)
        if held is None:
            sure = False
        elif held == negated:
            return False
    return True if sure else None


def _holds(option: str, values: tuple[str, ...], packet: Packet) -> Optional[bool]:
    value = values[0] if values else ""
    if option in ("-m", "--match", "--comment"):
        return True
    if option in ("-i", "-o"):
        return _same_interface(value, packet.incoming if option == "-i" else packet.outgoing)
    if option in ("-s", "-d"):
        return _inside(packet.source if option == "-s" else packet.destination, value)
    if option == "-p":
        return value in ("tcp", "all", "6")
    if option in ("--sport", "--sports"):
        return _one_of(packet.source_port, value)
    if option in ("--dport", "--dports"):
        return _one_of(packet.destination_port, value)
    if option in ("--ctstate", "--state"):
        return ("ESTABLISHED" if packet.reply else "NEW") in value.split(",")
    if option == "--tcp-flags" and values[1:] == ("SYN",):
        return not packet.reply or "ACK" not in value.split(",")
    return None


def _same_interface(pattern: str, name: str) -> Optional[bool]:
    if not name:
        # an incoming packet of the host's own has no way out and the other way round
        return False
    return name.startswith(pattern[:-1]) if pattern.endswith("+") else name == pattern


@lru_cache(maxsize=1 << 14)
def _inside(address: str, subnet: str) -> Optional[bool]:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(subnet, strict=False)
    except ValueError:
        return None


def _one_of(port: int, ports: str) -> Optional[bool]:
    doubtful = False
    for part in ports.split(","):
        first, _colon, last = part.partition(":")
        if not first.isdigit() or not (last or first).isdigit():
            return None
        least, most = int(first), int(last or first)
        if least <= (port or _EPHEMERAL[0]) and most >= (port or _EPHEMERAL[1]):
            return True
        doubtful = doubtful or (not port and least <= _EPHEMERAL[1] and most >= _EPHEMERAL[0])
    return None if doubtful else False
