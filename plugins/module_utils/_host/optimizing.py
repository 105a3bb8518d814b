# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An optimization as an attempt of the transaction: found again when an earlier run made it, or tried it in vain."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Optional

from .._core.diagnosis.case import Case
from .._core.errors import DatabaseError
from .._core.model import Container, Finding, Snapshot, from_data, to_data
from .._core.optimization.catalogue import OPTIMIZATIONS, ROLE
from .._core.optimization.wish import Wish
from .._core.redact import redact_options
from .._core.remediation.databases import DatabaseState, Place
from .._core.remediation.situation import Proposal, Situation, refuse
from .._core.remediation.state import ProjectState
from . import database
from .attempts import IN_FORCE
from .files import parse_override
from .transaction import Diagnosis, Intent, Transaction

POSTGRES_PORT = 5432
IMPROVED = "improved"
SCHEMES = ("postgres", "postgresql")


@dataclass(frozen=True)
class Asked:
    """Which optimization of what. The database's service, name and user may be left open, and are found then.

    ``again`` tries also what an earlier run measured and took back.
    """

    kind: str
    wish: Wish
    database_service: str = ""
    database: str = ""
    user: str = ""
    again: bool = False

    @property
    def digest(self) -> str:
        """The same for the same question."""
        told = [self.kind, to_data(self.wish), self.database_service, self.database]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def told(self) -> dict[str, Any]:
        """As the journal has it, without secrets."""
        given = {k: v for k, v in to_data(self.wish).items() if v and k != "service"}
        return {
            "name": self.kind,
            "target": self.wish.service,
            "parameters": redact_options(given),
            "digest": self.digest,
        }


@dataclass
class Optimizing:
    """Optimizations of one project, in its transaction."""

    transaction: Transaction

    def intent(self, asked: Asked, run_id: str, number: int, trial: bool) -> Intent:
        """The attempt to make; what another run measured in vain is refused, and what one made is left as it is."""

        def propose(look: tuple[Snapshot, Diagnosis]) -> tuple[Proposal, tuple[Finding, ...]]:
            return self._propose(asked, look, (run_id, number)), ()

        name = ROLE(asked.kind)
        return Intent(name, propose, {"optimization": asked.told()}, trial, "it is so already")

    def _propose(self, asked: Asked, look: tuple[Snapshot, Diagnosis], own: tuple[str, int]) -> Proposal:
        snapshot, diagnosis = look
        executor = self.transaction.executor
        case = Case(snapshot, diagnosis.walks)
        state = executor.state()
        override = parse_override(state.override, executor.compose.project.override)
        situation = Situation(case=case, findings=(), state=state, override=override)
        known: Optional[DatabaseState] = None
        if asked.kind == "indexes":
            place = self._place(asked, case)
            known = database.look(executor.engine, DatabaseState(place)) if place else None
        in_force, in_vain = self._earlier(asked, own)
        if in_force and known and _still_there(in_force, known):
            return Proposal()
        proposal = OPTIMIZATIONS[asked.kind].propose(situation, asked.wish, known)
        if in_vain and proposal.steps and not asked.again:
            return refuse(
                f"run {in_vain['run_id']} tried it and took it back ({in_vain['trial']['verdict']}); set again to try it once more"
            )
        return self.transaction.preflight(proposal, snapshot)

    def _earlier(
        self, asked: Asked, own: tuple[str, int]
    ) -> tuple[Optional[dict[str, Any]], Optional[dict[str, Any]]]:
        """The last attempts of the same that are in force, or that a measurement spoke against."""
        same = [
            r
            for r in self.transaction.attempts.all()
            if (r.get("optimization") or {}).get("digest") == asked.digest and (r["run_id"], r["number"]) != own
        ]
        in_force = [r for r in same if r["phase"] in IN_FORCE]
        verdicts = {r["id"]: (r.get("trial") or {}).get("verdict") for r in same}
        in_vain = [r for r in same if r["phase"] == "undone" and verdicts[r["id"]] not in (None, "", IMPROVED)]
        return (in_force or [None])[-1], (in_vain or [None])[-1]

    def _place(self, asked: Asked, case: Case) -> Optional[Place]:
        """Where the database is asked, None where none is known. Raises DatabaseError for one that does not run."""
        service = asked.database_service or self._database_of(asked.wish.service, case)
        if not service:
            return None
        container: Optional[Container] = next((c for c in case.containers_of(service) if c.running), None)
        if container is None:
            raise DatabaseError(f"The database service {service!r} has no running container to ask in.")
        given: Mapping[str, str] = container.environment
        user = asked.user or given.get("POSTGRES_USER") or "postgres"
        return Place(service, container.name, asked.database or given.get("POSTGRES_DB") or user, user)

    def _database_of(self, service: str, case: Case) -> str:
        """The service itself where it is a PostgreSQL, else the one that it calls as such."""
        if "POSTGRES_DB" in ((case.snapshot.config.get("services") or {}).get(service) or {}).get("environment", {}):
            return service
        called = [d for d in case.snapshot.dependencies if d.consumer == service]
        named = [case.provider(d) for d in called if d.scheme in SCHEMES or d.port == POSTGRES_PORT]
        return next((provider for provider in named if provider), "")


def _still_there(record: Mapping[str, Any], now: DatabaseState) -> bool:
    """Whether all indexes that an attempt made are there and can be used."""
    saved = from_data(ProjectState, record["checkpoint"]).database
    return bool(saved and saved.own) and all(n in now.indexes and now.indexes[n].valid for n in (saved.own if saved else ()))
