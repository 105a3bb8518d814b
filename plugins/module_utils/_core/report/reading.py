# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a diagnosis says, put into the order in which a person wants to read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ..model import CheckResult, Finding, Layer, Outcome, Severity, Walk, from_data
from .text import count, duration, listed, mark, plain

SEVERITIES = [Severity.ERROR, Severity.WARNING, Severity.INFO]
LAYERS = list(Layer)
NO_REASON = "no reason given"
SEVERITY_MARKS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFO: "·"}
SEVERITY_NOUNS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "remark"}
SEVERITY_TONES = {Severity.ERROR: "bad", Severity.WARNING: "warn", Severity.INFO: "idle"}
WORST_FIRST = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.OK)
OUTCOME_WORDS = ((Outcome.OK, "ok", "good"), (Outcome.FAILED, "failed", "bad"), (Outcome.UNKNOWN, "not probed", "warn"))


@dataclass(frozen=True)
class Group:
    """One finding and what it breaks; ``finding`` is None for what fails and no finding explains."""

    finding: Optional[Finding]
    walks: tuple[Walk, ...] = ()
    checks: tuple[CheckResult, ...] = ()


@dataclass(frozen=True)
class Unprobed:
    """What could not be probed or read for one reason: names of dependencies, checks and evidence."""

    reason: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Reading:
    """One diagnosis, sorted: the worst first, what nothing explains before mere warnings."""

    walks: tuple[Walk, ...]
    groups: tuple[Group, ...]
    findings: tuple[Finding, ...]
    checks: tuple[CheckResult, ...]
    notes: tuple[str, ...]
    duration_ms: float
    unread: tuple[tuple[str, str], ...] = ()

    def walks_with(self, outcome: Outcome) -> list[Walk]:
        """The dependencies with that outcome."""
        return [walk for walk in self.walks if walk.outcome is outcome]

    def checks_with(self, outcome: Outcome) -> list[CheckResult]:
        """The checks with that outcome."""
        return [result for result in self.checks if result.outcome is outcome]

    def findings_of(self, severity: Severity) -> list[Finding]:
        """The findings of that severity."""
        return [finding for finding in self.findings if finding.severity is severity]

    @property
    def failed(self) -> int:
        """How many dependencies fail."""
        return len(self.walks_with(Outcome.FAILED))

    @property
    def ok(self) -> int:
        """How many dependencies were probed and work."""
        return len(self.walks_with(Outcome.OK))

    @property
    def unknown(self) -> list[Walk]:
        """The dependencies that could not be probed."""
        return self.walks_with(Outcome.UNKNOWN)

    @property
    def causes(self) -> list[Finding]:
        """The findings that make the project unhealthy."""
        return self.findings_of(Severity.ERROR)

    @property
    def unexplained(self) -> Group:
        """What fails although no finding explains it; empty where there is no such thing."""
        return next((group for group in self.groups if group.finding is None), Group(None))

    @property
    def unprobed(self) -> list[Unprobed]:
        """What could not be probed and why, the commonest reason first."""
        names: dict[str, list[str]] = {}
        for walk in self.unknown:
            names.setdefault(walk.detail or NO_REASON, []).append(walk.dependency.name)
        for result in self.checks_with(Outcome.UNKNOWN):
            names.setdefault(result.error or NO_REASON, []).append(result.check.name)
        for what, why in self.unread:
            names.setdefault(why or NO_REASON, []).append(what)
        return [Unprobed(why, tuple(names[why])) for why in sorted(names, key=lambda why: -len(names[why]))]


def read(diagnosis: Mapping[str, Any]) -> Reading:
    """The diagnosis of a journal, sorted. Raises ValueError where a walk, finding or check is not one."""
    walks = tuple(from_data(Walk, data) for data in diagnosis.get("walks") or ())
    findings = tuple(from_data(Finding, data) for data in diagnosis.get("findings") or ())
    findings = tuple(sorted(findings, key=_finding_order))
    checks = tuple(from_data(CheckResult, data) for data in diagnosis.get("checks") or ())
    return Reading(
        walks=walks,
        groups=_groups(walks, findings, checks),
        findings=findings,
        checks=checks,
        notes=tuple(str(note) for note in diagnosis.get("notes") or ()),
        duration_ms=float(diagnosis.get("duration_ms") or 0.0),
        unread=tuple((str(what), str(why)) for what, why in (diagnosis.get("unread") or {}).items()),
    )


def _finding_order(finding: Finding) -> tuple[int, int, int]:
    prefix = finding.code.split(".", 1)[0]
    layer = next((number for number, layer in enumerate(LAYERS) if layer.value == prefix), len(LAYERS))
    return SEVERITIES.index(finding.severity), -len(finding.breaks), layer


def _groups(
    walks: tuple[Walk, ...], findings: tuple[Finding, ...], checks: tuple[CheckResult, ...]
) -> tuple[Group, ...]:
    broken: dict[Optional[int], list[Walk]] = {}
    for walk in sorted(walks, key=lambda walk: LAYERS.index(walk.layer)):
        if walk.outcome is Outcome.FAILED:
            broken.setdefault(_explains(walk, findings), []).append(walk)
    refused: dict[Optional[int], list[CheckResult]] = {}
    for result in checks:
        if result.outcome is Outcome.FAILED:
            owner = next((n for n, f in enumerate(findings) if result.check.name in (*f.breaks, *f.symptoms)), None)
            refused.setdefault(owner, []).append(result)
    # A finding may break nothing, but what nothing explains is only shown where there is such a thing.
    order: list[Optional[int]] = list(range(len(findings)))
    if None in broken or None in refused:
        order.insert(sum(finding.severity is Severity.ERROR for finding in findings), None)
    return tuple(
        Group(None if n is None else findings[n], tuple(broken.get(n, ())), tuple(refused.get(n, ()))) for n in order
    )


def _explains(walk: Walk, findings: tuple[Finding, ...]) -> Optional[int]:
    """The position of the finding that explains a failed walk: of several with its code, the one that names it."""
    alike = [number for number, finding in enumerate(findings) if walk.cause and finding.code == walk.cause]
    return next(
        (n for n in alike if walk.dependency.name in (*findings[n].breaks, *findings[n].symptoms)),
        alike[0] if alike else None,
    )


def verdict(reading: Reading) -> tuple[str, str]:
    """The diagnosis in one sentence, and the mark before it.

    Failures outweigh what is unknown, and the unknown is never counted as healthy.
    """
    total, failed, unknown = len(reading.walks), reading.failed, len(reading.unknown)
    bad = reading.checks_with(Outcome.FAILED)
    if failed:
        causes = len(reading.causes)
        why = f": {count(causes, 'root cause')} found" if causes else ", and no rule explains why"
        return "✗", f"{failed} of {count(total, 'dependency')} {'fails' if failed == 1 else 'fail'}{why}"
    if bad:
        checks = f"{len(bad)} of {count(len(reading.checks), 'check')} {'fails' if len(bad) == 1 else 'fail'}"
        return "✗", f"{checks}, although no dependency was seen to fail"
    if reading.causes:
        return "✗", f"{count(len(reading.causes), 'root cause')} found, although no dependency fails yet"
    if unknown == total and total:
        return "?", f"none of {count(total, 'dependency')} could be probed"
    if unknown:
        return "?", f"{unknown} of {count(total, 'dependency')} could not be probed, the others are ok"
    if total and reading.checks_with(Outcome.UNKNOWN):
        checks = f"{len(reading.checks_with(Outcome.UNKNOWN))} of {count(len(reading.checks), 'check')}"
        return "?", f"all {count(total, 'dependency')} ok, but {checks} could not be run"
    if not total:
        return "?", "no dependency was found in the configuration: list them in netfix_dependencies"
    if reading.unread:
        seen = f"{listed([plain(what) for what, _why in reading.unread], 3)} could not be read"
        return "?", f"all {count(total, 'dependency')} ok, but {seen}"
    return "✓", f"all {count(total, 'dependency')} ok"


@dataclass(frozen=True)
class Tally:
    """How many of one sort there are: each part is ``2 failed`` and its tone, ``good``, ``bad``, ``warn`` or ``idle``."""

    mark: str
    noun: str
    parts: tuple[tuple[str, str], ...]

    @property
    def words(self) -> str:
        """``7 ok, 2 failed, 1 not probed``."""
        return ", ".join(words for words, _tone in self.parts)


def tallies(reading: Reading) -> list[Tally]:
    """Dependencies, checks and findings counted, those that there are."""
    found = []
    for noun, entries in (("dependencies", reading.walks), ("checks", reading.checks)):
        outcomes = [entry.outcome for entry in entries]
        parts = [
            (f"{outcomes.count(outcome)} {word}", tone) for outcome, word, tone in OUTCOME_WORDS if outcome in outcomes
        ]
        if parts:
            worst = next(outcome for outcome in WORST_FIRST if outcome in outcomes)
            found.append(Tally(mark(worst.value), noun, tuple(parts)))
    severities = [severity for severity in SEVERITIES if reading.findings_of(severity)]
    if severities:
        parts = [
            (count(len(reading.findings_of(severity)), SEVERITY_NOUNS[severity]), SEVERITY_TONES[severity])
            for severity in severities
        ]
        found.append(Tally(SEVERITY_MARKS[severities[0]], "findings", tuple(parts)))
    return found


def answer_of(result: CheckResult) -> str:
    """``502 by nginx/1.22.1, 3 ms``: what came back to a check, as escaped text."""
    if result.outcome is Outcome.UNKNOWN:
        return plain(f"not run, {result.error or NO_REASON}", 400)
    parts = [str(result.status or "no answer") + (f" by {result.server}" if result.server else ""), result.error]
    return plain(
        ", ".join([part for part in parts if part] + [duration(result.latency_ms)] * bool(result.latency_ms)), 400
    )


def request_of(result: CheckResult) -> str:
    """``GET http://api:8000/health from edge``: what a check asked, as escaped text."""
    check = result.check
    return plain(
        f"{check.method} {check.url}" + (f" from {check.source}" if check.source not in ("", "host") else ""), 400
    )


def check_row(result: CheckResult) -> tuple[str, str, str]:
    """Mark, name, and answer with request of one check, as escaped text."""
    return mark(result.outcome.value), plain(result.check.name, 60), f"{answer_of(result)} ({request_of(result)})"
