# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a tuning will do, step by step, and about how long each step takes: for a dry run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..report.text import count

# Locust starts, and its samples are read: seen on two cores
RUN_OVERHEAD_S = 3.0
LOOK_S = 3.0
# an attempt with its gate, a restart included
SWITCH_S = 8.0
# how many bottlenecks are looked for
MOST = 3


def switches(runs: int) -> int:
    """How often the change is made or taken back where the sides take turns as A B B A: once in two runs."""
    return runs + 1


def plan_steps(settings: Mapping[str, Any], experiments: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The steps of a tuning with the seconds that each takes, as ``{step, text, seconds}``.

    ``experiments`` are those that are known before anything is measured; what the bottlenecks will suggest is not.
    """
    runs = int(settings["runs"])
    one = float(settings["seconds"]) + float(settings["warm_up"]) + RUN_OVERHEAD_S
    load = f"{settings['users']} users, {float(settings['seconds']):g} s after {float(settings['warm_up']):g} s of warm-up"
    profile = float(settings.get("profile_seconds") or 0.0)
    experiment = 2 * runs * one + (switches(runs) + 3) * SWITCH_S
    steps = [
        _step("baseline", f"{count(runs, 'run')} of the load ({load})", runs * one + 2 * LOOK_S),
        _step("profile", f"the services' processes for {profile:g} s under the same load", profile and profile + one),
        _step("bottlenecks", "rank where users wait: endpoints, containers, functions, statements, cache", LOOK_S),
    ]
    known = [f"{e['name']} of {e['service']}" for e in experiments]
    told = f"{runs} runs a side in turns, kept only if improved and answered as before"
    steps += [_step("experiment", f"{name}: {told}", experiment) for name in known]
    steps.append(_step("experiment", f"up to {MOST} more that the bottlenecks suggest, each the same", MOST * experiment))
    steps.append(_step("re-test", f"{count(runs, 'run')} of the same load, where something was kept", runs * one))
    steps.append(_step("compare", "the re-test with the baseline, and the report", LOOK_S))
    return steps


def _step(step: str, text: str, seconds: float) -> dict[str, Any]:
    return {"step": step, "text": text, "seconds": round(seconds, 1)}
