# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give the host back the firewall rules and the forwarding that Docker needs. The operator has to allow it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..model import Container, Network
from .docker_rules import GATEWAY_MODE, bridge_of, docker_rules, writes_these
from .host_state import HostState, additions, policy
from .situation import Proposal, Remediation, Situation, refuse
from .steps import Step, change_rules, set_sysctl

OPTION = "allow_host_firewall"
FORWARDING = "net.ipv4.ip_forward"


@dataclass(frozen=True)
class HostFacts:
    """What is asked of the host and of its whole engine for this remediation alone.

    ``obstacle`` says why the host's rules cannot be read or changed from here, empty where they can. ``interfaces`` are
    the host's, ``forwarding`` those of them that forward although net.ipv4.ip_forward is 0. ``containers`` are the
    running ones of all projects, with their default routes.
    """

    allowed: bool = False
    obstacle: str = ""
    swarm: bool = False
    networks: tuple[Network, ...] = ()
    containers: tuple[Container, ...] = ()
    interfaces: tuple[str, ...] = ()
    forwarding: tuple[str, ...] = ()
    state: HostState = field(default_factory=HostState)


def propose(situation: Situation) -> Proposal:
    """The chains and rules that the engine would write at its start and that are missing, for all its networks and
    published ports; IPv4 only. No rule is taken away or moved. Forwarding is switched on where a finding says that it is off.
    """
    host: HostFacts = situation.options.get("host") or HostFacts(obstacle="the host was not looked at")
    reasons = tuple(_obstacles(situation, host))
    if reasons:
        return refuse(*reasons)
    proxy = situation.case.snapshot.engine.settings.get("userland-proxy") != "false"
    added = additions(docker_rules(host.networks, host.containers, proxy), host.state.tables)
    switches = {}
    if host.state.switches.get(FORWARDING) == "0" and any(
        f.code == "host.ip_forward_disabled" for f in situation.findings
    ):
        switches = {FORWARDING: "0"}
        if policy(host.state.tables.get("filter", ()), "FORWARD") == "ACCEPT":
            # as the engine does where it switches forwarding on: the host must not forward for everybody
            added["filter"] = ("-P FORWARD DROP", *added.get("filter", ()))
    steps: list[Step] = [change_rules(table, commands, _cause(commands)) for table, commands in added.items()]
    steps += [
        set_sysctl(name, "1", "the host must pass packets between containers and other hosts") for name in switches
    ]
    if not steps:
        return refuse("no rule that Docker writes is missing on the host")
    refusals = () if host.allowed else (_not_allowed(),)
    return Proposal(tuple(steps), refusals, host=HostState(switches=switches, added=added))


def _cause(commands: tuple[str, ...]) -> str:
    rules = sum(c.startswith(("-A", "-I")) for c in commands)
    return f"{rules} of Docker's rules are missing" if rules else "a host that forwards must not do so for everybody"


def _not_allowed() -> str:
    return (
        f"it would change the host's own firewall: set netfix_{OPTION}: true (option {OPTION} of the module) to let it add what is "
        "missing, or restart the engine (systemctl restart docker), which writes its rules when it starts"
    )


def _obstacles(situation: Situation, host: HostFacts) -> Iterator[str]:
    """Why these rules are not to be written from here."""
    engine = situation.case.snapshot.engine
    if not engine.local:
        yield "the engine runs on another host"
    elif host.obstacle:
        yield host.obstacle
    elif engine.settings.get("iptables") == "false":
        yield "the engine is told to write no rules (iptables=false), and that may be policy"
    elif engine.settings.get("firewall-backend", "iptables") != "iptables":
        yield f"the engine keeps its rules with {engine.settings['firewall-backend']} itself: restart it"
    elif not writes_these(engine.version):
        yield f"the rules of engine {engine.version or 'of unknown version'} are not known here (20.10 to 27 are): restart it"
    elif host.swarm:
        yield "the engine is a node of a swarm, whose ingress rules only the engine can write: restart it"
    else:
        yield from _odd_networks(host)
        if engine.settings.get("ip-forward") == "false" and host.state.switches.get(FORWARDING) == "0":
            yield "the engine is told to leave forwarding alone (ip-forward=false), and that may be policy"
        if host.forwarding:
            yield f"some interfaces forward and others do not ({', '.join(host.forwarding[:3])} do), which could not be undone"


def _odd_networks(host: HostFacts) -> Iterator[str]:
    bridges = [n for n in host.networks if n.driver == "bridge"]
    missing = next((n for n in bridges if bridge_of(n) not in host.interfaces), None)
    if missing:
        yield f"network '{missing.name}' has no interface {bridge_of(missing)} here: the engine has a network namespace of its own"
    odd = next((n for n in bridges if n.options.get(GATEWAY_MODE, "nat") != "nat"), None)
    if odd:
        yield f"network '{odd.name}' is in gateway mode {odd.options[GATEWAY_MODE]}, whose rules are not known here"


REMEDIATION = Remediation(
    name="host_firewall",
    summary="adds the firewall rules that Docker needs and that are missing, and switches forwarding on; only where "
    "`netfix_allow_host_firewall` is set",
    invasiveness=5,
    reversible="full",
    restarts="none",
    downtime="none",
    propose=propose,
)
