# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The knowledge base: items by tag, from PostgreSQL."""

from __future__ import annotations

import os
import threading
from typing import Any

import psycopg
from fastapi.responses import JSONResponse
from psycopg.rows import dict_row

import common

app = common.service("hcl-kb-service", "/api/v1/kb")
local = threading.local()


def connection() -> psycopg.Connection[dict[str, Any]]:
    """This thread's own connection, made when first needed and again after it broke."""
    if getattr(local, "connection", None) is None or local.connection.closed:
        local.connection = psycopg.connect(
            os.environ["DATABASE_URL"],
            row_factory=dict_row,
            autocommit=True,
            connect_timeout=2,
            # Else a connection whose network was taken away hangs for a quarter of an hour.
            tcp_user_timeout=2000,
        )
    return local.connection


def items_with(tag: str, limit: int) -> list[dict[str, Any]]:
    """The items with the highest score that carry the tag. A connection that broke while idle is tried once more."""
    query = "SELECT id, tag, title, score FROM items WHERE tag = %s ORDER BY score DESC LIMIT %s"
    try:
        return connection().execute(query, (tag, limit)).fetchall()
    except psycopg.OperationalError:
        return connection().execute(query, (tag, limit)).fetchall()


@app.get("/api/v1/kb/items")
def items(tag: str, limit: int = 20) -> Any:
    """The items that carry the tag; 503 with the database's own error when it cannot be had."""
    try:
        return {"tag": tag, "items": items_with(tag, limit)}
    except psycopg.OperationalError as error:
        text = " ".join(str(error).split())
        print(f"ERROR 503 database: {text}", flush=True)
        return JSONResponse({"detail": "database failed", "error": text}, status_code=503)


if __name__ == "__main__":
    common.serve(app, 8001)
