# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runs that a host knows, as a terminal shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .outline import commands
from .page import Cell, Page
from .text import columns, count, listed, plain

HEADINGS = ("run", "began (UTC)", "project", "state", "changed by")
LABEL_WIDTH = 13
# the columns that the last cell needs to be read beside the others
ROOM = 28
STATES = {"in force": "✓", "awaiting": "?", "unfinished": "✗"}


def render_runs(known: Mapping[str, Any], width: int = 100, colour: bool = False, where: str = "") -> str:
    """What the module runs_info returns as a table, and how to undo one of them. ``where`` names the host."""
    page = Page(width, colour)
    runs = known.get("runs") or []
    page.title(f"Runs with a checkpoint · {plain(where)}", [count(len(runs), "run")])
    for problem in known.get("unread") or []:
        page.item("✗", plain(problem, 500), "bad")
    if not runs:
        page.item("·", f"none in {plain(known.get('state_dir'))}")
        return str(page)
    rows = [_row(run) for run in runs]
    widths = [max(columns(row[number]) for row in [HEADINGS, *rows]) for number in range(len(HEADINGS) - 1)]
    # a project's name is what may be wrapped
    widths[2] = max(widths[2] - max(sum(widths) + 2 * len(widths) - page.width, 0), 6)
    room = page.width - sum(widths) - 2 * len(HEADINGS)
    for mark, row, style in [("", HEADINGS, "dim"), *((STATES.get(row[3], "·"), row, "") for row in rows)]:
        cells = [Cell(text, size, style) for text, size in zip(row, widths)]
        page.row([*cells, Cell(row[-1], room, style)] if room >= ROOM else cells, mark=mark)
        if room < ROOM:
            page.text(row[-1], "dim", indent=4)
    page.raw()
    for label, run in (("undo one with", _newest(runs, "kept")), ("keep it with", _newest(runs, "confirm_until"))):
        if run:
            undo = commands({"playbook": known.get("playbook"), "run_id": run})[0]
            page.command(label, undo if label == "undo one with" else undo.replace("roll_back", "confirm", 1), LABEL_WIDTH)
    return str(page)


def _newest(runs: Sequence[Mapping[str, Any]], key: str) -> Any:
    return next((run.get("run_id") for run in runs if run.get(key)), None)


def _row(run: Mapping[str, Any]) -> tuple[str, ...]:
    kept = [plain(name) for name in run.get("kept") or []]
    tried = dict.fromkeys(plain(a.get("remediation")) for a in run.get("attempts") or [] if isinstance(a, Mapping))
    later = [plain(name) for name in run.get("later") or []]
    told = [listed(kept or list(tried), 3)]
    told += [f"undone at {_minute(run['confirm_until'])[-5:]} unless confirmed"] if run.get("confirm_until") else []
    told += [f"first roll back {listed(later, 3)}"] if later else []
    times = plain(run.get("run_id")), _minute(run.get("started_at"))
    return (*times, plain(run.get("project")), plain(run.get("state")), "; ".join(told))


def _minute(time: Any) -> str:
    """``2026-11-22 14:18``: an ISO 8601 time to the minute, without its zone, which is UTC."""
    return plain(time)[:16].replace("T", " ")
