# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking attempts back, whoever does it: their own run, a later one, a rollback, or the timer on the managed host."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Callable

from .._core.errors import EngineError, NetfixError, TransactionError
from .._core.model import from_data, to_data
from .._core.remediation.outcomes import FAILED, Failure, conceded, concerned, outcomes
from .._core.remediation.state import ProjectState, differences
from .._core.remediation.steps import Step
from .._core.remediation.undo import undo_steps
from .attempts import AWAITING, Attempts, public
from .executor import Executor
from .progress import Progress
from .signals import uninterruptible

UNDO_ROUNDS = 8
# rounds that may fail in a row without bringing anything nearer, and the pause after the first of them
BARREN_ROUNDS = 3
PAUSE_S = 0.5
# an engine that is being restarted is waited for
ENGINE_WAIT_S = 120.0


@dataclass
class Undoing:
    """Takes attempts of one project back. Whoever calls it holds the project's lock."""

    executor: Executor
    attempts: Attempts
    progress: Progress = field(default_factory=Progress)

    def undo(self, record: dict[str, Any], reason: str) -> None:
        """Go back to the checkpoint and prove it; the verdict is ``undone``, or ``failed`` with what is left."""
        record.update(reason=reason, phase="undoing")
        # a disk that is full is no reason to leave the change in force: what is on it says as well that it is unfinished
        with contextlib.suppress(TransactionError):
            self.attempts.save(record)
        done: list[dict[str, Any]] = []
        started_at, began = utc_now(), time.monotonic()

        def run(step: Step) -> None:
            done.append(noted(step))
            self.progress.tell(record, "undo", text=f"{step.action.value} {step.object}")
            do(self.executor, step, done[-1])

        with uninterruptible():
            self.progress.tell(record, "undo")
            record["undo"] = self._go_back(from_data(ProjectState, record["checkpoint"]), run)
        record["undo"].update(steps=done, started_at=started_at, duration_s=round(time.monotonic() - began, 2))
        record["verdict"] = record["phase"] = "undone" if record["undo"]["verified"] else "failed"
        self._settled(record)

    def _settled(self, record: dict[str, Any]) -> None:
        """Write how it ended. Where there is no room for that, one that is undone is settled without its checkpoint."""
        try:
            self.attempts.save(record)
        except TransactionError:
            if record["verdict"] == "undone":
                self.attempts.forget(record)

    def _go_back(self, saved: ProjectState, run: Callable[[Step], None]) -> dict[str, Any]:
        """Restore whatever can be restored; what came of it, and of each object."""
        failures: list[Failure] = []
        try:
            began = now = self._look(saved)
            target, given_up = saved, None
            while target != given_up:
                now, steps = self._near(now, target, saved, failures, run)
                # what cannot be restored must not keep the rest from it
                beyond = {what for step in steps for what in concerned(step, saved)}
                target, given_up = conceded(target, now, beyond), target
        except NetfixError as exc:
            return {"verified": False, "differences": [], "moved": [], "objects": [], "error": str(exc)}
        left = differences(saved, now)
        hard = [str(d) for d in left if not d.dynamic]
        return {
            "verified": not hard,
            "differences": hard,
            "moved": [str(d) for d in left if d.dynamic],
            "objects": to_data(outcomes(saved, differences(saved, began), left, failures)),
            "error": "; ".join(dict.fromkeys(f.error for f in failures)) if hard else "",
        }

    def _near(
        self,
        now: ProjectState,
        target: ProjectState,
        saved: ProjectState,
        failures: list[Failure],
        run: Callable[[Step], None],
    ) -> tuple[ProjectState, list[Step]]:
        """Come as near to a state as possible, which is the saved one or what is left of it.

        Gives the state that was reached, and the steps that brought it no nearer; adds to the failures. Raises NetfixError
        where the engine stays silent.
        """
        barren = 0
        for _round in range(UNDO_ROUNDS):
            steps = undo_steps(now, target, self.executor.compose.project.override)
            if not steps:
                break
            failed = _run(steps, run)
            failures += failed
            before, now = now, self._look(saved)
            barren = barren + 1 if now == before else 0
            if barren == BARREN_ROUNDS:
                break
            if failed:
                time.sleep(PAUSE_S * 2**barren)
        return now, steps

    def _look(self, saved: ProjectState) -> ProjectState:
        """The project as it is now, against that one. Raises EngineError where the engine answers nothing for too long."""
        end = time.monotonic() + ENGINE_WAIT_S
        while True:
            try:
                return self.executor.state_beside(saved)
            except EngineError:
                if time.monotonic() > end:
                    raise
                time.sleep(PAUSE_S)

    def settle(self, records: Iterable[dict[str, Any]], who: str) -> list[str]:
        """Undo attempts that were left, given oldest first; their ids. ``who`` does it stands in the reason.

        Their own runs do not learn of it, so they stay ``untold`` until another one has told of them. Raises
        TransactionError where that cannot be done.
        """
        settled = []
        left = list(reversed(list(records)))
        if left:
            self.executor.await_ends()
        for record in left:
            why = "it was never confirmed" if record["phase"] == AWAITING else f"it had died while {record['phase']}"
            record["untold"] = True
            self.undo(record, f"{who}: {why}")
            see_undone(record)
            settled.append(str(record["id"]))
        return settled


def _run(steps: Sequence[Step], run: Callable[[Step], None]) -> list[Failure]:
    """Do all the steps; those that failed. One that cannot be done keeps none of the others from it."""
    failures = []
    for step in steps:
        try:
            run(step)
        except NetfixError as exc:
            failures.append(Failure(step, str(exc)))
        except Exception as exc:  # the rest has to come back, a defect of ours or not
            failures.append(Failure(step, f"an internal error: {exc!r}"))
    return failures


def noted(step: Step) -> dict[str, Any]:
    """A step of the journal, not done yet."""
    return {
        "action": step.action.value,
        "object": step.object,
        "cause": step.cause,
        "outcome": "planned",
        "started_at": "",
        "duration_ms": 0.0,
        "error": "",
    }


def do(executor: Executor, step: Step, note: dict[str, Any]) -> None:
    """Do one step and note when, for how long, and how it went. Raises what it raises."""
    note.update(outcome="started", started_at=utc_now())
    began = time.monotonic()
    try:
        executor.run(step)
    except Exception as exc:
        note.update(outcome="failed", error=str(exc) if isinstance(exc, NetfixError) else repr(exc))
        raise
    finally:
        note["duration_ms"] = round((time.monotonic() - began) * 1000, 1)
    note["outcome"] = "done"


def utc_now(later: timedelta = timedelta()) -> str:
    """The time as the journal writes it."""
    return (datetime.now(timezone.utc) + later).isoformat(timespec="milliseconds")


def see_undone(record: dict[str, Any]) -> None:
    """Raises TransactionError, naming what is left, for an attempt that could not be undone completely."""
    if record["verdict"] != "failed":
        return
    undo = record["undo"]
    failed = [f"{o['kind']} {o['name']}: {o['error']}" for o in undo["objects"] if o["outcome"] == FAILED]
    text = (
        f"Attempt {record['id']} ({record['reason']}) could not be undone completely. Left: "
        f"{'; '.join(failed) or undo['error']}. Its checkpoint stays; mend the cause and run again, or restore these by hand."
    )
    raise TransactionError(text, attempt=public(record))
