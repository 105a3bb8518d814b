# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps that carry a change into the configuration: our override file, then the services that it changes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .healthy import wait_healthy
from .patch import merge, without_unused_configs
from .situation import DirectCheck, Proposal, Situation
from .steps import Action, Step, recreate

OVERRIDE_FILE = "compose.netfix.yml"


def persist(
    situation: Situation,
    steps: Iterable[Step],
    patch: Mapping[str, Any],
    services: Iterable[str],
    cause: str,
    left: Iterable[str] = (),
    direct_checks: Iterable[DirectCheck] = (),
) -> Proposal:
    """The proposal with the patch written and the services brought to it, one after the other.

    One at a time, a recreated container takes its own address back: the engine gives the lowest free one. ``left`` is
    what the patch leaves unmended, and why.
    """
    result: list[Step] = list(steps)
    # those that others wait for come first: Compose would recreate them on the way, in an order of its own
    changed = sorted(dict.fromkeys(services), key=lambda s: len(situation.case.needed_by([s])))
    if patch:
        data = without_unused_configs(merge(situation.override, patch))
        result.append(Step(Action.WRITE_OVERRIDE, OVERRIDE_FILE, cause, {"data": data}))
        for service in changed:
            result.append(recreate(service, f"'{service}' takes the new configuration"))
        for service in changed:
            for container in situation.containers_of(service):
                result.append(wait_healthy(situation.state.containers[container], f"'{service}' was recreated"))
    return Proposal(
        tuple(result),
        patch=dict(patch),
        recreated=tuple(changed),
        left=tuple(dict.fromkeys(left)),
        direct_checks=tuple(dict.fromkeys(direct_checks)),
    )
