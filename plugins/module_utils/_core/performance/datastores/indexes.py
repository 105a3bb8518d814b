# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which index a statement wants: read from the statement itself, for the plain kinds of which that is certain."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Optional

from .model import Database, Index, Table, WantedIndex

# below this a table is read in less time than anyone notices
FEWEST_ROWS = 10000
_LONGEST_NAME = 63
_NAME = r'(?:"[^"]+"|[a-zA-Z_][\w$]*)'
_FROM = re.compile(
    rf"^\s*(?:SELECT\b.*?\bFROM|UPDATE|DELETE\s+FROM)\s+(?:ONLY\s+)?(?:(?P<schema>{_NAME})\.)?(?P<table>{_NAME})"
    rf"(?:\s+(?:AS\s+)?(?!WHERE\b|SET\b|ORDER\b|LIMIT\b|JOIN\b|USING\b)(?P<alias>{_NAME}))?(?P<rest>.*)$",
    re.IGNORECASE | re.DOTALL,
)
_WHERE = re.compile(
    r"\bWHERE\b(?P<where>.*?)(?:\bGROUP\s+BY\b.*?)?(?:\bORDER\s+BY\b(?P<order>.*?))?"
    r"(?:\b(?:LIMIT|OFFSET|FETCH|FOR|RETURNING)\b.*)?;?\s*$",
    re.IGNORECASE | re.DOTALL,
)
# more than one table, or a choice: what helps those is no matter of reading them
_UNCLEAR = re.compile(r"\b(JOIN|OR|UNION|INTERSECT|EXCEPT|EXISTS|NOT|SELECT)\b|^\s*,", re.IGNORECASE)
_CONDITION = re.compile(
    rf"^\s*\(*(?:{_NAME}\.)?(?P<column>{_NAME})\s*(?P<operator>=|<=|>=|<|>|\bIN\b|\bBETWEEN\b)\s*"
    r"(?P<value>\(?\s*(?:ANY\s*\(|\$|\?|%s|:|')?.*)$",
    re.IGNORECASE | re.DOTALL,
)
_ORDER = re.compile(rf"^\s*(?:{_NAME}\.)?(?P<column>{_NAME})(?:\s+(?P<order>ASC|DESC))?\s*$", re.IGNORECASE)
_LITERAL = re.compile(r"\$(\w*)\$.*?\$\1\$|[eE]?'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b(?<!\$\d)", re.DOTALL)


def without_literals(query: str) -> str:
    """A statement with ``?`` in the place of its texts and numbers, which are the users' data; in one line."""

    def masked(match: re.Match[str]) -> str:
        is_parameter = match.start() > 0 and query[match.start() - 1] == "$"
        return match.group() if is_parameter else "?"

    return " ".join(_LITERAL.sub(masked, query).split())


def columns_of(query: str) -> Optional[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """Schema, table and columns (name, direction) of the index that a statement wants; None where that is not certain.

    Columns that are compared for equality come first, then those of the order, or one that is compared for a range.
    """
    found = _FROM.match(query)
    if not found or _UNCLEAR.search(found["rest"]):
        return None
    clauses = _WHERE.search(found["rest"])
    if not clauses:
        return None
    equal: list[str] = []
    ranges: list[str] = []
    for condition in re.split(r"\bAND\b(?![^(]*\))", clauses["where"], flags=re.IGNORECASE):
        matched = _CONDITION.match(condition)
        if not matched:
            return None
        (equal if matched["operator"] == "=" else ranges).append(_plain(matched["column"]))
    ordered = _ordered(clauses["order"] or "")
    if ordered is None:
        return None
    more = [o for o in ordered if o[0] not in equal] if not ranges else [(ranges[0], "ASC")]
    columns = tuple(dict.fromkeys([*((name, "ASC") for name in equal), *more]))
    return _plain(found["schema"] or ""), _plain(found["table"]), columns


def _ordered(text: str) -> Optional[list[tuple[str, str]]]:
    columns = []
    for part in filter(str.strip, text.split(",")):
        matched = _ORDER.match(part)
        if not matched:
            return None
        columns.append((_plain(matched["column"]), (matched["order"] or "ASC").upper()))
    return columns


def _plain(name: str) -> str:
    return name[1:-1] if name.startswith('"') else name.lower()


def wanted_indexes(database: Database) -> tuple[WantedIndex, ...]:
    """The indexes that the statements of a database want, those of the costliest first.

    Wanted is one where a large table was read from beginning to end, a statement that ran compares its columns, and no
    valid index begins with what it compares.
    """
    queries = [s.query for s in database.statements] or [r.query for r in database.running]
    wanted: dict[tuple[str, str, tuple[tuple[str, str], ...]], WantedIndex] = {}
    for query in queries:
        read = columns_of(query)
        table = _scanned(database.tables, read[0], read[1]) if read else None
        if read is None or table is None:
            continue
        columns = tuple(c for c in read[2] if c[0] in table.columns)
        if not columns or len(columns) < len(read[2]) or _has(database.indexes, table, columns):
            continue
        key = (table.schema, table.name, columns)
        if key not in wanted:
            wanted[key] = _wanted(table, columns, query)
    return tuple(wanted.values())


def _scanned(tables: Iterable[Table], schema: str, name: str) -> Optional[Table]:
    for table in tables:
        if table.name == name and schema in ("", table.schema) and table.rows >= FEWEST_ROWS and table.scans > 0:
            return table
    return None


def _has(indexes: Iterable[Index], table: Table, columns: Sequence[tuple[str, str]]) -> bool:
    first = columns[0][0]
    return any(
        (i.schema, i.table) == (table.schema, table.name) and i.valid and not i.partial and i.columns[:1] == (first,)
        for i in indexes
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _wanted(table: Table, columns: tuple[tuple[str, str], ...], query: str) -> WantedIndex:
    name = "_".join(("netfix", table.name, *(c[0] for c in columns)))[:_LONGEST_NAME]
    listed = ", ".join(_quoted(c) + (" DESC" if order == "DESC" else "") for c, order in columns)
    return WantedIndex(
        schema=table.schema,
        table=table.name,
        columns=columns,
        name=name,
        sql=f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {_quoted(name)} ON {_quoted(table.schema)}.{_quoted(table.name)} ({listed})",
        query=query,
        reason=f"{table.scans} times the {table.rows} rows of {table.name} were read from beginning to end, and no valid index "
        f"begins with {columns[0][0]}",
    )
