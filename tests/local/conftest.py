# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os

import pytest

# what they assert is told as in a test
pytest.register_assert_rewrite("local.project")

from local.project import Project  # noqa: E402


@pytest.fixture(autouse=True)
def root():
    if os.geteuid() != 0:
        pytest.skip("needs root, for namespaces and mounts")


@pytest.fixture
def project(tmp_path):
    made = Project(tmp_path)
    yield made
    if made.state_dir.exists():
        made.module(state="absent")
