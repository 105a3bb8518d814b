# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a remediation looks at, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Callable, Optional

from ..diagnosis.case import Case, network_names
from ..model import Endpoint, Finding, Network
from ..parsing.inspect import LABEL_NETWORK, LABEL_PROJECT
from .databases import DatabaseState
from .host_state import HostState
from .state import ProjectState
from .steps import Action, Step


@dataclass(frozen=True)
class Situation:
    """A diagnosed project, its present state, and our override file's data as it is now.

    ``findings`` are those that the remediation is to mend, ``forced`` tells that the operator wants it whatever they
    are, ``options`` hold what a remediation knows beside: what the operator asked for, and the host's routes and rules.
    The case's snapshot has its secrets: plans need them to rewrite a URL that holds a password.
    ``files`` are the texts of mounted configuration files by host path, ``folders`` the names of all files of a mounted
    folder of them.
    """

    case: Case
    findings: tuple[Finding, ...]
    state: ProjectState
    override: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    folders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    forced: bool = False

    @property
    def config(self) -> dict[str, Any]:
        """The effective Compose configuration."""
        return self.case.snapshot.config

    def service(self, name: str) -> dict[str, Any]:
        """One service's effective configuration, empty where there is none."""
        return dict((self.config.get("services") or {}).get(name) or {})

    def extra_hosts(self, service: str) -> list[str]:
        """A service's configured lines of the hosts file, each ``host=address``."""
        entries = self.service(service).get("extra_hosts") or []
        return [f"{k}={v}" for k, v in entries.items()] if isinstance(entries, Mapping) else [str(e) for e in entries]

    def network_key(self, name: str) -> str:
        """The configuration's key of a network, empty where the configuration does not know it."""
        names = network_names(self.config, self.case.snapshot.project)
        return next((key for key, known in names.items() if known == name), "")

    def wanted_endpoint(self, container: str, network: str) -> Endpoint:
        """The endpoint that Compose itself would give to a container on a network.

        Compose sets the container's name, the service's name and the configured aliases.
        Source: https://docs.docker.com/compose/how-tos/networking/
        """
        state = self.state.containers[container]
        spec = (self.service(state.service).get("networks") or {}).get(self.network_key(network)) or {}
        return Endpoint(
            network=network,
            aliases=tuple(sorted({container, state.service, *(spec.get("aliases") or ())})),
            static_ipv4=str(spec.get("ipv4_address") or ""),
            static_ipv6=str(spec.get("ipv6_address") or ""),
            static_mac=str(spec.get("mac_address") or ""),
            link_local=tuple(spec.get("link_local_ips") or ()),
            driver_opts=dict(spec.get("driver_opts") or {}),
            gw_priority=int(spec.get("gw_priority") or 0),
        )

    def kept_endpoint(self, container: str, old: Endpoint) -> Endpoint:
        """An endpoint as it is, with what the configuration adds to it: names, and what nobody chose by hand."""
        wanted = self.wanted_endpoint(container, old.network)
        return replace(
            old,
            aliases=tuple(sorted({*wanted.aliases, *old.aliases})),
            static_ipv4=wanted.static_ipv4 or old.static_ipv4,
            static_ipv6=wanted.static_ipv6 or old.static_ipv6,
            static_mac=wanted.static_mac or old.static_mac,
            link_local=wanted.link_local or old.link_local,
            driver_opts=old.driver_opts or wanted.driver_opts,
            gw_priority=wanted.gw_priority or old.gw_priority,
        )

    def containers_of(self, service: str) -> tuple[str, ...]:
        """Names of a service's containers."""
        return tuple(c.name for c in self.case.containers_of(service))

    def compose_labels(self, network: Network, key: str) -> dict[str, str]:
        """A network's labels, with those that Compose demands of its own networks."""
        configured = ((self.config.get("networks") or {}).get(key) or {}).get("labels") or {}
        return {**network.labels, **configured, LABEL_NETWORK: key, LABEL_PROJECT: self.case.snapshot.project}


@dataclass(frozen=True)
class DirectCheck:
    """How a provider answered when it was asked at its own address, past every name and gateway.

    ``container`` is who has the address, by the engine's account: an answer proves nothing about anybody else.
    ``tcp`` is ``open``, the error, or ``not asked``; ``status`` is that of an HTTP answer, 0 where none came.
    """

    consumer: str
    provider: str
    container: str
    address: str
    port: int
    tcp: str
    status: int = 0


@dataclass(frozen=True)
class Proposal:
    """What a remediation would do: steps, or the reasons why it cannot.

    ``patch`` is what the steps' override file adds to the present one. ``recreated`` are the services whose
    containers are made anew, ``restarted`` the containers whose processes start again, ``carried`` the containers of
    others whose endpoints change. ``patience_s`` is how long the gate may wait at least, in seconds. ``host`` is what the
    steps change of the host itself, ``database`` the one whose indexes
    they change, None for nothing. Steps beside refusals show what would be done if it were allowed.
    ``left`` says what the steps do not mend, and why. ``direct_checks`` are those that the answer rests on.
    """

    steps: tuple[Step, ...] = ()
    refusals: tuple[str, ...] = ()
    patch: Mapping[str, Any] = field(default_factory=dict)
    recreated: tuple[str, ...] = ()
    restarted: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()
    patience_s: float = 0.0
    host: Optional[HostState] = None
    left: tuple[str, ...] = ()
    direct_checks: tuple[DirectCheck, ...] = ()
    database: Optional[DatabaseState] = None

    @property
    def changes(self) -> bool:
        """Whether any step changes something; waiting does not."""
        return not self.refusals and any(s.action is not Action.WAIT_HEALTHY for s in self.steps)


def refuse(*reasons: str) -> Proposal:
    """No steps, and why."""
    return Proposal(refusals=reasons)


@dataclass(frozen=True)
class Remediation:
    """One way to repair. ``invasiveness`` 0–5 orders the plan; ``reversible`` is full, partial or none."""

    name: str
    summary: str
    invasiveness: int
    reversible: str
    restarts: str
    downtime: str
    propose: Callable[[Situation], Proposal]
