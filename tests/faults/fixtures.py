# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures that several folders of tests import into their conftest.py."""

from __future__ import annotations

import os

import pytest
from faults.reference import Lab


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    pytest.importorskip("docker")
    if os.geteuid() != 0:
        pytest.skip("needs root, to enter network namespaces")
    made = Lab(tmp_path_factory.mktemp("lab") / "reference")
    yield made
    made.run("down")
