# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The optimizations that there are."""

from __future__ import annotations

from . import cache, indexes, workers
from .wish import Optimization

OPTIMIZATIONS: dict[str, Optimization] = {
    o.name: o for o in (indexes.OPTIMIZATION, cache.OPTIMIZATION, workers.OPTIMIZATION)
}
# what an attempt is called in the journal, and the role that makes it
ROLE = "optimize_{}".format
