# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault of the reference project on the real engine: the symptom shows, the cause is named, and nothing else."""

from __future__ import annotations

import pytest
from faults.reference import assert_blamed, fault, names

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("name", names())
def test_a_fault_is_named_and_nothing_else_is_blamed(lab, name):
    expected = fault(name)
    lab.run("up", name)
    lab.run("symptom", name)
    assert_blamed(lab.diagnosis().findings, expected)
