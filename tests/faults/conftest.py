# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

# what they assert is told as in a test
pytest.register_assert_rewrite("faults.reference", "faults.repairs")

from faults import fixtures  # noqa: E402

lab = fixtures.lab
