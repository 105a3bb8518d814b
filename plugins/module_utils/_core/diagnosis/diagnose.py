# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a snapshot to its root causes: the layered walk, and the rules in the order in which a packet meets them.

A rule sees only what no earlier rule has explained: one root cause gives one finding, and the symptom of a lower
layer is never blamed on a higher one. A healthy project gives none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

from ..model import Finding, Outcome, Severity, Snapshot, Walk
from . import container, name, port, protocol, resolver
from .case import Case, open_case, with_causes

Rule = Callable[[Case], "list[Finding]"]

RULES: tuple[Rule, ...] = (
    container.provider_not_running,
    resolver.resolver_bypassed,
    name.network_rebuilt_naively,
    name.no_shared_network,
    name.endpoint_without_alias,
    name.stale_extra_hosts,
    name.misspelt_name,
    name.name_unresolved,
    port.bind_loopback_only,
    port.icc_disabled,
    port.separation_broken,
    port.port_or_address_unexplained,
    protocol.explained_by_a_dependency,
    protocol.gateway_without_routes,
    protocol.stale_nginx_upstream,
    protocol.explained_by_a_dependency,
    protocol.dependency_unexplained,
    protocol.explained_by_a_dependency,
    protocol.check_unexplained,
)

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True)
class Diagnosis:
    """What a snapshot shows. ``unknown`` counts walks and checks that could not be probed."""

    findings: tuple[Finding, ...]
    walks: tuple[Walk, ...]
    unknown: int

    @property
    def healthy(self) -> bool:
        """No finding of severity error. Unknown is no error, and no proof of health: look at ``unknown``."""
        return not any(f.severity is Severity.ERROR for f in self.findings)


def diagnose(snapshot: Snapshot) -> Diagnosis:
    """The root causes in a snapshot, worst first and in the order of the layers."""
    case = open_case(snapshot)
    findings: list[Finding] = []
    for rule in RULES:
        found = rule(case)
        findings += found
        case.explained.update(b for f in found for b in f.breaks)
    causes: dict[str, str] = {}
    for one in findings:
        for broken in one.breaks:
            causes.setdefault(broken, one.code)
    findings.sort(key=lambda f: _ORDER.index(f.severity))
    walks = with_causes(case.walks, causes)
    unknown = sum(w.outcome is Outcome.UNKNOWN for w in walks) + sum(
        c.outcome is Outcome.UNKNOWN for c in snapshot.checks
    )
    return Diagnosis(tuple(findings), walks, unknown)
