# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The success criteria of the original plan, each decided by what the journal holds, or not measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Optional

from ...model import CheckResult, Layer, Outcome
from ...performance.comparison import Verdict
from ...performance.statistics import fewest_runs
from ..run import step_text
from .document import Block, Checklist, Criterion, Heading, Line, Paragraph, code, joined, line, quote
from .facts import Experiment, Facts, Tuning, scheduled, totals
from .load import condition
from .naming import bottleneck_title, changed, metric_of, primary_change
from .words import Words

# the original plan's load test: users, new users a second, seconds
PLAN = {"users": 10, "spawn_rate": 2, "seconds": 120}
PROFILE_SECONDS = 60
LEAST_RUNS = max(4, fewest_runs())
NAMING = (Layer.RESOLVER, Layer.NAME)

MET, NOT_MET, OPEN = "met", "not_met", "not_measured"
MARKS = {MET: ("✓", "good"), NOT_MET: ("✗", "bad"), OPEN: ("–", "warn")}

Judgement = tuple[str, Line]
Judge = Callable[[Facts, Words], Judgement]


def criteria(facts: Facts, words: Words) -> list[Criterion]:
    """Every criterion in the plan's order."""
    found = []
    for name, judge in JUDGES:
        state, evidence = judge(facts, words)
        sign, tone = MARKS[state]
        found.append(Criterion(sign, words.text(f"state.{state}"), tone, words.say(f"criterion.{name}"), evidence))
    return found


def checklist(found: Sequence[Criterion], words: Words) -> list[Block]:
    """The section."""
    marks = [one.mark for one in found]
    told = words.say(
        "criteria.counted",
        met=words.number(marks.count("✓")),
        failed=words.number(marks.count("✗")),
        open=words.number(marks.count("–")),
        total=words.number(len(marks)),
    )
    titles = tuple(words.text(f"column.{name}") for name in ("state", "criterion", "evidence"))
    return [
        Heading(words.text("heading.criteria"), "criteria"),
        Paragraph(words.say("criteria.rule")),
        Checklist(titles, tuple(found)),
        Paragraph(told),
    ]


def _of_checks(results: Sequence[CheckResult], words: Words, none: str) -> Judgement:
    if not results:
        return OPEN, words.say(none)
    bad = [one for one in results if one.outcome is Outcome.FAILED]
    unknown = [one for one in results if one.outcome is Outcome.UNKNOWN]
    if bad:
        return NOT_MET, words.say("evidence.checks.failed", names=joined(code(one.check.name) for one in bad[:5]))
    if unknown:
        return OPEN, words.say("evidence.checks.unknown", names=joined(code(one.check.name) for one in unknown[:5]))
    return MET, words.count("evidence.checks.ok", len(results))


def _gateway(facts: Facts, words: Words) -> Judgement:
    outside = [one for one in facts.checks if one.check.source in ("", "host")]
    return _of_checks(outside, words, "evidence.checks.no_gateway")


def _health(facts: Facts, words: Words) -> Judgement:
    return _of_checks([one for one in facts.checks if "health" in one.check.url], words, "evidence.checks.no_health")


def _resolve(facts: Facts, words: Words) -> Judgement:
    return _of_walks(facts, words, NAMING)


def _reach(facts: Facts, words: Words) -> Judgement:
    return _of_walks(facts, words, tuple(Layer))


def _of_walks(facts: Facts, words: Words, layers: Sequence[Layer]) -> Judgement:
    walks = facts.last.walks
    if not facts.looked or not walks:
        return OPEN, words.say("evidence.walks.none")
    bad = [walk for walk in walks if walk.outcome is Outcome.FAILED and walk.layer in layers]
    if bad:
        names = joined(code(name) for name in list(dict.fromkeys(walk.dependency.name for walk in bad))[:5])
        return NOT_MET, words.say("evidence.walks.failed", names=names)
    # a container that does not run was never asked for the name
    undecided = [walk for walk in walks if walk.outcome is Outcome.UNKNOWN]
    undecided += [w for w in walks if w.outcome is Outcome.FAILED and w.layer is Layer.CONTAINER and w not in bad]
    if undecided:
        return OPEN, words.count("evidence.walks.unknown", len(undecided))
    return MET, words.count("evidence.walks.ok", len(walks))


def _cause(facts: Facts, words: Words) -> Judgement:
    before = facts.before
    if not facts.looked:
        return OPEN, words.say("evidence.walks.none")
    if before.causes:
        loose = len(before.unexplained.walks)
        told = joined(code(finding.code) for finding in before.causes[:5])
        if loose:
            return NOT_MET, words.count("evidence.cause.partly", loose, names=told)
        return MET, words.say("evidence.cause.found", names=told)
    if before.failed:
        return NOT_MET, words.say("evidence.cause.unexplained")
    if before.unknown or not before.walks:
        return OPEN, words.say("evidence.walks.none") if not before.walks else words.count(
            "evidence.walks.unknown", len(before.unknown)
        )
    return MET, words.say("evidence.cause.nothing_broken")


def _commits(facts: Facts, words: Words) -> Judgement:
    touched = [one for one in facts.attempts if one.get("verdict") in ("kept", "undone", "failed")]
    asked: list[Any] = [one.get("commit") for one in touched if one.get("commit")]
    if not touched:
        return OPEN, words.say("evidence.commits.no_attempt")
    if not asked:
        return OPEN, words.say("evidence.commits.not_asked")
    made = [commit for commit in asked if commit.get("id")]
    if len(made) == len(touched):
        return MET, words.say("evidence.commits.made", ids=joined(code(str(one["id"])[:10]) for one in made))
    reason = next((str(one["reason"]) for one in asked if one.get("reason")), "")
    return NOT_MET, words.say("evidence.commits.missing", reason=quote(reason or "–"))


def _short_load(facts: Facts, words: Words) -> Judgement:
    load = (facts.network.get("validation") or {}).get("load")
    if not load or load.get("outcome") == "not_measured" or not load.get("requests"):
        return OPEN, words.say("evidence.short.none")
    told = words.say(
        "evidence.load",
        requests=words.number(int(load["requests"])),
        failures=words.number(int(load.get("failures") or 0)),
    )
    return (MET if load.get("outcome") == "ok" and not load.get("failures") else NOT_MET), told


def _tuned(judge: Callable[[Tuning, Facts, Words], Judgement]) -> Judge:
    """The judge, for a journal with load tests; without any the answer is not measured."""

    def judged(facts: Facts, words: Words) -> Judgement:
        if facts.tuning is None:
            return OPEN, words.say("evidence.no_tuning")
        return judge(facts.tuning, facts, words)

    return judged


def _plan_load(tuning: Tuning, facts: Facts, words: Words) -> Judgement:
    runs = tuning.runs
    requests, failures = totals(runs)
    if not requests:
        return OPEN, words.say("evidence.baseline.none")
    told = words.say("evidence.load", requests=words.number(requests), failures=words.number(failures))
    values = {**(tuning.baseline.fingerprint if tuning.baseline else {}), **tuning.settings}
    less = [name for name in PLAN if name != "spawn_rate" and (_float(values.get(name)) or 0.0) < PLAN[name]]
    if failures:
        return NOT_MET, told
    if less:
        given = joined(condition(words, name, values.get(name) or 0) for name in less)
        return OPEN, line(told, " ", words.say("evidence.load.smaller", given=given))
    return MET, told


def _float(value: Any) -> Optional[float]:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _baseline(tuning: Tuning, facts: Facts, words: Words) -> Judgement:
    usable = [run for run in tuning.runs if not run.unusable]
    if not tuning.runs:
        return OPEN, words.say("evidence.baseline.none")
    share = tuning.noise(usable).spread
    told = words.count("evidence.baseline.runs", len(usable), least=words.number(LEAST_RUNS))
    if share is not None:
        told = line(told, " ", words.say("evidence.baseline.noise", share=words.percent(share)))
    model = words.say("evidence.model.open" if scheduled(tuning.runs) else "evidence.model.closed")
    return (MET if len(usable) >= LEAST_RUNS else NOT_MET), line(told, " ", model)


def _generator(tuning: Tuning, facts: Facts, words: Words) -> Judgement:
    runs = tuning.all_runs()
    if not runs:
        return OPEN, words.say("evidence.baseline.none")
    bad = [run for run in runs if run.unusable]
    if bad:
        return NOT_MET, words.count("evidence.generator.limit", len(bad), reason=quote(bad[0].unusable))
    late = max(run.late_p99_ms for run in runs)
    busy = max(run.generator_cpu for run in runs)
    return MET, words.say("evidence.generator.ok", late=words.ms(late), cpu=words.percent(busy, 0))


def _stats(tuning: Tuning, facts: Facts, words: Words) -> Judgement:
    runs = tuning.all_runs()
    if not runs:
        return OPEN, words.say("evidence.baseline.none")
    recorded = [run for run in runs if any(used.seconds for used in run.containers.values())]
    names = {name for run in recorded for name in run.containers}
    if not recorded:
        return OPEN, words.say("evidence.stats.none")
    told = words.say(
        "evidence.stats",
        runs=words.number(len(recorded)),
        total=words.number(len(runs)),
        containers=words.number(len(names)),
    )
    return (MET if len(recorded) == len(runs) else NOT_MET), told


def _profile(tuning: Tuning, facts: Facts, words: Words) -> Judgement:
    taken = [one for one in tuning.profiles if one.get("outcome") in ("ok", "partly") and one.get("functions")]
    if not tuning.profiles:
        return OPEN, words.say("evidence.profile.none")
    if not taken:
        reason = next((str(one["reason"]) for one in tuning.profiles if one.get("reason")), "–")
        return OPEN, words.say("evidence.profile.failed", reason=quote(reason))
    longest = max(float(one.get("seconds") or 0) for one in taken)
    names = joined(code(one.get("service")) for one in taken)
    told = words.say("evidence.profile.taken", names=names, seconds=words.duration(longest))
    if longest < PROFILE_SECONDS:
        told = line(told, " ", words.say("evidence.profile.short", wanted=words.duration(PROFILE_SECONDS)))
    return MET, told


def _top_three(tuning: Tuning, facts: Facts, words: Words) -> Judgement:
    if not tuning.looked:
        return OPEN, words.say("evidence.bottlenecks.not_looked")
    items = tuning.bottlenecks[:3]
    if not items:
        return NOT_MET, words.say("evidence.bottlenecks.none")
    names = joined(bottleneck_title(words, item.get("code")) for item in items)
    thin = [item for item in items if len(_sources(item)) < 2]
    if thin:
        return NOT_MET, words.count("evidence.bottlenecks.thin", len(thin), names=names)
    if len(items) < 3:
        return NOT_MET, words.count("evidence.bottlenecks.fewer", len(items), names=names)
    return MET, words.say("evidence.bottlenecks.found", names=names)


def _sources(item: Mapping[str, Any]) -> set[str]:
    return {str(one.get("source")) for one in item.get("evidence") or [] if isinstance(one, Mapping)}


def _tried(name: str) -> Judge:
    """Whether one of the plan's quick wins was tried, and how it ended."""

    def judge(tuning: Tuning, facts: Facts, words: Words) -> Judgement:
        those = [one for one in tuning.experiments if one.optimization == name]
        tried = [one for one in those if one.decision in ("kept", "undone")]
        if tried:
            return MET, joined((_ended(one, words) for one in tried), "; ")
        if those:
            return NOT_MET, words.say("evidence.tried.not", reason=quote(those[0].reason or those[0].decision))
        return OPEN, words.say("evidence.tried.none")

    return _tuned(judge)


def _ended(one: Experiment, words: Words) -> Line:
    decision, verdict = words.known("decision", one.decision), words.known("verdict", one.verdict)
    return words.say("evidence.tried", number=words.number(one.number), decision=decision, verdict=verdict)


def _answers(tuning: Tuning, facts: Facts, words: Words) -> Judgement:
    kept = tuning.decided("kept")
    if not kept:
        return OPEN, words.say("evidence.answers.nothing_kept")
    differing = [one for one in kept if one.answers.get("compared") and not one.answers.get("equal")]
    differing += [one for one in kept if one.answers.get("differing") and one not in differing]
    if differing:
        return NOT_MET, words.count("evidence.answers.differ", len(differing))
    silent = [one for one in kept if not one.answers.get("compared")]
    if silent:
        return OPEN, words.count("evidence.answers.none", len(silent))
    return MET, words.count("evidence.answers.equal", sum(int(one.answers["compared"]) for one in kept))


def _compared(tuning: Tuning, facts: Facts, words: Words) -> Judgement:
    final = tuning.final
    if final is None or final.comparison is None:
        return OPEN, words.say("evidence.compared.none")
    if final.comparison.verdict in (Verdict.NOT_COMPARABLE, Verdict.NOT_MEASURED):
        return OPEN, quoted(final.comparison.reason)
    key = "evidence.compared.interleaved" if final.interleaved else "evidence.compared.one_after_the_other"
    sides = [len(side.runs) if side else 0 for side in (final.before, final.after)]
    return MET, words.say(key, before=words.number(sides[0]), after=words.number(sides[1]))


def quoted(text: str) -> Line:
    """A reason as the journal has it."""
    return line(quote(text or "–"))


def _faster(tuning: Tuning, facts: Facts, words: Words) -> Judgement:
    change = primary_change(facts)
    if change is None:
        return OPEN, words.say("evidence.compared.none")
    told = words.say(
        "evidence.faster",
        verdict=words.known("verdict", change.verdict.value),
        metric=metric_of(words, change.metric, change.endpoint),
        change=changed(words, change),
    )
    return (MET if change.verdict is Verdict.IMPROVED else NOT_MET), told


def _taken_back(facts: Facts, words: Words) -> Judgement:
    attempts = [one for one in facts.attempts if one.get("verdict") in ("undone", "failed") and one.get("undo")]
    verified = [bool((one.get("undo") or {}).get("verified")) for one in attempts]
    experiments = facts.tuning.decided("undone", "failed") if facts.tuning else []
    verified += [bool(one.undo_verified) for one in experiments]
    if not facts.attempts and not (facts.tuning and facts.tuning.experiments):
        return OPEN, words.say("evidence.taken_back.nothing_tried")
    if not verified:
        return MET, words.say("evidence.taken_back.nothing")
    bad = verified.count(False)
    if bad:
        return NOT_MET, words.count("evidence.taken_back.not_verified", bad)
    return MET, words.count("evidence.taken_back.verified", len(verified))


def _volumes(facts: Facts, words: Words) -> Judgement:
    told = [step_text(step)[0] for attempt in facts.attempts for step in attempt.get("steps") or []]
    told += [
        step_text(step)[0] for attempt in facts.attempts for step in (attempt.get("undo") or {}).get("steps") or []
    ]
    if facts.tuning:
        told += [str(step.get("text") or "") for one in facts.tuning.experiments for step in one.steps]
    if not told:
        return OPEN, words.say("evidence.volumes.no_steps")
    bad = [text for text in told if ("volume" in text.lower() and _removes(text)) or "down -v" in text]
    if bad:
        return NOT_MET, words.say("evidence.volumes.removed", step=code(bad[0]))
    return MET, words.count("evidence.volumes.untouched", len(told))


def _removes(text: str) -> bool:
    return any(word in text.lower().split() for word in ("remove", "removed", "delete", "rm", "prune", "down", "-v"))


JUDGES: tuple[tuple[str, Judge], ...] = (
    ("gateway", _gateway),
    ("health", _health),
    ("resolve", _resolve),
    ("reach", _reach),
    ("cause", _cause),
    ("commits", _commits),
    ("short_load", _short_load),
    ("plan_load", _tuned(_plan_load)),
    ("baseline", _tuned(_baseline)),
    ("generator", _tuned(_generator)),
    ("stats", _tuned(_stats)),
    ("profile", _tuned(_profile)),
    ("top_three", _tuned(_top_three)),
    ("cache", _tried("cache")),
    ("indexes", _tried("indexes")),
    ("answers", _tuned(_answers)),
    ("compared", _tuned(_compared)),
    ("faster", _tuned(_faster)),
    ("taken_back", _taken_back),
    ("volumes", _volumes),
)
