# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a container that was started anew, for as long as its own healthcheck may need."""

from __future__ import annotations

from .state import ContainerState
from .steps import Action, Step, on_container

# somebody waits for the run
LONGEST_S = 600.0
# of the engine, where a healthcheck leaves them open
# https://docs.docker.com/reference/dockerfile/#healthcheck
INTERVAL_S = TIMEOUT_S = 30.0
RETRIES = 3


def wait_healthy(container: ContainerState, cause: str) -> Step:
    """Wait until it is healthy, or runs where it has no healthcheck."""
    seconds = _healthy_within_s(container)
    return on_container(Action.WAIT_HEALTHY, container.name, cause, **({"timeout_s": seconds} if seconds else {}))


def _healthy_within_s(container: ContainerState) -> float:
    """Seconds after which its healthcheck must have spoken: its start period, and every retry; 0 without one."""
    check = (container.config.get("Config") or {}).get("Healthcheck") or {}
    if not check.get("Test") or check["Test"] == ["NONE"]:
        return 0.0
    # https://docs.docker.com/reference/api/engine/version/v1.45/ has them in nanoseconds
    start, interval, timeout = (float(check.get(k) or 0) / 1e9 for k in ("StartPeriod", "Interval", "Timeout"))
    once = (interval or INTERVAL_S) + (timeout or TIMEOUT_S)
    return min(start + once * int(check.get("Retries") or RETRIES), LONGEST_S)
