# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let a service use the cache that it supports, through its environment."""

from __future__ import annotations

import re
from typing import Optional

from ..remediation.databases import DatabaseState
from ..remediation.situation import Proposal, Situation, refuse
from .wish import Optimization, Wish, reconfigure

SWITCH = re.compile(r"(^|_)(CACHE|CACHING|REDIS)(_|$)")
OPPOSITES = {"off": "on", "false": "true", "0": "1", "no": "yes", "disabled": "enabled", "n": "y", "none": "redis"}


def propose(situation: Situation, wish: Wish, _database: Optional[DatabaseState] = None) -> Proposal:
    """The variables that are given, else the service's own switch: a variable about the cache that says off."""
    present = situation.service(wish.service).get("environment") or {}
    environment = wish.environment or switches(present)
    if not environment and any(SWITCH.search(k.upper()) and str(v).lower() in OPPOSITES.values() for k, v in present.items()):
        return Proposal()
    if not environment and wish.service in (situation.config.get("services") or {}):
        return refuse(
            f"service '{wish.service}' has no variable that switches a cache off; say which it takes (environment), "
            "if it supports one"
        )
    asked = Wish(wish.service, environment, wish.command)
    return reconfigure(situation, asked, f"'{wish.service}' is to keep answers in its cache")


def switches(environment: dict[str, str]) -> dict[str, str]:
    """The variables about a cache that say off, with what says on in the same language."""
    found = {k: str(v) for k, v in environment.items() if SWITCH.search(k.upper())}
    return {k: _like(v, OPPOSITES[v.lower()]) for k, v in found.items() if v.lower() in OPPOSITES}


def _like(was: str, now: str) -> str:
    """In the same letters: a program may know only one spelling."""
    return now.upper() if was.isupper() and was.isalpha() else now.capitalize() if was[:1].isupper() else now


OPTIMIZATION = Optimization(
    name="cache",
    summary="lets a service keep answers in the cache that it supports",
    restarts="the service",
    propose=propose,
)
