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
from dataclasses import dataclass, field

from .._core.model import Host, Interface
from .container_files import read_in_root, read_proc_net
from .probing.neighbours import table_use

# chains that Docker leaves to the operator: https://docs.docker.com/engine/network/packet-filtering-firewalls/
OPERATOR_CHAINS = ("-A DOCKER-USER ", "-A INPUT ", "-A OUTPUT ", "-A PREROUTING ", "-A FORWARD ")
# what the engine itself writes into FORWARD for every bridge
_DOCKERS_FORWARD = re.compile(
    r"-A FORWARD (?:-o (?P<out>\S+) -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT|-o \S+ -j DOCKER|"
    r"-i (?P<in>\S+) ! -o (?P=in) -j ACCEPT|-i (?P<same>\S+) -o (?P=same) -j (?:ACCEPT|DROP))"
)
_COUNTED = re.compile(r"\[(\d+):\d+\] (-A .*)")
_DOCKERS_BRIDGES = ("br-", "docker", "veth")


@dataclass(frozen=True)
class Firewall:
    """What ``iptables-save`` shows: the operator's own rules with the packets that each has met, and Docker's part.

    The fields besides ``rules`` are those of model.Host.
    """

    rules: dict[str, int] = field(default_factory=dict)
    forward_policy: str = ""
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
        docker_chains=firewall.docker_chains,
        masquerading=firewall.masquerading,
        routes=tuple(host_routes()),
        interfaces=tuple(i for i in read_interfaces(0) if not i.peer or i.index in peers),
        subnets={name: tuple(found) for name, found in subnets.items()},
        address_pools=tuple(pools),
        neighbours=use.entries,
        neighbour_limit=use.threshold,
        neighbour_overflows=use.overflows,
    )


def read_firewall(notes: list[str]) -> Firewall:
    """The host's IPv4 rules; nothing is known, and a note says why, where they cannot be read."""
    program = shutil.which("iptables-save", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not program or os.geteuid() != 0:
        return Firewall()
    try:
        done = subprocess.run(
            [program, "-c"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False
        )
    except subprocess.TimeoutExpired:
        notes.append("iptables-save did not end within 10 s; firewall rules are not known")
        return Firewall()
    if done.returncode:
        notes.append(f"iptables-save failed ({done.stderr.strip()[:200]}); firewall rules are not known")
        return Firewall()
    return parse_firewall(done.stdout)


def parse_firewall(text: str) -> Firewall:
    """What ``iptables-save -c`` printed."""
    rules: dict[str, int] = {}
    policy, jumps, chains, masquerading = "", False, False, False
    for line in text.splitlines():
        if line.startswith(":FORWARD "):
            # the filter table's is the last; mangle's and security's policies say ACCEPT where nobody changed them
            policy = "DROP" if "DROP" in (policy, line.split()[1]) else line.split()[1]
        chains = chains or line.startswith(":DOCKER ")
        counted = _COUNTED.match(line)
        if not counted:
            continue
        packets, rule = int(counted[1]), counted[2]
        jumps = jumps or (rule.startswith("-A FORWARD ") and "-j DOCKER" in rule)
        masquerading = masquerading or rule.endswith("-j MASQUERADE")
        if rule.startswith(OPERATOR_CHAINS) and not _dockers_own(rule):
            rules[rule] = rules.get(rule, 0) + packets
    return Firewall(rules, policy, chains and jumps, masquerading)


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


def host_subnets() -> list[str]:
    """The subnets of host_routes()."""
    return [route.split()[0] for route in host_routes()]


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
