# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest

pytest.register_assert_rewrite("tuning.slow_lab")

from tuning.slow_lab import Lab  # noqa: E402


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    pytest.importorskip("docker")
    if os.geteuid() != 0:
        pytest.skip("needs root, to enter network namespaces")
    made = Lab(tmp_path_factory.mktemp("tuning"))
    made.run("up")
    yield made
    made.run("down")
