# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, attempts and validation as a terminal shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import CheckResult, Outcome, from_data
from .page import Page
from .reading import check_row
from .text import count, duration, listed, mark, plain

REVERSIBLE = {"full": "fully reversible", "partial": "partly reversible", "none": "not reversible"}
DOWNTIME_NONE = ("", "none", "no")
ROLLED_BACK = "rolled back"
VERDICT_STYLES = {"kept": "good", "undone": "warn", "refused": "warn", "failed": "bad"}


def render_plan(plan: Mapping[str, Any], width: int = 100, colour: bool = False, where: str = "") -> str:
    """The plan of a journal as terminal text: what would be tried in which order and why, and what was left out."""
    page = Page(width, colour)
    items = plan.get("items") or []
    page.title(_titled("Plan", where), [_order(items)])
    if not items:
        page.item("·", "nothing to apply")
    for number, item in enumerate(items, start=1):
        if number > 1:
            page.raw()
        codes = [plain(code) for code in item.get("findings") or []]
        page.heading(str(number), plain(item.get("remediation")), cost(item))
        for reason in filter(None, [_because(item), plain(item.get("reason"))]):
            page.text(reason)
        for step in item.get("steps") or []:
            text, cause = step_text(step)
            page.item("·", f"{text} ({cause})" if cause and cause not in codes else text, "dim", indent=2)
        for refusal in item.get("refusals") or []:
            page.item("✗", f"refused: {plain(refusal)}", indent=2)
    skipped = plan.get("skipped") or []
    if skipped:
        page.raw()
        page.text("left out", "bold", indent=0)
        together: dict[str, list[str]] = {}
        for entry in skipped:
            reason = plain(entry.get("reason")) or "no reason given"
            together.setdefault(reason, []).append(plain(entry.get("remediation")))
        for reason, names in together.items():
            page.item("·", f"{reason}: {listed(names)}", indent=2)
    return str(page)


def _order(items: list[Mapping[str, Any]]) -> str:
    if len(items) < 2:
        return ""
    levels = [item.get("invasiveness") or 0 for item in items]
    order = "least invasive first" if levels == sorted(levels) else "in the order asked for"
    return f"{count(len(items), 'remediation')}, {order}"


def cost(item: Mapping[str, Any]) -> str:
    """``invasiveness 2 · restarts edge · downtime about 2 s · fully reversible``: what one remediation costs."""
    restarts = [plain(name) for name in item.get("restarts") or []]
    downtime = plain(item.get("downtime"))
    parts = [
        f"invasiveness {plain(item['invasiveness'])}" if "invasiveness" in item else "",
        f"restarts {listed(restarts, 3)}" if restarts else "restarts nothing",
        "" if downtime in DOWNTIME_NONE else f"downtime {downtime}",
        REVERSIBLE.get(str(item.get("reversible")), ""),
    ]
    return " · ".join(part for part in parts if part)


def _because(item: Mapping[str, Any]) -> str:
    codes = [plain(code) for code in item.get("findings") or []]
    return f"for {listed(codes)}" if codes else ""


def step_text(step: Any) -> tuple[str, str]:
    """What a step does, and its cause, as escaped text."""
    if not isinstance(step, Mapping):
        return plain(step), ""
    return plain(f"{step.get('action', '')} {step.get('object', '')}"), plain(step.get("cause"))


def render_progress(progress: Mapping[str, Any], width: int = 100, colour: bool = False, where: str = "") -> str:
    """One line about what takes a while now: ``text``, for the project and host that ``where`` names."""
    page = Page(width, colour)
    page.item("→", f"{plain(progress.get('text'))} ({where})" if where else plain(progress.get("text")), "dim")
    return str(page)


def render_attempt(attempt: Mapping[str, Any], width: int = 100, colour: bool = False, where: str = "") -> str:
    """One attempt of a journal as terminal text: its steps, what the gate showed, and the verdict."""
    page = Page(width, colour)
    seconds = attempt.get("duration_s")
    title = f"Attempt {plain(attempt.get('number') or 1)} · {plain(attempt.get('remediation'))}"
    page.title(_titled(title, where), [duration(float(seconds) * 1000)] if seconds else [])
    why = _because(attempt)
    if why:
        page.text(why, indent=2)
    for line in direct_check_lines(attempt):
        page.item(*line)
    _steps(page, [step for step in attempt.get("steps") or [] if isinstance(step, Mapping)])
    gate = attempt.get("gate")
    if gate:
        page.item(*gate_line(gate))
        for label, key in (("no longer works", "regressed"), ("still broken", "still_broken")):
            if gate.get(key):
                page.text(f"{label}: {listed([plain(name) for name in gate[key]])}", indent=4)
    for line in confirm_lines(attempt):
        page.item(*line)
    undo = attempt.get("undo")
    if undo:
        page.item(*undo_line(undo))
        for left in not_restored(undo):
            page.text(left, "bad", indent=4)
    for line in commit_lines(attempt):
        page.item(*line)
    verdict = plain(attempt.get("verdict"))
    reason = plain(attempt.get("reason"))
    if verdict == "undone" and reason == ROLLED_BACK:
        # it did help once, and taking it back is what was asked for
        page.item("✓", reason, "good")
        return str(page)
    page.item(mark(verdict), f"{verdict}: {reason}" if reason else verdict, VERDICT_STYLES.get(verdict, "bold"))
    return str(page)


def _steps(page: Page, steps: list[Mapping[str, Any]]) -> None:
    for step in steps:
        outcome = plain(step.get("outcome"))
        text = step_text(step)[0]
        # A failed step is the one line that must not be overlooked.
        style = "bad" if outcome == "failed" else "dim" if outcome in ("skipped", "planned") else ""
        time = duration(float(step["duration_ms"])) if step.get("duration_ms") else ""
        page.heading(mark(outcome), f"{text} ({outcome})" if style == "dim" else text, time, style)
        if step.get("error"):
            page.text(plain(step["error"], 500), "bad")


def gate_line(gate: Mapping[str, Any]) -> tuple[str, str]:
    """The gate's mark and its result in one sentence."""
    promised, mended = gate.get("promised") or [], gate.get("mended") or []
    regressed, broken = gate.get("regressed") or [], gate.get("still_broken") or []
    waited = f", after {duration(float(gate['waited_s']) * 1000)}" if gate.get("waited_s") else ""
    parts = [f"{len(mended)} of {count(len(promised), 'promised finding')} mended" if promised else "nothing promised"]
    parts.append(f"{len(regressed)} regressed" if regressed else "nothing regressed")
    if broken:
        parts.append(f"{len(broken)} still broken")
    passed = not regressed and not broken and len(mended) >= len(promised)
    return "✓" if passed else "✗", f"gate: {', '.join(parts)}{waited}"


def unconfirmed(attempt: Mapping[str, Any]) -> str:
    """What becomes of a kept attempt that nobody has confirmed, empty for any other."""
    confirm = attempt.get("confirm") or {}
    if attempt.get("verdict") != "kept" or not confirm or confirm.get("confirmed_at"):
        return ""
    return f"not confirmed: {plain(confirm.get('timer'))} undoes it by itself at {plain(confirm.get('until'))}"


def confirm_lines(attempt: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The mark and the sentence about the confirmation of an attempt; none where no timer was armed for it."""
    at = (attempt.get("confirm") or {}).get("confirmed_at")
    waiting = unconfirmed(attempt)
    return [("✓", f"confirmed at {plain(at)}")] if at else [("·", waiting)] if waiting else []


def direct_check_lines(attempt: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The mark and a sentence for each provider that was asked at its own address, past names and gateways."""
    lines = []
    for check in attempt.get("direct_checks") or []:
        tcp = plain(check.get("tcp"))
        status = f", HTTP {plain(check['status'])}" if check.get("status") else ""
        place = plain(f"{check['address']}:{check.get('port')}" if check.get("address") else "no common network")
        who = plain(f"{check.get('provider')} ({check.get('container')})")
        sentence = f"{plain(check.get('consumer'))} asks {who} directly at {place}: {tcp}{status}"
        lines.append(("✓" if tcp == "open" else "·" if tcp == "not asked" else "✗", sentence))
    return lines


def commit_lines(attempt: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The mark and the sentences about the commit of an attempt; none where none was asked for."""
    commit = attempt.get("commit")
    if not commit:
        return []
    files = listed([plain(name) for name in commit.get("files") or []])
    if commit.get("reason"):
        lines = [("!", f"git: not committed: {plain(commit['reason'], 500)}")]
    elif commit.get("id"):
        lines = [("✓", f"git: committed {plain(commit['id'])[:10]}, {files or 'which holds no file'}")]
    else:
        lines = [("·", f"git: would commit {files or 'no file, only the message'}")]
    return lines + [("·", f"git: {plain(text, 500)}") for text in commit.get("left_out") or []]


def undo_line(undo: Mapping[str, Any]) -> tuple[str, str]:
    """The undo's mark and its result in one sentence, with how many objects it restored."""
    outcomes = [str(one.get("outcome")) for one in undo.get("objects") or []]
    counted = [f"{outcomes.count(word)} {word}" for word in ("restored", "unchanged", "failed") if word in outcomes]
    told = f" ({', '.join(counted)})" if counted else ""
    if undo.get("verified"):
        return "✓", f"undo: everything is as it was, compared with the checkpoint field by field{told}"
    differences = undo.get("differences") or []
    return "✗", f"undo: not complete, {count(len(differences), 'difference')} from the checkpoint{told}"


def not_restored(undo: Mapping[str, Any]) -> list[str]:
    """The objects that an undo could not restore, each with the reason; their differences where only these are known."""
    objects = [one for one in undo.get("objects") or [] if one.get("outcome") == "failed"]
    told = [f"{plain(one.get('kind'))} {plain(one.get('name'))}: {plain(one.get('error'), 300)}" for one in objects]
    return told or [plain(difference, 300) for difference in undo.get("differences") or []]


def render_validation(
    validation: Mapping[str, Any], width: int = 100, colour: bool = False, where: str = "", details: bool = False
) -> str:
    """The validation of a journal as terminal text: the checks, and what the short load run measured.

    Checks that passed are only counted, unless ``details`` are wanted. Raises ValueError where a check result is
    not one.
    """
    page = Page(width, colour)
    page.title(_titled("Validation", where))
    results = [from_data(CheckResult, data) for data in validation.get("checks") or []]
    good = [result for result in results if result.outcome is Outcome.OK]
    page.marked([check_row(result) for result in results if details or result not in good])
    if good:
        slowest = max(good, key=lambda result: result.latency_ms)
        told = f"slowest: {plain(slowest.check.name)}, {duration(slowest.latency_ms)}"
        page.item("✓", f"{len(good)} of {count(len(results), 'check')} ok ({told})")
    if not results:
        page.item("?", "no check was run")
    load = validation.get("load")
    if load:
        page.item(*load_line(load))
        for error in (load.get("errors") or [])[:5]:
            page.text(
                plain(f"{error.get('count', 0)} × {error.get('name', '')}: {error.get('error', '')}", 300), indent=4
            )
    return str(page)


def load_line(load: Mapping[str, Any]) -> tuple[str, str]:
    """The load run's mark and figures in one sentence. A run without a request measured nothing."""
    requests, failures = int(load.get("requests") or 0), int(load.get("failures") or 0)
    reason = plain(load.get("reason"))
    if load.get("outcome") == "not_measured" or not requests:
        return "?", f"load: not measured, {reason or 'no request was sent'}"
    run = f"{count(int(load.get('users') or 0), 'user')} for {float(load.get('duration_s') or 0):.0f} s"
    figures = f"{count(requests, 'request')}, {count(failures, 'failure')}, {float(load.get('rps') or 0):.1f}/s"
    times = f"p50 {_ms(load, 'p50_ms')}, p95 {_ms(load, 'p95_ms')}, max {_ms(load, 'max_ms')}"
    text = f"load: {figures}; {times} ({run})"
    passed = load.get("outcome") == "ok" and not failures
    return "✓" if passed else "✗", f"{text}: {reason}" if reason and not passed else text


def _ms(load: Mapping[str, Any], key: str) -> str:
    return duration(float(load[key])) if load.get(key) is not None else "unknown"


def _titled(title: str, where: str) -> str:
    return f"{title} · {plain(where)}" if where else title
