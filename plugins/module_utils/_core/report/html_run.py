# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan, attempts and load of a run as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .elements import Markup, element, join
from .html_diagnosis import table, table_row
from .run import (
    ROLLED_BACK,
    commit_lines,
    confirm_lines,
    cost,
    direct_check_lines,
    gate_line,
    load_line,
    not_restored,
    step_text,
    undo_line,
)
from .text import duration, mark, plain

VERDICT_TONES = {"kept": "good", "undone": "warn", "refused": "warn", "failed": "bad"}
MARK_TONES = {"✓": "good", "✗": "bad", "?": "warn"}


def plan_list(plan: Mapping[str, Any]) -> Markup:
    """What would be tried in which order and why, and what was left out; empty where there is neither."""
    items = [
        element(
            "li",
            element(
                "p", element("b", item.get("remediation")), Markup(" "), element("span", cost(item), class_="meta")
            ),
            element("p", item["reason"]) if item.get("reason") else None,
            _steps(item),
            [marked_line("✗", f"refused: {plain(refusal)}") for refusal in item.get("refusals") or []],
        )
        for item in plan.get("items") or []
    ]
    skipped = [
        table_row(
            [
                ("remediation", element("code", entry.get("remediation"))),
                ("reason", element("span", entry.get("reason"))),
            ]
        )
        for entry in plan.get("skipped") or []
    ]
    parts = [element("ol", items, class_="plan")] if items else []
    if skipped:
        parts.append(
            element(
                "details", element("summary", f"{len(skipped)} left out"), table(["remediation", "reason"], skipped)
            )
        )
    return join(parts)


def attempt_card(attempt: Mapping[str, Any]) -> Markup:
    """One attempt: its steps, what the gate showed, the verdict and the undo."""
    verdict, reason = plain(attempt.get("verdict")), plain(attempt.get("reason"))
    # taking it back was what was asked for
    tone = "good" if verdict == "undone" and reason == ROLLED_BACK else VERDICT_TONES.get(verdict, "idle")
    title = f"{attempt.get('number') or 1}"
    seconds = attempt.get("duration_s")
    head = element(
        "h4",
        element("span", title, class_="badge idle"),
        element("code", attempt.get("remediation")),
        element("span", verdict, class_=f"chip {tone}"),
        element("span", duration(float(seconds) * 1000), class_="meta") if seconds else None,
    )
    parts = [element("p", reason)] if reason else []
    parts += [marked_line(*line) for line in direct_check_lines(attempt)]
    parts.append(_steps(attempt))
    gate, undo = attempt.get("gate"), attempt.get("undo")
    if gate:
        parts.append(marked_line(*gate_line(gate)))
        for label, key in (("mended", "mended"), ("no longer works", "regressed"), ("still broken", "still_broken")):
            if gate.get(key):
                parts.append(element("p", f"{label}:", Markup(" "), _codes(gate[key]), class_="under"))
    parts += [marked_line(*line) for line in confirm_lines(attempt)]
    if undo:
        parts.append(marked_line(*undo_line(undo)))
        parts += [element("p", element("code", line), class_="under bad") for line in not_restored(undo)]
    parts += [marked_line(*line) for line in commit_lines(attempt)]
    return element("article", head, parts, class_=f"card {tone}")


def _steps(owner: Mapping[str, Any]) -> Markup:
    items = []
    for step in owner.get("steps") or []:
        what, cause = step_text(step)
        data = step if isinstance(step, Mapping) else {}
        outcome = plain(data.get("outcome"))
        notes = [f"because {cause}"] if cause else []
        notes += [outcome] if outcome in ("skipped", "planned") else []
        notes += [duration(float(data["duration_ms"]))] if data.get("duration_ms") else []
        items.append(
            element(
                "li",
                element("span", mark(outcome), class_=MARK_TONES.get(mark(outcome), "idle")),
                Markup(" "),
                element("code", what),
                Markup(" "),
                element("span", ", ".join(notes), class_="seen"),
                element("p", element("code", data["error"]), class_="under bad") if data.get("error") else None,
            )
        )
    return element("ul", items, class_="steps") if items else Markup()


def load_block(load: Mapping[str, Any]) -> Markup:
    """What the short load run measured, and its errors."""
    errors = [
        element("li", f"{error.get('count', 0)} × {error.get('name', '')}: {error.get('error', '')}")
        for error in load.get("errors") or []
    ]
    return join(marked_line(*load_line(load)), element("ul", errors) if errors else None)


def marked_line(sign: str, words: str) -> Markup:
    """A line with the mark of how it went before it."""
    return element("p", element("span", sign, class_=MARK_TONES.get(sign, "idle")), Markup(" "), words)


def _codes(values: Any) -> Markup:
    return Markup(", ".join(element("code", value) for value in values))
