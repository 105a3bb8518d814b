# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the indexes that the queries want, by the operator's own script or one by one, and drop nothing of others."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from ..remediation.databases import (
    DatabaseState,
    Index,
    covering,
    create_statement,
    drop_statement,
    index_name,
)
from ..remediation.situation import Proposal, Situation, refuse
from ..remediation.steps import Step, create_index, drop_index, run_script
from .wish import Optimization, Wish

CAUSE = "queries read the whole table without it"


def propose(situation: Situation, wish: Wish, database: Optional[DatabaseState] = None) -> Proposal:
    """An index on the columns, unless one begins with them already; or the operator's script, whose undoing is known."""
    if database is None:
        return refuse(f"no PostgreSQL was found that service '{wish.service}' uses; name it with database_service")
    if wish.command:
        return _by_script(situation, wish, database)
    if not wish.table or not wish.columns:
        return refuse("say what to index (table and columns), or which script does it (command)")
    if covering(wish.table, wish.columns, database.indexes.values()):
        return Proposal()
    schema, _dot, _table = wish.table.rpartition(".")
    name = f"{schema or 'public'}.{index_name(wish.table, wish.columns)}"
    found = database.indexes.get(name)
    if found and found.valid:
        return refuse(f"there is an index {name} already, and it is another one: {found.definition}")
    steps = _without_ruin(database, name, found)
    steps.append(create_index(database.place, name, create_statement(wish.table, wish.columns), CAUSE))
    return Proposal(tuple(steps), database=replace(database, own=(name,)))


def _without_ruin(database: DatabaseState, name: str, found: Optional[Index]) -> list[Step]:
    if found is None:
        return []
    return [drop_index(database.place, name, drop_statement(found), "an interrupted build left it, and nothing can use it")]


def _by_script(situation: Situation, wish: Wish, database: DatabaseState) -> Proposal:
    containers = situation.containers_of(wish.service)
    running = [name for name in containers if situation.state.containers[name].kept_running]
    if not running:
        return refuse(f"service '{wish.service}' has no running container in which the script could run")
    before = replace(database, any_new=True, undo_container=running[0], undo_words=wish.undo_command)
    return Proposal((run_script(running[0], wish.command, CAUSE),), database=before)


OPTIMIZATION = Optimization(
    name="indexes",
    summary="makes the indexes that the queries want, without locking writers out",
    restarts="nothing",
    propose=propose,
)
