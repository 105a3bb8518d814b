# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What happened in a database or a cache between two looks at its counters."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

from .indexes import wanted_indexes
from .model import NOT_MEASURED, Cache, Database, Index, Statement, Table, by_time


def since(before: Database, after: Database) -> Database:
    """What happened in a database between two looks; the later look as it is where its statistics were reset meanwhile."""
    if after.outcome == NOT_MEASURED or before.outcome == NOT_MEASURED or after.transactions < before.transactions:
        return after
    tables = {(t.schema, t.name): t for t in before.tables}
    indexes = {(i.schema, i.name): i for i in before.indexes}
    statements = {s.query: s for s in before.statements}
    between = replace(
        after,
        seconds=max(0.0, after.at - before.at),
        blocks_hit=after.blocks_hit - before.blocks_hit,
        blocks_read=after.blocks_read - before.blocks_read,
        transactions=after.transactions - before.transactions,
        tables=tuple(_table(t, tables.get((t.schema, t.name))) for t in after.tables),
        indexes=tuple(_index(i, indexes.get((i.schema, i.name))) for i in after.indexes),
        statements=by_time(_statement(s, statements.get(s.query)) for s in after.statements),
    )
    return replace(between, wanted=wanted_indexes(between))


def cache_since(before: Cache, after: Cache) -> Cache:
    """What happened in a cache between two looks; the later look as it is where it was started anew meanwhile."""
    if after.outcome == NOT_MEASURED or before.outcome == NOT_MEASURED or after.commands < before.commands:
        return after
    return replace(
        after,
        seconds=max(0.0, after.at - before.at),
        hits=after.hits - before.hits,
        misses=after.misses - before.misses,
        commands=after.commands - before.commands,
        expired=after.expired - before.expired,
        evictions=after.evictions - before.evictions,
    )


def _table(now: Table, was: Optional[Table]) -> Table:
    if was is None:
        return now
    return replace(
        now,
        scans=max(0, now.scans - was.scans),
        scanned_rows=max(0, now.scanned_rows - was.scanned_rows),
        index_scans=max(0, now.index_scans - was.index_scans),
    )


def _index(now: Index, was: Optional[Index]) -> Index:
    return now if was is None else replace(now, scans=max(0, now.scans - was.scans))


def _statement(now: Statement, was: Optional[Statement]) -> Statement:
    if was is None or now.calls < was.calls:
        return now
    return replace(
        now,
        calls=now.calls - was.calls,
        total_ms=max(0.0, now.total_ms - was.total_ms),
        rows=max(0, now.rows - was.rows),
        blocks_read=max(0, now.blocks_read - was.blocks_read),
    )
