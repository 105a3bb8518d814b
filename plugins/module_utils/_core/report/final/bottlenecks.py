# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The top three bottlenecks with what they rest on, and the profile behind them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..text import plain
from .document import Block, Bullets, Card, Cell, Fold, Heading, Line, Paragraph, Table, code, line, quote
from .facts import Facts
from .naming import bottleneck_title, optimization
from .words import Words

TOP = 3
FUNCTIONS = 10
SHOWN_PROFILES = 3


def bottlenecks(facts: Facts, words: Words) -> list[Block]:
    """The section; it tells apart nobody looked, nothing was found, and fewer than three were found."""
    blocks: list[Block] = [Heading(words.text("heading.bottlenecks"), "bottlenecks")]
    tuning = facts.tuning
    if tuning is None or not tuning.looked:
        return [*blocks, Paragraph(words.say("bottlenecks.not_looked"), "note"), *_profiles(facts, words)]
    items = tuning.bottlenecks[:TOP]
    if not items:
        blocks.append(Paragraph(words.say("bottlenecks.none")))
    else:
        blocks.append(Paragraph(words.say("bottlenecks.ranked")))
        if len(items) < TOP:
            blocks.append(Paragraph(words.count("bottlenecks.fewer", len(items)), "note"))
    blocks += [_card(item, number, words) for number, item in enumerate(items, 1)]
    rest = tuning.bottlenecks[TOP:]
    if rest:
        rows = tuple((line(bottleneck_title(words, item.get("code")), _cost(item, words)), ()) for item in rest)
        blocks.append(Fold(words.text("bottlenecks.more", n=words.number(len(rest))), (Bullets(rows),)))
    return [*blocks, *_profiles(facts, words)]


def _card(item: Mapping[str, Any], number: int, words: Words) -> Card:
    cause = str(item.get("code") or "").rpartition(".")[2]
    blocks: list[Block] = []
    if item.get("title"):
        blocks.append(Paragraph(line(quote(item["title"]))))
    blocks.append(Paragraph(line(_cost(item, words, long=True))))
    where = _where(item, words)
    if where:
        blocks.append(Paragraph(where))
    evidence = [one for one in item.get("evidence") or [] if isinstance(one, Mapping)]
    if evidence:
        lines = tuple((line(_source(one, words), ": ", quote(one.get("text"))), ()) for one in evidence)
        blocks += [Paragraph(words.say("bottlenecks.evidence"), "label"), Bullets(lines)]
    else:
        blocks.append(Paragraph(words.say("bottlenecks.no_evidence"), "note"))
    advice = words.text(f"advice.{cause}") if words.has(f"advice.{cause}") else ""
    told: list[Any] = [advice, " "] if advice else []
    if item.get("advice"):
        told.append(quote(item["advice"]))
    if told:
        blocks.append(Paragraph(words.say("bottlenecks.advice", advice=line(*told))))
    name = str((item.get("optimization") or {}).get("name") or "")
    key = "bottlenecks.optimization" if name else "bottlenecks.no_optimization"
    blocks.append(Paragraph(words.say(key, name=optimization(words, name)), "note"))
    share = float(item["share"]) if item.get("share") is not None else None
    chip = words.text("bottlenecks.share", share=words.percent(share, 0)) if share is not None else ""
    tone = "bad" if (share or 0) >= 0.25 else "warn"
    head = line(bottleneck_title(words, item.get("code")), " ", code(item.get("code")))
    return Card(head, tuple(blocks), f"bottleneck-{number}", str(number), chip, tone, share)


def _where(item: Mapping[str, Any], words: Words) -> Line:
    service, endpoint = plain(item.get("service")), plain(item.get("endpoint"))
    if service and endpoint:
        return words.say("bottlenecks.where.both", service=code(service), endpoint=code(endpoint))
    if service:
        return words.say("bottlenecks.where.service", service=code(service))
    return words.say("bottlenecks.where.endpoint", endpoint=code(endpoint)) if endpoint else ()


def _cost(item: Mapping[str, Any], words: Words, long: bool = False) -> str:
    share, cost = item.get("share"), item.get("cost_s_per_s")
    if share is None and cost is None:
        return words.text("bottlenecks.cost.unknown") if long else ""
    shared = words.percent(float(share), 0) if share is not None else words.text("not_measured")
    if not long:
        return f" ({shared})"
    if cost is None:
        return words.text("bottlenecks.cost.share", share=shared)
    confidence = words.known("confidence", item.get("confidence")) if item.get("confidence") is not None else ""
    told = words.text("bottlenecks.cost", share=shared, cost=words.number(float(cost), 2))
    if not confidence:
        return told
    if not isinstance(item.get("confidence"), str):
        confidence = words.percent(float(item["confidence"]), 0)
    return f"{told} {words.text('bottlenecks.confidence', confidence=confidence)}"


def _source(evidence: Mapping[str, Any], words: Words) -> str:
    return words.known("source", evidence.get("source"))


def _profiles(facts: Facts, words: Words) -> list[Block]:
    profiles = facts.tuning.profiles if facts.tuning else ()
    blocks: list[Block] = [Heading(words.text("heading.profile"), "profile", 3)]
    if not profiles:
        return [*blocks, Paragraph(words.say("profile.missing"), "note")]
    taken = [one for one in profiles if one.get("outcome") in ("ok", "partly")]
    for number, profile in enumerate(taken):
        part = _profile(profile, words)
        name = plain(profile.get("service") or profile.get("container"))
        if number < SHOWN_PROFILES:
            blocks += [Paragraph(line(code(name)), "label"), *part]
        else:
            blocks.append(Fold(name, tuple(part)))
    missed = [one for one in profiles if one not in taken]
    if missed:
        items = tuple(
            (
                line(
                    code(one.get("service") or one.get("container")),
                    ": ",
                    quote(one.get("reason") or words.text("not_measured")),
                ),
                (),
            )
            for one in missed
        )
        blocks += [Paragraph(words.say("profile.not_taken"), "label"), Bullets(items)]
    return blocks


def _profile(profile: Mapping[str, Any], words: Words) -> list[Block]:
    blocks: list[Block] = [
        Paragraph(
            words.say(
                "profile.how",
                tool=code(profile.get("tool")),
                seconds=words.duration(float(profile.get("seconds") or 0)),
                samples=words.number(int(profile.get("samples") or 0)),
                rate=words.number(float(profile.get("rate_hz") or 0)),
            )
        )
    ]
    if profile.get("reason"):
        blocks.append(Paragraph(line(quote(profile["reason"])), "note"))
    functions = [one for one in profile.get("functions") or [] if isinstance(one, Mapping)][:FUNCTIONS]
    if not functions:
        return [*blocks, Paragraph(words.say("profile.no_functions"), "note")]
    rows = [
        (
            Cell(line(code(one.get("function"))), _place(one)),
            Cell(line(words.percent(_share(one.get("own")))), number=True),
            Cell(line(words.percent(_share(one.get("total")))), number=True),
        )
        for one in functions
    ]
    titles = tuple(words.text(f"column.{name}") for name in ("function", "own", "total"))
    return [*blocks, Table(titles, tuple(rows))]


def _share(value: Any) -> Any:
    return float(value) if value is not None else None


def _place(function: Mapping[str, Any]) -> str:
    place = plain(function.get("file"), 200)
    return f"{place}:{plain(function['line'])}" if place and function.get("line") else place
