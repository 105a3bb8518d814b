# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three bottlenecks that cost users most, from all that was gathered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..datastores.model import NOT_MEASURED, OK
from .computing import computing, throttled
from .model import Bottleneck, Bottlenecks, Evidence, Unseen
from .registry import KINDS
from .situation import Situation
from .stores import low_hit_ratio, missing_index, uncached_read
from .waiting import small_pool, waiting

MOST = 3
# what costs less of all waiting is left alone: runs differ as much among themselves
LEAST_SHARE = 0.15
FEWEST_SOURCES = 2
_RULES = (missing_index, uncached_read, low_hit_ratio, throttled, computing, small_pool)


def find_bottlenecks(evidence: Evidence, most: int = MOST) -> Bottlenecks:
    """The costliest bottlenecks, each on evidence of two sources at least, and what could not be seen."""
    situation = Situation(evidence)
    found = [bottleneck for rule in _RULES for bottleneck in rule(situation)]
    found += waiting(situation, found)
    judged = [_judged(b, situation.waiting) for b in found if len({f.source for f in b.evidence}) >= FEWEST_SOURCES]
    ranked = sorted((b for b in judged if b.share >= LEAST_SHARE), key=lambda b: (-b.cost_s_per_s, b.code, b.service))
    items = tuple(replace(b, rank=number) for number, b in enumerate(ranked[:most], start=1))
    return Bottlenecks(items, tuple(_unseen(situation)), round(situation.waiting, 4))


def _judged(bottleneck: Bottleneck, all_waiting: float) -> Bottleneck:
    kind = KINDS[bottleneck.code]
    cost = min(bottleneck.cost_s_per_s, all_waiting)
    return replace(
        bottleneck,
        title=kind.title,
        advice=kind.advice,
        cost_s_per_s=round(cost, 4),
        share=round(cost / all_waiting, 4) if all_waiting else 0.0,
        confidence="likely" if len({f.source for f in bottleneck.evidence}) > FEWEST_SOURCES else "possible",
    )


def _unseen(situation: Situation) -> Iterator[Unseen]:
    evidence = situation.evidence
    if not situation.runs:
        yield Unseen("load", "no run had a request: nothing tells who waited for what")
    for reason in dict.fromkeys(run.unusable for run in situation.runs if run.unusable):
        yield Unseen("load", reason)
    if situation.runs and situation.too_busy:
        yield Unseen("unexplained waits", "in no run was the machine free enough to tell them from its own")
    if situation.runs and not any(run.containers for run in situation.runs):
        yield Unseen("containers", "what they used was not measured: give load_test the project_name")
    if not evidence.routes:
        yield Unseen("routes", "no routes are known: which services an endpoint passes was not told")
    for profile in evidence.profiles:
        if profile.outcome != OK:
            yield Unseen(f"profile of {profile.service}", profile.reason or profile.outcome)
    profiled = {p.service for p in evidence.profiles}
    passed = {s for e in situation.endpoints for s in e.path if s in evidence.services}
    for service in sorted(passed - profiled - evidence.stores):
        yield Unseen(f"profile of {service}", "none was made")
    for database in evidence.databases:
        if database.outcome == NOT_MEASURED:
            yield Unseen(f"database {database.service}", database.reason)
            continue
        for part, reason in database.unread.items():
            yield Unseen(f"{part} of {database.service}", reason)
        if not database.seconds and not database.samples:
            yield Unseen(
                f"database {database.service}", "it was looked at once only: nothing tells what the load did in it"
            )
        if not database.samples:
            yield Unseen(f"connections of {database.service}", "they were not sampled under load")
    for cache in evidence.caches:
        if cache.outcome == NOT_MEASURED:
            yield Unseen(f"cache {cache.service}", cache.reason)
        elif not cache.seconds:
            yield Unseen(f"cache {cache.service}", "it was looked at once only: nothing tells what the load did in it")
    if not evidence.databases and not evidence.caches:
        yield Unseen("datastores", "no database and no cache was asked")
