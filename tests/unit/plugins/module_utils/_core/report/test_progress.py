# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.progress import (
    AGAIN_S,
    Narrator,
    progress_text,
    read_progress,
)

STEP = {
    "run_id": "run", "project": "shop", "project_src": "/srv/shop", "number": 2, "remediation": "static_hosts",
    "stage": "step", "at": 100.0, "until": None, "step": 3, "steps": 7, "text": "recreate gateway",
}  # fmt: skip
GATE = {**STEP, "stage": "gate", "until": 120.0, "passing": 2, "wanted": 3}


@pytest.mark.parametrize(
    ("progress", "now", "text"),
    [
        (STEP, 100.4, "attempt 2, static_hosts: step 3 of 7, recreate gateway"),
        (STEP, 104, "attempt 2, static_hosts: step 3 of 7, recreate gateway, for 4 s"),
        (GATE, 106, "attempt 2, static_hosts: gate: 2 of 3 pass, up to 14 s left"),
        (GATE, 126, "attempt 2, static_hosts: gate: 2 of 3 pass, up to 0 s left"),
        ({**GATE, "stage": "check"}, 106, "attempt 2, static_hosts: after the undo: 2 of 3 pass, up to 14 s left"),
        ({**STEP, "stage": "undo"}, 100, "attempt 2, static_hosts: undoing, recreate gateway"),
        ({**STEP, "stage": "look"}, 105, "attempt 2, static_hosts: looking at the project, for 5 s"),
    ],
)
def test_a_line_says_which_attempt_which_step_and_how_long(progress, now, text):
    assert progress_text(progress, now) == text


def test_the_same_is_not_said_again_at_once():
    narrator = Narrator()
    said = [bool(narrator.line(STEP, 100 + second)) for second in range(2 * int(AGAIN_S) + 1)]
    assert [second for second, line in enumerate(said) if line] == [0, AGAIN_S, 2 * AGAIN_S]


def test_what_is_new_is_said_at_once():
    narrator = Narrator()
    assert narrator.line(STEP, 100) and narrator.line({**STEP, "step": 4}, 101) and narrator.line(GATE, 102)
    assert narrator.line({**GATE, "passing": 3}, 103) and not narrator.line({**GATE, "passing": 3, "until": 99.0}, 104)


def output(*told):
    return "\n".join(["1000", *(json.dumps(entry) for entry in told)]) + "\n"


def test_the_progress_of_the_run_that_was_asked_for_is_read():
    other = {**STEP, "run_id": "other"}
    assert read_progress(output(other, STEP), {"run_id": "run"}) == (1000.0, STEP)
    assert read_progress(output(other), {"run_id": "run"}) == (1000.0, None)
    assert read_progress("", {"run_id": "run"}) == (0.0, None)


def test_two_projects_of_one_run_on_one_machine_are_told_apart():
    second = {**STEP, "project": "blog", "project_src": "/srv/blog"}
    both = output(STEP, second)
    assert read_progress(both, {"run_id": "run", "project_src": "/srv/blog"})[1] == second
    assert read_progress(both, {"run_id": "run", "project_name": "shop"})[1] == STEP
    assert read_progress(both, {"run_id": "run"})[1] is None
