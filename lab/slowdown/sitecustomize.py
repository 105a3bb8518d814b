# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes every answer of a FastAPI service later by a share of the time it took: a slowdown whose size is known.

Python imports this file by itself where it lies on PYTHONPATH. The file that SLOWDOWN names holds the share, and seconds
that every answer waits besides. It is read for every request, so that it changes without a restart and both sides of a
comparison run the same program.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import Any

if "SLOWDOWN" in os.environ:
    from fastapi import FastAPI

    original = FastAPI.__call__

    async def slowed(self: FastAPI, scope: Any, receive: Any, send: Any) -> None:
        """Answers as the service does, later by its share."""
        began = time.perf_counter()

        async def late(message: Any) -> None:
            if message["type"] == "http.response.start":
                with open(os.environ["SLOWDOWN"], encoding="ascii") as file:
                    share, wait_s = map(float, file.read().split())
                if share or wait_s:
                    await asyncio.sleep((time.perf_counter() - began + wait_s) * share + wait_s)
            await send(message)

        await original(self, scope, receive, late)

    FastAPI.__call__ = slowed  # type: ignore[method-assign]
