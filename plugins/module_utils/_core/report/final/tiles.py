# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures that one looks at first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from .document import Criterion, Tile
from .facts import Facts, spread, totals
from .naming import VERDICT_TONES, metric_text, primary_change
from .words import Words


def tiles(facts: Facts, words: Words, criteria: Sequence[Criterion]) -> list[Tile]:
    """Speed, dependencies, criteria and failures, those that the journal holds."""
    found = [_speed(facts, words), _dependencies(facts, words), _criteria(words, criteria), _failures(facts, words)]
    return [tile for tile in found if tile]


def _of(words: Words, number: int, total: int) -> str:
    return words.text("tile.of", n=words.number(number), total=words.number(total))


def _speed(facts: Facts, words: Words) -> Optional[Tile]:
    if facts.tuning is None:
        return None
    change = primary_change(facts)
    if change is not None:
        before = words.text("tile.before", value=words.value(change.metric, change.before))
        note = f"{before} ({words.change(change.effect.ratio)})" if change.effect else before
        verdict = change.verdict.value
        return Tile(
            metric_text(words, change.metric, change.endpoint),
            words.value(change.metric, change.after),
            f"{note}: {words.known('verdict', verdict)}",
            VERDICT_TONES[verdict],
        )
    metric, endpoint = facts.tuning.primary
    seen = spread(facts.tuning.runs, metric, endpoint)
    if seen is None:
        return None
    note = words.text("tile.baseline", runs=words.number(seen.runs))
    return Tile(metric_text(words, metric, endpoint), words.value(metric, seen.median), note)


def _dependencies(facts: Facts, words: Words) -> Optional[Tile]:
    if not facts.looked:
        return None
    last, before = facts.last, facts.before
    note = words.text("tile.before", value=_of(words, before.ok, len(before.walks))) if facts.after else ""
    tone = "bad" if last.failed else "warn" if last.unknown else "good"
    return Tile(words.text("tile.dependencies"), _of(words, last.ok, len(last.walks)), note, tone)


def _criteria(words: Words, criteria: Sequence[Criterion]) -> Tile:
    marks = [criterion.mark for criterion in criteria]
    met, failed, total = marks.count("✓"), marks.count("✗"), len(marks)
    note = words.text("tile.criteria.note", failed=words.number(failed), open=words.number(total - met - failed))
    tone = "bad" if failed else "good" if met == total else "warn"
    return Tile(words.text("tile.criteria"), _of(words, met, total), note, tone)


def _failures(facts: Facts, words: Words) -> Optional[Tile]:
    tuning = facts.tuning
    if tuning is None:
        return None
    requests, failures = totals(tuning.final.after.runs if tuning.final and tuning.final.after else tuning.runs)
    if not requests:
        return None
    note = words.text("tile.failures.note", failures=words.number(failures), requests=words.number(requests))
    tone = "bad" if failures else "good"
    return Tile(words.text("tile.failures"), words.percent(failures / requests, 2), note, tone)
