# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a commit in the operator's repository says about an attempt, or about a rollback: problem, solution, result, next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..redact import redact_text
from .run import gate_line, step_text, unconfirmed, undo_line
from .text import clip, plain, wrap

WIDTH = 72


def attempt_message(attempt: Mapping[str, Any], findings: Sequence[Mapping[str, Any]], coming: str = "") -> str:
    """The message for one attempt of the journal.

    ``findings`` are those before it, ``coming`` is what comes next in a sentence.
    """
    verdict, reason = plain(attempt.get("verdict")), plain(attempt.get("reason"))
    steps = attempt.get("steps") or []
    results = [f"{verdict}: {reason}"]
    for key, line in (("gate", gate_line), ("undo", undo_line)):
        results += [line(attempt[key])[1]] if attempt.get(key) else []
    results += filter(None, [unconfirmed(attempt)])
    return _message(
        f"{attempt.get('remediation')} {verdict}: {reason}",
        {
            "Problem": _problems([attempt], findings),
            "Solution": [plain(attempt.get("remediation")), *(_step(step) for step in steps)],
            "Result": results,
            "Next": [plain(coming) or "nothing"],
        },
        [attempt],
    )


def rollback_message(attempts: Sequence[Mapping[str, Any]], coming: str = "") -> str:
    """The message for attempts that were rolled back, the newest first."""
    run = next((str(a.get("run_id")) for a in attempts), "")
    names = [plain(a.get("remediation")) for a in attempts]
    return _message(
        f"run {run} rolled back: {', '.join(names)}",
        {
            "Problem": _problems(attempts, ()),
            "Solution": [f"what run {plain(run)} kept is taken back: {', '.join(names)}"],
            "Result": [f"{plain(a.get('remediation'))}: {undo_line(a.get('undo') or {})[1]}" for a in attempts],
            "Next": [plain(coming) or "nothing"],
        },
        attempts,
    )


def _problems(attempts: Sequence[Mapping[str, Any]], findings: Sequence[Mapping[str, Any]]) -> list[str]:
    codes = list(dict.fromkeys(plain(code) for a in attempts for code in a.get("findings") or []))
    told = [f"{plain(f.get('code'))}: {plain(f.get('summary'))}" for f in findings if f.get("code") in codes]
    return told or codes or ["none was named"]


def _step(step: Any) -> str:
    text, cause = step_text(step)
    outcome, error = (plain(step.get(key)) for key in ("outcome", "error"))
    ended = "" if outcome in ("", "done", "planned") else f", {outcome}"
    return f"{text}{ended}" + (f": {error}" if error else f" ({cause})" if cause else "")


def _message(subject: str, parts: Mapping[str, Sequence[str]], attempts: Sequence[Mapping[str, Any]]) -> str:
    lines = [clip(redact_text(plain(f"netfix: {subject}")), WIDTH), ""]
    for name, entries in parts.items():
        for number, entry in enumerate(entries):
            lead, rest = (f"{name}: ", "  ") if number == 0 else ("- ", "  ")
            first, *more = wrap(lead + redact_text(entry), WIDTH)
            lines += [first, *(f"{rest}{line}" for line in _again(more, WIDTH - len(rest)))]
        lines.append("")
    return "\n".join([*lines, *(f"Netfix-Attempt: {plain(a.get('id'))}" for a in attempts)]) + "\n"


def _again(lines: Sequence[str], width: int) -> list[str]:
    """Lines of a paragraph wrapped anew, as narrow as an indent leaves room."""
    return wrap(" ".join(lines), width) if lines else []
