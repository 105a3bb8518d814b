# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an undo made of each object of the checkpoint: restored, unchanged, or failed and why."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Optional

from .persist import OVERRIDE_FILE
from .state import HOST, STATEMENTS, ContainerState, Difference, ProjectState
from .steps import Action, Step

RESTORED, UNCHANGED, FAILED = "restored", "unchanged", "failed"


@dataclass(frozen=True)
class Outcome:
    """One object. ``kind`` is network, endpoint, container, file, index or host; ``error`` says why it failed, else it is empty."""

    kind: str
    name: str
    outcome: str
    error: str = ""


@dataclass(frozen=True)
class Failure:
    """A step of an undo that failed, and its error."""

    step: Step
    error: str


def outcomes(
    saved: ProjectState, began: Sequence[Difference], left: Sequence[Difference], failures: Sequence[Failure]
) -> list[Outcome]:
    """Every object of the checkpoint and every other that differed from it when the undo ``began``.

    An address that the engine chose anew is no failure. The last of the ``failures`` that concern an object is its error.
    """
    hard = [d for d in left if not d.dynamic]
    touched = {d.object for d in (*began, *left)}
    result = []
    for what in dict.fromkeys((*(w for w in (OVERRIDE_FILE,) if w in touched), *_objects(saved), *sorted(touched))):
        kind, _space, name = ("file", "", what) if what == OVERRIDE_FILE else what.partition(" ")
        own = [d for d in hard if d.object == what]
        if own:
            errors = [f.error for f in failures if what in concerned(f.step, saved)]
            told = errors[-1] if errors else "; ".join(f"{d.field} was {d.was}, is {d.found}" for d in own)
            result.append(Outcome(kind, name, FAILED, told))
        else:
            result.append(Outcome(kind, name, RESTORED if what in touched else UNCHANGED))
    return result


def _objects(state: ProjectState) -> list[str]:
    """The names by which differences() calls what a state holds."""
    return (
        ([OVERRIDE_FILE] if state.override is not None else [])
        + [f"network {name}" for name in state.networks]
        + [f"container {name}" for name in state.containers]
        + [f"endpoint {c.name} on {network}" for c in state.containers.values() for network in c.endpoints]
    )


def concerned(step: Step, saved: ProjectState) -> set[str]:
    """The objects of a checkpoint that are not as they were where a step of its undoing fails."""
    if step.action is Action.WRITE_OVERRIDE:
        return {OVERRIDE_FILE}
    if step.action in (Action.CHANGE_RULES, Action.SET_SYSCTL):
        return {HOST}
    if step.action in (Action.CREATE_INDEX, Action.DROP_INDEX):
        return {f"index {step.args['index']}"}
    if step.action in (Action.RUN_SCRIPT, Action.END_STATEMENTS):
        own = saved.database.own if saved.database else ()
        return {STATEMENTS, *(f"index {name}" for name in own)}
    args = step.args
    container, network, service = args.get("container"), args.get("network"), args.get("service")
    several = args.get("endpoints") or args.get("containers") or ([container] if container else ())
    if several and network:
        return {f"endpoint {name} on {network}" for name in several}
    if network:
        name = network if isinstance(network, str) else network["name"]
        return {f"network {name}"} | {f"endpoint {c} on {name}" for c in saved.containers}
    names = (container, args.get("name"))
    whose = [c for c in saved.containers.values() if c.name in names or (service and c.service == service)]
    return {f"container {c.name}" for c in whose} | {f"endpoint {c.name} on {n}" for c in whose for n in c.endpoints}


def conceded(saved: ProjectState, now: ProjectState, objects: AbstractSet[str]) -> ProjectState:
    """The checkpoint, but with these objects as they are now: what is left to go back to where they cannot be restored."""
    networks = {**saved.networks}
    for name in {*saved.networks, *now.networks}:
        if f"network {name}" in objects:
            networks.pop(name, None)
            networks.update({name: now.networks[name]} if name in now.networks else {})
    containers = {}
    for name, container in saved.containers.items():
        found = now.containers.get(name)
        if f"container {name}" in objects:
            containers.update({name: found} if found else {})
            continue
        lost = {n for n in _networks_of(container, found) if f"endpoint {name} on {n}" in objects}
        endpoints = {n: e for n, e in container.endpoints.items() if n not in lost}
        endpoints.update({n: found.endpoints[n] for n in lost if found and n in found.endpoints})
        containers[name] = replace(container, endpoints=endpoints)
    override = now.override if OVERRIDE_FILE in objects else saved.override
    host = None if HOST in objects else saved.host
    indexes = any(what == STATEMENTS or what.startswith("index ") for what in objects)
    database = None if indexes else saved.database
    return replace(saved, override=override, networks=networks, containers=containers, host=host, database=database)


def _networks_of(*containers: Optional[ContainerState]) -> set[str]:
    return {network for container in containers if container for network in container.endpoints}
