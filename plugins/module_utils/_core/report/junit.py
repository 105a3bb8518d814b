# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A journal as JUnit XML, so that a CI server shows each dependency and each check as a test.

The shape is that of https://github.com/jenkinsci/xunit-plugin (junit-10.xsd), which GitLab and GitHub read as well.

A test has *failed* where a dependency or check fails. It is *skipped*, with the reason, where it could not be probed:
that is what CI servers call a test that did not run; it turns no pipeline red, as it does not make the play fail, and
it is not counted as passed. It is an *error* where the run itself could not do its work (an unreachable host, a change
that could not be undone). What is told is the state at the end of the run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional
from xml.etree import ElementTree

from ..model import CheckResult, Finding, Outcome, Walk, from_data
from .diagnosis import place
from .journal import overall_status
from .outline import outline
from .reading import NO_REASON, Reading, answer_of, read, request_of
from .run import load_line
from .text import plain

OUTCOME_TAGS = {Outcome.FAILED: "failure", Outcome.UNKNOWN: "skipped"}
UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class _Case:
    """One test; ``tag`` is failure, skipped, error, or empty where it passed."""

    classname: str
    name: str
    time_s: float = 0.0
    tag: str = ""
    type: str = ""
    message: str = ""
    lines: tuple[str, ...] = ()


def render_junit(journal: Mapping[str, Any]) -> str:
    """The whole journal as JUnit XML: one suite for each host, in the order of the journal.

    Raises ValueError where a diagnosis or check result in it is not one.
    """
    hosts = journal.get("hosts") or []
    suites = [_suite(host, journal, len(hosts) > 1, number) for number, host in enumerate(hosts)]
    name = plain(f"netfix {journal.get('run_id') or ''}")
    root = ElementTree.Element("testsuites", {"name": name, **_totals(suites, ("tests", "failures", "errors", "time"))})
    root.extend(suites)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _totals(suites: Sequence[ElementTree.Element], keys: Sequence[str]) -> dict[str, str]:
    totals = {key: sum(float(suite.get(key, "0")) for suite in suites) for key in keys}
    return {key: f"{total:.3f}" if key == "time" else f"{total:.0f}" for key, total in totals.items()}


def _suite(host: Mapping[str, Any], journal: Mapping[str, Any], several: bool, number: int) -> ElementTree.Element:
    # One CI server after the other takes the classname for the identity of a test.
    prefix = plain(host.get("project") or "project")
    cases = _cases(host, f"{plain(host.get('host'))}.{prefix}" if several else prefix)
    tags = [case.tag for case in cases]
    suite = ElementTree.Element(
        "testsuite",
        {
            "name": place(host),
            "tests": str(len(cases)),
            "failures": str(tags.count("failure")),
            "errors": str(tags.count("error")),
            "skipped": str(tags.count("skipped")),
            "time": f"{sum(case.time_s for case in cases):.3f}",
            "timestamp": plain(journal.get("started_at")),
            "hostname": plain(host.get("host")),
            "id": str(number),
        },
    )
    properties = ElementTree.SubElement(suite, "properties")
    for key, value in (
        ("run_id", journal.get("run_id")),
        ("mode", journal.get("mode")),
        ("status", overall_status([host])),
        ("project_src", host.get("project_src")),
        ("engine", (host.get("engine") or {}).get("version")),
    ):
        ElementTree.SubElement(properties, "property", {"name": key, "value": plain(value)})
    for case in cases:
        attributes = {"classname": case.classname, "name": case.name, "time": f"{case.time_s:.3f}"}
        entry = ElementTree.SubElement(suite, "testcase", attributes)
        if case.tag:
            result = ElementTree.SubElement(entry, case.tag, {"type": case.type, "message": case.message})
            result.text = "\n".join(case.lines)
    return suite


def _cases(host: Mapping[str, Any], prefix: str) -> list[_Case]:
    reading = read(host.get("after") or host.get("before") or {})
    cases = [_run(host, prefix), *_dependencies(reading, prefix), *_findings(reading, prefix)]
    validation = host.get("validation") or {}
    validated = [from_data(CheckResult, data) for data in validation.get("checks") or []]
    cases += [_check(result, reading, prefix) for result in validated or reading.checks]
    if validation.get("load"):
        cases.append(_load(validation["load"], prefix))
    return cases


def _run(host: Mapping[str, Any], prefix: str) -> _Case:
    """Whether the run could do its work on the host, whatever it found there."""
    seen = outline(host, overall_status([host]))
    if seen.status != "failed":
        return _Case(f"{prefix}.run", "the run finishes")
    return _Case(f"{prefix}.run", "the run finishes", 0.0, "error", seen.status, seen.meaning, tuple(seen.remains))


def _dependencies(reading: Reading, prefix: str) -> list[_Case]:
    findings = {id(walk): group.finding for group in reading.groups for walk in group.walks}
    names = [plain(walk.dependency.name) for walk in reading.walks]
    replicas = Counter(names)
    cases = []
    for walk, name in zip(reading.walks, names):
        # Each replica of a consumer is a test of its own.
        told = name if replicas[name] == 1 else f"{name} from {plain(walk.container)}"
        classname = f"{prefix}.{plain(walk.dependency.consumer)}"
        cases.append(_dependency(walk, findings.get(id(walk)), classname, told))
    return cases


def _dependency(walk: Walk, finding: Optional[Finding], classname: str, name: str) -> _Case:
    time_s, tag = walk.latency_ms / 1000, OUTCOME_TAGS.get(walk.outcome, "")
    detail = plain(walk.detail) or NO_REASON
    if walk.outcome is Outcome.FAILED:
        seen = f"failed at {walk.layer.value}, from {plain(walk.container)}: {detail}"
        message = plain(finding.summary) if finding else detail
        code = plain(walk.cause) or UNEXPLAINED
        return _Case(classname, name, time_s, tag, code, message, (seen, *_told(finding)))
    return _Case(classname, name, time_s, tag, f"unknown at {walk.layer.value}" if tag else "", detail if tag else "")


def _told(finding: Optional[Finding]) -> list[str]:
    if finding is None:
        return []
    told = [plain(line) for line in finding.evidence]
    told += [f"confirm by hand: {plain(finding.confirm)}"] if finding.confirm else []
    told += [f"remediations: {plain(', '.join(finding.remediations))}"] if finding.remediations else []
    return told + ([f"advice: {plain(finding.advice)}"] if finding.advice else [])


def _findings(reading: Reading, prefix: str) -> list[_Case]:
    """Root causes that no dependency or check shows: without a test of their own they would pass unseen."""
    hidden = [g.finding for g in reading.groups if g.finding in reading.causes and not g.walks and not g.checks]
    return [
        _Case(f"{prefix}.findings", plain(f.code), 0.0, "failure", plain(f.code), plain(f.summary), tuple(_told(f)))
        for f in hidden
        if f is not None
    ]


def _check(result: CheckResult, reading: Reading, prefix: str) -> _Case:
    tag = OUTCOME_TAGS.get(result.outcome, "")
    classname, name, time_s = f"{prefix}.checks", plain(result.check.name), result.latency_ms / 1000
    if not tag:
        return _Case(classname, name, time_s)
    finding = next((f for f in reading.findings if result.check.name in (*f.breaks, *f.symptoms)), None)
    code = plain(finding.code) if finding else UNEXPLAINED
    kind = code if result.outcome is Outcome.FAILED else "unknown"
    return _Case(classname, name, time_s, tag, kind, answer_of(result), (request_of(result), *_told(finding)))


def _load(load: Mapping[str, Any], prefix: str) -> _Case:
    sign, words = load_line(load)
    tag = {"✗": "failure", "?": "skipped"}.get(sign, "")
    lines = [
        plain(f"{e.get('count', 0)} × {e.get('name', '')}: {e.get('error', '')}") for e in load.get("errors") or []
    ]
    time_s = float(load.get("duration_s") or 0)
    return _Case(f"{prefix}.load", "short load", time_s, tag, "load" if tag else "", words if tag else "", tuple(lines))
