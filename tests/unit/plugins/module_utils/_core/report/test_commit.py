# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.commit import (
    WIDTH,
    attempt_message,
    rollback_message,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.run import commit_lines, render_attempt

KEPT = """\
netfix: reconnect_endpoints kept: mended name.reconnected_without_alias…

Problem: name.reconnected_without_alias: Service 'hcl-kb-service' is on
  'vertice_vertice-network' without its name

Solution: reconnect_endpoints
- disconnect vertice-hcl-kb-service-1 from vertice_vertice-network (its
  endpoint lacks the name 'hcl-kb-service')

Result: kept: mended name.reconnected_without_alias, and nothing that
  passed before fails
- gate: 1 of 1 promised finding mended, nothing regressed, after 100 ms

Next: nothing, the project is healthy

Netfix-Attempt: r1-01-reconnect_endpoints
"""
FINDING = {
    "code": "name.reconnected_without_alias",
    "summary": "Service 'hcl-kb-service' is on 'vertice_vertice-network' without its name",
}
ATTEMPT = {
    "id": "r1-01-reconnect_endpoints",
    "run_id": "r1",
    "number": 1,
    "remediation": "reconnect_endpoints",
    "findings": [FINDING["code"]],
    "verdict": "kept",
    "reason": "mended name.reconnected_without_alias, and nothing that passed before fails",
    "steps": [
        {
            "action": "disconnect",
            "object": "vertice-hcl-kb-service-1 from vertice_vertice-network",
            "cause": "its endpoint lacks the name 'hcl-kb-service'",
            "outcome": "done",
        }
    ],
    "gate": {"promised": [FINDING["code"]], "mended": [FINDING["code"]], "waited_s": 0.1},
    "undo": None,
}
UNDONE = {
    **ATTEMPT,
    "verdict": "undone",
    "reason": "the engine refused",
    "gate": None,
    "steps": [{**ATTEMPT["steps"][0], "outcome": "failed", "error": "the engine refused"}],
    "undo": {"verified": True, "differences": []},
}


def test_a_message_tells_problem_solution_result_and_next():
    other = {"code": "port.wrong_port", "summary": "something else"}
    assert attempt_message(ATTEMPT, [other, FINDING], "nothing, the project is healthy") == KEPT


def test_an_attempt_that_was_undone_says_where_it_failed_and_that_nothing_is_left():
    said = attempt_message(UNDONE, [FINDING], "try static_hosts")
    assert said.startswith("netfix: reconnect_endpoints undone: the engine refused\n\n")
    assert "failed: the engine refused" in said.replace("\n  ", " ")
    assert "- undo: everything is as it was" in said and "Next: try static_hosts\n" in said


def test_a_change_that_nobody_confirmed_yet_says_so():
    confirm = {"until": "2026-11-22T21:00:00Z", "timer": "process 7", "confirmed_at": ""}
    said = attempt_message({**ATTEMPT, "confirm": confirm}, [FINDING])
    assert "not confirmed: process 7 undoes it by itself" in said.replace("\n  ", " ")


def test_a_rollback_names_the_run_and_all_that_was_taken_back():
    second = {**UNDONE, "id": "r1-02-static_hosts", "remediation": "static_hosts"}
    said = rollback_message([second, UNDONE], "try reconnect_endpoints")
    assert said.startswith("netfix: run r1 rolled back: static_hosts, reconnect_endpoints\n\n")
    assert said.endswith("\nNetfix-Attempt: r1-02-static_hosts\nNetfix-Attempt: r1-01-reconnect_endpoints\n")


@pytest.mark.parametrize("name", ["a\nNetfix-Attempt: x", "\x1b[2J", "\u202egnp.exe", "x" * 300, "\udc80"])
def test_a_hostile_name_stays_on_its_line_and_gives_no_control_character(name):
    step = {"action": "restart", "object": name, "cause": name, "outcome": "failed", "error": name}
    hostile = {**ATTEMPT, "reason": name, "steps": [step], "remediation": name}
    said = attempt_message(hostile, [{**FINDING, "summary": name}], name)
    lines = said.split("\n")
    assert [line for line in lines if line.startswith("Netfix-Attempt:")] == ["Netfix-Attempt: r1-01-reconnect_endpoints"]
    assert all(len(line) <= WIDTH and line.isprintable() for line in lines) and lines[1] == ""
    said.encode()


def test_a_secret_is_no_part_of_it():
    secret = {**UNDONE, "reason": "postgres://shop:hunter2@db refused, DB_PASSWORD=hunter2"}
    assert "hunter2" not in attempt_message(secret, [{**FINDING, "summary": "token=hunter2"}], "--password hunter2")


@pytest.mark.parametrize(
    ("commit", "lines"),
    [
        (None, []),
        ({"id": "3f1c2d9e0b7a46", "files": ["compose.netfix.yml"]}, [("✓", "git: committed 3f1c2d9e0b, compose.netfix.yml")]),
        ({"id": "3f1c2d9e0b7a46", "left_out": ["x is ignored by Git"]}, [
            ("✓", "git: committed 3f1c2d9e0b, which holds no file"), ("·", "git: x is ignored by Git")]),
        ({"id": "", "reason": "a merge is in progress"}, [("!", "git: not committed: a merge is in progress")]),
        ({"id": "", "reason": "", "files": ["a"]}, [("·", "git: would commit a")]),
    ],
)  # fmt: skip
def test_what_came_of_a_commit_is_told(commit, lines):
    assert commit_lines({**ATTEMPT, "commit": commit}) == lines
    assert all(text in render_attempt({**ATTEMPT, "commit": commit}, 100) for _mark, text in lines)
