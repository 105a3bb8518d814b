# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the modules share that change a project."""

from __future__ import annotations


class ModuleDocFragment:
    """Documentation only."""

    DOCUMENTATION = r"""
options:
  number:
    description: Number of the attempt in its run.
    type: int
    default: 1
  gate_timeout:
    description: How long the project may take to pass after the change, in seconds.
    type: float
    default: 20.0
  keep_checkpoints:
    description:
      - How many attempts keep their checkpoint, for each project. Older ones are removed when an attempt ends.
      - Never removed are those that have not been settled, and those of the run that changed the project last.
    type: int
    default: 20
  keep_days:
    description: For how many days attempts keep their checkpoint, with the same exceptions.
    type: int
    default: 30
"""
