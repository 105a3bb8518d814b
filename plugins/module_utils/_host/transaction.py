# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transaction: recover leftovers → lock → snapshot → plan → checkpoint → apply → gate → keep or undo.

One attempt is one JSON file on the managed host. It is written before the first change and after every step, so
that whoever comes next, at whatever point this process died, knows what to go back to.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Callable, Optional

from .._core.diagnosis.case import Case
from .._core.diagnosis.diagnose import Diagnosis, diagnose
from .._core.errors import NetfixError, TransactionError
from .._core.model import Finding, Snapshot, from_data, to_data
from .._core.remediation import host_firewall, rebuild_network
from .._core.remediation.configuration import changed_parts, fingerprint
from .._core.remediation.databases import as_checkpoint, with_made
from .._core.remediation.gate import Gate, judge, new_errors, standing
from .._core.remediation.planning import REMEDIATIONS, make_plan
from .._core.remediation.recreation import Source, obstacles
from .._core.remediation.situation import Proposal, Situation
from .._core.remediation.state import ProjectState, differences
from .._core.remediation.steps import Action, Step
from .attempts import AWAITING, FORMAT, IN_FORCE, Attempts, has_died, public
from .executor import Executor
from .files import digests, discard_unfinished, parse_override, read_text
from .firewall import host_facts
from .gather import Gatherer
from .host_facts import nft_rules
from .progress import Progress
from .signals import Interrupted, interruptible
from .timer import Timer
from .undoing import Undoing, do, noted, see_undone, utc_now

BY_LATER_RUN = "settled by a later run"
# a timer that is just undoing takes a while, and whoever comes to confirm wants to know how that ended
CONFIRM_WAIT_S = 120.0
# how long what was restarted may look broken in another way than before
SETTLE_S = 5.0
# what a look is called in the journal, and the stage of the progress that it belongs to
GATE_STAGES = {"during": "gate", "after": "check"}


@dataclass
class Limits:
    """How long the gate may wait, how often it looks, and what is kept for how long.

    With ``confirm_timeout_s`` above 0 a kept change is undone by a timer, so long after it, unless it is confirmed.
    """

    gate_timeout_s: float = 20.0
    first_pause_s: float = 0.2
    longest_pause_s: float = 1.5
    confirm_timeout_s: float = 0.0
    keep_checkpoints: int = 20
    keep_days: int = 30


@dataclass(frozen=True)
class Intent:
    """What an attempt is to do: its name, and how a look at the project becomes a proposal and what that promises.

    ``more`` is what its record holds beside, ``unchanged`` says why there may be nothing to do. What is only on
    ``trial`` is undone by the next run, unless this one confirms it.
    """

    name: str
    propose: Callable[[tuple[Snapshot, Diagnosis]], tuple[Proposal, tuple[Finding, ...]]]
    more: Mapping[str, Any] = field(default_factory=dict)
    trial: bool = False
    unchanged: str = ""


@dataclass
class Transaction:
    """Attempts on one project. ``options`` are what the operator asked of single remediations."""

    gatherer: Gatherer
    executor: Executor
    attempts: Attempts
    limits: Limits = field(default_factory=Limits)
    force: bool = False
    progress: Progress = field(default_factory=Progress)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def undoing(self) -> Undoing:
        """What takes this project's attempts back."""
        return Undoing(self.executor, self.attempts, self.progress)

    @property
    def timer(self) -> Timer:
        """What takes them back by itself."""
        return Timer(self.attempts.folder)

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
            return Proposal(refusals=tuple(s.reason for s in plan.skipped if s.remediation == name)), ()
        rebuilds = name == rebuild_network.REMEDIATION.name
        state = self.executor.state(guests=rebuild_network.all_guests(snapshot) if rebuilds else ())
        files, folders = self.gatherer.mounted()
        situation = Situation(
            case=Case(snapshot, diagnosis.walks),
            findings=promised,
            state=state,
            override=parse_override(state.override, self.executor.compose.project.override),
            options={
                **self.options,
                "nft_rules": nft_rules() if rebuilds else (),
                **self._host_options(name),
            },
            files=files,
            folders=folders,
            forced=forced,
        )
        proposal = REMEDIATIONS[name].propose(situation)
        return self.preflight(proposal, snapshot), promised

    def _host_options(self, name: str) -> dict[str, Any]:
        """What only the remediation of the host's firewall asks: it looks at the whole engine."""
        if name != host_firewall.REMEDIATION.name:
            return {}
        return {"host": host_facts(self.executor.engine, bool(self.options.get("allow_host_firewall")))}

    def preflight(self, proposal: Proposal, snapshot: Snapshot) -> Proposal:
        """Refuse what could not be undone: to recreate a container that Compose would not make again as it is."""
        if not proposal.recreated or self.force:
            return proposal
        touched = Case(snapshot).needed_by(proposal.recreated)
        chosen = [c for c in snapshot.containers if c.service in touched and not c.one_off]
        compose, engine = self.executor.compose, self.executor.engine
        source = Source(
            services=snapshot.config.get("services") or {},
            hashes=compose.hashes(),
            images=engine.images(c.image for c in chosen),
            injected=compose.injected(),
        )
        reasons = obstacles(chosen, source)
        return replace(proposal, steps=(), refusals=(*proposal.refusals, *reasons)) if reasons else proposal

    def attempt(self, name: str, run_id: str, number: int, forced: bool = False) -> dict[str, Any]:
        """Try one remediation, as carry_out() does."""
        return self.carry_out(self._mend(name, forced), run_id, number)

    def _mend(self, name: str, forced: bool) -> Intent:
        return Intent(name, lambda look: self.propose(name, forced, look))

    def carry_out(self, intent: Intent, run_id: str, number: int) -> dict[str, Any]:
        """The attempt, with ``look`` after it; raises NetfixError where the undo failed."""
        with self.attempts.lock(), interruptible(), self.progress:
            settled = self._settle_all(run_id)
            self.progress.tell({"number": number, "remediation": intent.name}, "look")
            before = self.look()
            proposal, promised = intent.propose(before)
            record = self._record(intent, run_id, number, promised, proposal)
            shown = {"settled": settled, "proposal": proposal, "before": before, "after": before}
            if proposal.refusals or not proposal.steps:
                record["verdict"] = "refused" if proposal.refusals else "unchanged"
                record["reason"] = "; ".join(proposal.refusals) or intent.unchanged or _why_unchanged(promised)
                return {**record, **shown}
            shown["override_before"] = read_text(self.executor.compose.project.override)
            armed = proposal.changes and self.limits.confirm_timeout_s
            timer = self.timer.arm(self.limits.confirm_timeout_s) if armed else ""
            try:
                shown["after"] = self._transact(record, before, proposal, promised, timer)
            finally:
                if timer:
                    self.timer.renew(self.limits.confirm_timeout_s)
                self._tidy_up()
                self.attempts.expire(self.limits.keep_checkpoints, self.limits.keep_days)
            return {**record, **shown}

    def rehearse(
        self, name: str, run_id: str, number: int, forced: bool, look: tuple[Snapshot, Diagnosis]
    ) -> tuple[Proposal, dict[str, Any]]:
        """What attempt() would do, and its record as planned or refused."""
        return self.foretell(self._mend(name, forced), run_id, number, look)

    def foretell(
        self, intent: Intent, run_id: str, number: int, look: tuple[Snapshot, Diagnosis]
    ) -> tuple[Proposal, dict[str, Any]]:
        """What carry_out() would do, and its record as planned or refused."""
        proposal, promised = intent.propose(look)
        record = self._record(intent, run_id, number, promised, proposal)
        record["verdict"] = "refused" if proposal.refusals else "planned" if proposal.steps else "unchanged"
        record["reason"] = "; ".join(proposal.refusals) or (
            f"asked not to act{_left(proposal.left)}" if proposal.steps else intent.unchanged or _why_unchanged(promised)
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
        self, intent: Intent, run_id: str, number: int, promised: Sequence[Finding], proposal: Proposal
    ) -> dict[str, Any]:
        return {
            **intent.more,
            "format": FORMAT,
            "id": f"{run_id}-{number:02d}-{intent.name}",
            "run_id": run_id,
            "number": number,
            "remediation": intent.name,
            "trial": {"verdict": ""} if intent.trial else None,
            "project": self.executor.compose.project.name,
            "where": self._where(),
            "findings": [f.code for f in promised],
            "restarts": [*proposal.recreated, *proposal.restarted],
            "phase": "prepared",
            "verdict": "",
            "reason": "",
            "steps": [noted(s) for s in proposal.steps],
            "left": list(proposal.left),
            "direct_checks": to_data(proposal.direct_checks),
            "gate": None,
            "looks": [],
            "files": [self.executor.compose.project.override] if override_of(proposal.steps) is not None else [],
            "confirm": None,
            "undo": None,
            "started_at": utc_now(),
            "duration_s": 0.0,
        }

    def _transact(
        self,
        record: dict[str, Any],
        before: tuple[Snapshot, Diagnosis],
        proposal: Proposal,
        promised: tuple[Finding, ...],
        timer: str,
    ) -> tuple[Snapshot, Diagnosis]:
        """Checkpoint, apply, gate, keep or undo; the project afterwards. The record tells the rest.

        An attempt that only waits has nothing to keep or to undo, and so no checkpoint: what somebody else changes
        meanwhile must not be taken back. ``timer`` is what will undo it unless it is confirmed; empty for none.
        """
        began = time.monotonic()
        record["id"] = self.attempts.free_id(record["id"], again=bool(record["trial"]))
        if proposal.changes:
            state = self.executor.state(host=proposal.host, guests=proposal.carried, database_state=proposal.database)
            if state.database:
                state = replace(state, database=as_checkpoint(state.database))
            record["checkpoint"] = to_data(state)
        self.attempts.save(record)
        problem = ""
        told_to_end = False
        after = before
        gate = Gate(promised=tuple(f.code for f in promised))
        self._note_look(record, "before", before, before, promised)
        try:
            problem = self._apply(record, proposal.steps)
            if not problem:
                record["phase"] = "gating"
                self.attempts.save(record)
                gate, after, waited = self._look_until(
                    record, "during", before, promised, lambda gate: gate.complete, proposal.patience_s
                )
                record["gate"] = {**to_data(gate), "waited_s": round(waited, 2)}
            if not problem and proposal.changes and gate.passed:
                problem = self._keep(record, gate, timer, began)
        except Interrupted as exc:
            problem, told_to_end = f"the run was told to end ({exc})", True
        except NetfixError as exc:
            problem = str(exc)
        except Exception as exc:  # every way out undoes, a defect of ours as well
            problem = f"an internal error: {exc!r}"
        if not proposal.changes:
            record.update(phase="unchanged", verdict="unchanged", reason=problem or _why_waited(gate))
            self.attempts.save(record)
        elif problem or not gate.passed:
            self.undoing.undo(record, problem or _why_undone(gate))
        record["duration_s"] = _since(began)
        see_undone(record)
        if (problem or record["undo"]) and not told_to_end:
            # recreated containers need a moment until what passed before passes again
            after = self._look_until(record, "after", before, (), lambda gate: not gate.regressed)[1]
        return after

    def _keep(self, record: dict[str, Any], gate: Gate, timer: str, began: float) -> str:
        """Write down what is kept and how the project is with it; why that cannot be, empty where it can.

        What is not on the disk as kept would be taken for unfinished, and be undone by the next run.
        """
        kept: dict[str, Any] = {"phase": "kept", "verdict": "kept", "reason": _why_kept(gate, record["left"])}
        if timer or record["trial"]:
            until = utc_now(timedelta(seconds=self.limits.confirm_timeout_s)) if timer else ""
            kept.update(phase=AWAITING, confirm={"until": until, "timer": timer, "confirmed_at": ""})
        try:
            saved = from_data(ProjectState, record["checkpoint"])
            now = self.executor.state_beside(saved)
            if saved.database and now.database:
                made = with_made(saved.database, now.database)
                if not made.own:
                    return "it made no index that was not there before"
                # from here on it is known by name what to take back, and what is somebody else's
                record["checkpoint"]["database"] = to_data(made)
                now = replace(now, database=replace(now.database, own=made.own, any_new=False))
            kept.update(after=to_data(now), configuration=self._configuration(), duration_s=_since(began))
            self.attempts.save({**record, **kept})
        except NetfixError as exc:
            return str(exc)
        record.update(kept)
        return ""

    def _configuration(self) -> dict[str, dict[str, str]]:
        """Digests of the effective configuration, by part, and of the files that it was made from."""
        project = self.executor.compose.project
        files = (*project.effective_files(), *project.env_files, os.path.join(project.source, ".env"))
        return {"parts": fingerprint(self.gatherer.config()[0]), "files": digests(files)}

    def _apply(self, record: dict[str, Any], steps: Sequence[Step]) -> str:
        """Do the steps; the error of the first that fails, empty when all were done."""
        record["phase"] = "applying"
        for number, (step, note) in enumerate(zip(steps, record["steps"]), start=1):
            note["outcome"] = "started"
            self.attempts.save(record)
            self.progress.tell(
                record, "step", step=number, steps=len(steps), text=f"{step.action.value} {step.object}"
            )
            try:
                do(self.executor, step, note)
            except NetfixError as exc:
                return str(exc)
        return ""

    def _look_until(
        self,
        record: dict[str, Any],
        when: str,
        before: tuple[Snapshot, Diagnosis],
        promised: tuple[Finding, ...],
        enough: Callable[[Gate], bool],
        patience_s: float = 0.0,
    ) -> tuple[Gate, tuple[Snapshot, Diagnosis], float]:
        """Look, less and less often, until the gate shows enough or the time is up; the seconds waited come last.

        While something is broken that was not before, it looks a little longer. Each look is noted in the record, as one
        ``during`` the gate's wait, or ``after`` an undo.
        """
        began = time.monotonic()
        pause = self.limits.first_pause_s
        timeout_s = max(self.limits.gate_timeout_s, patience_s)
        enough_s = None
        while True:
            after = self.look()
            gate = judge(before, after, promised)
            self._note_look(record, when, before, after, promised, timeout_s - (time.monotonic() - began))
            waited = time.monotonic() - began
            enough_s = None if not enough(gate) else waited if enough_s is None else enough_s
            settled = enough_s is not None and (waited - enough_s >= SETTLE_S or not new_errors(before[1], after[1]))
            if settled or waited + pause > timeout_s:
                return gate, after, waited
            time.sleep(pause)
            pause = min(pause * 1.5, self.limits.longest_pause_s)

    def _note_look(
        self,
        record: dict[str, Any],
        when: str,
        before: tuple[Snapshot, Diagnosis],
        after: tuple[Snapshot, Diagnosis],
        promised: tuple[Finding, ...],
        left_s: float = 0.0,
    ) -> None:
        """What one look showed, in the journal; and to whoever watches, for how long others may follow."""
        passing, failing = standing(before, after, promised)
        record["looks"].append({"when": when, "at": utc_now(), "passing": len(passing), "failing": list(failing)})
        if when != "before":
            wanted = len(passing) + len(failing)
            self.progress.tell(record, GATE_STAGES[when], left_s, passing=len(passing), wanted=wanted)

    def _settle_all(self, run_id: str = "") -> list[str]:
        """Undo what earlier runs left unfinished or unconfirmed; their ids."""
        for record in self.attempts.idle():
            record.update(phase="unchanged", verdict="unchanged", reason="it had died while it waited; nothing was changed")
            self.attempts.save(record)
        settled = self.undoing.settle(self.attempts.unfinished(run_id), BY_LATER_RUN)
        self._tidy_up()
        return settled

    def _tidy_up(self) -> None:
        """No timer stays armed for nothing, and no half-written file lies about."""
        discard_unfinished(self.executor.compose.project.override)
        self.attempts.discard_unfinished()
        if not self.attempts.unfinished():
            self.timer.disarm()

    def settle(self) -> tuple[list[str], list[dict[str, Any]]]:
        """Undo every attempt that is unfinished or unconfirmed; their ids.

        With them those that were undone without any run telling so: these and what the timer, say, undid before.
        """
        with self.attempts.lock(), interruptible(), self.progress:
            settled = self._settle_all()
            untold = self.attempts.untold()
            self.attempts.tell(untold)
            return settled, untold

    def confirm(self, run_id: str, name: str = "", number: int = 0) -> list[dict[str, Any]]:
        """Keep for good what a run kept, and disarm the timer; the attempts that waited for it.

        Only those of a name and of a number, where these are given.

        Raises TransactionError for an unknown run, and where something was faster: the timer, or another run.
        """
        with self.attempts.lock(CONFIRM_WAIT_S), interruptible():
            try:
                awaiting = self.awaiting(run_id, name, number)
            except TransactionError:
                self.attempts.tell(self._untold_of(run_id))
                raise
            if awaiting:
                # from here on no timer undoes it; should this process die, the next run does
                self.timer.disarm()
            for record in awaiting:
                record.update(phase="kept", confirm={**record["confirm"], "confirmed_at": utc_now()})
                self.attempts.save(record)
            return awaiting

    def awaiting(self, run_id: str, name: str = "", number: int = 0) -> list[dict[str, Any]]:
        """A run's attempts that wait to be confirmed, oldest first. Raises TransactionError as confirm() does.

        What was on trial and is undone waits for nothing.
        """
        chosen = [r for r in self.attempts.of_run(run_id) if _is(r, name, number)]
        chosen = [r for r in chosen if not (r.get("trial") and r["phase"] == "undone")]
        unconfirmed = [r for r in chosen if r.get("confirm") and not r["confirm"]["confirmed_at"]]
        for record in unconfirmed:
            if record["phase"] != AWAITING:
                raise TransactionError(
                    f"Attempt {record['id']} was kept, and is not in force any more: {record['reason']}. "
                    f"It had to be confirmed by {record['confirm']['until']}.",
                    attempts=[public(r) for r in chosen],
                    undone=[public(r) for r in self._untold_of(run_id)],
                )
        return unconfirmed

    def _untold_of(self, run_id: str) -> list[dict[str, Any]]:
        return [r for r in self.attempts.untold() if r["run_id"] == run_id]

    def conclude(self, run_id: str, name: str, number: int, verdict: str) -> None:
        """Note what a measurement said of something on trial, so that no later run measures it once more."""
        with self.attempts.lock():
            for record in self.attempts.of_run(run_id):
                if _is(record, name, number) and record.get("trial"):
                    record["trial"]["verdict"] = verdict
                    self.attempts.save(record)

    def kept(self, run_id: str, name: str = "", number: int = 0) -> list[dict[str, Any]]:
        """A run's attempts that are in force, newest first. Raises TransactionError for a run that is not known."""
        chosen = reversed(self.attempts.of_run(run_id))
        return [r for r in chosen if r["phase"] in IN_FORCE and _is(r, name, number)]

    def roll_back(self, run_id: str, name: str = "", number: int = 0) -> list[dict[str, Any]]:
        """Undo the kept attempts of a run, newest first, and before them those of it that had died.

        A forced one takes back what later runs kept as well, because their changes came after its checkpoint. Raises
        TransactionError for an unknown run, for a newer one that is in force, confirmed or not, and for drift.
        """
        with self.attempts.lock(), interruptible(), self.progress:
            died = [r for r in self.attempts.all() if has_died(r)]
            self.undoing.settle(died, BY_LATER_RUN)
            kept = self.kept(run_id, name, number)
            later = self._later(kept[0]) if kept else []
            if kept and not self.force:
                self._refuse_later(kept[0], later)
                self._refuse_drift(kept[0])
            # an earlier checkpoint tells nothing of a database that only a later attempt changed
            own_way = [r for r in later if r["checkpoint"].get("database")]
            for record in own_way + kept:
                # nothing is touched where not even that much can be written
                self.attempts.save(record)
                self.undoing.undo(record, "rolled back")
                see_undone(record)
            for record in (r for r in later if r not in own_way):
                record.update(phase="undone", verdict="undone", reason=f"undone by the forced roll back of run {run_id}")
                self.attempts.save(record)
            self._tidy_up()
            own = [r for r in reversed(died) if r["run_id"] == run_id and _is(r, name, number)]
            self.attempts.tell(own)
            return later + own + kept

    def _later(self, record: dict[str, Any]) -> list[dict[str, Any]]:
        """What was kept after an attempt and is in force, newest first."""
        known = reversed(self.attempts.all())
        return [r for r in known if r["phase"] in IN_FORCE and r["started_at"] > record["started_at"]]

    def _refuse_later(self, newest: dict[str, Any], later: Sequence[dict[str, Any]]) -> None:
        if later:
            names = ", then ".join(dict.fromkeys(f"{r['run_id']} ({r['remediation']})" for r in later))
            raise TransactionError(
                f"Run {newest['run_id']} is not the last that changed project {self.attempts.project!r}. Roll back {names} "
                "first, or set force to take everything back at once.",
                later=[public(r) for r in later],
            )

    def _refuse_drift(self, newest: dict[str, Any]) -> None:
        kept = from_data(ProjectState, newest["after"])
        found = differences(kept, self.executor.state_beside(kept))
        drift = [str(d) for d in found if not d.dynamic] + self._edits(newest.get("configuration"))
        if drift:
            raise TransactionError(
                f"Project {self.attempts.project!r} was changed after run {newest['run_id']}: {'; '.join(drift[:5])}. "
                "Rolling back would undo that as well, or not come out as it was; set force to do so.",
                drift=drift,
            )

    def _edits(self, was: Optional[dict[str, Any]]) -> list[str]:
        """What was edited in the configuration since; records of an earlier release do not hold how it was."""
        found = self._configuration()
        parts = changed_parts(was["parts"], found["parts"]) if was else []
        if not parts:
            return []
        files = [path for path, digest in found["files"].items() if was["files"].get(path) != digest]
        files += [path for path in was["files"] if path not in found["files"]]
        where = f" (in {', '.join(files)})" if files else ""
        return [f"{part} in the configuration{where}" for part in parts]


def override_of(steps: Sequence[Step]) -> Any:
    """The data that the steps write to the override file, None where they write none."""
    return next((s.args.get("data") for s in steps if s.action is Action.WRITE_OVERRIDE), None)


def _is(record: Mapping[str, Any], name: str, number: int) -> bool:
    """Whether it is the attempt of that name and number; an empty one is any."""
    return name in ("", record["remediation"]) and number in (0, record["number"])


def _why_unchanged(promised: Sequence[Finding]) -> str:
    return "there is nothing to change" if promised else "nothing is broken"


def _why_kept(gate: Gate, left: Sequence[str]) -> str:
    rest = f"; still broken: {', '.join(gate.still_broken)}" if gate.still_broken else ""
    mended = f"mended {', '.join(dict.fromkeys(gate.mended))}, and " if gate.mended else ""
    return f"{mended}nothing that passed before fails{rest}{_left(left)}"


def _left(reasons: Sequence[str]) -> str:
    return f"; left as it is: {'; '.join(reasons)}" if reasons else ""


def _why_waited(gate: Gate) -> str:
    if gate.passed:
        return f"waiting was enough for {', '.join(dict.fromkeys(gate.mended))}; nothing was changed"
    return f"waiting was not enough: {_why_undone(gate)}; nothing was changed"


def _why_undone(gate: Gate) -> str:
    if gate.regressed:
        return f"what passed before fails now: {', '.join(gate.regressed)}"
    return f"it did not mend {', '.join(dict.fromkeys(gate.still_broken))}"


def _since(began: float) -> float:
    return round(time.monotonic() - began, 2)
