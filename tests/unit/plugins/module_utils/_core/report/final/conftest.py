# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parents[5] / "fixtures"


@pytest.fixture
def tuned():
    """A journal with a mended network and load tests: two optimizations kept, one undone."""
    return json.loads((FIXTURES / "tuning" / "journal.json").read_text(encoding="utf-8"))


@pytest.fixture
def mended():
    """A journal with a mended network and nothing else."""
    return json.loads((FIXTURES / "journals" / "recorded.json").read_text(encoding="utf-8"))
