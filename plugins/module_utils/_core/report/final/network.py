# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network: what was wrong, how it was solved, and what was tried in vain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...model import Finding, Outcome
from ...remediation.persist import OVERRIDE_FILE
from ..run import ROLLED_BACK, not_restored, step_text
from ..text import mark, plain
from .document import (
    Block,
    Bullets,
    Card,
    Cell,
    Command,
    Fold,
    Heading,
    Line,
    Paragraph,
    Table,
    code,
    joined,
    line,
    quote,
)
from .facts import Facts
from .words import Words

SHOWN_EVIDENCE = 5
VERDICT_TONES = {"kept": "good", "undone": "warn", "refused": "warn", "failed": "bad"}


def problem(facts: Facts, words: Words) -> list[Block]:
    """The section about what was wrong."""
    blocks: list[Block] = [Heading(words.text("heading.problem"), "problem")]
    if facts.borrowed_run:
        blocks.append(Paragraph(words.say("network.borrowed", run=code(facts.borrowed_run)), "note"))
    if not facts.looked:
        return [*blocks, Paragraph(words.say("network.not_looked"), "note")]
    before = facts.before
    if not before.walks:
        blocks.append(Paragraph(words.say("network.no_dependencies")))
    elif not before.failed and not before.causes:
        blocks.append(
            Paragraph(
                words.say("network.nothing_broken", ok=words.number(before.ok), total=words.number(len(before.walks)))
            )
        )
    else:
        blocks.append(
            Paragraph(
                words.say(
                    "network.broken",
                    failed=words.number(before.failed),
                    total=words.number(len(before.walks)),
                    causes=words.count("network.causes", len(before.causes)),
                )
            )
        )
    if before.unknown:
        blocks.append(Paragraph(words.count("network.unknown", len(before.unknown)), "note"))
    blocks += [_finding(finding, number, words) for number, finding in enumerate(before.causes, 1)]
    loose = [walk for walk in before.unexplained.walks if walk.outcome is Outcome.FAILED]
    if loose:
        items = tuple((line(code(walk.dependency.name), ": ", quote(walk.detail)), ()) for walk in loose[:10])
        blocks += [Paragraph(words.say("network.unexplained"), "label"), Bullets(items)]
    return blocks


def _finding(finding: Finding, number: int, words: Words) -> Card:
    blocks: list[Block] = [Paragraph(line(quote(finding.summary)))]
    if finding.breaks:
        blocks.append(Paragraph(words.say("network.breaks", names=joined(code(name) for name in finding.breaks[:8]))))
    if finding.evidence:
        shown = tuple((line(code(text)), ()) for text in finding.evidence[:SHOWN_EVIDENCE])
        blocks += [Paragraph(words.say("network.evidence"), "label"), Bullets(shown)]
    if finding.advice:
        blocks.append(Paragraph(words.say("network.advice", advice=quote(finding.advice))))
    layer = words.known("layer", finding.code.partition(".")[0])
    chip = words.text(
        "network.finding.chip", layer=layer, confidence=words.known("confidence", finding.confidence.value)
    )
    return Card(line(code(finding.code)), tuple(blocks), f"cause-{number}", str(number), chip, "bad")


def solution(facts: Facts, words: Words) -> list[Block]:
    """The section about what mended it, and how it is kept and taken back."""
    blocks: list[Block] = [Heading(words.text("heading.solution"), "solution")]
    kept = [attempt for attempt in facts.attempts if attempt.get("verdict") == "kept"]
    if not facts.looked:
        return [*blocks, Paragraph(words.say("network.not_looked"), "note")]
    if not kept:
        key = f"network.solution.{facts.outcome}"
        return [*blocks, Paragraph(words.say(key if words.has(key) else "network.solution.none"))]
    for attempt in kept:
        blocks += _kept(attempt, facts, words)
    last = facts.last
    told = words.say("network.now", ok=words.number(last.ok), total=words.number(len(last.walks)))
    blocks.append(Paragraph(told))
    if facts.checks:
        ok = sum(result.outcome is Outcome.OK for result in facts.checks)
        key = "network.checks" if facts.validated else "network.checks.diagnosis"
        blocks.append(Paragraph(words.say(key, ok=words.number(ok), total=words.number(len(facts.checks)))))
    blocks.append(Paragraph(words.say("network.no_proof"), "note"))
    # what was only reconnected is in no file, and the next up leaves it as it is
    if OVERRIDE_FILE in str(facts.network.get("compose_command")):
        blocks += [Paragraph(words.say("network.keep"), "label"), Command(str(facts.network["compose_command"]))]
    return blocks


def _kept(attempt: Mapping[str, Any], facts: Facts, words: Words) -> list[Block]:
    gate = attempt.get("gate") or {}
    told = words.say(
        "network.kept",
        name=code(attempt.get("remediation")),
        number=words.number(int(attempt.get("number") or 1)),
        what=words.known("remediation", attempt.get("remediation")),
    )
    mended = [code(name) for name in gate.get("mended") or []]
    if mended:
        told = line(told, " ", words.say("network.kept.mended", names=joined(mended)))
    if gate and not gate.get("regressed"):
        told = line(told, " ", words.say("network.kept.regressed"))
    blocks: list[Block] = [Paragraph(told)]
    rows = _steps(attempt, words)
    if rows:
        titles = tuple(words.text(f"column.{name}") for name in ("step", "because", "took"))
        blocks.append(Table(titles, rows))
    return blocks


def _steps(owner: Mapping[str, Any], words: Words) -> tuple[tuple[Cell, ...], ...]:
    rows = []
    for step in owner.get("steps") or []:
        what, cause = step_text(step)
        data = step if isinstance(step, Mapping) else {}
        took = words.duration(float(data["duration_ms"]) / 1000) if data.get("duration_ms") else ""
        outcome = plain(data.get("outcome"))
        tone = "bad" if outcome == "failed" else ""
        rows.append(
            (
                Cell(line(f"{mark(outcome)} ", code(what)), tone=tone),
                Cell(line(quote(data.get("error") or cause))),
                Cell(line(took), number=True),
            )
        )
    return tuple(rows)


def attempts(facts: Facts, words: Words) -> list[Block]:
    """The section about what did not help, and why; network and optimizations alike."""
    blocks: list[Block] = [Heading(words.text("heading.attempts"), "attempts")]
    failed = [attempt for attempt in facts.attempts if attempt.get("verdict") in ("undone", "refused", "failed")]
    for attempt in failed:
        blocks.append(_failed(attempt, words))
    tuning = facts.tuning
    vain = tuning.decided("undone", "refused", "failed") if tuning else []
    if vain:
        names = words.listed([words.known("optimization", one.optimization) for one in vain])
        blocks.append(Paragraph(words.say("attempts.optimizations", names=names)))
    if not failed and not vain:
        tried = len(facts.attempts) + (len(tuning.experiments) if tuning else 0)
        blocks.append(Paragraph(words.say("attempts.none" if tried else "attempts.nothing_tried")))
    return blocks


def _failed(attempt: Mapping[str, Any], words: Words) -> Card:
    verdict, reason = plain(attempt.get("verdict")), plain(attempt.get("reason"))
    blocks: list[Block] = [Paragraph(line(quote(reason)))] if reason else []
    gate = attempt.get("gate") or {}
    for key in ("regressed", "still_broken"):
        if gate.get(key):
            blocks.append(Paragraph(words.say(f"attempts.{key}", names=joined(code(name) for name in gate[key][:8]))))
    undo = attempt.get("undo") or {}
    if undo:
        left = not_restored(undo)
        blocks.append(Paragraph(words.say("attempts.restored" if undo.get("verified") else "attempts.not_restored")))
        if left and not undo.get("verified"):
            blocks.append(Bullets(tuple((line(code(text)), ()) for text in left)))
    elif verdict == "refused":
        blocks.append(Paragraph(words.say("attempts.untouched")))
    rows = _steps(attempt, words)
    if rows:
        titles = tuple(words.text(f"column.{name}") for name in ("step", "because", "took"))
        blocks.append(Fold(words.text("attempts.steps", n=words.number(len(rows))), (Table(titles, rows),)))
    number = int(attempt.get("number") or 1)
    tone = "idle" if reason == ROLLED_BACK else VERDICT_TONES.get(verdict, "idle")
    head: Line = line(code(attempt.get("remediation")))
    return Card(head, tuple(blocks), f"attempt-{number}", str(number), words.known("decision", verdict), tone)
