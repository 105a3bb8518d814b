# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The time that a repair may take: no attempt begins that could not be undone within it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

# what an attempt takes beside the wait for its gate: checkpoint, change, undo, and the looks before and after
CHANGE_S = 20.0


def reserve_s(gate_timeout_s: float, attempts: Sequence[Mapping[str, Any]]) -> float:
    """Seconds that one more attempt may need until everything is as it was: gate and undo, or the longest of this run."""
    taken = [float(a.get("duration_s") or 0) + float((a.get("undo") or {}).get("duration_s") or 0) for a in attempts]
    return max([gate_timeout_s + CHANGE_S, *taken])


def out_of_time(
    budget_s: float, started_at: str, now: str, gate_timeout_s: float, attempts: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Why no other attempt may begin, as the journal has it; empty where one may. Times are ISO 8601 in UTC.

    A budget of 0 is none.
    """
    began, at = (datetime.fromisoformat(text.replace("Z", "+00:00")) for text in (started_at, now))
    spent, needed = (at - began).total_seconds(), reserve_s(gate_timeout_s, attempts)
    if budget_s <= 0 or spent + needed <= budget_s:
        return {}
    tried = ", ".join(str(a.get("remediation")) for a in attempts) or "nothing"
    return {
        "seconds": budget_s,
        "spent_s": round(spent, 1),
        "reason": (
            f"{spent:.0f} of {budget_s:.0f} s are spent, and one more attempt may need {needed:.0f} s until the project is as "
            f"it was: none was begun. Tried: {tried}. netfix_time_budget gives it more."
        ),
    }
