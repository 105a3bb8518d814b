# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the data suggests for phase 2, each with its reason; and what could not be measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from ...performance.comparison import Verdict
from ...performance.statistics import runs_needed
from ...remediation.persist import OVERRIDE_FILE
from ..text import plain
from .criteria import PLAN
from .document import Block, Bullets, Cell, Heading, Line, Paragraph, Table, code, joined, line, quote
from .facts import Experiment, Facts, Tuning, scheduled, totals
from .load import condition, middle
from .naming import bottleneck_title, metric_of, optimization, primary_change
from .words import Words

Advice = tuple[Line, Line]
SATURATED_CORES = 0.8
NOISY = 0.1
SMALL_CHANGE = 1.1
HOT = 0.3
FEWEST_SAMPLES = 100


def recommendations(facts: Facts, words: Words) -> list[Block]:
    """The section; every item follows from something that the journal holds."""
    found: list[Advice] = []
    if facts.without_docker:
        found.append((words.say("advise.docker"), words.say("advise.docker.why")))
    found += _network(facts, words)
    if facts.tuning is None:
        if facts.status in ("mended", "healthy"):
            found.append((words.say("advise.load"), words.say("advise.load.why")))
    else:
        found += _tuning(facts.tuning, facts, words)
    blocks: list[Block] = [Heading(words.text("heading.recommendations"), "recommendations")]
    if not found:
        return [*blocks, Paragraph(words.say("advise.nothing"))]
    return [*blocks, Paragraph(words.say("advise.rule")), Bullets(tuple(found), numbered=True)]


def _network(facts: Facts, words: Words) -> list[Advice]:
    found: list[Advice] = []
    for finding in facts.last.causes if facts.looked else []:
        told = quote(finding.advice or finding.summary)
        found.append((words.say("advise.mend", code=code(finding.code)), line(told)))
    kept = [one for one in facts.attempts if one.get("verdict") == "kept"]
    files = sorted({plain(name) for one in kept for name in one.get("files") or []})
    if kept and OVERRIDE_FILE in str(facts.network.get("compose_command")):
        names = words.listed([code(one.get("remediation")) for one in kept])
        found.append((words.say("advise.compose"), words.say("advise.compose.why", names=names)))
    elif files:
        found.append((words.say("advise.compose"), words.say("advise.compose.files", names=joined(map(code, files)))))
    unknown = facts.last.unprobed if facts.looked else []
    if unknown:
        count = sum(len(one.names) for one in unknown)
        found.append((words.count("advise.unknown", count), line(quote(unknown[0].reason))))
    return found


def _tuning(tuning: Tuning, facts: Facts, words: Words) -> list[Advice]:
    found = _errors(tuning, words)
    found += [one for item in tuning.bottlenecks for one in [_bottleneck(item, tuning, words)] if one]
    found += [_kept(one, words) for one in tuning.decided("kept")]
    found += [one for one in [_hot(tuning, words)] if one]
    found += _saturation(tuning, words)
    found += _measuring(tuning, facts, words)
    return found


def _errors(tuning: Tuning, words: Words) -> list[Advice]:
    requests, failures = totals(tuning.all_runs())
    if not failures:
        return []
    counts: dict[str, int] = {}
    for run in tuning.all_runs():
        for text, number in run.errors.items():
            counts[text] = counts.get(text, 0) + number
    worst = max(counts, key=lambda text: counts[text], default="")
    why = words.say(
        "advise.errors.why",
        failures=words.number(failures),
        requests=words.number(requests),
        error=code(worst) if worst else "–",
    )
    return [(words.say("advise.errors"), why)]


def _bottleneck(item: Mapping[str, Any], tuning: Tuning, words: Words) -> Optional[Advice]:
    """What is left to do about a bottleneck; None where an optimization for it was kept."""
    name = str((item.get("optimization") or {}).get("name") or "")
    tried = [one for one in tuning.experiments if name and one.optimization == name]
    if any(one.decision == "kept" for one in tried):
        return None
    cause = str(item.get("code") or "").rpartition(".")[2]
    share = words.percent(float(item["share"]), 0) if item.get("share") is not None else words.text("not_measured")
    service = plain(item.get("service") or item.get("endpoint"))
    title = line(bottleneck_title(words, item.get("code")))
    what = words.say("advise.bottleneck", title=title, where=code(service) if service else "–")
    if words.has(f"advice.{cause}"):
        what = line(what, " ", words.text(f"advice.{cause}"))
    key = "advise.bottleneck.tried" if tried else "advise.bottleneck.why"
    ended = words.known("decision", tried[-1].decision) if tried else ""
    verdict = words.known("verdict", tried[-1].verdict) if tried else ""
    why = words.say(key, share=share, decision=ended, verdict=verdict) if tried else words.say(key, share=share)
    return what, why


def _kept(one: Experiment, words: Words) -> Advice:
    change = one.comparison.primary if one.comparison else None
    known = change is not None and change.effect is not None
    what = words.say(
        "advise.permanent",
        name=line(optimization(words, one.optimization)),
        target=code(one.target) if one.target else "–",
    )
    if change is None or change.effect is None or not known:
        return what, words.say("advise.permanent.kept")
    why = words.say(
        "advise.permanent.why",
        metric=metric_of(words, change.metric, change.endpoint),
        change=words.change(change.effect.ratio),
    )
    return what, why


def _hot(tuning: Tuning, words: Words) -> Optional[Advice]:
    """The function that burns most, where no bottleneck names it already."""
    known = {str(item.get("code") or "").rpartition(".")[2] for item in tuning.bottlenecks}
    hot = [
        (float(one.get("own") or 0), profile, one)
        for profile in tuning.profiles
        if int(profile.get("samples") or 0) >= FEWEST_SAMPLES
        for one in profile.get("functions") or []
        if float(one.get("own") or 0) >= HOT
    ]
    if not hot or "cpu_bound_function" in known:
        return None
    share, profile, function = max(hot, key=lambda entry: entry[0])
    place = f"{plain(function.get('file'))}:{plain(function.get('line'))}"
    what = words.say("advise.hot", function=code(function.get("function")), service=code(profile.get("service")))
    return what, words.say("advise.hot.why", share=words.percent(share, 0), place=code(place))


def _saturation(tuning: Tuning, words: Words) -> list[Advice]:
    runs = tuning.final.after.runs if tuning.final and tuning.final.after else tuning.runs
    names = sorted({name for run in runs for name in run.containers})
    found: list[Advice] = []
    throttled = [name for name in names if (middle(runs, name, "throttled_s") or 0) > 0]
    if throttled:
        name = max(throttled, key=lambda one: middle(runs, one, "throttled_s") or 0)
        spent = words.duration(middle(runs, name, "throttled_s"))
        found.append((words.say("advise.throttled", name=code(name)), words.say("advise.throttled.why", time=spent)))
    busiest = max(names, key=lambda name: middle(runs, name, "cpu") or 0.0, default="")
    cores = middle(runs, busiest, "cpu") if busiest else None
    if cores is not None:
        key = "advise.busiest" if cores >= SATURATED_CORES else "advise.raise"
        why = words.say("advise.cores", name=code(busiest), cores=words.number(cores, 2))
        found.append((words.say(key, name=code(busiest)), why))
    return found


def _measuring(tuning: Tuning, facts: Facts, words: Words) -> list[Advice]:
    found: list[Advice] = []
    runs = tuning.runs
    values = {**(tuning.baseline.fingerprint if tuning.baseline else {}), **tuning.settings}
    if any(run.unusable for run in tuning.all_runs()):
        reason = next(run.unusable for run in tuning.all_runs() if run.unusable)
        found.append((words.say("advise.generator"), line(quote(reason))))
    smaller = [name for name in ("users", "seconds") if _below_plan(values, name)]
    if runs and smaller:
        given = joined(condition(words, name, values[name]) for name in smaller)
        found.append((words.say("advise.plan_load"), words.say("advise.plan_load.why", given=given)))
    if runs and not scheduled(runs):
        found.append((words.say("advise.open"), words.say("advise.open.why")))
    metric, endpoint = tuning.primary
    share = tuning.noise(runs).spread
    change = primary_change(facts)
    unclear = change is not None and change.verdict is Verdict.NO_DIFFERENCE
    if share is not None and (share >= NOISY or unclear):
        needed = runs_needed(share, SMALL_CHANGE)
        why = words.say(
            "advise.runs.why",
            share=words.percent(share),
            metric=metric_of(words, metric, endpoint),
            n=words.number(needed),
        )
        found.append((words.say("advise.runs", n=words.number(needed)), why))
    return found


def _below_plan(values: Mapping[str, Any], name: str) -> bool:
    try:
        return float(values[name]) < PLAN[name]
    except (KeyError, TypeError, ValueError):
        return False


def unmeasured(facts: Facts, words: Words) -> list[Block]:
    """The section about what the journal does not hold, or says itself that it could not see."""
    rows: list[tuple[Line, Line]] = []
    for key in _missing(facts):
        rows.append((words.say(f"missing.{key}"), words.say(f"missing.{key}.why")))
    for one in facts.last.unprobed if facts.looked else []:
        names = joined(code(name) for name in one.names[:6])
        rows.append((names, line(quote(one.reason))))
    tuning = facts.tuning
    if tuning is not None:
        for entry in tuning.unseen:
            rows.append((_source(words, plain(entry.get("source"))), line(quote(entry.get("reason")))))
        for profile in tuning.profiles:
            if profile.get("outcome") == "not_measured":
                what = words.say("missing.profile_of", name=code(profile.get("service") or profile.get("container")))
                rows.append((what, line(quote(profile.get("reason")))))
        for run in tuning.all_runs():
            if run.unusable:
                rows.append((words.say("missing.run", number=words.number(run.number)), line(quote(run.unusable))))
        for experiment in tuning.experiments:
            if experiment.verdict in ("not measured", "not comparable"):
                what = words.say("missing.experiment", name=line(optimization(words, experiment.optimization)))
                reason = experiment.comparison.reason if experiment.comparison else experiment.reason
                rows.append((what, line(quote(reason))))
        changes = tuning.final.comparison.changes if tuning.final and tuning.final.comparison else ()
        for change in changes:
            if change.verdict is Verdict.NOT_MEASURED:
                rows.append((metric_of(words, change.metric, change.endpoint), line(quote(change.reason))))
    blocks: list[Block] = [Heading(words.text("heading.unmeasured"), "unmeasured")]
    if not rows:
        return [*blocks, Paragraph(words.say("missing.nothing"))]
    titles = (words.text("column.what"), words.text("column.why"))
    return [*blocks, Table(titles, tuple((Cell(what), Cell(why)) for what, why in rows))]


def _source(words: Words, source: str) -> Line:
    """``profile of api`` and ``database db`` with the kind in the report's language."""
    kind, _of, name = source.partition(" of ") if " of " in source else source.partition(" ")
    if name and words.has(f"source.{kind}"):
        return line(words.known("source", kind), ": ", code(name))
    return line(words.known("source", source))


def _missing(facts: Facts) -> list[str]:
    """The parts of the plan that the journal holds nothing about."""
    tuning = facts.tuning
    missing = [] if facts.looked else ["network"]
    missing += [] if facts.checks else ["checks"]
    if tuning is None:
        return [*missing, "tuning"]
    missing += [] if tuning.runs else ["baseline"]
    missing += [] if any(run.containers for run in tuning.all_runs()) else ["containers"]
    missing += [] if tuning.profiles else ["profile"]
    missing += [] if tuning.looked else ["bottlenecks"]
    if tuning.runs and not scheduled(tuning.runs):
        missing.append("schedule")
    final = tuning.final
    return [*missing, *([] if final and final.comparison else ["comparison"])]
