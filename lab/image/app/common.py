# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab's programs share: their health pages and the server that runs them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
import uvicorn
from fastapi import FastAPI


@asynccontextmanager
async def limited(_: FastAPI) -> AsyncIterator[None]:
    """As many requests at a time in threads as the environment's THREADS says."""
    if os.environ.get("THREADS"):
        anyio.to_thread.current_default_thread_limiter().total_tokens = int(os.environ["THREADS"])
    yield


def service(name: str, prefix: str) -> FastAPI:
    """A FastAPI application with the health pages every service of the lab has; they look at the service alone."""
    app = FastAPI(title=name, docs_url=None, redoc_url=None, openapi_url=None, lifespan=limited)

    async def health() -> dict[str, str]:
        return {"status": "ok", "service": name}

    app.add_api_route("/health", health)
    app.add_api_route(f"{prefix}/health", health)
    return app


def cause(error: BaseException) -> str:
    """The operating system's own error text, which httpx and anyio wrap."""
    while True:
        if isinstance(error, BaseExceptionGroup):
            inner: BaseException | None = error.exceptions[0]
        else:
            inner = error.__cause__ or error.__context__
        if inner is None:
            return str(error) or type(error).__name__
        error = inner


def serve(app: FastAPI, port: int, where: str = "") -> None:
    """Serves until SIGTERM, on the address the environment's BIND names.

    With ``where`` (``module:name`` of the application) by as many processes as WORKERS says.
    """
    workers = int(os.environ.get("WORKERS", "1")) if where else 1
    uvicorn.run(
        where if workers > 1 else app,
        host=os.environ.get("BIND", "0.0.0.0"),
        port=port,
        workers=workers,
        timeout_graceful_shutdown=1,
    )
