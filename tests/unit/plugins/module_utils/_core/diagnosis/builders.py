# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The shop behind a gateway that answers a check wrongly, at ten o'clock."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.vertice.netfix.plugins.module_utils._core.model import LogEvent
from unit.builders import answer, check, shop

URL = "http://127.0.0.1:8080/users/1"
NOW, BEFORE = "2026-01-01T10:00:05.123456789Z", "2026-01-01T09:00:00Z"
OWN = answer("127.0.0.1", 404, 8080, "/netfix-no-such-path", body='{"detail": "no route"}')


def failing(status=404, snapshot=None, **fields):
    """The shop with one failed check, at ten o'clock."""
    values = {"server": "uvicorn", "body": '{"detail": "no route"}'}
    result = check("users", URL, status, **{**values, **fields})
    return replace(snapshot or shop(), checks=(result,), taken_at="2026-01-01T10:00:00+00:00")


def log(line, kind="refused", time=NOW, service="web", **fields):
    return LogEvent(service, f"shop-{service}-1", kind, line, time, **fields)
