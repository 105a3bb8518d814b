# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the real engine showed of every fault in the lab, diagnosed again. See fixtures/snapshots/README.md."""

from __future__ import annotations

import pytest
import yaml
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import (
    Outcome,
    Severity,
    Snapshot,
    from_data,
    to_data,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.redact import redact_finding, redact_snapshot
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.planning import make_plan
from unit.builders import FAULTS, RECORDED, ROOT, recorded


def lab(fault):
    return yaml.safe_load((ROOT / "lab" / "faults" / fault / "fault.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_gives_its_one_finding_and_no_other_error(fault):
    findings, expected = diagnose(recorded(fault)).findings, lab(fault)["finding"]
    severe = next(f for f in findings if f.code == expected).severity is Severity.ERROR
    assert [f.code for f in findings if f.severity is Severity.ERROR] == ([expected] if severe else [])


@pytest.mark.parametrize("fault", [f for f in FAULTS if "warnings" in lab(f)])
def test_a_fault_brings_the_warnings_that_it_promises(fault):
    warnings = [f.code for f in diagnose(recorded(fault)).findings if f.severity is Severity.WARNING]
    assert warnings == lab(fault)["warnings"]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_plan_begins_with_the_remediation_of_the_fault(fault):
    items = make_plan(diagnose(recorded(fault)).findings).items
    assert (items[0].remediation if items else None) == lab(fault)["remediation"]


@pytest.mark.parametrize("fault", FAULTS)
def test_everything_that_fails_is_explained_by_the_finding(fault):
    diagnosis = diagnose(recorded(fault))
    assert {w.cause for w in diagnosis.walks if w.outcome is Outcome.FAILED} <= {f.code for f in diagnosis.findings}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_finding_can_be_shown_by_hand_and_says_what_it_rests_on(fault):
    for finding in diagnose(recorded(fault)).findings:
        assert finding.evidence and finding.confirm and finding.breaks


@pytest.mark.parametrize("fault", [f for f in FAULTS if lab(f)["remediation"] is None])
def test_a_fault_that_nothing_mends_comes_with_advice(fault):
    assert all(f.advice for f in diagnose(recorded(fault)).findings)


def test_a_healthy_project_gives_no_finding_and_nothing_unknown():
    diagnosis = diagnose(recorded("healthy"))
    assert diagnosis.findings == () and diagnosis.unknown == 0
    assert diagnosis.walks and all(w.outcome is Outcome.OK for w in diagnosis.walks)


@pytest.mark.parametrize("name", RECORDED)
def test_a_redacted_snapshot_gives_the_same_diagnosis(name):
    snapshot = recorded(name)
    assert diagnose(redact_snapshot(snapshot)) == diagnose(snapshot)


@pytest.mark.parametrize("fault", FAULTS)
def test_masking_takes_nothing_from_a_finding_that_quotes_no_secret(fault):
    for finding in diagnose(recorded(fault)).findings:
        assert redact_finding(finding) == finding


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_snapshot_holds_no_secret(name):
    assert "lab-s3cret" not in str(to_data(recorded(name)))


@pytest.mark.parametrize("name", RECORDED)
def test_a_snapshot_survives_the_way_through_json(name):
    snapshot = recorded(name)
    assert from_data(Snapshot, to_data(snapshot)) == snapshot


@pytest.mark.parametrize("name", RECORDED)
def test_diagnosing_does_not_change_the_snapshot(name):
    snapshot = recorded(name)
    diagnose(snapshot)
    assert snapshot == recorded(name)
