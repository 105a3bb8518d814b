# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A locustfile for a list of endpoints, which ``NETFIX_ENDPOINTS`` holds as JSON. Like capture.py it needs nothing else."""

from __future__ import annotations

import json
import os
from typing import Any, Callable

if "NETFIX_ENDPOINTS" in os.environ:
    from locust import HttpUser, constant

    def request(endpoint: dict[str, Any]) -> Callable[[Any], None]:
        """The task that asks one endpoint."""
        wanted = endpoint.get("statuses") or []

        def ask(user: Any) -> None:
            with user.client.request(
                endpoint.get("method") or "GET",
                endpoint["path"],
                name=endpoint.get("name") or endpoint["path"],
                headers=endpoint.get("headers"),
                json=endpoint.get("json"),
                catch_response=True,
            ) as answer:
                if not answer.status_code:
                    answer.failure(str(answer.error))
                elif answer.status_code in wanted or (not wanted and answer.status_code < 400):
                    answer.success()
                else:
                    answer.failure(
                        f"HTTP {answer.status_code}, expected {' or '.join(map(str, wanted)) or 'below 400'}"
                    )

        return ask

    class Endpoints(HttpUser):
        """Asks every endpoint, as often as its weight says."""

        wait_time = constant(float(os.environ.get("NETFIX_WAIT_S", "0")))
        tasks = {request(e): int(e.get("weight") or 1) for e in json.loads(os.environ["NETFIX_ENDPOINTS"])}
