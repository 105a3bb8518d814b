# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which remediations there are, and in which order to try them for what was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..model import Finding, Severity
from . import (
    correct_upstreams,
    detach_intruders,
    direct_routes,
    host_firewall,
    rebuild_network,
    reconnect_endpoints,
    refresh_upstreams,
    restore_resolver,
    start_providers,
    static_hosts,
    wait_until_ready,
)
from .situation import Remediation

REMEDIATIONS: dict[str, Remediation] = {
    r.name: r
    for r in (
        wait_until_ready.REMEDIATION,
        reconnect_endpoints.REMEDIATION,
        refresh_upstreams.REMEDIATION,
        start_providers.REMEDIATION,
        detach_intruders.REMEDIATION,
        restore_resolver.REMEDIATION,
        correct_upstreams.REMEDIATION,
        static_hosts.REMEDIATION,
        direct_routes.REMEDIATION,
        rebuild_network.REMEDIATION,
        host_firewall.REMEDIATION,
    )
}


@dataclass(frozen=True)
class Item:
    """One remediation to try, the findings that it is to mend, and why it stands where it stands."""

    remediation: str
    findings: tuple[Finding, ...]
    reason: str


@dataclass(frozen=True)
class Skipped:
    """A remediation that will not be tried, and why."""

    remediation: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """Remediations in the order in which they are tried."""

    items: tuple[Item, ...] = ()
    skipped: tuple[Skipped, ...] = ()


def make_plan(findings: Iterable[Finding], forced: Sequence[str] = (), tried: Iterable[str] = ()) -> Plan:
    """Least invasive first, only what the findings unlock; ``forced`` is the operator's own list and order.

    Raises ValueError for a name that no remediation has.
    """
    unknown = [n for n in forced if n not in REMEDIATIONS]
    if unknown:
        raise ValueError(f"There is no remediation {unknown[0]!r}. Remediations: {', '.join(REMEDIATIONS)}.")
    errors = tuple(f for f in findings if f.severity is Severity.ERROR)
    # what time alone mends would be credited to whatever is done meanwhile
    lasting = tuple(f for f in errors if f.remediations != (wait_until_ready.REMEDIATION.name,))
    done = set(tried)
    items, skipped = [], []
    order = list(forced) if forced else sorted(REMEDIATIONS, key=lambda n: REMEDIATIONS[n].invasiveness)
    for name in order:
        unlocking = tuple(f for f in errors if name in f.remediations)
        if name in done:
            skipped.append(Skipped(name, "was tried already in this run"))
        elif forced and (unlocking or lasting):
            items.append(Item(name, unlocking or lasting, "the operator's order"))
        elif forced and errors:
            skipped.append(Skipped(name, "what is broken is only starting: wait_until_ready sees whether it comes up"))
        elif unlocking:
            reason = "if what comes before does not help" if items else "the least invasive of what the findings unlock"
            items.append(Item(name, unlocking, reason))
        else:
            skipped.append(Skipped(name, "no finding unlocks it" if errors else "nothing is broken"))
    if forced:
        skipped += [Skipped(n, "not in the operator's list") for n in REMEDIATIONS if n not in forced]
    return Plan(tuple(items), tuple(skipped))
