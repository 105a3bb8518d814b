# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report of a run in Markdown: complete, to be handed over and read by somebody who was not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ..model import CheckResult, Finding, Outcome, Walk, from_data
from .diagnosis import place
from .final.brief import brief
from .journal import overall_status, worst_first
from .markup import block, code, codes, prose, table
from .outline import MEANINGS, commands, outline, took
from .reading import WORST_FIRST, Reading, read, verdict
from .run import (
    commit_lines,
    confirm_lines,
    cost,
    direct_check_lines,
    gate_line,
    load_line,
    not_restored,
    step_text,
    undo_line,
)
from .text import duration, mark, plain


def render_markdown(journal: Mapping[str, Any], final: str = "") -> str:
    """The whole journal as GitHub Flavored Markdown, with a final newline; ``final`` is the file of the final report.

    Raises ValueError where a diagnosis or check result in it is not one.
    """
    hosts = worst_first(journal.get("hosts") or [])
    status = overall_status(hosts)
    lines = [f"# Network repair: {status}", "", _sentence(MEANINGS[status]), ""]
    lines += table(["", ""], [(label, value) for label, value in _facts(journal) if value]) + [""]
    if final:
        lines += [f"[Final report of the load tests]({final})", ""]
    if len(hosts) != 1:
        rows = [
            (prose(place(host)), overall_status([host]), prose(outline(host, overall_status([host])).meaning))
            for host in hosts
        ]
        lines += ["## Hosts", "", *table(["where", "status", "meaning"], rows), ""]
    for host in hosts:
        lines += _host(host, journal)
    return "\n".join(lines).rstrip("\n") + "\n"


def _facts(journal: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("run", code(journal.get("run_id"))),
        ("mode", prose(journal.get("mode"))),
        ("started", prose(journal.get("started_at"))),
        ("finished", prose(journal.get("finished_at"))),
        ("took", took(journal)),
        ("playbook", code(journal.get("playbook"))),
        ("collection", prose(f"vertice.netfix {journal.get('collection') or ''}")),
    ]


def _host(host: Mapping[str, Any], journal: Mapping[str, Any]) -> list[str]:
    status = overall_status([host])
    before = read(host.get("before") or {})
    after = read(host["after"]) if host.get("after") else None
    lines = [f"## {prose(place(host))}: {status}", ""]
    lines += _summary(host, status, journal)
    lines += _dependencies(before, after)
    lines += _findings("Findings", before)
    lines += _plan(host.get("plan") or {})
    for attempt in host.get("attempts") or []:
        lines += _attempt(attempt)
    if after is not None and after.findings:
        lines += _findings("Findings after the attempts", after)
    lines += _validation(host.get("validation") or {}, before)
    lines += _undo(host, status, journal)
    return lines


def _summary(host: Mapping[str, Any], status: str, journal: Mapping[str, Any]) -> list[str]:
    seen = outline(host, status)
    lines = [f"**{_sentence(seen.meaning)}**", ""] if seen.meaning else []
    for label, sentences in (
        ("What was wrong", seen.wrong),
        ("What helped", seen.helped),
        ("What did not help", seen.in_vain),
        ("What was taken back", seen.taken_back),
        ("What is still wrong", seen.remains),
        ("Not probed", seen.unknown),
        ("What to do", seen.advice),
        ("Worth a look", seen.worth_a_look),
        ("At the end", [seen.counts] if seen.counts else []),
        *((label.capitalize(), [sentence]) for label, sentence in brief(host)),
        ("Time budget", [seen.budget] if seen.budget else []),
        ("Without Docker", [f"{sign} {text}" for sign, text in seen.without_docker]),
    ):
        lines += [f"- {label}: {prose(sentence)}" for sentence in sentences]
    if host.get("attempts"):
        lines.append(f"- Restarted: {codes(seen.restarts) or 'nothing'}")
    if host.get("project_src"):
        lines.append(f"- Project folder: {code(host['project_src'])}")
    engine = host.get("engine") or {}
    versions = [
        f"{label} {engine[key]}"
        for label, key in (("Docker Engine", "version"), ("Compose", "compose_version"))
        if engine.get(key)
    ]
    if versions:
        lines.append(f"- Versions: {prose(', '.join(versions))}")
    if status in ("diagnosed", "planned") and seen.wrong:
        lines += ["", "To repair it:", "", *block(commands(journal)[1], "console")]
    if seen.helped:
        lines += [
            "",
            "That a remediation helped does not prove the cause: both are told, what was found and what helped.",
        ]
    return [*lines, ""]


def _dependencies(before: Reading, after: Optional[Reading]) -> list[str]:
    lines = [
        "### Dependencies",
        "",
        _sentence(verdict(before)[1]) + (f" Afterwards: {prose(verdict(after)[1])}." if after else ""),
    ]
    walks = sorted(before.walks, key=lambda walk: WORST_FIRST.index(walk.outcome))
    later: dict[tuple[str, str], Walk] = {_key(walk): walk for walk in after.walks} if after else {}
    rows = [
        [code(walk.dependency.name), _reached(walk), _cause(walk)]
        + ([_reached(later.get(_key(walk)))] if after else [])
        for walk in walks
    ]
    known = {_key(walk) for walk in walks}
    rows += [
        [code(walk.dependency.name), "not known then", "", _reached(walk)]
        for key, walk in later.items()
        if key not in known
    ]
    titles = ["dependency", "before", "cause"] + (["after"] if after else [])
    notes = [f"- {prose(note)}" for note in before.notes]
    return [*lines, *(["", *table(titles, rows)] if rows else []), *(["", *notes] if notes else []), ""]


def _key(walk: Walk) -> tuple[str, str]:
    # A service with several containers has one walk for each of them, and their numbers survive a recreation.
    return walk.dependency.name, walk.container


def _reached(walk: Optional[Walk]) -> str:
    if walk is None:
        return "? no longer there"
    sign = mark(walk.outcome.value)
    if walk.outcome is Outcome.OK:
        return f"{sign} ok"
    word = "failed at" if walk.outcome is Outcome.FAILED else "unknown at"
    detail = f": {code(walk.detail)}" if walk.detail else ""
    return f"{sign} {word} {walk.layer.value}{detail}"


def _cause(walk: Walk) -> str:
    if walk.cause:
        return code(walk.cause)
    return "not explained by any rule" if walk.outcome is Outcome.FAILED else ""


def _findings(title: str, reading: Reading) -> list[str]:
    lines = [f"### {title}", ""]
    if not reading.findings:
        return [*lines, "None.", ""]
    for finding in reading.findings:
        lines += _finding(finding)
    return lines


def _finding(finding: Finding) -> list[str]:
    lines = [f"#### {code(finding.code)}", "", f"{prose(finding.summary)}", ""]
    lines.append(f"- Severity: {finding.severity.value}; confidence: {finding.confidence.value}")
    if finding.breaks:
        lines.append(f"- Breaks: {codes(finding.breaks)}")
    lines += [f"- Evidence: {code(line)}" for line in finding.evidence]
    if finding.remediations:
        lines.append(f"- Remediations: {codes(finding.remediations)}")
    if finding.advice:
        lines.append(f"- Advice: {prose(finding.advice)}")
    if finding.confirm:
        lines += ["", "Confirm by hand:", "", *block(finding.confirm, "console")]
    return [*lines, ""]


def _plan(plan: Mapping[str, Any]) -> list[str]:
    items, skipped = plan.get("items") or [], plan.get("skipped") or []
    if not items and not skipped:
        return []
    lines = ["### Plan", ""]
    for number, item in enumerate(items, start=1):
        because = f" for {codes(item.get('findings') or [])}" if item.get("findings") else ""
        lines.append(f"{number}. {code(item.get('remediation'))}{because} ({prose(cost(item))})")
        lines += [f"   - {prose(item['reason'])}"] if item.get("reason") else []
        for step in item.get("steps") or []:
            text, cause = step_text(step)
            lines.append(f"   - {code(text)}" + (f", because {prose(cause)}" if cause else ""))
        lines += [f"   - refused: {prose(refusal)}" for refusal in item.get("refusals") or []]
    if skipped:
        rows = [(code(entry.get("remediation")), prose(entry.get("reason"))) for entry in skipped]
        lines += [""] * bool(items) + ["Left out:", "", *table(["remediation", "reason"], rows)]
    return [*lines, ""]


def _attempt(attempt: Mapping[str, Any]) -> list[str]:
    verdict_, reason = prose(attempt.get("verdict")), plain(attempt.get("reason"))
    lines = [f"### Attempt {prose(attempt.get('number') or 1)}: {code(attempt.get('remediation'))}, {verdict_}", ""]
    lines += [_sentence(reason), ""] if reason else []
    checked = [f"- {prose(' '.join(line))}" for line in direct_check_lines(attempt)]
    lines += [*checked, ""] if checked else []
    rows = [
        (
            f"{mark(step.get('outcome'))} {prose(step.get('outcome'))}",
            code(step_text(step)[0]),
            prose(step.get("cause")) + (f" {code(step['error'])}" if step.get("error") else ""),
            duration(float(step.get("duration_ms") or 0)) if step.get("duration_ms") else "",
        )
        for step in attempt.get("steps") or []
    ]
    lines += [*table(["outcome", "step", "because", "took"], rows), ""] if rows else []
    gate, undo = attempt.get("gate"), attempt.get("undo")
    if gate:
        lines.append(f"- {prose(' '.join(gate_line(gate)))}")
        for label, key in (("mended", "mended"), ("no longer works", "regressed"), ("still broken", "still_broken")):
            lines += [f"- {label}: {codes(gate[key])}"] if gate.get(key) else []
    confirm = [f"- {prose(' '.join(line))}" for line in confirm_lines(attempt)]
    lines += confirm
    if undo:
        lines.append(f"- {prose(' '.join(undo_line(undo)))}")
        lines += [f"- not restored: {code(line)}" for line in not_restored(undo)]
    commit = [f"- {prose(' '.join(line))}" for line in commit_lines(attempt)]
    lines += commit
    return [*lines, ""] if gate or undo or confirm or commit else lines


def _validation(validation: Mapping[str, Any], before: Reading) -> list[str]:
    results = [from_data(CheckResult, data) for data in validation.get("checks") or []]
    load = validation.get("load")
    if not results and not before.checks and not load:
        return []
    lines = ["### Validation", ""]
    earlier = {result.check.name: result for result in before.checks}
    if validation:
        rows = [[*_check(result), _answer(earlier.get(result.check.name)), _answer(result)] for result in results]
        lines += table(["check", "request", "before", "after"], rows) + [""] if rows else []
    else:
        lines += table(["check", "request", "before"], [[*_check(r), _answer(r)] for r in before.checks]) + [""]
    if load:
        lines += [prose(" ".join(load_line(load))), ""]
        errors = [
            (str(e.get("count", "")), code(e.get("name")), code(e.get("error"))) for e in load.get("errors") or []
        ]
        lines += [*table(["count", "request", "error"], errors), ""] if errors else []
    return lines


def _check(result: CheckResult) -> tuple[str, str]:
    check = result.check
    return prose(check.name), f"{code(f'{check.method} {check.url}')} from {prose(check.source or 'host')}"


def _answer(result: Optional[CheckResult]) -> str:
    if result is None:
        return "not run"
    parts = [str(result.status) if result.status else "", code(result.error)]
    answer = " ".join(part for part in parts if part) or (
        "not run" if result.outcome is Outcome.UNKNOWN else "no answer"
    )
    server = f" by {code(result.server)}" if result.server else ""
    return f"{mark(result.outcome.value)} {answer}{server}"


def _undo(host: Mapping[str, Any], status: str, journal: Mapping[str, Any]) -> list[str]:
    seen = outline(host, status)
    if not seen.changed:
        return []
    lines = ["### Keep it or undo it", ""]
    if seen.helped and host.get("compose_command"):
        lines += ["Start the project with the override file from now on, or the next `up` takes the change away:", ""]
        lines += [*block(host["compose_command"], "console"), ""]
    return [*lines, "Undo everything this run changed:", "", *block(commands(journal)[0], "console"), ""]


def _sentence(text: str) -> str:
    return prose(text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else "."))
