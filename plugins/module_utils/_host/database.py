# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL database, asked with the psql inside its own container, and the operator's scripts for it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from .._core.errors import DatabaseError
from .._core.redact import redact_text
from .._core.remediation.databases import APPLICATION, END, LOOK, DatabaseState, Place, parse_look
from .engine import Engine

LOOK_TIMEOUT_S = 20.0
# who is ended rolls back first, which takes a moment
ENDED_WITHIN_S = 30.0


def ask(engine: Engine, place: Place, statement: str, timeout_s: float, application: str = APPLICATION) -> str:
    """What one statement prints. Raises DatabaseError with the database's own words where it refuses."""
    words = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", place.user, "-d", place.database, "-c", statement]
    code, out, err = engine.run_to_end(place.container, words, _settings(timeout_s, application))
    if code:
        raise DatabaseError(
            f"Database {place.database!r} in container {place.container!r}, asked as {place.user!r}: {_told(err or out)}"
        )
    return out.strip()


def look(engine: Engine, asked: DatabaseState) -> DatabaseState:
    """The indexes of the database as they are now."""
    # a name of its own, or it would count itself
    return parse_look(ask(engine, asked.place, LOOK, LOOK_TIMEOUT_S, f"{APPLICATION} look"), asked)


def end_statements(engine: Engine, place: Place) -> None:
    """End the statements of ours that are under way, and wait until they are gone."""
    deadline = time.monotonic() + ENDED_WITHIN_S
    while ask(engine, place, END, LOOK_TIMEOUT_S, f"{APPLICATION} end") != "0":
        if time.monotonic() > deadline:
            raise DatabaseError(f"A statement of ours in database {place.database!r} does not end; see pg_stat_activity.")
        time.sleep(0.2)


def run_script(engine: Engine, container: str, words: Sequence[str], timeout_s: float) -> None:
    """Run the operator's script. Its statements go by our name, so that they are found where this process dies."""
    code, out, err = engine.run_to_end(container, words, _settings(timeout_s, APPLICATION))
    if code:
        raise DatabaseError(f"{words[0]} in container {container!r} ended with exit code {code}: {_told(err or out)}")


def _settings(timeout_s: float, application: str) -> dict[str, str]:
    """Variables of libpq: https://www.postgresql.org/docs/current/libpq-envars.html"""
    options = f"-c statement_timeout={int(timeout_s * 1000)}"
    return {"PGAPPNAME": application, "PGOPTIONS": options, "PGCONNECT_TIMEOUT": "5"}


def _told(text: str) -> str:
    return redact_text(" ".join(text.split()[-60:])) or "it gave no reason"
