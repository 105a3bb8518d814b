# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate: what must pass for a change to be kept."""

from __future__ import annotations

from dataclasses import dataclass

from ..diagnosis.diagnose import Diagnosis
from ..model import Finding, Layer, Outcome, Severity, Snapshot
from .docker_rules import bridge_of

_FORWARDING = ("-A DOCKER-USER ", "-A FORWARD ")


@dataclass(frozen=True)
class Gate:
    """How the project looks after a change, against how it looked before.

    ``mended`` and ``still_broken`` are codes of promised findings, ``regressed`` what passed before and does not now.
    """

    promised: tuple[str, ...] = ()
    mended: tuple[str, ...] = ()
    still_broken: tuple[str, ...] = ()
    regressed: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Something promised is mended, unless nothing was promised, and nothing that passed fails."""
        return bool(self.mended or not self.promised) and not self.regressed

    @property
    def complete(self) -> bool:
        """Passed, and nothing promised is left."""
        return self.passed and not self.still_broken


def passing(snapshot: Snapshot, diagnosis: Diagnosis) -> frozenset[str]:
    """Names of all that passes: dependencies whose every walk is ok, and checks."""
    names = {w.dependency.name for w in diagnosis.walks}
    bad = {w.dependency.name for w in diagnosis.walks if w.outcome is not Outcome.OK}
    checks = {f"check {c.check.name}" for c in snapshot.checks if c.outcome is Outcome.OK}
    return frozenset({*(names - bad), *checks})


def judge(before: tuple[Snapshot, Diagnosis], after: tuple[Snapshot, Diagnosis], promised: tuple[Finding, ...]) -> Gate:
    """Compare two diagnosed snapshots.

    A promised finding counts as mended when it is gone, nothing that it broke is unknown, and something that it broke
    gets further: a fault that only goes by another name now is not mended.
    """
    now = passing(*after)
    mended: list[str] = []
    broken: list[str] = []
    for finding in promised:
        same = [f for f in after[1].findings if f.code == finding.code and set(f.breaks) & set(finding.breaks)]
        unknown = [w for w in after[1].walks if w.outcome is Outcome.UNKNOWN and w.dependency.name in finding.breaks]
        (broken if same or unknown or not _gets_further(finding, after[1]) else mended).append(finding.code)
    return Gate(
        promised=tuple(f.code for f in promised),
        mended=tuple(mended),
        still_broken=tuple(broken),
        regressed=tuple(sorted(_regressed(before, after, passing(*before), now))),
    )


def new_errors(before: Diagnosis, after: Diagnosis) -> tuple[str, ...]:
    """Codes of what is broken now and was not before. What was restarted may look so while it comes up."""
    known = {f.code for f in before.findings}
    return tuple(dict.fromkeys(f.code for f in after.findings if f.severity is Severity.ERROR and f.code not in known))


def standing(
    before: tuple[Snapshot, Diagnosis], after: tuple[Snapshot, Diagnosis], promised: tuple[Finding, ...]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What passes, and what does not: of all that passed before, and all that the promised findings break."""
    wanted = (passing(*before) | {name for finding in promised for name in finding.breaks}) & _present(after[0])
    now = passing(*after)
    return tuple(sorted(wanted & now)), tuple(sorted(wanted - now))


def _present(snapshot: Snapshot) -> frozenset[str]:
    """Names of all that there is to pass. A dependency that the change itself renamed is gone, not broken."""
    checks = {f"check {c.check.name}" for c in snapshot.checks}
    return frozenset({d.name for d in snapshot.dependencies} | checks)


def _gets_further(finding: Finding, after: Diagnosis) -> bool:
    layers = list(Layer)
    stuck = {b for f in after.findings if layers.index(f.layer) <= layers.index(finding.layer) for b in f.breaks}
    return not finding.breaks or bool(set(finding.breaks) - stuck)


def _regressed(
    before: tuple[Snapshot, Diagnosis],
    after: tuple[Snapshot, Diagnosis],
    then: frozenset[str],
    now: frozenset[str],
) -> set[str]:
    lost = set((then - now) & _present(after[0]))
    routes = {c.service: c.default_route.partition(" dev ")[0] for c in before[0].containers if c.default_route}
    for container in after[0].containers:
        gateway = container.default_route.partition(" dev ")[0]
        if (
            gateway
            and routes.get(container.service)
            and gateway != routes[container.service]
            and not _same_network(before[0], after[0], container.service, gateway)
        ):
            lost.add(f"default route of {container.service}: {routes[container.service]} became {gateway}")
    return lost | _lost_rules(before[0], after[0])


def _lost_rules(before: Snapshot, after: Snapshot) -> set[str]:
    """Rules of the operator on forwarded packets that are gone since a network was made anew; Docker's are no part of them.

    One that names the bridge of another project is not this network's: its owner may take it away at any time.
    """
    ids = {n.name: n.id for n in before.networks}
    if not after.firewall_rules and any("firewall" in what for what in after.unread):
        return set()
    if all(ids.get(n.name, n.id) == n.id for n in after.networks):
        return set()
    kept = {*after.firewall_rules, *(r for r in before.firewall_rules if _foreign(r, before))}
    return {f"firewall rule {r}" for r in before.firewall_rules if r.startswith(_FORWARDING) and r not in kept}


def _foreign(rule: str, before: Snapshot) -> bool:
    words = rule.split()
    named = {name for option, name in zip(words, words[1:]) if option in ("-i", "-o") and name.startswith("br-")}
    return bool(named) and not named & {bridge_of(n) for n in before.networks}


def _same_network(before: Snapshot, after: Snapshot, service: str, gateway: str) -> bool:
    """Whether the new gateway is the old network's, which was rebuilt with another subnet.

    So it is for a service that left Docker's default bridge, on which no name resolves, for a network of the project.
    """

    def network_of(snapshot: Snapshot, address: str) -> str:
        endpoints = [e for c in snapshot.containers if c.service == service for e in c.endpoints]
        return next((e.network for e in endpoints if e.gateway == address), "")

    old = next((c.default_route.partition(" dev ")[0] for c in before.containers if c.service == service), "")
    left = network_of(before, old) == "bridge" and not any(
        c.endpoint("bridge") for c in after.containers if c.service == service
    )
    return left or network_of(before, old) == network_of(after, gateway) != ""
