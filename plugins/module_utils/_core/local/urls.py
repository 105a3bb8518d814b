# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the operator's URLs lead while the services run without Docker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from .model import RELAY_ADDRESS

_LOOPBACK = ("localhost", "::1", "0.0.0.0")


def local_url(url: str, services: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """The URL with the port that a published one has now, and the Host header that keeps its meaning, empty for none.

    ``services`` are as the module local_services returns them. A port that nobody publishes is left as it is.
    """
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    now = next((p["port"] for s in services for p in s.get("ports") or () if p["wanted"] == port), None)
    if now is None:
        return url, ""
    user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
    host = parts.hostname or ""
    meant = "" if host in _LOOPBACK or host.startswith("127.") else parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{user}{RELAY_ADDRESS}:{now}").geturl(), meant


def local_checks(checks: Sequence[Mapping[str, Any]], services: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The operator's checks, those from the host sent where the published ports are now."""
    found = []
    for check in checks:
        one = dict(check)
        if str(one.get("source") or "host") == "host":
            one["url"], host = local_url(str(one["url"]), services)
            if host:
                one["headers"] = {"Host": host, **(one.get("headers") or {})}
        found.append(one)
    return found
