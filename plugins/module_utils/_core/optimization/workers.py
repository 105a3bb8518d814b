# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Give a service more worker processes or a larger pool, through its environment or command."""

from __future__ import annotations

from typing import Optional

from ..remediation.databases import DatabaseState
from ..remediation.situation import Proposal, Situation, refuse
from .wish import Optimization, Wish, reconfigure


def propose(situation: Situation, wish: Wish, _database: Optional[DatabaseState] = None) -> Proposal:
    """The variables and the command that are given: how many workers a program takes, only its operator knows."""
    if not wish.environment and not wish.command:
        return refuse(
            f"it is not known how service '{wish.service}' is told its number of workers; say so with environment or command"
        )
    return reconfigure(situation, wish, f"'{wish.service}' is to work on more requests at once")


OPTIMIZATION = Optimization(
    name="workers",
    summary="gives a service more worker processes or a larger pool of connections",
    restarts="the service",
    propose=propose,
)
