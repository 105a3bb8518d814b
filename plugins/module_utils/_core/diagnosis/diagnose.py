# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a snapshot to its root causes: the layered walk, and the rules in the order in which a packet meets them.

A rule sees only what no earlier rule has explained: one root cause gives one finding, and the symptom of a lower
layer is never blamed on a higher one. A healthy project gives none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Callable

from ..model import Finding, Outcome, Severity, Snapshot, Walk
from . import (
    address,
    aliases,
    container,
    creation,
    engine,
    filters,
    forwarders,
    gateways,
    host,
    host_header,
    lifecycle,
    listeners,
    local_names,
    name,
    nginx,
    paths,
    placement,
    port,
    protocol,
    proxies,
    published,
    resolver,
    stale,
)
from .case import Case, open_case, with_causes

Rule = Callable[[Case], "list[Finding]"]

RULES: tuple[Rule, ...] = (
    engine.engine_silent,
    creation.external_network_missing,
    creation.network_wrong_label,
    address.subnet_overlaps_other_network,
    engine.address_pool_exhausted,
    engine.swarm_overlay_not_attachable,
    creation.container_name_conflict,
    address.static_ip_outside_subnet,
    address.static_ip_taken_by_dynamic,
    address.network_ip_exhausted,
    creation.host_port_already_allocated,
    creation.profile_not_enabled,
    placement.wrong_project_name,
    published.published_port_is_another_app,
    lifecycle.not_serving,
    lifecycle.crash_is_a_symptom,
    container.provider_not_running,
    creation.without_container,
    placement.network_mode_none,
    placement.network_mode_host_backend,
    placement.network_mode_service,
    placement.on_default_bridge,
    forwarders.search_domain_answers,
    resolver.embedded_dns_unreachable,
    resolver.resolver_bypassed,
    name.network_rebuilt_naively,
    name.no_shared_network,
    name.endpoint_without_alias,
    name.stale_extra_hosts,
    aliases.name_shared_with_intruder,
    aliases.label_too_long,
    local_names.host_docker_internal_missing,
    name.misspelt_name,
    name.name_unresolved,
    forwarders.forwarder_dead,
    forwarders.forwarder_slow,
    filters.firewall_rule,
    filters.closed_host,
    listeners.slow_start_race,
    port.bind_loopback_only,
    listeners.ipv6_only_listener,
    listeners.wrong_port,
    published.published_on_loopback,
    paths.ephemeral_port_exhaustion,
    paths.mtu_blackhole,
    port.icc_disabled,
    port.separation_broken,
    address.subnet_overlaps_host_route,
    host.bridge_hairpin,
    host.host_firewall_flush,
    host.ip_forward_disabled,
    host.dockerd_iptables_false,
    host.arp_table_overflow,
    port.port_or_address_unexplained,
    published.internal_network_publishes_nothing,
    listeners.ipv6_address_without_listener,
    lifecycle.unhealthy_but_reached,
    protocol.explained_by_a_dependency,
    local_names.localhost_upstream,
    host_header.underscore_host_rejected,
    gateways.gateway_without_routes,
    nginx.configuration_not_read,
    nginx.host_mismatch,
    gateways.routes_dropped_at_start,
    nginx.cannot_resolve,
    proxies.proxy_captures_internal_names,
    stale.stale_address,
    stale.address_of_another,
    gateways.prefix_lost,
    protocol.explained_by_a_dependency,
    protocol.dependency_unexplained,
    protocol.explained_by_a_dependency,
    protocol.check_unexplained,
    gateways.errors_mapped_to_404,
    placement.multihomed_default_route,
)

_ORDER = (Severity.ERROR, Severity.WARNING, Severity.INFO)


@dataclass(frozen=True)
class Diagnosis:
    """What a snapshot shows. ``unknown`` counts walks and checks that could not be probed, and unread evidence."""

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
    findings = [replace(f, symptoms=_symptoms(case, f)) for f in findings]
    for one in findings:
        for symptom in one.symptoms:
            causes.setdefault(symptom, one.code)
    walks = with_causes(case.walks, causes)
    seen = [*(w.outcome for w in walks), *(c.outcome for c in snapshot.checks)]
    return Diagnosis(tuple(findings), walks, seen.count(Outcome.UNKNOWN) + len(snapshot.unread))


def _symptoms(case: Case, one: Finding) -> tuple[str, ...]:
    """What fails as a consequence of what the finding breaks, directly or through others."""
    found = list(one.breaks)
    for broken in found:
        found += [symptom for symptom, cause in case.because.items() if cause == broken and symptom not in found]
    return tuple(found[len(one.breaks) :])
