# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be read in half a minute: how it began, how it ended, and the figures that decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

from ...performance.comparison import Change, Verdict
from .document import Block, Bullets, Criterion, Heading, Line, Paragraph, Piece, Tile, Tiles, code, line, strong
from .facts import Facts, spread, totals
from .words import Words

VERDICT_TONES = {
    "improved": "good",
    "regressed": "bad",
    "no difference shown": "idle",
    "not comparable": "warn",
    "not measured": "warn",
}


def summary(facts: Facts, words: Words, criteria: Sequence[Criterion]) -> list[Block]:
    """The section; every sentence of it is told again below with what it rests on."""
    sentences = [_network(facts, words), _load(facts, words), _bottlenecks(facts, words), _experiments(facts, words)]
    if facts.without_docker:
        sentences.append(words.say("summary.local"))
    return [
        Heading(words.text("heading.summary"), "summary"),
        Tiles(tuple(_tiles(facts, words, criteria))),
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
    told: list[Piece] = []
    for part in parts:
        told += ["; ", part] if told else [part]
    return line(*told, ".") if told else ()


def _tiles(facts: Facts, words: Words, criteria: Sequence[Criterion]) -> list[Tile]:
    met = sum(criterion.mark == "✓" for criterion in criteria)
    failed = sum(criterion.mark == "✗" for criterion in criteria)
    tiles = [
        Tile(
            words.text("tile.criteria"),
            words.text("tile.of", n=words.number(met), total=words.number(len(criteria))),
            words.text(
                "tile.criteria.note", failed=words.number(failed), open=words.number(len(criteria) - met - failed)
            ),
            "bad" if failed else "good" if met == len(criteria) else "warn",
        )
    ]
    tuning = facts.tuning
    if facts.looked:
        last = facts.last
        tone = "bad" if last.failed else "warn" if last.unknown else "good"
        note = words.text(
            "tile.before",
            value=words.text("tile.of", n=words.number(facts.before.ok), total=words.number(len(facts.before.walks))),
        )
        tiles.insert(
            0,
            Tile(
                words.text("tile.dependencies"),
                words.text("tile.of", n=words.number(last.ok), total=words.number(len(last.walks))),
                note if facts.after else "",
                tone,
            ),
        )
    if tuning is None:
        return tiles
    change = primary_change(facts)
    metric, endpoint = tuning.primary
    if change is not None:
        told = words.text("tile.before", value=words.value(change.metric, change.before))
        note = f"{told} ({words.change(change.effect.ratio)})" if change.effect else told
        tiles.insert(
            0,
            Tile(
                metric_text(words, change.metric, change.endpoint),
                words.value(change.metric, change.after),
                f"{note}: {words.known('verdict', change.verdict.value)}",
                VERDICT_TONES[change.verdict.value],
            ),
        )
    elif spread(tuning.runs, metric, endpoint):
        seen = spread(tuning.runs, metric, endpoint)
        tiles.insert(
            0,
            Tile(
                metric_text(words, metric, endpoint),
                words.value(metric, seen.median if seen else None),
                words.text("tile.baseline", runs=words.number(seen.runs if seen else 0)),
            ),
        )
    runs = tuning.final.after.runs if tuning.final and tuning.final.after else tuning.runs
    requests, failures = totals(runs)
    if requests:
        tiles.append(
            Tile(
                words.text("tile.failures"),
                words.percent(failures / requests, 2),
                words.text("tile.failures.note", failures=words.number(failures), requests=words.number(requests)),
                "bad" if failures else "good",
            )
        )
    return tiles


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
    told: list[Piece] = []
    for part in parts:
        told += [", ", part] if told else [part]
    return line(*told) if told else line(words.text("change.unknown"))


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


def lead(facts: Facts, words: Words) -> list[Block]:
    """What must be known before anything else is read."""
    blocks: list[Block] = []
    if facts.without_docker:
        blocks.append(Paragraph(words.say("local.warning"), "warn"))
    if facts.host.get("error"):
        blocks.append(Paragraph(words.say("host.error", error=str(facts.host["error"])), "warn"))
    return blocks
