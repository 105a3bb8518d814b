# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run does just now, in one line; and when it is time for the next line.

A progress is what _host/progress.py writes::

    progress = {run_id, project, project_src, number, remediation, stage, at, until,
                step, steps, text                 of the stages step and undo
                passing, wanted}                  of the stages gate and check

``at`` (since when it is so) and ``until`` (when it ends at the latest, or null) are seconds of the managed host's clock.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

# the first line comes when an attempt has been silent for so long, the same line again after so long
QUIET_S = 2.0
AGAIN_S = 10.0
# a load says how it goes about as often
LOAD_AGAIN_S = 5.0


def read_progress(output: str, asked: Mapping[str, Any]) -> tuple[float, Optional[Mapping[str, Any]]]:
    """The host's clock, and how far the run is, out of what watch_command() printed; None where it is not to be seen.

    ``asked`` are the options of the run's module. Another run's progress is none of ours.
    """
    lines = output.splitlines()
    found = [json.loads(line) for line in lines[1:] if line.startswith("{")]
    ours = [p for p in found if p.get("run_id") == asked.get("run_id")]
    if len(ours) > 1:
        # one machine, several projects, one run
        names = ("project", "project_name"), ("project_src", "project_src")
        ours = [p for p in ours if any(asked.get(option) and p.get(key) == asked[option] for key, option in names)]
    return (float(lines[0]) if lines else 0.0), (ours[0] if len(ours) == 1 else None)


def progress_text(progress: Mapping[str, Any], now: float) -> str:
    """``attempt 2, static_hosts: step 3 of 7, recreate gateway, for 4 s``; ``now`` is the time of the host's clock."""
    parts = [_stage(progress)]
    seconds = now - float(progress.get("at") or now)
    until = progress.get("until")
    if until is not None and progress.get("passing") != progress.get("wanted"):
        parts.append(f"up to {max(until - now, 0):.0f} s left")
    elif seconds >= 1:
        parts.append(f"for {seconds:.0f} s")
    return f"attempt {progress.get('number')}, {progress.get('remediation')}: {', '.join(parts)}"


def _stage(progress: Mapping[str, Any]) -> str:
    stage, text = progress.get("stage"), progress.get("text", "")
    if stage == "step":
        return f"step {progress.get('step')} of {progress.get('steps')}, {text}"
    if stage == "undo":
        return f"undoing, {text}" if text else "undoing"
    if stage in ("gate", "check"):
        label = "gate" if stage == "gate" else "after the undo"
        return f"{label}: {progress.get('passing')} of {progress.get('wanted')} pass"
    return "looking at the project"


@dataclass
class Narrator:
    """Decides which of the looks at a progress are worth a line. Times are seconds of the host's clock."""

    _said: Optional[tuple[Any, ...]] = None
    _said_at: float = field(default=0.0)

    def line(self, progress: Mapping[str, Any], now: float) -> str:
        """The line, empty where there is nothing new to say."""
        what = tuple(
            progress.get(k) for k in ("number", "remediation", "stage", "step", "text", "passing", "wanted")
        )
        if what == self._said and now - self._said_at < AGAIN_S:
            return ""
        self._said, self._said_at = what, now
        return progress_text(progress, now)


@dataclass
class LoadNarrator:
    """Decides which of the looks at a load are worth a line; it has another figure every second."""

    _said: str = ""
    _said_at: float = field(default=float("-inf"))

    def line(self, output: str) -> str:
        """The line out of the host's clock and what the module says, empty where it is too early for another one."""
        lines = output.splitlines()
        texts = [str(json.loads(line).get("text", "")) for line in lines[1:] if line.startswith("{")]
        if not texts or texts[0] == self._said or float(lines[0]) - self._said_at < LOAD_AGAIN_S:
            return ""
        self._said, self._said_at = texts[0], float(lines[0])
        return self._said
