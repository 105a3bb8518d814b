# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The knowledge base: items by tag, from PostgreSQL. Its environment can make it slow in several ways: lab/bottlenecks."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from fastapi.responses import JSONResponse
from psycopg.rows import dict_row

import common

app = common.service("hcl-kb-service", "/api/v1/kb")
local = threading.local()


# Connections that all threads of a process share, or none where each thread has its own.
pool: queue.LifoQueue[psycopg.Connection[dict[str, Any]] | None] = queue.LifoQueue()
for _ in range(int(os.environ.get("POOL_SIZE", "0"))):
    pool.put(None)
POOLED = not pool.empty()
PAUSE_S = float(os.environ.get("PAUSE_MS", "0")) / 1000
HOLD_S = float(os.environ.get("HOLD_MS", "0")) / 1000
WEIGHS = os.environ.get("WEIGH", "off") == "on"


def usable(kept: psycopg.Connection[dict[str, Any]] | None) -> psycopg.Connection[dict[str, Any]]:
    """The connection that was kept, or a new one where there is none or it broke."""
    if kept is not None and not kept.closed:
        return kept
    return psycopg.connect(
        os.environ["DATABASE_URL"],
        row_factory=dict_row,
        autocommit=True,
        connect_timeout=2,
        # Else a connection whose network was taken away hangs for a quarter of an hour.
        tcp_user_timeout=2000,
    )


@contextmanager
def connection() -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """This thread's own connection, or one of the pool's, waited for."""
    kept = pool.get() if POOLED else getattr(local, "connection", None)
    try:
        kept = usable(kept)
        yield kept
    finally:
        if POOLED:
            pool.put(kept)
        else:
            local.connection = kept


def fetch(query: str, parameters: tuple[Any, ...]) -> list[dict[str, Any]]:
    with connection() as database:
        if not HOLD_S:
            return database.execute(query, parameters).fetchall()
        with database.transaction():
            rows = database.execute(query, parameters).fetchall()
            time.sleep(HOLD_S)
            return rows


def items_with(tag: str, limit: int) -> list[dict[str, Any]]:
    """The items with the highest score that carry the tag. A connection that broke while idle is tried once more."""
    query = "SELECT id, tag, title, score FROM items WHERE tag = %s ORDER BY score DESC LIMIT %s"
    try:
        return fetch(query, (tag, limit))
    except psycopg.OperationalError:
        return fetch(query, (tag, limit))


def likeness(tag: str, title: str) -> float:
    """How many pieces of the title, read both ways, the tag has: work for the processor, and little else."""
    text = title + title[::-1]
    pieces = {text[start:end] for start in range(len(text)) for end in range(start + 1, len(text) + 1)}
    return sum(piece in tag for piece in pieces) / len(pieces)


@app.get("/api/v1/kb/items")
def items(tag: str, limit: int = 20) -> Any:
    """The items that carry the tag; 503 with the database's own error when it cannot be had."""
    if PAUSE_S:
        time.sleep(PAUSE_S)
    try:
        found = items_with(tag, limit)
    except psycopg.OperationalError as error:
        text = " ".join(str(error).split())
        print(f"ERROR 503 database: {text}", flush=True)
        return JSONResponse({"detail": "database failed", "error": text}, status_code=503)
    if WEIGHS:
        found = [{**item, "likeness": likeness(tag, item["title"])} for item in found]
    return {"tag": tag, "items": found}


if __name__ == "__main__":
    common.serve(app, 8001, "kb:app")
