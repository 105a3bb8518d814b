# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator wants looked at, and how patiently."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._core.model import Check


@dataclass(frozen=True)
class Wanted:
    """What the operator wants looked at: added and ignored dependencies, pairs that must stay apart, checks, routes.

    ``probe_external`` is whether names outside the project are resolved too. ``log_seconds`` is how far back logs are
    read, ``log_lines`` how many lines a container. ``fallback`` is how containers are asked that cannot be entered:
    ``none``, ``exec`` or ``helper``.
    """

    dependencies: Sequence[Any] = ()
    ignore: Sequence[str] = ()
    separations: Sequence[str] = ()
    checks: Sequence[Check] = ()
    routes: Sequence[Mapping[str, Any]] = ()
    timeout_s: float = 1.0
    attempts: int = 2
    probe_external: bool = False
    log_seconds: int = 900
    log_lines: int = 300
    fallback: str = "exec"
