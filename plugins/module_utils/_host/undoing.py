# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking attempts back, whoever does it: their own run, a later one, a rollback, or the timer on the managed host."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .._core.errors import NetfixError, TransactionError
from .._core.model import from_data
from .._core.remediation.state import ProjectState, differences
from .._core.remediation.undo import undo_steps
from .attempts import AWAITING, Attempts, public
from .executor import Executor

UNDO_ROUNDS = 8


class Interrupted(BaseException):
    """The run is told to end (SIGTERM, SIGHUP, SIGINT): undo first."""


@dataclass
class Undoing:
    """Takes attempts of one project back. Whoever calls it holds the project's lock."""

    executor: Executor
    attempts: Attempts

    def undo(self, record: dict[str, Any], reason: str) -> None:
        """Go back to the checkpoint and prove it; the verdict is ``undone``, or ``failed`` with what is left."""
        record.update(reason=reason, phase="undoing")
        self.attempts.save(record)
        saved = from_data(ProjectState, record["checkpoint"])
        error = ""
        with _uninterruptible():
            try:
                self._go_back(saved)
            except NetfixError as exc:
                error = str(exc)
            left = differences(saved, self.executor.state())
        hard = [d for d in left if not d.dynamic]
        record["undo"] = {
            "verified": not hard,
            "differences": [str(d) for d in hard],
            "moved": [str(d) for d in left if d.dynamic],
            "error": error,
        }
        record["verdict"] = record["phase"] = "undone" if not hard else "failed"
        self.attempts.save(record)

    def _go_back(self, saved: ProjectState) -> None:
        for _round in range(UNDO_ROUNDS):
            steps = undo_steps(self.executor.state(), saved, self.executor.compose.project.override)
            if not steps:
                return
            for step in steps:
                self.executor.run(step)

    def settle(self, records: Iterable[dict[str, Any]], who: str) -> list[str]:
        """Undo attempts that were left, given oldest first; their ids. ``who`` does it stands in the reason.

        Raises TransactionError where that cannot be done.
        """
        settled = []
        for record in reversed(list(records)):
            why = "it was never confirmed" if record["phase"] == AWAITING else f"it had died while {record['phase']}"
            self.undo(record, f"{who}: {why}")
            see_undone(record)
            settled.append(str(record["id"]))
        return settled


def see_undone(record: dict[str, Any]) -> None:
    """Raises TransactionError, naming what is left, for an attempt that could not be undone completely."""
    if record["verdict"] != "failed":
        return
    undo = record["undo"]
    left = "; ".join(undo["differences"]) or undo["error"]
    text = (
        f"Attempt {record['id']} ({record['reason']}) could not be undone completely. Left: {left}. "
        f"{undo['error']} Its checkpoint stays; mend the cause and run again, or restore these by hand."
    )
    raise TransactionError(text.replace("  ", " "), attempt=public(record))


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Turn the signals that end a module into an exception, so that the change is undone."""

    def interrupt(number: int, _frame: Any) -> None:
        raise Interrupted(signal.Signals(number).name)

    with _handlers(interrupt):
        yield


@contextlib.contextmanager
def _uninterruptible() -> Iterator[None]:
    with _handlers(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handlers(handler: Any) -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    old = {n: signal.signal(n, handler) for n in numbers}
    try:
        yield
    finally:
        for number, previous in old.items():
            signal.signal(number, previous)
