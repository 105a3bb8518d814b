# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wait, for a bounded time, until a provider that is still starting serves; nothing is changed."""

from __future__ import annotations

from ..diagnosis.listeners import STARTING_S
from ..parsing.times import seconds_between
from .situation import Proposal, Remediation, Situation, refuse
from .steps import Action, on_container


def propose(situation: Situation) -> Proposal:
    """A minute from the container's start, and the start period of its healthcheck on top."""
    named = [str(c) for f in situation.findings for c in f.subject.get("containers") or ()]
    left = {name: _left_s(situation, name) for name in dict.fromkeys(named) if _starts(situation, name)}
    if not left:
        return refuse("no provider that is still starting is known")
    steps = [
        on_container(
            Action.WAIT_HEALTHY,
            name,
            f"'{situation.state.containers[name].service}' is still starting, and may take {seconds:.0f} s more",
            timeout_s=seconds,
        )
        for name, seconds in left.items()
    ]
    return Proposal(tuple(steps), patience_s=max(left.values()))


def _starts(situation: Situation, name: str) -> bool:
    container = situation.case.container(name)
    if container is None or not container.running:
        return False
    return container.health == "starting" or (not container.health and _left_s(situation, name) > 0)


def _left_s(situation: Situation, name: str) -> float:
    """Seconds until a container has had all the time to start that it may take."""
    container = situation.case.container(name)
    age = seconds_between(container.started_at, situation.case.snapshot.taken_at) if container else None
    healthcheck = (situation.state.containers[name].config.get("Config") or {}).get("Healthcheck") or {}
    # https://docs.docker.com/reference/api/engine/version/v1.45/ has it in nanoseconds
    start_period_s = float(healthcheck.get("StartPeriod") or 0) / 1e9
    return max(STARTING_S + start_period_s - (age or 0.0), 0.0)


REMEDIATION = Remediation(
    name="wait_until_ready",
    summary="waits, for a bounded time, until a provider that is still starting serves",
    invasiveness=0,
    reversible="full",
    restarts="none",
    downtime="none",
    propose=propose,
)
