# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A journal as terminal text, section by section.

Every function takes plain data of the shape that ``journal`` documents, a width in columns (taken between 60 and
120) and whether to colour, and gives text without a final newline. Whatever the data holds, no control character
of it reaches the terminal.
"""

from __future__ import annotations

from .diagnosis import render_diagnosis
from .experiments import render_experiment, render_tuning
from .local import render_local
from .run import render_attempt, render_plan, render_progress, render_validation
from .runs import render_runs
from .summary import render_summary

__all__ = [
    "render_attempt",
    "render_diagnosis",
    "render_experiment",
    "render_local",
    "render_plan",
    "render_progress",
    "render_runs",
    "render_summary",
    "render_tuning",
    "render_validation",
]
