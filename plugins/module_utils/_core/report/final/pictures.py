# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plots of the report."""

from __future__ import annotations

from typing import Optional

from ...performance.comparison import RunSet
from .document import Block
from .words import Words


def pictures(before: Optional[RunSet], after: Optional[RunSet], words: Words) -> list[Block]:
    """The plots of two sets of runs; none where there are not two."""
    return []
