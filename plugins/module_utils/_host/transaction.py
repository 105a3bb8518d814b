# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction: recover leftovers → lock → snapshot → plan → checkpoint → apply → gate → keep or undo.

One attempt is one JSON file on the managed host. It is written before the first change and after every step, so
that whoever comes next, at whatever point this process died, knows what to go back to.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, Callable

from .._core.diagnosis.case import Case
from .._core.diagnosis.diagnose import Diagnosis, diagnose
from .._core.errors import NetfixError, TransactionError
from .._core.model import Finding, Snapshot, from_data, to_data
from .._core.remediation.gate import Gate, judge
from .._core.remediation.planning import REMEDIATIONS, make_plan
from .._core.remediation.situation import Proposal, Situation
from .._core.remediation.state import ProjectState, differences
from .._core.remediation.steps import Action, Step
from .._core.remediation.undo import undo_steps
from .executor import Executor
from .files import locked, parse_override, private_folder, read_text, write_whole
from .gather import Gatherer
from .host_facts import host_subnets

FORMAT = 1
UNDO_ROUNDS = 8
# the parts of an attempt that leave the host; its checkpoint holds secrets
PUBLIC = (
    "id", "run_id", "number", "remediation", "project", "findings", "restarts", "verdict", "reason", "steps",
    "gate", "undo", "started_at", "duration_s",
)  # fmt: skip
UNFINISHED = ("prepared", "applying", "gating", "undoing", "failed")


class Interrupted(BaseException):
    """The run is told to end (SIGTERM, SIGHUP, SIGINT): undo first."""


@dataclass
class Limits:
    """How long the gate may wait, and how often it looks."""

    gate_timeout_s: float = 20.0
    first_pause_s: float = 0.2
    longest_pause_s: float = 1.5


@dataclass
class Attempts:
    """The attempts of one project, as files in one folder that only their owner may read."""

    state_dir: str
    project: str

    @property
    def folder(self) -> str:
        """Where this project's attempts lie."""
        return os.path.join(self.state_dir, self.project)

    def lock(self) -> Any:
        """Hold the project; raises TransactionError where another run holds it."""
        private_folder(self.state_dir)
        private_folder(self.folder)
        return locked(os.path.join(self.folder, "lock"), f"Project {self.project!r}")

    def all(self) -> list[dict[str, Any]]:
        """Every attempt, oldest first."""
        if not os.path.isdir(self.folder):
            return []
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

    def unfinished(self) -> list[dict[str, Any]]:
        """Attempts that died between checkpoint and verdict."""
        return [r for r in self.all() if r["phase"] in UNFINISHED]

    def free_id(self, wanted: str) -> str:
        """The id, or one beside it where an earlier attempt has it: that one's checkpoint must stay.

        Raises TransactionError where it would lead out of the folder.
        """
        if os.path.basename(wanted) != wanted:
            raise TransactionError(f"The run id of {wanted!r} must not hold a slash: attempts are files of that name.")
        taken = {r["id"] for r in self.all()}
        others = (f"{wanted}-{number}" for number in itertools.count(2))
        return next(i for i in itertools.chain([wanted], others) if i not in taken)

    def save(self, record: dict[str, Any]) -> None:
        """Write an attempt so that it survives a power cut."""
        write_whole(os.path.join(self.folder, f"{record['id']}.json"), json.dumps(record))


def project_of_run(state_dir: str, run_id: str) -> dict[str, Any]:
    """The options that name the project of a run. Raises TransactionError for a run that no project here has."""
    folders = sorted(os.listdir(state_dir)) if os.path.isdir(state_dir) else []
    known = [record for name in folders for record in Attempts(state_dir, name).all()]
    found = {r["project"]: r["where"] for r in known if r["run_id"] == run_id}
    if len(found) == 1:
        return dict(next(iter(found.values())))
    if found:
        raise TransactionError(
            f"Run {run_id!r} is of several projects ({', '.join(found)}); say which with project_name."
        )
    runs = ", ".join(dict.fromkeys(str(r["run_id"]) for r in known)) or "none"
    raise TransactionError(f"There is no run {run_id!r} on this host (checkpoints in {state_dir}). Runs: {runs}.")


@dataclass
class Transaction:
    """Attempts on one project."""

    gatherer: Gatherer
    executor: Executor
    attempts: Attempts
    limits: Limits = field(default_factory=Limits)
    force: bool = False

    def look(self) -> tuple[Snapshot, Diagnosis]:
        """The project now, diagnosed."""
        snapshot = self.gatherer.snapshot()
        return snapshot, diagnose(snapshot)

    def propose(
        self, name: str, forced: bool, look: tuple[Snapshot, Diagnosis]
    ) -> tuple[Proposal, tuple[Finding, ...]]:
        """What a remediation would do about what was found, and the findings that it promises to mend."""
        snapshot, diagnosis = look
        plan = make_plan(diagnosis.findings, [name] if forced else ())
        promised = next((i.findings for i in plan.items if i.remediation == name), ())
        if diagnosis.healthy:
            return Proposal(), ()
        if not promised:
            return Proposal(refusals=("no finding unlocks it",)), ()
        path = self.executor.compose.project.override
        situation = Situation(
            case=Case(snapshot, diagnosis.walks),
            findings=promised,
            state=self.executor.state(),
            override=parse_override(read_text(path), path),
            options={"host_routes": host_subnets()},
        )
        proposal = REMEDIATIONS[name].propose(situation)
        return self._preflight(proposal, snapshot), promised

    def _preflight(self, proposal: Proposal, snapshot: Snapshot) -> Proposal:
        """Refuse what could not be undone: a service whose container is not what its files describe."""
        if not proposal.recreated or self.force:
            return proposal
        hashes = self.executor.compose.hashes()
        touched = Case(snapshot).needed_by(proposal.recreated)
        drifted = [
            c.name
            for c in snapshot.containers
            if c.service in touched and not c.one_off and c.config_hash != hashes.get(c.service)
        ]
        if not drifted:
            return proposal
        reason = (
            f"container {drifted[0]} does not run the configuration that the Compose files describe, so recreating it could "
            "not be undone; bring it up to date (docker compose up -d), or set force"
        )
        return replace(proposal, steps=(), refusals=(*proposal.refusals, reason))

    def attempt(self, name: str, run_id: str, number: int, forced: bool = False) -> dict[str, Any]:
        """Try one remediation. The attempt, with ``look`` after it; raises NetfixError where the undo failed."""
        with self.attempts.lock(), _interruptible():
            settled = self._settle_all()
            before = self.look()
            proposal, promised = self.propose(name, forced, before)
            record = self._record(name, run_id, number, promised, proposal)
            shown = {"settled": settled, "proposal": proposal, "before": before, "after": before}
            if proposal.refusals or not proposal.steps:
                record["verdict"] = "refused" if proposal.refusals else "unchanged"
                record["reason"] = "; ".join(proposal.refusals) or _why_unchanged(promised)
                return {**record, **shown}
            shown["override_before"] = read_text(self.executor.compose.project.override)
            shown["after"] = self._transact(record, before, proposal, promised)
            return {**record, **shown}

    def rehearse(
        self, name: str, run_id: str, number: int, forced: bool, look: tuple[Snapshot, Diagnosis]
    ) -> tuple[Proposal, dict[str, Any]]:
        """What attempt() would do, and its record as planned or refused."""
        proposal, promised = self.propose(name, forced, look)
        record = self._record(name, run_id, number, promised, proposal)
        record["verdict"] = "refused" if proposal.refusals else "planned" if proposal.steps else "unchanged"
        record["reason"] = "; ".join(proposal.refusals) or (
            "asked not to act" if proposal.steps else _why_unchanged(promised)
        )
        return proposal, record

    def _where(self) -> dict[str, Any]:
        """The options that name this project again, for whoever knows the run only."""
        project = self.executor.compose.project
        return {
            "project_src": project.source,
            "project_name": project.name,
            "files": list(project.files),
            "profiles": list(project.profiles),
            "env_files": list(project.env_files),
            "docker_host": self.executor.engine.docker_host,
        }

    def _record(
        self, name: str, run_id: str, number: int, promised: Sequence[Finding], proposal: Proposal
    ) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "id": f"{run_id}-{number:02d}-{name}",
            "run_id": run_id,
            "number": number,
            "remediation": name,
            "project": self.executor.compose.project.name,
            "where": self._where(),
            "findings": [f.code for f in promised],
            "restarts": [*proposal.recreated, *proposal.restarted],
            "phase": "prepared",
            "verdict": "",
            "reason": "",
            "steps": [_told(s) for s in proposal.steps],
            "gate": None,
            "undo": None,
            "started_at": _now(),
            "duration_s": 0.0,
        }

    def _transact(
        self,
        record: dict[str, Any],
        before: tuple[Snapshot, Diagnosis],
        proposal: Proposal,
        promised: tuple[Finding, ...],
    ) -> tuple[Snapshot, Diagnosis]:
        """Checkpoint, apply, gate, keep or undo; the project afterwards. The record tells the rest."""
        began = time.monotonic()
        record["id"] = self.attempts.free_id(record["id"])
        saved = self.executor.state()
        record["checkpoint"] = to_data(saved)
        self.attempts.save(record)
        problem = ""
        told_to_end = False
        after = before
        gate = Gate(promised=tuple(f.code for f in promised))
        try:
            problem = self._apply(record, proposal.steps)
            if not problem:
                record["phase"] = "gating"
                self.attempts.save(record)
                gate, after, waited = self._look_until(before, promised, lambda gate: gate.complete)
                record["gate"] = {**to_data(gate), "waited_s": round(waited, 2)}
        except Interrupted as exc:
            problem, told_to_end = f"the run was told to end ({exc})", True
        except NetfixError as exc:
            problem = str(exc)
        except Exception as exc:  # every way out undoes, a defect of ours as well
            problem = f"an internal error: {exc!r}"
        if not problem and gate.passed:
            record.update(phase="kept", verdict="kept", reason=_why_kept(gate), after=to_data(self.executor.state()))
        else:
            record["reason"] = problem or _why_undone(gate)
            self._undo(record, saved)
            if not told_to_end:
                # recreated containers need a moment until what passed before passes again
                after = self._look_until(before, (), lambda gate: not gate.regressed)[1]
        record["duration_s"] = round(time.monotonic() - began, 2)
        self.attempts.save(record)
        if record["verdict"] == "failed":
            raise TransactionError(_undo_failed(record), attempt=public(record))
        return after

    def _apply(self, record: dict[str, Any], steps: Sequence[Step]) -> str:
        """Do the steps; the error of the first that fails, empty when all were done."""
        record["phase"] = "applying"
        for step, told in zip(steps, record["steps"]):
            told["outcome"] = "started"
            self.attempts.save(record)
            began = time.monotonic()
            try:
                self.executor.run(step)
            except NetfixError as exc:
                told.update(outcome="failed", error=str(exc))
                return str(exc)
            finally:
                told["duration_ms"] = round((time.monotonic() - began) * 1000, 1)
            told["outcome"] = "done"
        return ""

    def _look_until(
        self, before: tuple[Snapshot, Diagnosis], promised: tuple[Finding, ...], enough: Callable[[Gate], bool]
    ) -> tuple[Gate, tuple[Snapshot, Diagnosis], float]:
        """Look, less and less often, until the gate shows enough or the time is up; the seconds waited come last."""
        began = time.monotonic()
        pause = self.limits.first_pause_s
        while True:
            after = self.look()
            gate = judge(before, after, promised)
            waited = time.monotonic() - began
            if enough(gate) or waited + pause > self.limits.gate_timeout_s:
                return gate, after, waited
            time.sleep(pause)
            pause = min(pause * 1.5, self.limits.longest_pause_s)

    def _undo(self, record: dict[str, Any], saved: ProjectState) -> None:
        """Go back to the checkpoint and prove it; the verdict is ``undone``, or ``failed`` with what is left."""
        record["phase"] = "undoing"
        self.attempts.save(record)
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

    def _go_back(self, saved: ProjectState) -> None:
        for _round in range(UNDO_ROUNDS):
            steps = undo_steps(self.executor.state(), saved, self.executor.compose.project.override)
            if not steps:
                return
            for step in steps:
                self.executor.run(step)

    def _settle_all(self) -> list[str]:
        """Undo what earlier runs left unfinished; their ids. Raises TransactionError where that cannot be done."""
        settled = []
        for record in reversed(self.attempts.unfinished()):
            self._settle(record)
            settled.append(str(record["id"]))
        return settled

    def _settle(self, record: dict[str, Any]) -> None:
        record["reason"] = f"settled by a later run: it had died while {record['phase']}"
        self._undo(record, from_data(ProjectState, record["checkpoint"]))
        self.attempts.save(record)
        if record["verdict"] == "failed":
            raise TransactionError(_undo_failed(record), attempt=public(record))

    def settle(self) -> list[str]:
        """Undo every unfinished attempt; their ids."""
        with self.attempts.lock(), _interruptible():
            return self._settle_all()

    def kept(self, run_id: str, name: str = "") -> list[dict[str, Any]]:
        """A run's attempts that are in force, newest first. Raises TransactionError for a run that is not known."""
        known = self.attempts.all()
        chosen = [r for r in known if r["run_id"] == run_id]
        if not chosen:
            runs = ", ".join(dict.fromkeys(str(r["run_id"]) for r in known)) or "none"
            project = self.attempts.project
            raise TransactionError(f"Project {project!r} has no run {run_id!r}. Runs with a checkpoint: {runs}.")
        return [r for r in reversed(chosen) if r["phase"] == "kept" and name in ("", r["remediation"])]

    def roll_back(self, run_id: str, name: str = "") -> list[dict[str, Any]]:
        """Undo the kept attempts of a run, newest first. Raises TransactionError for an unknown run, or for drift."""
        with self.attempts.lock(), _interruptible():
            self._settle_all()
            kept = self.kept(run_id, name)
            if kept and not self.force:
                self._refuse_drift(kept[0], self.attempts.all())
            for record in kept:
                record["reason"] = "rolled back"
                self._undo(record, from_data(ProjectState, record["checkpoint"]))
                self.attempts.save(record)
                if record["verdict"] == "failed":
                    raise TransactionError(_undo_failed(record), attempt=public(record))
            return kept

    def _refuse_drift(self, newest: dict[str, Any], known: Sequence[dict[str, Any]]) -> None:
        later = [str(r["id"]) for r in known if r["phase"] == "kept" and r["started_at"] > newest["started_at"]]
        if later:
            raise TransactionError(
                f"Attempt {later[-1]} was kept after run {newest['run_id']}; roll that back first, or set force."
            )
        drift = [
            d for d in differences(from_data(ProjectState, newest["after"]), self.executor.state()) if not d.dynamic
        ]
        if drift:
            raise TransactionError(
                f"Project {self.attempts.project!r} was changed after run {newest['run_id']}: "
                f"{'; '.join(str(d) for d in drift[:5])}. Rolling back would undo that as well; set force to do so.",
                drift=[str(d) for d in drift],
            )


def public(record: dict[str, Any]) -> dict[str, Any]:
    """An attempt without its checkpoint, which holds secrets."""
    return {k: v for k, v in record.items() if k in PUBLIC}


def _told(step: Step, outcome: str = "planned") -> dict[str, Any]:
    return {
        "action": step.action.value,
        "object": step.object,
        "cause": step.cause,
        "outcome": outcome,
        "duration_ms": 0.0,
        "error": "",
    }


def override_of(steps: Sequence[Step]) -> Any:
    """The data that the steps write to the override file, None where they write none."""
    return next((s.args.get("data") for s in steps if s.action is Action.WRITE_OVERRIDE), None)


def _why_unchanged(promised: Sequence[Finding]) -> str:
    return "there is nothing to change" if promised else "nothing is broken"


def _why_kept(gate: Gate) -> str:
    rest = f"; still broken: {', '.join(gate.still_broken)}" if gate.still_broken else ""
    return f"mended {', '.join(dict.fromkeys(gate.mended))}, and nothing that passed before fails{rest}"


def _why_undone(gate: Gate) -> str:
    if gate.regressed:
        return f"what passed before fails now: {', '.join(gate.regressed)}"
    return f"it did not mend {', '.join(dict.fromkeys(gate.still_broken))}"


def _undo_failed(record: dict[str, Any]) -> str:
    undo = record["undo"]
    left = "; ".join(undo["differences"]) or undo["error"]
    return (
        f"Attempt {record['id']} ({record['reason']}) could not be undone completely. Left: {left}. "
        f"{undo['error']} Its checkpoint stays; mend the cause and run again, or restore these by hand."
    ).replace("  ", " ")


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
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
