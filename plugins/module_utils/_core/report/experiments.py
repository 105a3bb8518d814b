# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tuning as a terminal shows it while it goes on: what it would do, where users wait, and each experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any, Optional

from ..performance.runs import TIMES
from .page import Page
from .text import count, duration, plain

DECISION_MARKS = {"kept": "✓", "undone": "✗", "failed": "✗", "refused": "·"}
DECISION_STYLES = {"kept": "good", "undone": "warn", "failed": "bad"}
MOST_BOTTLENECKS = 3


def tuning_problems(tuning: object, where: str) -> list[str]:
    """What keeps a tuning from being rendered; empty when it is in order."""
    if not isinstance(tuning, Mapping):
        return [f"{where} must be a dictionary"]
    lists = {"experiments": tuning.get("experiments"), "plan": tuning.get("plan")}
    lists["bottlenecks.items"] = (tuning.get("bottlenecks") or {}).get("items")
    return [
        f"{where}.{name} must be a list of dictionaries"
        for name, entries in lists.items()
        if entries is not None
        and (not isinstance(entries, (list, tuple)) or not all(isinstance(e, Mapping) for e in entries))
    ]


def experiment_problems(experiment: object, where: str) -> list[str]:
    """What keeps an experiment from being rendered; empty when it is in order."""
    if not isinstance(experiment, Mapping):
        return [f"{where} must be a dictionary with 'optimization' and 'decision'"]
    return [f"{where} has no '{key}'" for key in ("optimization", "decision") if not experiment.get(key)]


def render_tuning(tuning: Mapping[str, Any], width: int = 100, colour: bool = False, where: str = "") -> str:
    """The steps that a tuning would make and how long each takes; or what was measured and where users wait."""
    page = Page(width, colour)
    steps = tuning.get("plan") or []
    if steps and not tuning.get("baseline"):
        total = sum(float(s.get("seconds") or 0) for s in steps)
        page.title(_titled("Tuning plan", where), [f"about {duration(total * 1000)} in all"])
        for number, step in enumerate(steps, start=1):
            time = duration(float(step.get("seconds") or 0) * 1000)
            page.heading(str(number), f"{plain(step.get('step'))}: {plain(step.get('text'))}", f"about {time}", "")
        return str(page)
    page.title(_titled("Where users wait", where), [])
    for line in [baseline_line(tuning), *bottleneck_lines(tuning)]:
        page.item("·", line)
    for line in _unseen_lines((tuning.get("bottlenecks") or {}).get("unseen") or []):
        page.item("?", f"not seen: {line}", "dim")
    return str(page)


def _unseen_lines(unseen: Sequence[Mapping[str, Any]]) -> list[str]:
    """Each reason once, with all that it holds for: "profile of edge, redis: …"."""
    sources: dict[tuple[str, str], list[str]] = {}
    for one in unseen:
        kind, _space, name = plain(one.get("source")).rpartition(" ")
        sources.setdefault((kind, plain(one.get("reason"))), []).append(name)
    return [f"{kind} {', '.join(names)}: {reason}".lstrip() for (kind, reason), names in sources.items()]


def render_experiment(experiment: Mapping[str, Any], width: int = 100, colour: bool = False, where: str = "") -> str:
    """One optimization: its steps, whether the answers stayed the same, and what the measurement said."""
    page = Page(width, colour)
    number = plain(experiment.get("number") or 1)
    title = f"Experiment {number} · {plain(experiment['optimization'])} of {plain(experiment.get('target'))}"
    page.title(_titled(title, where), [])
    page.text(f"because {plain(experiment.get('why'))}" if experiment.get("why") != "asked for" else "asked for")
    for step in experiment.get("steps") or []:
        sign = "✓" if step.get("outcome") == "done" else "✗" if step.get("outcome") == "failed" else "·"
        page.heading(sign, plain(step.get("text")), duration(float(step.get("seconds") or 0) * 1000), "")
    answers = experiment.get("answers") or {}
    if answers.get("compared"):
        differing = [f"{plain(d.get('name'))}: {plain(d.get('how'))}" for d in answers.get("differing") or []]
        told = f"{count(int(answers['compared']), 'answer')} compared, " + (
            "all the same with it as without" if answers.get("equal") else f"not the same: {'; '.join(differing[:3])}"
        )
        page.item("✓" if answers.get("equal") else "✗", told)
    decision = str(experiment["decision"])
    line = f"{decision}: {_outcome(experiment)}"
    page.item(DECISION_MARKS.get(decision, "·"), line, DECISION_STYLES.get(decision, ""))
    return str(page)


def tuning_fields(tuning: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """The summary's lines of a tuning: sentences by label, none for a dry run."""
    if not tuning.get("baseline"):
        return []
    experiments = [f"{DECISION_MARKS.get(str(e.get('decision')), '·')} {experiment_line(e)}" for e in tuning.get("experiments") or []]
    fields = [
        ("baseline", [baseline_line(tuning)]),
        ("users wait for", bottleneck_lines(tuning)),
        ("experiments", experiments),
        ("before → after", [final_line(tuning)] if (tuning.get("final") or {}).get("comparison") else []),
    ]
    return [(label, lines) for label, lines in fields if lines]


def baseline_line(tuning: Mapping[str, Any]) -> str:
    """The baseline in one sentence: what was measured, and its figures."""
    settings, runs = tuning.get("settings") or {}, (tuning.get("baseline") or {}).get("runs") or []
    primary = str(settings.get("primary") or "p95")
    rps = _median(runs, "rps", "")
    failures = sum(int((r.get("whole") or {}).get("failures") or 0) for r in runs)
    requests = sum(int((r.get("whole") or {}).get("requests") or 0) for r in runs)
    endpoint = str(settings.get("endpoint") or "")
    parts = [
        f"{count(len(runs), 'run')} of {float(settings.get('seconds') or 0):g} s with {plain(settings.get('users'))} users",
        f"{primary}{f' of {plain(endpoint)}' if endpoint else ''} {value(primary, _median(runs, primary, endpoint))}",
        f"{rps:.1f} requests/s" if rps is not None else "",
        f"{failures} of {requests} failed",
    ]
    return ", ".join(p for p in parts if p)


def bottleneck_lines(tuning: Mapping[str, Any]) -> list[str]:
    """The worst bottlenecks, one sentence each."""
    items = ((tuning.get("bottlenecks") or {}).get("items") or [])[:MOST_BOTTLENECKS]
    if not items and tuning.get("bottlenecks") is not None:
        return ["no bottleneck was found"]
    return [
        f"{plain(i.get('rank') or n)}  {plain(i.get('service'))}: {plain(i.get('title') or i.get('code'))}"
        f" ({float(i.get('share') or 0):.0%} of all waiting)"
        for n, i in enumerate(items, start=1)
    ]


def experiment_line(experiment: Mapping[str, Any]) -> str:
    """One experiment in one sentence."""
    what = f"{plain(experiment.get('optimization'))} of {plain(experiment.get('target'))}"
    return f"{what}: {_outcome(experiment)}; {plain(experiment.get('decision'))}"


def _outcome(experiment: Mapping[str, Any]) -> str:
    """What the measurement said, or why there was none."""
    comparison = experiment.get("comparison") or {}
    change = comparison.get("primary") or {}
    verdict, reason = plain(experiment.get("verdict")), plain(experiment.get("reason"), 300)
    if not change or change.get("before") is None or change.get("after") is None:
        return f"{verdict}, {reason}" if verdict and verdict != "not measured" else reason or verdict
    p_value = change.get("p_value")
    odds = f" (p = {p_value:.3f})" if p_value is not None else ""
    return f"{verdict}, {change_text(change)}{odds}" + (f", {reason}" if reason and "p = " not in reason else "")


def final_line(tuning: Mapping[str, Any]) -> str:
    """What all that was kept came to."""
    final = tuning["final"]
    comparison = final["comparison"]
    change = comparison.get("primary") or {}
    told = plain(comparison.get("verdict")) + (f", {change_text(change)}" if change.get("after") is not None else "")
    return told + ("" if final.get("interleaved") else "; one after the other, so drift is not excluded")


def change_text(change: Mapping[str, Any]) -> str:
    """``p95 of GET /items 31.6 ms → 7.96 ms``."""
    metric = str(change.get("metric"))
    of = f" of {plain(change['endpoint'])}" if change.get("endpoint") else ""
    return f"{metric}{of} {value(metric, change.get('before'))} → {value(metric, change.get('after'))}"


def value(metric: str, number: Optional[float]) -> str:
    """A metric's value with its unit, to three digits."""
    if number is None:
        return "not measured"
    if metric == "failure_ratio":
        return f"{number:.2%}"
    return f"{number:.3g} ms" if metric in TIMES and number < 1000 else f"{number:.0f} ms" if metric in TIMES else f"{number:.1f}"


def _median(runs: Sequence[Mapping[str, Any]], metric: str, endpoint: str) -> Optional[float]:
    sides = [((r.get("endpoints") or {}).get(endpoint) if endpoint else r.get("whole")) or {} for r in runs]
    found = [
        s.get(metric) if metric in ("rps", "requests", "failures") else (s.get("schedule_ms") or s.get("latency_ms") or {}).get(metric)
        for s in sides
    ]
    known = [float(f) for f in found if f is not None]
    return median(known) if known else None


def _titled(title: str, where: str) -> str:
    return f"{title} · {plain(where)}" if where else title
