# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The optimizations as experiments, and all that was kept against the state before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...performance.comparison import Change, Comparison, Verdict
from ..text import mark, plain
from .document import (
    Block,
    Bullets,
    Card,
    Cell,
    Fold,
    Heading,
    Line,
    Paragraph,
    Table,
    code,
    joined,
    line,
    quote,
    strong,
)
from .facts import Experiment, Facts, Final
from .naming import VERDICT_TONES, changed, metric_of, optimization
from .pictures import pictures
from .words import Words

DECISION_TONES = {"kept": "good", "undone": "idle", "refused": "warn", "failed": "bad"}


def experiments(facts: Facts, words: Words) -> list[Block]:
    """The section about each optimization: why, what was done, what it showed, and whether it stayed."""
    blocks: list[Block] = [Heading(words.text("heading.experiments"), "experiments")]
    tuning = facts.tuning
    if tuning is None or not tuning.experiments:
        return [*blocks, Paragraph(words.say("experiments.none"), "note")]
    blocks.append(Paragraph(words.say("experiments.rule")))
    return [*blocks, *(_card(one, words) for one in tuning.experiments)]


def _card(one: Experiment, words: Words) -> Card:
    blocks: list[Block] = []
    if one.why:
        blocks.append(Paragraph(words.say("experiments.why", why=quote(one.why))))
    if one.parameters:
        told = joined(line(f"{plain(key)} = ", code(_told(value))) for key, value in sorted(one.parameters.items()))
        blocks.append(Paragraph(words.say("experiments.parameters", parameters=told)))
    change = one.comparison.primary if one.comparison else None
    if change is not None and change.before is not None:
        blocks.append(Paragraph(_measured(change, words)))
    else:
        blocks.append(
            Paragraph(words.say("experiments.not_measured", verdict=words.known("verdict", one.verdict)), "note")
        )
    blocks.append(Paragraph(_answers(one, words)))
    if one.reason:
        blocks.append(Paragraph(words.say("experiments.reason", reason=quote(one.reason))))
    if one.decision == "undone" or one.undo_verified is not None:
        key = {True: "verified", False: "not_verified", None: "unknown"}[one.undo_verified]
        blocks.append(Paragraph(words.say(f"experiments.undo.{key}")))
    if one.steps:
        rows = tuple(
            (
                Cell(line(f"{mark(plain(step.get('outcome')))} ", quote(step.get("text")))),
                Cell(line(words.duration(float(step["seconds"])) if step.get("seconds") else ""), number=True),
            )
            for step in one.steps
        )
        titles = (words.text("column.step"), words.text("column.took"))
        blocks.append(Fold(words.text("attempts.steps", n=words.number(len(rows))), (Table(titles, rows),)))
    name = optimization(words, one.optimization)
    head = line(name, ": ", code(one.target)) if one.target else line(name)
    verdict = words.known("verdict", one.verdict)
    chip = f"{words.known('decision', one.decision)}: {verdict}" if one.decision else verdict
    tone = DECISION_TONES.get(one.decision, "idle")
    return Card(head, tuple(blocks), f"experiment-{one.number}", str(one.number), chip, tone)


def _told(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def _measured(change: Change, words: Words) -> Line:
    return words.say(
        "experiments.measured",
        metric=metric_of(words, change.metric, change.endpoint),
        before=strong(words.value(change.metric, change.before)),
        after=strong(words.value(change.metric, change.after)),
        change=changed(words, change),
    )


def _answers(one: Experiment, words: Words) -> Line:
    compared = int(one.answers.get("compared") or 0)
    if not compared:
        return words.say("experiments.answers.none")
    differing = [d.get("name") if isinstance(d, Mapping) else d for d in one.answers.get("differing") or []]
    if differing or not one.answers.get("equal"):
        names = joined(code(name) for name in differing[:8]) if differing else line("–")
        return words.say("experiments.answers.differ", compared=words.number(compared), names=names)
    return words.count("experiments.answers.equal", compared)


def before_after(facts: Facts, words: Words) -> list[Block]:
    """The section with the last comparison, its plots, and every metric with its verdict."""
    blocks: list[Block] = [Heading(words.text("heading.before_after"), "before-after")]
    final = facts.tuning.final if facts.tuning else None
    if final is None or final.comparison is None:
        return [*blocks, Paragraph(words.say("final.missing"), "note"), *_nothing_kept(facts, words)]
    comparison = final.comparison
    verdict = comparison.verdict.value
    blocks.append(Paragraph(words.say("final.verdict", verdict=strong(words.known("verdict", verdict))), "lead"))
    if comparison.verdict in (Verdict.NOT_COMPARABLE, Verdict.NOT_MEASURED):
        blocks.append(Paragraph(words.say("final.reason", reason=quote(comparison.reason)), "warn"))
        return blocks
    if comparison.primary:
        blocks.append(Paragraph(_measured(comparison.primary, words)))
    blocks.append(Paragraph(_how(final, words)))
    blocks += pictures(final.before, final.after, comparison.primary.endpoint if comparison.primary else "", words)
    whole = [change for change in comparison.changes if not change.endpoint]
    primary = comparison.primary
    if primary is not None and primary not in whole:
        whole.insert(0, primary)
    blocks.append(_changes(whole, words))
    rest = [change for change in comparison.changes if change.endpoint and change not in whole]
    if rest:
        blocks.append(Fold(words.text("final.endpoints"), (_changes(rest, words),)))
    blocks += _notes(comparison, final, words)
    return blocks


def _nothing_kept(facts: Facts, words: Words) -> list[Block]:
    tuning = facts.tuning
    if tuning is None or tuning.decided("kept"):
        return []
    return [Paragraph(words.say("final.nothing_kept"))]


def _how(final: Final, words: Words) -> Line:
    sides = [len(side.runs) if side else 0 for side in (final.before, final.after)]
    key = "final.interleaved" if final.interleaved else "final.one_after_the_other"
    return words.say(key, before=words.number(sides[0]), after=words.number(sides[1]))


def _changes(changes: Sequence[Change], words: Words) -> Table:
    titles = ("endpoint", "metric", "before", "after", "change", "p", "verdict")
    # the column tells nothing where all of them are about the whole
    first = 0 if any(change.endpoint for change in changes) else 1
    rows = []
    for change in changes:
        verdict = change.verdict.value
        cells = (
            Cell(line(code(change.endpoint)) if change.endpoint else line(words.text("endpoint.all"))),
            Cell(line(words.metric(change.metric))),
            Cell(line(words.value(change.metric, change.before)), number=True),
            Cell(line(words.value(change.metric, change.after)), number=True),
            Cell(
                line(words.change(change.effect.ratio) if change.effect else "–"),
                _range(change, words),
                number=True,
            ),
            Cell(line(words.number(change.p_value, 3)), number=True),
            Cell(line(words.known("verdict", verdict)), tone=VERDICT_TONES[verdict]),
        )
        rows.append(cells[first:])
    told = [words.text(f"column.{name}") for name in titles]
    known = next((change.effect.confidence for change in changes if change.effect), None)
    if known is not None:
        told[titles.index("change")] = words.text("column.change_interval", confidence=words.percent(known, 0))
    return Table(tuple(told[first:]), tuple(rows))


def _range(change: Change, words: Words) -> str:
    if change.effect is None:
        return ""
    return words.text("change.range", low=words.change(change.effect.low), high=words.change(change.effect.high))


def _notes(comparison: Comparison, final: Final, words: Words) -> list[Block]:
    told: list[Any] = [] if final.interleaved else [words.say("final.drift")]
    told += [line(quote(note)) for note in comparison.notes if "drift between them" not in note]
    return [Bullets(tuple((one, ()) for one in told))] if told else []
