# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a diagnosis says, put into the order in which a person wants to read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..model import CheckResult, Finding, Layer, Outcome, Severity, Walk, from_data
from .text import count, duration, mark, plain

SEVERITIES = [Severity.ERROR, Severity.WARNING, Severity.INFO]
LAYERS = list(Layer)


@dataclass(frozen=True)
class Group:
    """Failed dependencies with one cause; ``code`` is empty where no finding explains them."""

    code: str
    walks: tuple[Walk, ...]


@dataclass(frozen=True)
class Reading:
    """One diagnosis, sorted: worst first, healthy ones only counted."""

    walks: tuple[Walk, ...]
    groups: tuple[Group, ...]
    unknown: tuple[Walk, ...]
    findings: tuple[Finding, ...]
    checks: tuple[CheckResult, ...]
    notes: tuple[str, ...]
    duration_ms: float

    @property
    def failed(self) -> int:
        """How many dependencies fail."""
        return sum(len(group.walks) for group in self.groups)

    @property
    def ok(self) -> int:
        """How many dependencies were probed and work."""
        return sum(walk.outcome is Outcome.OK for walk in self.walks)

    @property
    def bad_checks(self) -> list[CheckResult]:
        """The checks that did not pass, failed ones before unknown ones."""
        bad = [result for result in self.checks if result.outcome is not Outcome.OK]
        return sorted(bad, key=lambda result: result.outcome is Outcome.UNKNOWN)

    @property
    def causes(self) -> list[Finding]:
        """The findings that make the project unhealthy."""
        return [finding for finding in self.findings if finding.severity is Severity.ERROR]


def read(diagnosis: Mapping[str, Any]) -> Reading:
    """The diagnosis of a journal, sorted. Raises ValueError where a walk, finding or check is not one."""
    walks = tuple(from_data(Walk, data) for data in diagnosis.get("walks") or ())
    findings = tuple(from_data(Finding, data) for data in diagnosis.get("findings") or ())
    findings = tuple(sorted(findings, key=_finding_order))
    return Reading(
        walks=walks,
        groups=_groups(walks, [finding.code for finding in findings]),
        unknown=tuple(walk for walk in walks if walk.outcome is Outcome.UNKNOWN),
        findings=findings,
        checks=tuple(from_data(CheckResult, data) for data in diagnosis.get("checks") or ()),
        notes=tuple(str(note) for note in diagnosis.get("notes") or ()),
        duration_ms=float(diagnosis.get("duration_ms") or 0.0),
    )


def _finding_order(finding: Finding) -> tuple[int, int, int]:
    prefix = finding.code.split(".", 1)[0]
    layer = next((number for number, layer in enumerate(LAYERS) if layer.value == prefix), len(LAYERS))
    return SEVERITIES.index(finding.severity), -len(finding.breaks), layer


def _groups(walks: tuple[Walk, ...], codes: list[str]) -> tuple[Group, ...]:
    grouped: dict[str, list[Walk]] = {}
    for walk in walks:
        if walk.outcome is Outcome.FAILED:
            grouped.setdefault(walk.cause, []).append(walk)
    # What no finding explains comes last: the reader should first see what can be repaired.
    order = {code: number for number, code in enumerate(codes)}
    return tuple(
        Group(code, tuple(sorted(grouped[code], key=lambda walk: LAYERS.index(walk.layer))))
        for code in sorted(grouped, key=lambda code: (not code, order.get(code, len(order)), -len(grouped[code])))
    )


def verdict(reading: Reading) -> tuple[str, str]:
    """The diagnosis in one sentence, and the mark before it.

    Failures outweigh what is unknown, and the unknown is never counted as healthy.
    """
    total, failed, unknown = len(reading.walks), reading.failed, len(reading.unknown)
    bad = [result for result in reading.checks if result.outcome is Outcome.FAILED]
    if failed:
        causes = len(reading.causes) or sum(bool(group.code) for group in reading.groups)
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
    if not total:
        return "?", "no dependency was found in the configuration: list them in netfix_dependencies"
    return "✓", f"all {count(total, 'dependency')} ok"


def check_row(result: CheckResult) -> tuple[str, str, str]:
    """Mark, name and ``GET http://… from edge: 502 by nginx/1.22.1, 3 ms`` of one check, as escaped text."""
    check = result.check
    source = "" if check.source in ("", "host") else f" from {check.source}"
    if result.outcome is Outcome.UNKNOWN:
        answer = f"not run, {result.error or 'no reason given'}"
    else:
        answer = str(result.status or "") or "no answer"
        answer += f" by {result.server}" if result.server else ""
        answer += f", {result.error}" if result.error else ""
        answer += f", {duration(result.latency_ms)}" if result.latency_ms else ""
    return (
        mark(result.outcome.value),
        plain(check.name, 60),
        plain(f"{check.method} {check.url}{source}: {answer}", 400),
    )
