# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an optimization is asked to do, and what it answers: the same steps and checkpoints as a remediation's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from ..remediation.databases import DatabaseState
from ..remediation.patch import escape, merge, override, service_patch
from ..remediation.persist import persist
from ..remediation.situation import Proposal, Situation, refuse


@dataclass(frozen=True)
class Wish:
    """What the operator or the evidence asks for.

    ``environment`` and ``command`` are those that the ``service`` gets. For indexes, ``command`` and ``undo_command`` are
    the operator's own script, or ``table`` and ``columns`` (``score DESC``) say what to index.
    """

    service: str
    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    undo_command: tuple[str, ...] = ()
    table: str = ""
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Optimization:
    """One way to make a project faster. ``propose`` gets the database as it is now, None where none is concerned."""

    name: str
    summary: str
    restarts: str
    propose: Callable[[Situation, Wish, Optional[DatabaseState]], Proposal]


def reconfigure(situation: Situation, wish: Wish, cause: str) -> Proposal:
    """The service with those variables and that command, through our override file; no step where it has them already."""
    spec = (situation.config.get("services") or {}).get(wish.service)
    if spec is None:
        known = ", ".join(sorted(situation.config.get("services") or {}))
        return refuse(f"there is no service '{wish.service}' in the configuration (services: {known})")
    present = spec.get("environment") or {}
    fields: dict[str, Any] = {}
    changed = {k: escape(v) for k, v in wish.environment.items() if str(present.get(k)) != v}
    if changed:
        fields["environment"] = changed
    # a list is joined with that of the operator's files, unless it says that it replaces it
    if wish.command and list(spec.get("command") or ()) != list(wish.command):
        fields["command"] = override([escape(word) for word in wish.command])
    if not fields:
        return Proposal()
    return persist(situation, (), merge({}, service_patch(wish.service, **fields)), [wish.service], cause)
