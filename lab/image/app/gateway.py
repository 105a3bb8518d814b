# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The API gateway: passes requests to the services its ROUTES name, looking the name up for every request."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

import common

UPSTREAM_TIMEOUT_S = 3.0
HOP_BY_HOP = {"connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def parse_routes(text: str) -> dict[str, str]:
    """Path prefix → upstream URL, from ``/prefix=http://host:port,…``; the longest prefix first."""
    pairs = [item.strip().split("=", 1) for item in text.split(",") if item.strip()]
    return dict(sorted(pairs, key=lambda pair: len(pair[0]), reverse=True))


def upstream_for(path: str, routes: dict[str, str]) -> str | None:
    """The upstream whose prefix the path has, or None."""
    for prefix, upstream in routes.items():
        if path == prefix or path.startswith(prefix + "/"):
            return upstream
    return None


def failure(request: Request, upstream: str, status: int, text: str) -> JSONResponse:
    """The gateway's own answer for an upstream that cannot be had, said in the log as well."""
    print(f"ERROR {status} {request.method} {request.url.path} upstream {upstream}: {text}", flush=True)
    return JSONResponse({"detail": "upstream failed", "upstream": upstream, "error": text}, status_code=status)


routes = parse_routes(os.environ.get("ROUTES", ""))
app = common.service("api_gateway", "/api/v1")


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    for prefix, upstream in routes.items():
        print(f"route {prefix} -> {upstream}", flush=True)
    print(f"{len(routes)} routes", flush=True)
    # Without kept connections every request looks its name up anew.
    limits = httpx.Limits(max_keepalive_connections=0)
    async with httpx.AsyncClient(timeout=UPSTREAM_TIMEOUT_S, limits=limits) as client:
        app.state.client = client
        yield


app.router.lifespan_context = lifespan


@app.api_route("/{path:path}", methods=METHODS)
async def forward(request: Request, path: str) -> Response:
    """Answers with the upstream's answer; 404 without a route, 502 and 504 when the upstream cannot be had."""
    upstream = upstream_for(request.url.path, routes)
    if upstream is None:
        return JSONResponse({"detail": "no route in this gateway"}, status_code=404)
    url = httpx.URL(upstream + request.url.path).copy_with(query=request.url.query.encode() or None)
    headers = [(name, value) for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP]
    try:
        answer = await app.state.client.request(request.method, url, headers=headers, content=await request.body())
    except httpx.TimeoutException as error:
        return failure(request, upstream, 504, f"{type(error).__name__} after {UPSTREAM_TIMEOUT_S:g} s")
    except httpx.TransportError as error:
        return failure(request, upstream, 502, common.cause(error))
    kept = {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}
    kept.pop("content-encoding", None)
    return Response(answer.content, status_code=answer.status_code, headers=kept)


if __name__ == "__main__":
    common.serve(app, 8000)
