# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the sections call metrics, changes, bottlenecks and optimizations, the same everywhere."""

from __future__ import annotations

from typing import Optional

from ...performance.comparison import Change, Verdict
from .document import Line, Piece, code, joined
from .facts import Facts
from .words import Words

VERDICT_TONES = {
    "improved": "good",
    "regressed": "bad",
    "no difference shown": "idle",
    "not comparable": "warn",
    "not measured": "warn",
}


def primary_change(facts: Facts) -> Optional[Change]:
    """The change of the metric that decides, over all that was kept; None where it was not compared."""
    final = facts.tuning.final if facts.tuning else None
    comparison = final.comparison if final else None
    if comparison is None or comparison.primary is None:
        return None
    return None if comparison.verdict in (Verdict.NOT_COMPARABLE, Verdict.NOT_MEASURED) else comparison.primary


def metric_text(words: Words, metric: str, endpoint: str) -> str:
    """``p95 of /items`` as bare text."""
    return "".join(span.text for span in metric_of(words, metric, endpoint))


def metric_of(words: Words, metric: str, endpoint: str) -> Line:
    """``p95 of /items``."""
    name = words.metric(metric)
    if not endpoint:
        return words.say("metric.of.all", metric=name)
    return words.say("metric.of", metric=name, endpoint=code(endpoint))


def changed(words: Words, change: Change) -> Line:
    """``−74.8%, 95% interval −76.1% to −73.0%, p = 0.008``."""
    parts: list[Piece] = []
    if change.effect:
        parts.append(words.change(change.effect.ratio))
        parts.append(interval(words, change))
    if change.p_value is not None:
        parts.append(f"p = {words.number(change.p_value, 3)}")
    return joined(parts) if parts else words.say("change.unknown")


def interval(words: Words, change: Change) -> str:
    """The interval of the effect, with the confidence that it attains."""
    if change.effect is None:
        return ""
    return words.text(
        "change.interval",
        confidence=words.percent(change.effect.confidence, 0),
        low=words.change(change.effect.low),
        high=words.change(change.effect.high),
    )


def bottleneck_title(words: Words, cause: object) -> str:
    """What a bottleneck is called."""
    return words.known("bottleneck", str(cause or "").rpartition(".")[2])


def optimization(words: Words, name: str) -> str:
    """What an optimization is called."""
    return words.known("optimization", name)
