# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Severity
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.planning import REMEDIATIONS, make_plan
from unit.builders import recorded

FINDINGS = {f: diagnose(recorded(f)).findings for f in ("reconnected_without_alias", "bind_loopback_only", "healthy")}
LOST_NAME = FINDINGS["reconnected_without_alias"]


def names(plan):
    return [i.remediation for i in plan.items]


def test_the_least_invasive_comes_first():
    assert names(make_plan(LOST_NAME)) == ["reconnect_endpoints", "static_hosts", "direct_routes"]


def test_every_remediation_is_either_planned_or_left_out_with_a_reason():
    plan = make_plan(LOST_NAME)
    assert {*names(plan), *(s.remediation for s in plan.skipped)} == set(REMEDIATIONS)
    assert all(s.reason for s in plan.skipped) and all(i.reason for i in plan.items)


@pytest.mark.parametrize(
    "findings, reason",
    [
        (FINDINGS["healthy"], "nothing is broken"),
        (FINDINGS["bind_loopback_only"], "no finding unlocks it"),
    ],
)
def test_where_nothing_can_help_the_plan_is_empty_and_says_why(findings, reason):
    plan = make_plan(findings)
    assert plan.items == () and {s.reason for s in plan.skipped} == {reason}


def test_what_was_tried_is_not_planned_again():
    plan = make_plan(LOST_NAME, tried=["reconnect_endpoints"])
    assert names(plan)[0] == "static_hosts"
    assert next(s.reason for s in plan.skipped if s.remediation == "reconnect_endpoints").startswith("was tried")


def test_the_operators_list_is_kept_in_its_order():
    plan = make_plan(LOST_NAME, ["rebuild_network", "static_hosts"])
    assert names(plan) == ["rebuild_network", "static_hosts"]
    assert {s.reason for s in plan.skipped} == {"not in the operator's list"}


def test_what_time_alone_mends_is_credited_to_no_forced_remediation():
    starting = diagnose(recorded("slow_start_race")).findings
    plan = make_plan([*LOST_NAME, *starting], ["rebuild_network"])
    assert {f.code for f in plan.items[0].findings} == {"name.reconnected_without_alias"}
    plan = make_plan(starting, ["rebuild_network", "wait_until_ready"])
    assert names(plan) == ["wait_until_ready"] and "only starting" in plan.skipped[0].reason


def test_a_forced_remediation_that_no_finding_unlocks_is_to_mend_all_of_them():
    (item,) = make_plan(LOST_NAME, ["rebuild_network"]).items
    assert item.findings == LOST_NAME


def test_a_list_does_not_make_anything_happen_to_a_healthy_project():
    assert make_plan((), ["rebuild_network"]).items == ()


def test_an_unknown_name_is_refused_with_the_names_that_exist():
    with pytest.raises(ValueError, match=r"no remediation 'restart_all'.*reconnect_endpoints"):
        make_plan(LOST_NAME, ["static_hosts", "restart_all"])


def test_a_warning_unlocks_nothing():
    assert make_plan([replace(f, severity=Severity.WARNING) for f in LOST_NAME]).items == ()
