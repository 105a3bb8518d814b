# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest

# what they assert is told as in a test
pytest.register_assert_rewrite("faults.reference", "faults.repairs")

from faults.reference import Lab  # noqa: E402


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    pytest.importorskip("docker")
    if os.geteuid() != 0:
        pytest.skip("needs root, to enter network namespaces")
    made = Lab(tmp_path_factory.mktemp("lab") / "reference")
    yield made
    made.run("down")
