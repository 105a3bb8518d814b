# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The baseline: conditions, figures with their spread over runs, and what the containers used."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Optional

from ...performance.runs import Run
from ...performance.statistics import median
from ...performance.usage import Usage, per_request
from .document import Block, Cell, Fold, Heading, Line, Paragraph, Table, code, joined, line
from .facts import Facts, Spread, Tuning, closed_spread, endpoints, scheduled, spread, totals
from .naming import metric_of
from .pictures import pictures
from .words import Words

METRICS = ("rps", "p50", "p95", "p99")
CONDITIONS = ("users", "spawn_rate", "arrival_rate", "seconds", "warm_up")
FINGERPRINTS = ("locustfile", "images", "configuration", "host", "setting")


def baseline(facts: Facts, words: Words) -> list[Block]:
    """The section; without a baseline it says so."""
    title = words.text("heading.load" if facts.tuning is None else "heading.baseline")
    blocks: list[Block] = [Heading(title, "baseline")]
    short = (facts.network.get("validation") or {}).get("load")
    if facts.tuning is None or not facts.tuning.runs:
        blocks.append(
            Paragraph(words.say("baseline.missing" if facts.tuning is None else "baseline.not_measured"), "note")
        )
        return blocks + (short_load(short, words) if short else [])
    tuning = facts.tuning
    runs = tuning.runs
    blocks += [
        Paragraph(words.count("baseline.what", len(runs), conditions=_conditions(tuning, words))),
        Paragraph(words.say("baseline.open" if scheduled(runs) else "baseline.closed")),
        _figures(runs, words),
        Paragraph(words.say("baseline.spread"), "note"),
    ]
    blocks += _noise(tuning, words)
    if not (tuning.final and tuning.final.before and tuning.final.after):
        blocks += pictures(tuning.baseline, None, tuning.primary[1], words, "baseline")
    blocks += _errors(runs, words)
    for run in runs:
        if run.unusable:
            blocks.append(Paragraph(words.say("baseline.unusable", number=words.number(run.number)), "warn"))
    if short:
        blocks += short_load(short, words)
    fingerprint = tuning.baseline.fingerprint if tuning.baseline else {}
    rows = [
        (Cell(line(words.known("condition", name))), Cell(line(code(fingerprint[name]))))
        for name in FINGERPRINTS
        if fingerprint.get(name)
    ]
    if rows:
        titles = (words.text("column.condition"), words.text("column.value"))
        blocks.append(Fold(words.text("baseline.fingerprint"), (Table(titles, tuple(rows)),)))
    return blocks


def _conditions(tuning: Tuning, words: Words) -> Line:
    values = {**(tuning.baseline.fingerprint if tuning.baseline else {}), **tuning.settings}
    told = []
    for name in CONDITIONS:
        value = values.get(name)
        if value not in (None, "", "None", 0, "0"):
            told.append(condition(words, name, value))
    return joined(told) if told else line(words.text("baseline.conditions_unknown"))


def condition(words: Words, name: str, value: Any) -> str:
    """``10 users``: one condition of a load."""
    number = _number(words, value)
    one = f"baseline.{name}.one"
    return words.text(one if number == "1" and words.has(one) else f"baseline.{name}", value=number)


def _number(words: Words, value: Any) -> str:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return words.number(number, 0 if number == int(number) else 1)


def _figures(runs: Sequence[Run], words: Words) -> Table:
    """One row for each endpoint, the whole first."""
    columns = [*METRICS[:3], "closed", "p99"] if scheduled(runs) else list(METRICS)
    titles = [words.text("column.endpoint"), words.text("column.requests"), words.text("column.failed")]
    titles += [words.text("column.p95_closed") if name == "closed" else words.metric(name) for name in columns]
    rows = []
    for endpoint in ["", *endpoints(runs)]:
        requests, failures = totals(runs, endpoint)
        cells = [
            Cell(line(code(endpoint)) if endpoint else line(words.text("endpoint.all"))),
            Cell(line(words.number(requests)), number=True),
            Cell(
                line(words.percent(failures / requests, 2) if requests else words.text("not_measured")),
                tone="bad" if failures else "",
                number=True,
            ),
        ]
        for name in columns:
            seen = closed_spread(runs, "p95", endpoint) if name == "closed" else spread(runs, name, endpoint)
            cells.append(_spread_cell(words, "p95" if name == "closed" else name, seen))
        rows.append(tuple(cells))
    return Table(tuple(titles), tuple(rows))


def _spread_cell(words: Words, metric: str, seen: Optional[Spread]) -> Cell:
    if seen is None:
        return Cell(line(words.text("not_measured")), number=True, tone="warn")
    note = f"{words.figure(seen.low)} – {words.figure(seen.high)}" if seen.runs > 1 else ""
    return Cell(line(words.value(metric, seen.median)), note, number=True)


def _noise(tuning: Tuning, words: Words) -> list[Block]:
    metric, endpoint = tuning.primary
    noise = tuning.noise(tuning.runs)
    if noise.spread is None:
        return [Paragraph(words.say("baseline.noise.unknown"), "note")]
    told = words.say("baseline.noise", share=words.percent(noise.spread), metric=metric_of(words, metric, endpoint))
    if noise.smallest_shown:
        runs, least = words.number(noise.runs), words.percent(noise.smallest_shown)
        told = line(told, " ", words.say("baseline.noise.smallest", runs=runs, change=least))
    return [Paragraph(told)]


def _errors(runs: Sequence[Run], words: Words) -> list[Block]:
    counts: dict[str, int] = {}
    for run in runs:
        for text, number in run.errors.items():
            counts[text] = counts.get(text, 0) + int(number)
    if not counts:
        return []
    rows = [
        (Cell(line(words.number(counts[text])), number=True), Cell(line(code(text))))
        for text in sorted(counts, key=lambda text: -counts[text])[:10]
    ]
    titles = (words.text("column.count"), words.text("column.error"))
    return [Paragraph(words.say("baseline.errors"), "label"), Table(titles, tuple(rows))]


def short_load(load: Any, words: Words, where: str = "short") -> list[Block]:
    """What the short load run measured: after the repair, or of the local processes (``local``)."""
    requests = int(load.get("requests") or 0)
    if load.get("outcome") == "not_measured" or not requests:
        return [Paragraph(words.say(f"{where}.not_measured", reason=str(load.get("reason") or "–")), "note")]
    return [
        Paragraph(
            words.say(
                f"{where}.measured",
                users=condition(words, "users", load.get("users") or 0),
                seconds=words.duration(float(load.get("duration_s") or 0)),
                requests=words.number(requests),
                failures=words.number(int(load.get("failures") or 0)),
                rps=words.value("rps", load.get("rps")),
                p95=words.ms(load.get("p95_ms")),
            )
        )
    ]


def containers(facts: Facts, words: Words) -> list[Block]:
    """The section about what the containers used, before and, where it was measured, afterwards."""
    blocks: list[Block] = [Heading(words.text("heading.containers"), "containers")]
    tuning = facts.tuning
    runs = tuning.runs if tuning else ()
    names = sorted({name for run in runs for name in run.containers})
    if not names:
        return [*blocks, Paragraph(words.say("containers.missing"), "note")]
    blocks.append(Paragraph(words.count("containers.what", len(runs))))
    after = tuning.final.after.runs if tuning and tuning.final and tuning.final.after else ()
    blocks.append(_usage_table(runs, after, names, words))
    ended = sorted({name for run in (*runs, *after) for name, used in run.containers.items() if used.ended})
    if ended:
        blocks.append(Paragraph(words.say("containers.ended", names=joined(code(name) for name in ended)), "warn"))
    return blocks


def _usage_table(runs: Sequence[Run], after: Sequence[Run], names: Sequence[str], words: Words) -> Table:
    columns = ["container", "cpu", "cpu_peak", "cpu_request"]
    columns += ["cpu_request_after"] if any(run.containers for run in after) else []
    columns += ["memory", "throttled", "disk", "net"]
    rows = []
    ordered = sorted(names, key=lambda name: -(middle(runs, name, "cpu") or 0.0))
    for name in ordered:
        throttled = middle(runs, name, "throttled_s") or 0.0
        cells = [
            Cell(line(code(name))),
            _number_cell(words.number(middle(runs, name, "cpu"), 2)),
            _number_cell(words.number(middle(runs, name, "cpu_peak"), 2)),
            _number_cell(words.ms(cpu_per_request(runs, name))),
        ]
        if "cpu_request_after" in columns:
            cells.append(_number_cell(words.ms(cpu_per_request(after, name))))
        cells += [
            _number_cell(words.size(middle(runs, name, "memory_peak"))),
            Cell(line(words.duration(throttled) if throttled else "0"), number=True, tone="bad" if throttled else ""),
            _pair(runs, name, "read", "written", words),
            _pair(runs, name, "received", "sent", words),
        ]
        rows.append(tuple(cells))
    return Table(tuple(words.text(f"column.{name}") for name in columns), tuple(rows))


def _number_cell(text: str) -> Cell:
    return Cell(line(text), number=True)


def _pair(runs: Sequence[Run], name: str, one: str, other: str, words: Words) -> Cell:
    first, second = (words.size(middle(runs, name, key)) for key in (one, other))
    return Cell(
        line(words.text(f"containers.{one}", size=first)), words.text(f"containers.{other}", size=second), number=True
    )


def _usages(runs: Sequence[Run], name: str) -> list[tuple[Usage, int]]:
    known = [(run.containers[name], run.whole.requests) for run in runs if name in run.containers]
    return [(used, requests) for used, requests in known if used.seconds]


def middle(runs: Sequence[Run], name: str, key: str) -> Optional[float]:
    """The median over runs of one figure of a container; None where it was never read."""
    values = [float(getattr(used, key)) for used, _requests in _usages(runs, name)]
    return median(values) if values else None


def cpu_per_request(runs: Sequence[Run], name: str) -> Optional[float]:
    """Milliseconds of CPU that one request cost a container, the median over runs."""
    costs = [per_request(used, requests) for used, requests in _usages(runs, name)]
    values = [cost.cpu_ms for cost in costs if cost]
    return median(values) if values else None
