# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an attempt may change of a PostgreSQL database: indexes that were not there before, and nothing else."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Optional

# what statements of ours are called in pg_stat_activity, those of the operator's own script too
APPLICATION = "vertice.netfix"
# what names of our indexes begin with
PREFIX = "netfix_"
# bytes of a name: https://www.postgresql.org/docs/current/limits.html
LONGEST_NAME = 63
LOOK = f"""\
SELECT json_build_object(
  'indexes', (SELECT coalesce(json_agg(json_build_object('schema', n.nspname, 'name', c.relname, 'table', t.relname,
      'valid', i.indisvalid, 'definition', pg_get_indexdef(c.oid)) ORDER BY n.nspname, c.relname), '[]')
    FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
      JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'),
  'running', (SELECT count(*) FROM pg_stat_activity
    WHERE application_name = '{APPLICATION}' AND datname = current_database() AND pid <> pg_backend_pid()))"""
END = f"""\
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
  WHERE application_name = '{APPLICATION}' AND datname = current_database() AND pid <> pg_backend_pid()"""


@dataclass(frozen=True)
class Index:
    """One index; an interrupted ``CREATE INDEX CONCURRENTLY`` leaves one that is not ``valid``."""

    schema: str
    name: str
    table: str
    definition: str
    valid: bool = True


@dataclass(frozen=True)
class Place:
    """Where a database is asked: the service, the name and user of the database, and which of a service's containers."""

    service: str
    container: str
    database: str
    user: str


@dataclass(frozen=True)
class DatabaseState:
    """All indexes of one database by their full names, and what the attempt makes of them.

    ``own`` are the full names of those that the attempt makes. Which a script makes is known once it has run: until then
    ``any_new`` takes every new one for its own. ``undo_container`` and ``undo_words`` are the operator's own way back.
    ``running`` counts the statements of ours that are under way.
    """

    place: Place
    indexes: dict[str, Index] = field(default_factory=dict)
    own: tuple[str, ...] = ()
    any_new: bool = False
    undo_container: str = ""
    undo_words: tuple[str, ...] = ()
    running: int = 0

    def surplus(self, now: DatabaseState) -> list[str]:
        """Full names of indexes of this attempt that are there now and were not before."""
        return [n for n in now.indexes if n not in self.indexes and (self.any_new or n in self.own)]

    def missing(self, now: DatabaseState) -> list[str]:
        """Full names of indexes that were there, and are gone or another one."""
        return [n for n, index in self.indexes.items() if now.indexes.get(n) != index]


def parse_look(text: str, asked: DatabaseState) -> DatabaseState:
    """What LOOK printed, for the database and with the intentions of ``asked``. Raises ValueError for anything else."""
    found = json.loads(text)
    indexes = [Index(i["schema"], i["name"], i["table"], i["definition"], bool(i["valid"])) for i in found["indexes"]]
    return replace(asked, indexes={f"{i.schema}.{i.name}": i for i in indexes}, running=int(found["running"]))


def as_checkpoint(found: DatabaseState) -> DatabaseState:
    """What to go back to: what an interrupted build of ours left before is no part of it."""
    return replace(found, indexes={n: i for n, i in found.indexes.items() if n not in found.own})


def with_made(saved: DatabaseState, now: DatabaseState) -> DatabaseState:
    """The checkpoint's part once the change is done: what the attempt made is known by name from then on."""
    return replace(saved, own=tuple(saved.surplus(now)), any_new=False)


def quoted(name: str) -> str:
    """A name as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'


def index_name(table: str, columns: Sequence[str]) -> str:
    """The name of our index on these columns; a long one ends in a digest."""
    words = [table.rpartition(".")[2], *(_column(c)[0] for c in columns)]
    name = PREFIX + re.sub(r"\W+", "_", "_".join(words)).lower()
    if len(name.encode()) <= LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return name.encode()[: LONGEST_NAME - 9].decode("utf-8", "ignore") + "_" + digest


def create_statement(table: str, columns: Sequence[str]) -> str:
    """The statement that makes our index without locking writers out."""
    schema, _dot, name = table.rpartition(".")
    told = ", ".join(quoted(c) + (f" {order}" if order else "") for c, order in map(_column, columns))
    where = f"{quoted(schema or 'public')}.{quoted(name)}"
    return f"CREATE INDEX CONCURRENTLY {quoted(index_name(table, columns))} ON {where} ({told})"


def recreate_statement(index: Index) -> str:
    """The statement that makes a lost index again, from its own definition."""
    return re.sub(r"^(CREATE (?:UNIQUE )?INDEX) ", r"\1 CONCURRENTLY ", index.definition)


def drop_statement(index: Index) -> str:
    """The statement that takes an index away without locking anybody out."""
    return f"DROP INDEX CONCURRENTLY IF EXISTS {quoted(index.schema)}.{quoted(index.name)}"


def covering(table: str, columns: Sequence[str], indexes: Iterable[Index]) -> Optional[Index]:
    """A usable index of the table that begins with these columns in this order, None where there is none."""
    schema, _dot, name = table.rpartition(".")
    wanted = [" ".join(_column(c)).strip().lower() for c in columns]
    for index in indexes:
        match = re.search(r" USING btree \((.*)\)$", index.definition)
        if not match or not index.valid or (index.schema, index.table) != (schema or "public", name):
            continue
        found = [part.strip().replace('"', "").lower() for part in match[1].split(",")]
        if found[: len(wanted)] == wanted:
            return index
    return None


def _column(text: str) -> tuple[str, str]:
    """The name of a column, and ``DESC`` where it says so; ascending is what PostgreSQL takes anyway."""
    match = re.match(r"^(.*?)(?:\s+(ASC|DESC))?$", text.strip(), re.IGNORECASE | re.DOTALL)
    name, order = (match[1], (match[2] or "").upper()) if match else (text, "")
    return name, "" if order == "ASC" else order
