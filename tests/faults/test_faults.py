# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every fault of the reference project on the real engine: its symptom shows, its cause and nothing else is named.

In the same break it is mended by the least invasive remediation that can, and broken again by the rollback; or the
operator is told what to change, and nothing pretends to mend it.
"""

from __future__ import annotations

import pytest
from faults.reference import ROOT, assert_blamed, fault, names
from faults.repairs import Repair, assert_advised, assert_mended

pytestmark = pytest.mark.docker
# those of the larger stack that no scenario of Molecule breaks
OF_THE_STACK = [name for name in names("stack") if not (ROOT / "molecule" / name).exists()]


@pytest.mark.parametrize("name", [*names(), *OF_THE_STACK])
def test_a_fault_is_named_and_mended_or_advised(lab, name, tmp_path):
    expected = fault(name)
    lab.run("up", name)
    lab.run("symptom", name)
    diagnosis = lab.diagnosis()
    assert_blamed(diagnosis.findings, expected)
    if expected["remediation"]:
        assert_mended(lab, Repair(lab, tmp_path), diagnosis, expected)
    else:
        assert_advised(diagnosis)
