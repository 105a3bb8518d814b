# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.vertice.netfix.plugins.filter.load_noise import load_noise
from ansible_collections.vertice.netfix.plugins.filter.load_run_sets import load_run_sets


def run(p50, number=1):
    whole = {"requests": 100, "failures": 0, "rps": 10.0, "latency_ms": {"p50": p50} if p50 else {}}
    return {"number": number, "measured_from": 0.0, "seconds": 10.0, "whole": whole}


def turn(side, p50, users="10"):
    return {"side": side, "fingerprint": {"users": users}, "runs": [run(p50)]}


def test_noise_tells_the_spread_of_equal_runs_and_what_it_takes():
    noise = load_noise([run(p) for p in (100.0, 110.0, 100.0, 110.0, 100.0)])
    assert noise["halves"] == pytest.approx(0.1) and noise["spread"] == pytest.approx(0.0522, abs=1e-4)
    assert noise["runs_needed"]["20"] < noise["runs_needed"]["10"] < noise["runs_needed"]["5"]
    assert 0.1 < noise["smallest_shown"] < 0.3


@pytest.mark.parametrize("runs", [[], [run(100.0)], [run(100.0), run(None)]])
def test_too_few_runs_or_answers_tell_no_noise(runs):
    noise = load_noise(runs)
    assert noise["spread"] is None and noise["smallest_shown"] is None and noise["runs_needed"] == {}


def test_equal_runs_without_any_noise_need_no_number_of_runs():
    noise = load_noise([run(100.0)] * 5)
    assert noise["spread"] == 0 and noise["smallest_shown"] == 0 and noise["runs_needed"] == {}


def test_a_metric_that_there_is_not_is_an_error():
    with pytest.raises(AnsibleFilterError, match="there is no metric 'p95s'"):
        load_noise([], "p95s")


def test_turns_become_two_sets_in_their_order():
    sets = load_run_sets([turn("before", 1.0), turn("after", 2.0), turn("after", 3.0), turn("before", 4.0)])
    assert [r["whole"]["latency_ms"]["p50"] for r in sets["before"]["runs"]] == [1.0, 4.0]
    assert [r["number"] for r in sets["after"]["runs"]] == [1, 2]
    assert sets["after"]["name"] == "after" and sets["after"]["fingerprint"] == {"users": "10"}


def test_a_side_whose_conditions_changed_is_no_set():
    with pytest.raises(AnsibleFilterError, match="runs before are no set: users changed between run 1 and run 2"):
        load_run_sets([turn("before", 1.0), turn("after", 1.0), turn("before", 1.0, users="20")])
