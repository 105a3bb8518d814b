# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The core: answers a query from the knowledge base's items, and remembers answers in Redis when CACHE is on."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import redis.asyncio
from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel

import common

TAGS = 2000
CACHE_TTL_S = int(os.environ.get("CACHE_TTL_S", "300"))

app = common.service("maximus_core_service", "/api/v1/consciousness")


class Query(BaseModel):
    query: str


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    app.state.cache = None
    if os.environ.get("CACHE", "off") == "on":
        app.state.cache = redis.asyncio.from_url(os.environ["REDIS_URL"], socket_timeout=1, socket_connect_timeout=1)
    async with httpx.AsyncClient(base_url=os.environ["KB_URL"], timeout=3) as client:
        app.state.kb = client
        yield


app.router.lifespan_context = lifespan


def tag_of(query: str) -> str:
    """The one tag a query is about; the same query always has the same."""
    return f"tag-{zlib.crc32(query.encode()) % TAGS:04d}"


def association(query: str, title: str) -> float:
    """How much of the longer text the two have in common, by their longest common subsequence."""
    row = [0] * (len(title) + 1)
    for wanted in query:
        diagonal = 0
        for column, found in enumerate(title, start=1):
            diagonal, row[column] = row[column], diagonal + 1 if wanted == found else max(row[column], row[column - 1])
    return row[-1] / max(len(query), len(title), 1)


@app.post("/api/v1/consciousness/query")
async def answer(query: Query) -> Any:
    """The knowledge base's items for the query, the best associated first."""
    key = f"answer:{query.query}"
    cache = app.state.cache
    try:
        if cache is not None and (known := await cache.get(key)) is not None:
            return {**json.loads(known), "cached": True}
        found = await app.state.kb.get("/api/v1/kb/items", params={"tag": tag_of(query.query)})
        found.raise_for_status()
    except (httpx.HTTPError, redis.RedisError) as error:
        text = f"{type(error).__name__}: {common.cause(error)}"
        print(f"ERROR 502 query: {text}", flush=True)
        return JSONResponse({"detail": "knowledge base or cache failed", "error": text}, status_code=502)
    items = sorted(found.json()["items"], key=lambda item: association(query.query, item["title"]), reverse=True)
    result = {"query": query.query, "items": items[:5], "cached": False}
    if cache is not None:
        await cache.set(key, json.dumps(result), ex=CACHE_TTL_S)
    return result


if __name__ == "__main__":
    common.serve(app, 8004)
