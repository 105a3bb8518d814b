# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.journal import (
    STATUSES,
    elapsed_s,
    host_problems,
    make_journal,
    overall_status,
)


@pytest.mark.parametrize("better", range(1, len(STATUSES)))
def test_the_worst_host_decides_the_status_of_the_run(better):
    worse = STATUSES[better - 1]
    assert overall_status([{"status": STATUSES[better]}, {"status": worse}]) == worse


def test_unreachable_and_erring_hosts_count_as_failed():
    assert overall_status([{"status": "healthy"}, {"status": "unreachable"}]) == "failed"
    assert overall_status([{"status": "healthy", "error": "no such project"}]) == "failed"
    assert overall_status([{}]) == "failed"


def test_a_run_that_looked_at_no_host_is_no_success():
    assert overall_status([]) == "failed"


def test_samples_are_journals_and_survive_json(sample):
    assert [problem for host in sample["hosts"] for problem in host_problems(host, "host")] == []
    made = make_journal(
        **{
            key: sample[key]
            for key in ("run_id", "mode", "hosts", "started_at", "finished_at", "playbook", "collection")
        }
    )
    assert json.loads(json.dumps(made)) == sample


def test_an_unreachable_host_is_recorded_as_failed_with_the_reason():
    made = make_journal("r1", "apply", [{"host": "db1", "status": "unreachable"}], "", "")
    assert (made["hosts"][0]["status"], made["hosts"][0]["error"]) == ("failed", "unreachable")


def test_problems_name_the_entry_and_what_was_expected(journal):
    host = journal("mended")["hosts"][0]
    host["before"]["walks"][1]["layer"] = "nowhere"
    host["attempts"][0]["verdict"] = "perhaps"
    del host["plan"]["items"][0]["remediation"]
    problems = "\n".join(host_problems(host, "hosts[0]"))
    assert "hosts[0].before.walks[1] is 'nowhere' is not a valid Layer" in problems
    assert "hosts[0].attempts[0].verdict is 'perhaps'; expected one of kept, undone" in problems
    assert "hosts[0].plan.items[0] has no 'remediation'" in problems


@pytest.mark.parametrize("data", [None, "text", [], 3])
def test_what_is_no_host_is_a_problem_and_no_traceback(data):
    assert host_problems(data, "hosts[0]")


def test_elapsed_time_needs_two_readable_times():
    assert elapsed_s("2026-11-22T13:26:15Z", "2026-11-22T13:26:42.5+00:00") == 27.5
    assert elapsed_s("", "2026-11-22T13:26:42Z") is None
    assert elapsed_s("2026-11-22T13:26:15Z", "2026-11-22T13:26:42") is None
