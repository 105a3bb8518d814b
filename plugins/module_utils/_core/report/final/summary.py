# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be read in half a minute: how it began, how it ended, and the figures that decide."""

from __future__ import annotations

from collections.abc import Sequence

from .document import Block, Bullets, Criterion, Heading, Line, Paragraph, Piece, Tiles, code, joined, line, strong
from .facts import Facts, spread
from .naming import bottleneck_title, changed, metric_of, optimization, primary_change
from .tiles import tiles
from .words import Words


def summary(facts: Facts, words: Words, criteria: Sequence[Criterion]) -> list[Block]:
    """The section; every sentence of it is told again below with what it rests on."""
    sentences = [_network(facts, words), _load(facts, words), _bottlenecks(facts, words), _experiments(facts, words)]
    if facts.without_docker:
        sentences.append(words.say("summary.local"))
    return [
        Heading(words.text("heading.summary"), "summary"),
        Tiles(tuple(tiles(facts, words, criteria))),
        Bullets(tuple((sentence, ()) for sentence in sentences if sentence)),
    ]


def _network(facts: Facts, words: Words) -> Line:
    if not facts.looked:
        return words.say("summary.network.not_looked")
    broken = len(facts.before.walks) - facts.before.ok - len(facts.before.unknown)
    kept = [attempt for attempt in facts.attempts if attempt.get("verdict") == "kept"]
    if not broken and not facts.before.causes:
        key = "summary.network.unknown" if facts.before.unknown or not facts.before.walks else "summary.network.healthy"
        return words.say(key, total=words.number(len(facts.before.walks)))
    told = words.count("summary.network.broken", broken, total=words.number(len(facts.before.walks)))
    if kept:
        names = words.listed([code(attempt.get("remediation")) for attempt in kept])
        now = words.say(
            "summary.network.now", ok=words.number(facts.last.ok), total=words.number(len(facts.last.walks))
        )
        return line(told, " ", words.say("summary.network.mended", names=names), " ", now)
    key = f"summary.network.status.{facts.outcome}"
    return line(told, " ", words.say(key)) if words.has(key) else told


def _load(facts: Facts, words: Words) -> Line:
    if facts.tuning is None:
        return words.say("summary.load.missing")
    change = primary_change(facts)
    if change is None:
        metric, endpoint = facts.tuning.primary
        seen = spread(facts.tuning.runs, metric, endpoint)
        if seen is None:
            return words.say("summary.load.not_measured")
        return words.say(
            "summary.load.baseline",
            metric=metric_of(words, metric, endpoint),
            value=strong(words.value(metric, seen.median)),
            runs=words.number(seen.runs),
        )
    return words.say(
        "summary.load.compared",
        metric=metric_of(words, change.metric, change.endpoint),
        before=strong(words.value(change.metric, change.before)),
        after=strong(words.value(change.metric, change.after)),
        change=changed(words, change),
        verdict=strong(words.known("verdict", change.verdict.value)),
    )


def _bottlenecks(facts: Facts, words: Words) -> Line:
    if facts.tuning is None or not facts.tuning.looked:
        return ()
    if not facts.tuning.bottlenecks:
        return words.say("summary.bottlenecks.none")
    names: list[Piece] = []
    for item in facts.tuning.bottlenecks[:3]:
        share = item.get("share")
        told = f" ({words.percent(float(share), 0)})" if share is not None else ""
        names.append(line(bottleneck_title(words, item.get("code")), told))
    return words.count("summary.bottlenecks", len(names), names=words.listed(names))


def _experiments(facts: Facts, words: Words) -> Line:
    tuning = facts.tuning
    if tuning is None or not tuning.experiments:
        return ()
    parts: list[Piece] = []
    for decision in ("kept", "undone", "refused", "failed"):
        those = tuning.decided(decision)
        if those:
            names = words.listed([optimization(words, one.optimization) for one in those])
            head = words.text(f"decision.many.{decision}")
            parts.append(line(head if not parts else head[:1].lower() + head[1:], ": ", names))
    return line(joined(parts, "; "), ".") if parts else ()


def lead(facts: Facts, words: Words) -> list[Block]:
    """What must be known before anything else is read."""
    blocks: list[Block] = []
    if facts.without_docker:
        blocks.append(Paragraph(words.say("local.warning"), "warn"))
    if facts.host.get("error"):
        blocks.append(Paragraph(words.say("host.error", error=str(facts.host["error"])), "warn"))
    return blocks
