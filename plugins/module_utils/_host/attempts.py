# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The attempts of a project as files on the managed host, each with the checkpoint that it would be undone to."""

from __future__ import annotations

import contextlib
import glob
import itertools
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from .._core.errors import TransactionError
from .files import (
    HALF_WRITTEN,
    discard_unfinished,
    locked,
    private_folder,
    read_text,
    remove,
    see_private,
    write_whole,
)

FORMAT = 1
# the parts of an attempt that leave the host; its checkpoint holds secrets
PUBLIC = (
    "id", "run_id", "number", "remediation", "optimization", "trial", "project", "findings", "restarts", "verdict", "reason", "steps", "left",
    "direct_checks", "gate", "looks", "files", "confirm", "undo", "started_at", "duration_s",
)  # fmt: skip
# kept, but undone by the timer on this host unless its run confirms it
AWAITING = "awaiting"
IN_FORCE = ("kept", AWAITING)
UNFINISHED = ("prepared", "applying", "gating", "undoing", "failed")


@dataclass
class Attempts:
    """The attempts of one project, as files in one folder that only their owner may read."""

    state_dir: str
    project: str

    @property
    def folder(self) -> str:
        """Where this project's attempts lie."""
        return os.path.join(self.state_dir, self.project)

    def lock(self, wait_s: float = 0.0) -> Any:
        """Hold the project; raises TransactionError where another run holds it, and still does after ``wait_s``."""
        private_folder(self.state_dir)
        private_folder(self.folder)
        return locked(os.path.join(self.folder, "lock"), f"Project {self.project!r}", wait_s)

    def all(self) -> list[dict[str, Any]]:
        """Every attempt, oldest first."""
        if not os.path.isdir(self.folder):
            return []
        see_private(self.state_dir)
        see_private(self.folder)
        found = []
        for name in sorted(n for n in os.listdir(self.folder) if n.endswith(".json")):
            path = os.path.join(self.folder, name)
            try:
                record = dict(json.loads(read_text(path) or ""))
            except (ValueError, TypeError) as exc:
                raise TransactionError(
                    f"The checkpoint {path} is damaged ({exc}); move it away to go on without it."
                ) from exc
            if record.get("format") != FORMAT:
                raise TransactionError(
                    f"The checkpoint {path} has format {record.get('format')!r}, this release reads {FORMAT}."
                )
            found.append(record)
        return sorted(found, key=lambda r: (str(r["started_at"]), int(r["number"])))

    def unfinished(self, run_id: str = "") -> list[dict[str, Any]]:
        """Attempts that died before their verdict, or that nobody confirmed; what ``run_id`` may yet confirm is none.

        One without a checkpoint changed nothing.
        """
        return [r for r in self.all() if has_died(r) or (r["phase"] == AWAITING and r["run_id"] != run_id)]

    def untold(self) -> list[dict[str, Any]]:
        """Attempts that were undone behind their own run's back, and that no run has told of yet."""
        return [r for r in self.all() if r.get("untold")]

    def tell(self, records: Iterable[dict[str, Any]]) -> None:
        """Note that somebody tells of these."""
        for record in records:
            # to tell of one twice does no harm
            with contextlib.suppress(TransactionError):
                self.save({k: v for k, v in record.items() if k != "untold"})

    def idle(self) -> list[dict[str, Any]]:
        """Attempts that died while they waited, and have nothing to take back."""
        return [r for r in self.all() if "checkpoint" not in r and r["phase"] in UNFINISHED]

    def free_id(self, wanted: str, again: bool = False) -> str:
        """The id, or one beside it where an earlier attempt has it: that one's checkpoint must stay.

        ``again`` takes the place of one that was on trial and is undone.

        Raises TransactionError where it would lead out of the folder.
        """
        if os.path.basename(wanted) != wanted:
            raise TransactionError(f"The run id of {wanted!r} must not hold a slash: attempts are files of that name.")
        taken = {r["id"] for r in self.all() if not (again and r.get("trial") and r["phase"] == "undone")}
        others = (f"{wanted}-{number}" for number in itertools.count(2))
        return next(i for i in itertools.chain([wanted], others) if i not in taken)

    def of_run(self, run_id: str) -> list[dict[str, Any]]:
        """A run's attempts, oldest first. Raises TransactionError for a run that is not known."""
        known = self.all()
        chosen = [r for r in known if r["run_id"] == run_id]
        if not chosen:
            runs = ", ".join(dict.fromkeys(str(r["run_id"]) for r in known)) or "none"
            raise TransactionError(
                f"Project {self.project!r} has no run {run_id!r}. Runs with a checkpoint: {runs}.", unknown_run=run_id
            )
        return chosen

    def save(self, record: dict[str, Any]) -> None:
        """Write an attempt so that it survives a power cut."""
        write_whole(self._path(record), json.dumps(record))

    def forget(self, record: dict[str, Any]) -> None:
        """Remove an attempt, and its checkpoint with it."""
        remove(self._path(record))

    def discard_unfinished(self) -> None:
        """Remove what a write of an attempt left that died. Whoever calls it holds the lock."""
        for path in glob.glob(os.path.join(glob.escape(self.folder), f"*.json{HALF_WRITTEN}")):
            discard_unfinished(path.removesuffix(HALF_WRITTEN))

    def expire(self, most: int, days: int) -> None:
        """Remove checkpoints beyond the ``most`` newest, and those older than that.

        None that is still to be settled, and none of the run that changed the project last: it can be rolled back.
        """
        known = self.all()
        oldest = (datetime.now(timezone.utc) - timedelta(days=days)).isoformat()
        last = next((r["run_id"] for r in reversed(known) if r["phase"] in IN_FORCE), None)
        for age, record in enumerate(reversed(known)):
            settled = record["phase"] in ("undone", "unchanged") or (record["phase"] == "kept" and record["run_id"] != last)
            if settled and (age >= most or record["started_at"] < oldest):
                # one that cannot be removed is no reason to call a good attempt failed
                with contextlib.suppress(TransactionError):
                    self.forget(record)

    def _path(self, record: dict[str, Any]) -> str:
        return os.path.join(self.folder, f"{record['id']}.json")


def runs_in(state_dir: str, project: str = "") -> tuple[list[dict[str, Any]], list[str]]:
    """The runs that have a checkpoint here, newest first, and what could not be read, one sentence each.

    A run of several projects is one entry for each. ``kept`` are the remediations that are in force, newest first;
    ``later`` are the runs that have to be rolled back before it.
    """
    found: list[dict[str, Any]] = []
    unread = []
    for name in _projects(state_dir):
        if project not in ("", name):
            continue
        try:
            records = Attempts(state_dir, name).all()
        except TransactionError as exc:
            unread.append(exc.message)
            continue
        in_force: list[str] = []
        for run_id in reversed(list(dict.fromkeys(r["run_id"] for r in records))):
            run = _run([r for r in records if r["run_id"] == run_id], in_force)
            in_force += [run_id] if run["kept"] else []
            found.append(run)
    return sorted(found, key=lambda r: str(r["started_at"]), reverse=True), unread


def _run(records: Sequence[dict[str, Any]], later: Sequence[str]) -> dict[str, Any]:
    """One run of a project, from its attempts."""
    kept = [r for r in reversed(records) if r["phase"] in IN_FORCE]
    awaiting = [r for r in kept if r["phase"] == AWAITING]
    unfinished = any(has_died(r) for r in records)
    undone = any(r["phase"] == "undone" for r in records)
    states = {"unfinished": unfinished, "awaiting": awaiting, "in force": kept, "undone": undone}
    state = next((name for name, holds in states.items() if holds), "unchanged")
    return {
        "run_id": records[0]["run_id"],
        "project": records[0]["project"],
        "project_src": records[0]["where"]["project_src"],
        "started_at": records[0]["started_at"],
        "state": state,
        "kept": [r["remediation"] for r in kept],
        "confirm_until": awaiting[0]["confirm"]["until"] if awaiting else "",
        "later": list(later) if kept else [],
        "attempts": [public(r) for r in records],
    }


def _projects(state_dir: str) -> list[str]:
    """The projects that have a folder here; what else lies there is none. Raises TransactionError for a planted folder."""
    if not os.path.isdir(state_dir):
        return []
    see_private(state_dir)
    return sorted(name for name in os.listdir(state_dir) if os.path.isdir(os.path.join(state_dir, name)))


def project_of_run(state_dir: str, run_id: str) -> dict[str, Any]:
    """The options that name the project of a run. Raises TransactionError for a run that no project here has."""
    known = [record for name in _projects(state_dir) for record in Attempts(state_dir, name).all()]
    found = {r["project"]: r["where"] for r in known if r["run_id"] == run_id}
    if len(found) == 1:
        return dict(next(iter(found.values())))
    if found:
        raise TransactionError(
            f"Run {run_id!r} is of several projects ({', '.join(found)}); say which with project_name."
        )
    runs = ", ".join(dict.fromkeys(str(r["run_id"]) for r in known)) or "none"
    raise TransactionError(
        f"There is no run {run_id!r} on this host (checkpoints in {state_dir}). Runs: {runs}.", unknown_run=run_id
    )


def has_died(record: dict[str, Any]) -> bool:
    """Whether an attempt changed something, or was about to, and did not come to its verdict."""
    return "checkpoint" in record and record["phase"] in UNFINISHED


def public(record: dict[str, Any]) -> dict[str, Any]:
    """An attempt without its checkpoint, which holds secrets."""
    return {k: v for k, v in record.items() if k in PUBLIC}
