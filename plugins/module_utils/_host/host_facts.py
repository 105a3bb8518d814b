# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host says of itself: firewall, forwarding, routes, interfaces and the neighbour table. Reads only."""

from __future__ import annotations

import ipaddress
import os
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .._core.model import Host, Interface
from .container_files import read_in_root, read_proc_net
from .probing.neighbours import table_use

# chains that Docker leaves to the operator: https://docs.docker.com/engine/network/packet-filtering-firewalls/
OPERATOR_CHAINS = ("DOCKER-USER", "INPUT", "OUTPUT", "PREROUTING", "FORWARD")
_LONGEST_CHAIN = 200
# what the engine itself writes into FORWARD for every bridge
_DOCKERS_FORWARD = re.compile(
    r"-A FORWARD (?:-o (?P<out>\S+) -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT|-o \S+ -j DOCKER|"
    r"-i (?P<in>\S+) ! -o (?P=in) -j ACCEPT|-i (?P<same>\S+) -o (?P=same) -j (?:ACCEPT|DROP))"
)
_COUNTED = re.compile(r"\[(\d+):\d+\] (-A (\S+) .*)")
_POLICY = re.compile(r":(FORWARD|INPUT) (\w+)")
_DOCKERS_BRIDGES = ("br-", "docker", "veth")


@dataclass(frozen=True)
class Firewall:
    """What ``iptables-save`` shows: the operator's own rules with the packets that each has met, and Docker's part.

    The fields besides ``rules`` are those of model.Host.
    """

    rules: dict[str, int] = field(default_factory=dict)
    forward_policy: str = ""
    input_policy: str = ""
    docker_chains: bool | None = None
    masquerading: bool | None = None


def read_host(
    subnets: Mapping[str, Sequence[str]], pools: Sequence[str], firewall: Firewall, peers: Collection[int] = ()
) -> Host:
    """The host's facts. ``subnets`` are those of the engine's networks by name, ``pools`` its address pools.

    Of the veth pairs only those with one end in ``peers`` (interface indexes) are listed: other projects have many.
    """
    use = table_use()
    return Host(
        ip_forward=_switch("net.ipv4.ip_forward"),
        bridge_filtering=_switch("net.bridge.bridge-nf-call-iptables"),
        forward_policy=firewall.forward_policy,
        input_policy=firewall.input_policy,
        docker_chains=firewall.docker_chains,
        masquerading=firewall.masquerading,
        routes=tuple(host_routes()),
        interfaces=tuple(i for i in read_interfaces(0) if not i.peer or i.index in peers),
        subnets={name: tuple(found) for name, found in subnets.items()},
        address_pools=tuple(pools),
        # none at all means that the kernel does not tell, as in a namespace of its own
        neighbours=use.entries or None,
        neighbour_limit=use.threshold,
        neighbour_overflows=use.overflows,
    )


def with_refused(before: Host) -> Host:
    """The same, with how often the neighbour table was full since then."""
    return replace(before, neighbours_refused=table_use().overflows - (before.neighbour_overflows or 0))


def read_firewall(unread: dict[str, str]) -> Firewall:
    """The host's IPv4 rules; nothing is known, and ``unread`` says why, where they cannot be read."""
    program = shutil.which("iptables-save", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    reason = "root is needed (become: true)" if os.geteuid() != 0 else "" if program else "iptables-save is not installed"
    if program and not reason:
        try:
            done = subprocess.run(
                [program, "-c"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False
            )
            if not done.returncode:
                return parse_firewall(done.stdout)
            reason = f"iptables-save failed: {done.stderr.strip()[:200]}"
        except subprocess.TimeoutExpired:
            reason = "iptables-save did not end within 10 s"
    unread["the host's firewall rules"] = reason
    return Firewall()


def parse_firewall(text: str) -> Firewall:
    """What ``iptables-save -c`` printed."""
    chains: dict[str, dict[str, int]] = {}
    policies: dict[str, str] = {}
    table, jumps, docker, masquerading = "", False, False, False
    for line in text.splitlines():
        table = line[1:] if line.startswith("*") else table
        policy = _POLICY.match(line)
        if policy and policies.get(policy[1]) != "DROP":
            # the filter table's is the last; mangle's and security's policies say ACCEPT where nobody changed them
            policies[policy[1]] = policy[2]
        docker = docker or line.startswith(":DOCKER ")
        counted = _COUNTED.match(line)
        if not counted:
            continue
        packets, rule, chain = int(counted[1]), counted[2], counted[3]
        jumps = jumps or (chain == "FORWARD" and "-j DOCKER" in rule)
        masquerading = masquerading or rule.endswith("-j MASQUERADE")
        if (table == "filter" or chain in OPERATOR_CHAINS) and not _dockers_own(rule):
            rules = chains.setdefault(chain, {})
            rules[rule] = rules.get(rule, 0) + packets
    own = {rule: n for chain in _reached(chains) for rule, n in chains[chain].items()}
    return Firewall(own, policies.get("FORWARD", ""), policies.get("INPUT", ""), docker and jumps, masquerading)


def _reached(chains: Mapping[str, Mapping[str, int]]) -> list[str]:
    """The operator's chains and all that they jump to, but for blocklists: nothing is learned from their length."""
    found = [c for c in chains if c in OPERATOR_CHAINS]
    for chain in found:
        targets = {rule.rpartition(" -j ")[2].split()[0] for rule in chains[chain] if " -j " in rule}
        found += sorted(t for t in targets - set(found) if 0 < len(chains.get(t, ())) <= _LONGEST_CHAIN)
    return found


def _dockers_own(rule: str) -> bool:
    return (
        rule == "-A DOCKER-USER -j RETURN"
        or rule.endswith("-j DOCKER")
        or "-j DOCKER-" in rule
        or bool(_DOCKERS_FORWARD.fullmatch(rule))
    )


def host_routes() -> list[str]:
    """``subnet dev interface`` for the host's own routes, those of Docker's bridges and the default left out."""
    found = []
    for line in (read_proc_net(0, "route") or "").splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[7] != "00000000" and not fields[0].startswith(_DOCKERS_BRIDGES):
            network, mask = (ipaddress.ip_address(bytes.fromhex(f)[::-1]) for f in (fields[1], fields[7]))
            found.append(f"{ipaddress.ip_network(f'{network}/{mask}', strict=False)} dev {fields[0]}")
    return found


def nft_rules() -> list[str]:
    """The rules of nftables that iptables does not show; none where they cannot be read. Docker's own are left out."""
    program = shutil.which("nft", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not program or os.geteuid() != 0:
        return []
    try:
        done = subprocess.run(
            [program, "--numeric", "list", "ruleset"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return []
    return parse_nft(done.stdout)


def parse_nft(text: str) -> list[str]:
    """What ``nft list ruleset`` printed, without the tables that iptables keeps there, which iptables-save shows."""
    found: list[str] = []
    others = skipped = False
    for line in text.splitlines():
        if line.startswith("# Warning: table "):
            others = True
        elif line.startswith("table "):
            skipped = others or line.split()[2].startswith("docker-")
            others = False
        elif line.startswith("\t\t") and not skipped and not line.strip().startswith(("type ", "policy ")):
            found.append(line.strip())
    return found


def read_interfaces(pid: int) -> tuple[Interface, ...]:
    """The interfaces of a container's network namespace but ``lo``, those of the host where ``pid`` is 0.

    They are named by /proc and described by sysfs, which a container has mounted for its own namespace.
    """
    names = [line.partition(":")[0].strip() for line in (read_proc_net(pid, "dev") or "").splitlines()[2:]]
    return tuple(_interface(pid, name) for name in names if name and name != "lo")


def _interface(pid: int, name: str) -> Interface:
    def read(what: str) -> str:
        return (read_in_root(pid, f"/sys/class/net/{name}/{what}", 64) or "").strip()

    index, peer = (int(text) if text.isdigit() else 0 for text in (read("ifindex"), read("iflink")))
    mtu = read("mtu")
    return Interface(name, index, int(mtu) if mtu.isdigit() else 0, 0 if peer == index else peer, read("operstate") != "down")


def _switch(name: str) -> bool | None:
    text = read_in_root(0, "/proc/sys/" + name.replace(".", "/"), 16)
    return None if text is None else text.strip() == "1"
