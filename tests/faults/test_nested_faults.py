# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault of the engine itself, on a nested engine: the symptom shows, the cause is named, and nothing else."""

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from faults.reference import assert_blamed, fault, names

pytestmark = pytest.mark.docker


@pytest.mark.parametrize("name", names("nested"))
def test_a_fault_of_the_engine_is_named_and_nothing_else_is_blamed(lab, name):
    lab.run("up", name)
    lab.run("symptom", name)
    diagnosis = diagnose(lab.nested_snapshot())
    assert_blamed(diagnosis.findings, fault(name))
    assert not diagnosis.healthy
