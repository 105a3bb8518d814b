# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run's load tests came to, in the few sentences that the reports of a run have room for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..text import count, listed, plain
from .facts import Tuning, facts_of, spread
from .naming import bottleneck_title, metric_text, optimization, primary_change
from .words import Words


def brief(host: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and sentence for each thing worth telling; empty for a host without load tests.

    Raises ValueError where something in it is not what it should be.
    """
    if not host.get("tuning"):
        return []
    facts, words = facts_of(host, {}), Words("en")
    tuning = facts.tuning
    if tuning is None or tuning.baseline is None:
        return []
    lines = [("baseline", _baseline(tuning, words))]
    if tuning.looked:
        named = [
            f"{bottleneck_title(words, item.get('code'))} ({words.percent(item.get('share'), 0)} of all waiting)"
            for item in tuning.bottlenecks[:3]
        ]
        lines.append(("bottlenecks", listed(named) or "none that two sources agree on"))
    for one in tuning.experiments:
        target = f" of {plain(one.target)}" if one.target else ""
        told = f"{optimization(words, one.optimization)}{target}: {words.known('decision', one.decision)}"
        lines.append(("optimization", f"{told}, {words.known('verdict', one.verdict)}"))
    change = primary_change(facts)
    if change is not None:
        was, now = (words.value(change.metric, value) for value in (change.before, change.after))
        by = f" ({words.change(change.effect.ratio)})" if change.effect else ""
        metric = metric_text(words, change.metric, change.endpoint)
        lines.append(("before, after", f"{metric} {was} → {now}{by}: {change.verdict.value}"))
    elif tuning.final and tuning.final.comparison:
        comparison = tuning.final.comparison
        lines.append(("before, after", f"{comparison.verdict.value}: {plain(comparison.reason, 300)}"))
    return lines


def _baseline(tuning: Tuning, words: Words) -> str:
    metric, endpoint = tuning.primary
    seen = spread(tuning.runs, metric, endpoint)
    if seen is None:
        return "not measured"
    told = f"{metric_text(words, metric, endpoint)} {words.value(metric, seen.median)}"
    return f"{told}, median of {count(seen.runs, 'run')} ({words.figure(seen.low)} to {words.figure(seen.high)})"
