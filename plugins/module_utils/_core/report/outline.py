# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a whole run came to, for one host and for all of them: the sentences that summary and report share."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from shlex import quote
from typing import Any

from ..model import Outcome, Severity
from .journal import elapsed_s
from .local import local_lines
from .reading import Reading, read, tallies
from .run import ROLLED_BACK, load_line, not_restored, unconfirmed
from .text import count, duration, listed, mark, plain

MEANINGS = {
    "failed": "the run could not finish, or something it changed could not be undone",
    "not_mended": "the project is still broken",
    "undone": "the earlier change was taken back, and the state equals its checkpoint",
    "mended": "the project works again, and the change is kept",
    "planned": "this is what would be done; nothing was changed",
    "diagnosed": "only looked at; nothing was changed",
    "healthy": "nothing to do",
}

# where nothing was looked at, and services run without Docker
LOCAL_MEANINGS = {
    "diagnosed": "its services run without Docker; nothing of the project itself was changed",
    "undone": "its services without Docker were ended, and nothing of them is left",
}

STATUS_MARKS = {"healthy": "✓", "mended": "✓", "diagnosed": "·", "planned": "·", "undone": "·"}


@dataclass(frozen=True)
class Outline:
    """One host's part of a run in sentences of escaped text; empty where there is nothing to say."""

    status: str
    meaning: str
    wrong: list[str]
    helped: list[str]
    in_vain: list[str]
    taken_back: list[str]
    remains: list[str]
    unknown: list[str]
    advice: list[str]
    worth_a_look: list[str]
    counts: str
    restarts: list[str]
    validation: list[tuple[str, str]]
    changed: bool
    tuned: bool = False
    without_docker: list[tuple[str, str]] = field(default_factory=list)
    budget: str = ""


def outline(host: Mapping[str, Any], status: str) -> Outline:
    """What happened on one host of a journal. Raises ValueError where one of its diagnoses is not one."""
    before = read(host.get("before") or {})
    after = read(host["after"]) if host.get("after") else None
    attempts = host.get("attempts") or []
    kept = [attempt for attempt in attempts if attempt.get("verdict") == "kept"]
    # what took steps and changed nothing has waited
    waited = [attempt for attempt in attempts if attempt.get("verdict") == "unchanged" and attempt.get("steps")]
    ended = [attempt for attempt in waited if (attempt.get("gate") or {}).get("mended")]
    gone = [attempt for attempt in attempts if attempt.get("verdict") in ("undone", "refused", "failed")]
    in_vain = gone + [attempt for attempt in waited if attempt not in ended]
    touched = [attempt for attempt in attempts if attempt.get("verdict") in ("kept", "undone", "failed")]
    wrong, now = _causes(before), after or before
    return Outline(
        status=status,
        meaning=_meaning(host, status, before),
        wrong=wrong,
        helped=[_helped(attempt, before, after) for attempt in attempts if attempt in kept or attempt in ended],
        in_vain=[_told(a) for a in attempts if status != "undone" and a in in_vain and a.get("reason") != ROLLED_BACK],
        # After a roll back the undone attempt is what was asked for, not what did not help.
        taken_back=[_told(attempt) for attempt in gone if status == "undone"],
        remains=_remains(touched) + (_still(wrong, _causes(now)) if after and status != "mended" else []),
        unknown=_unknown(now),
        advice=_advice(now) if status in ("not_mended", "diagnosed", "planned", "failed") else [],
        worth_a_look=_worth_a_look(now),
        counts="; ".join(f"{tally.noun} {tally.words}" for tally in tallies(now)),
        restarts=_restarts(host.get("plan") or {}, touched),
        validation=_validation(host.get("validation") or {}),
        changed=bool(kept) or kept_by_tuning(host) or (status == "failed" and bool(touched)),
        tuned=bool(host.get("tuning")),
        without_docker=local_lines(host["local"]) if host.get("local") else [],
        budget=plain((host.get("budget") or {}).get("reason"), 400),
    )


def kept_by_tuning(host: Mapping[str, Any]) -> bool:
    """Whether an optimization is kept."""
    return any(e.get("decision") == "kept" for e in (host.get("tuning") or {}).get("experiments") or [])


def _meaning(host: Mapping[str, Any], status: str, before: Reading) -> str:
    verdicts = [attempt.get("verdict") for attempt in host.get("attempts") or []]
    if host.get("error"):
        return plain(host["error"], 600)
    if host.get("local") and status in LOCAL_MEANINGS and not before.walks:
        return LOCAL_MEANINGS[status]
    if status == "failed" and "failed" in verdicts:
        return "a change could not be undone completely; what is left is named below"
    if status == "not_mended" and "kept" in verdicts:
        return "part of it was repaired and is kept, the rest is still broken"
    if status == "not_mended" and verdicts and "undone" not in verdicts:
        return "nothing helped, and nothing was changed"
    if status == "not_mended" and verdicts:
        return "nothing helped, and everything tried was undone"
    if status == "not_mended":
        return "no remediation applies, and nothing was changed"
    if status == "undone" and not verdicts:
        return "nothing of that run was in force any more, and nothing was changed"
    if status == "mended" and verdicts and "kept" not in verdicts:
        return "the project works again by itself, and nothing was changed"
    if status == "undone" and not verdicts:
        return "nothing of that run was in force here; nothing was changed"
    if status == "diagnosed" and not _causes(before) and _unknown(before):
        return "nothing broken was seen, but not everything could be looked at"
    experiments = (host.get("tuning") or {}).get("experiments") or []
    if status == "healthy" and experiments:
        kept = sum(e.get("decision") == "kept" for e in experiments)
        return f"{kept} of {count(len(experiments), 'optimization')} kept" + ("" if kept else "; nothing was changed")
    if status == "healthy" and before.walks:
        return f"nothing to do: {before.ok} of {count(len(before.walks), 'dependency')} ok"
    return MEANINGS.get(status, "")


def _causes(reading: Reading) -> list[str]:
    sentences = [f"{plain(finding.code)}: {plain(finding.summary)}" for finding in reading.causes]
    unexplained = list(dict.fromkeys(plain(walk.dependency.name) for walk in reading.unexplained.walks))
    if unexplained:
        sentences.append(f"no rule explains why this fails: {listed(unexplained, 3)}")
    failed = [plain(result.check.name) for result in reading.checks_with(Outcome.FAILED)]
    if failed and not sentences:
        sentences.append(f"{count(len(failed), 'check')} failed without a known cause: {listed(failed, 3)}")
    return sentences


def _still(before: list[str], now: list[str]) -> list[str]:
    return [f"{cause.split(': ', 1)[0]}, as before" if cause in before else cause for cause in now]


def _helped(attempt: Mapping[str, Any], before: Reading, after: Any) -> str:
    mended = [plain(code) for code in (attempt.get("gate") or {}).get("mended") or []]
    what = f"{plain(attempt.get('remediation'))} (attempt {plain(attempt.get('number') or 1)})"
    did = "mended" if attempt.get("verdict") == "kept" else "outlasted"
    what += f" {did} {listed(mended, 3)}" if mended else ""
    if after is not None:
        what += f"; {before.ok} of {len(before.walks)} dependencies were ok, now {after.ok} of {len(after.walks)}"
    waiting = unconfirmed(attempt)
    return f"{what}; {waiting}" if waiting else what


def _told(attempt: Mapping[str, Any]) -> str:
    reason = plain(attempt.get("reason"))
    number, verdict = plain(attempt.get("number") or 1), plain(attempt.get("verdict"))
    text = f"{plain(attempt.get('remediation'))} (attempt {number}): {verdict}"
    return f"{text}, {reason}" if reason else text


def _remains(attempts: list[Mapping[str, Any]]) -> list[str]:
    left = []
    for attempt in attempts:
        undo = attempt.get("undo") or {}
        if attempt.get("verdict") == "failed" or (undo and not undo.get("verified")):
            left += [f"left behind by {plain(attempt.get('remediation'))}: {line}" for line in not_restored(undo)]
    return left


def _unknown(reading: Reading) -> list[str]:
    return [f"{listed([plain(name) for name in one.names], 3)}: {plain(one.reason, 300)}" for one in reading.unprobed]


def _worth_a_look(reading: Reading) -> list[str]:
    return [f"{plain(finding.code)}: {plain(finding.summary)}" for finding in reading.findings_of(Severity.WARNING)]


def _advice(reading: Reading) -> list[str]:
    return [plain(finding.advice) for finding in reading.causes if finding.advice]


def _restarts(plan: Mapping[str, Any], attempts: list[Mapping[str, Any]]) -> list[str]:
    planned = {item.get("remediation"): item.get("restarts") for item in plan.get("items") or []}
    names: list[str] = []
    for attempt in attempts:
        for name in attempt.get("restarts", planned.get(attempt.get("remediation"))) or []:
            if plain(name) not in names:
                names.append(plain(name))
    return names


def _validation(validation: Mapping[str, Any]) -> list[tuple[str, str]]:
    lines = []
    checks = validation.get("checks") or []
    if checks:
        outcomes = [result.get("outcome") for result in checks]
        ok = outcomes.count("ok")
        worst = "failed" if "failed" in outcomes else "unknown" if ok < len(checks) else "ok"
        lines.append((mark(worst), f"{ok} of {count(len(checks), 'check')} ok"))
    if validation.get("load"):
        lines.append(load_line(validation["load"]))
    return lines


def commands(journal: Mapping[str, Any]) -> tuple[str, str]:
    """The command that undoes the run, and the one that would repair after a run that only looked.

    They name the playbooks the way this run did: from a checkout by path, else by collection.
    """
    playbook = str(journal.get("playbook") or "")
    folder, slash, name = playbook.rpartition("/")
    suffix = ".yml" if name.endswith((".yml", ".yaml")) else ""
    prefix = folder + slash if suffix else "vertice.netfix."
    hosts = [host for host in journal.get("hosts") or [] if isinstance(host, Mapping)]
    # a run that confirms or takes back shows the attempts of another one
    runs = [attempt.get("run_id") for host in hosts for attempt in host.get("attempts") or [] if attempt.get("run_id")]
    undo = f"ansible-playbook {prefix}roll_back{suffix} -e netfix_run_id={plain([*runs, journal.get('run_id')][0])}"
    sources = {str(host.get("project_src") or "") for host in hosts}
    # the run knows its project when it is undone; who repairs must say which
    which = f" -e {_variable('netfix_project_src', sources.pop())}" if len(sources) == 1 and "" not in sources else ""
    return undo, f"ansible-playbook {prefix}fix_network{suffix}{which}"


def _variable(name: str, value: str) -> str:
    """An argument for ``-e``, such that neither a shell nor Ansible takes a part of the value for its own."""
    if re.fullmatch(r"[\w@%+:,./-]+", value):
        return f"{name}={value}"
    # ASCII only, and control characters as escapes: what is shown can be copied
    return quote(json.dumps({name: {"__ansible_unsafe": value}}))


def took(journal: Mapping[str, Any]) -> str:
    """How long the run took, empty where its times are not known."""
    seconds = elapsed_s(str(journal.get("started_at")), str(journal.get("finished_at")))
    return duration(seconds * 1000) if seconds is not None else ""
