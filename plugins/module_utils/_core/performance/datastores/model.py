# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database or a cache says of itself: plain data, and what happened between two looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Optional

OK, PARTLY, NOT_MEASURED = "ok", "partly", "not_measured"


@dataclass(frozen=True)
class Table:
    """A table, and how often it was read from beginning to end. ``scanned_rows`` are the rows such readings saw."""

    schema: str
    name: str
    rows: int = 0
    size: int = 0
    scans: int = 0
    scanned_rows: int = 0
    index_scans: int = 0
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Index:
    """An index. ``columns`` are in its order, one with an expression is empty; ``valid`` is false after a CREATE that was cut short."""

    schema: str
    table: str
    name: str
    columns: tuple[str, ...] = ()
    unique: bool = False
    valid: bool = True
    partial: bool = False
    size: int = 0
    scans: int = 0


@dataclass(frozen=True)
class Statement:
    """A statement without its literals, and the time it took in all."""

    query: str
    calls: int = 0
    total_ms: float = 0.0
    rows: int = 0
    blocks_read: int = 0

    @property
    def mean_ms(self) -> float:
        """Milliseconds a call."""
        return self.total_ms / self.calls if self.calls else 0.0


@dataclass(frozen=True)
class Client:
    """Who was connected while it was sampled, by address. Numbers are means over samples, ``most`` is the highest."""

    address: str
    service: str = ""
    connections: float = 0.0
    most: int = 0
    active: float = 0.0
    in_transaction: float = 0.0

    @property
    def busy(self) -> float:
        """Share of its connections that were in use, 0 to 1."""
        return (self.active + self.in_transaction) / self.connections if self.connections else 0.0


@dataclass(frozen=True)
class Running:
    """A statement that was seen running: by how many connections on average, how long at most, and what it waited for."""

    query: str
    active: float
    longest_s: float = 0.0
    waits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class WantedIndex:
    """An index that a statement wants. ``columns`` are (name, ``ASC`` or ``DESC``)."""

    schema: str
    table: str
    columns: tuple[tuple[str, str], ...]
    name: str
    sql: str
    query: str
    reason: str


@dataclass(frozen=True)
class Database:
    """One PostgreSQL. Counters run since its statistics were reset; in a difference they are those of ``seconds``.

    ``unread`` says of each part that could not be read why. ``statements_from`` is ``pg_stat_statements``,
    ``pg_stat_activity`` (sampled only) or empty.
    """

    service: str
    container: str
    outcome: str = OK
    reason: str = ""
    product: str = "postgresql"
    version: str = ""
    database: str = ""
    at: float = 0.0
    seconds: float = 0.0
    size: int = 0
    max_connections: int = 0
    connections: Mapping[str, int] = field(default_factory=dict)
    blocks_hit: int = 0
    blocks_read: int = 0
    transactions: int = 0
    statements_from: str = ""
    tables: tuple[Table, ...] = ()
    indexes: tuple[Index, ...] = ()
    statements: tuple[Statement, ...] = ()
    samples: int = 0
    clients: tuple[Client, ...] = ()
    running: tuple[Running, ...] = ()
    wanted: tuple[WantedIndex, ...] = ()
    unread: Mapping[str, str] = field(default_factory=dict)

    @property
    def hit_ratio(self) -> Optional[float]:
        """Share of the blocks that were found in its own memory, None where none was read."""
        blocks = self.blocks_hit + self.blocks_read
        return self.blocks_hit / blocks if blocks else None


@dataclass(frozen=True)
class Cache:
    """One Redis. Counters run since it started; in a difference they are those of ``seconds``."""

    service: str
    container: str
    outcome: str = OK
    reason: str = ""
    product: str = "redis"
    version: str = ""
    at: float = 0.0
    seconds: float = 0.0
    hits: int = 0
    misses: int = 0
    commands: int = 0
    keys: int = 0
    expired: int = 0
    evictions: int = 0
    memory: int = 0
    memory_limit: int = 0
    policy: str = ""
    clients: int = 0

    @property
    def hit_ratio(self) -> Optional[float]:
        """Share of the look-ups that found something, None where there was none."""
        lookups = self.hits + self.misses
        return self.hits / lookups if lookups else None


def by_time(statements: Iterable[Statement]) -> tuple[Statement, ...]:
    """Those that ran, the one that took longest in all first."""
    return tuple(sorted((s for s in statements if s.calls > 0), key=lambda s: -s.total_ms))
