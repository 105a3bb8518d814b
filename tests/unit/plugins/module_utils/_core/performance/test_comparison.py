# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import math
import random

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.comparison import (
    Rules,
    RunSet,
    Verdict,
    compare,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.runs import Figures, Run

FINGERPRINT = {"users": "10", "locustfile": "a1", "images": "b2", "configuration": "c3"}


def runs(seed, count=5, factor=1.0, spread=0.05, failures=0, requests=2000, late_ms=0.0):
    """Runs whose percentiles differ among themselves as those of a busy machine do."""
    source = random.Random(seed)
    made = []
    for number in range(count):
        middle = 40 * factor * math.exp(source.gauss(0, spread))
        told = Figures(
            requests=requests,
            failures=failures,
            rps=requests / 10,
            latency_ms={
                "mean": middle,
                "p50": middle,
                "p90": 1.5 * middle,
                "p95": 2 * middle,
                "p99": 3 * middle,
                "max": 5 * middle,
            },
        )
        made.append(Run(number + 1, 0.0, 10.0, told, {"GET /": told}, late_p99_ms=late_ms))
    return tuple(made)


def compared(before, after, rules=None, changed=(), **fingerprint):
    one = RunSet("before", FINGERPRINT, before)
    other = RunSet("after", {**FINGERPRINT, **fingerprint}, after)
    return compare(one, other, rules or Rules(), changed)


def test_a_slower_server_has_regressed_and_a_faster_one_improved():
    slower = compared(runs(1), runs(2, factor=1.5))
    assert slower.verdict is Verdict.REGRESSED
    assert slower.primary.metric == "p50" and slower.primary.effect.low < 1.5 < slower.primary.effect.high
    assert slower.primary.p_value <= 0.05 and slower.primary.before < slower.primary.after
    assert compared(runs(1), runs(2, factor=0.6)).verdict is Verdict.IMPROVED


def test_equal_servers_show_no_difference_at_least_95_times_in_100():
    verdicts = [compared(runs(n, spread=0.1), runs(5000 + n, spread=0.1)).verdict for n in range(300)]
    assert verdicts.count(Verdict.NO_DIFFERENCE) / 300 >= 0.95


def test_a_fifth_slower_is_told_at_least_nine_times_in_ten():
    verdicts = [compared(runs(n), runs(5000 + n, factor=1.2)).verdict for n in range(300)]
    assert verdicts.count(Verdict.REGRESSED) / 300 >= 0.9


def test_no_difference_says_what_it_would_take_to_show_one():
    answer = compared(runs(1), runs(2))
    assert answer.verdict is Verdict.NO_DIFFERENCE
    assert any("runs a side that would show a change" in note for note in answer.notes)
    assert any("drift between them is not excluded" in note for note in answer.notes)


def test_interleaved_runs_need_no_word_about_drift():
    answer = compare(RunSet("a", FINGERPRINT, runs(1)), RunSet("b", FINGERPRINT, runs(2)), Rules(), interleaved=True)
    assert not any("drift" in note for note in answer.notes)


def test_a_change_that_is_sure_and_small_is_no_difference():
    answer = compared(runs(1, spread=0.001), runs(2, spread=0.001, factor=1.02))
    assert answer.verdict is Verdict.NO_DIFFERENCE and answer.reason == "the change is too small to matter"
    fast = compared(runs(1, factor=0.001), runs(2, factor=0.002))
    assert fast.verdict is Verdict.NO_DIFFERENCE and fast.primary.p_value <= 0.05


@pytest.mark.parametrize("failures", [10, 200, 1999])
def test_a_server_that_fails_fast_is_never_improved(failures):
    answer = compared(runs(1), runs(2, factor=0.2, failures=failures))
    assert answer.verdict is Verdict.REGRESSED and "more requests fail: 0.00% before" in answer.reason
    assert not any(c.verdict is Verdict.IMPROVED for c in answer.changes if c.metric.startswith("p"))


def test_one_run_with_failures_voids_a_gain_although_it_proves_nothing():
    after = (*runs(2, count=4, factor=0.2), *runs(3, count=1, factor=0.2, failures=100))
    answer = compared(runs(1), after)
    assert answer.verdict is Verdict.NO_DIFFERENCE and "a gain is void" in answer.reason


def test_nothing_but_failures_has_regressed():
    after = tuple(Run(n, 0.0, 10.0, Figures(requests=2000, failures=2000, rps=200.0)) for n in range(1, 6))
    answer = compared(runs(1), after)
    assert answer.verdict is Verdict.REGRESSED and answer.primary.after is None
    assert "0.00% before, 100.00% after" in answer.reason


@pytest.mark.parametrize("field", ["users", "images", "locustfile"])
def test_other_conditions_are_another_experiment(field):
    answer = compared(runs(1), runs(2, factor=0.5), **{field: "other"})
    assert answer.verdict is Verdict.NOT_COMPARABLE and answer.reason.startswith(f"the two sets differ in {field} (")


def test_what_the_experiment_itself_changes_may_differ():
    assert (
        compared(runs(1), runs(2, factor=0.5), changed=["configuration"], configuration="d4").verdict
        is Verdict.IMPROVED
    )


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (runs(2, count=3), "not enough runs: after has 3, and 4 are needed"),
        ((*runs(2, count=4), Run(5, 0.0, 10.0, Figures())), "run 5 sent no request"),
        (runs(2, late_ms=30.0), "something held the load generator up"),
    ],
)
def test_what_was_not_measured_has_no_verdict(after, expected):
    answer = compared(runs(1), after)
    assert answer.verdict is Verdict.NOT_MEASURED and expected in answer.reason


def test_an_endpoint_may_be_the_one_that_decides():
    assert compared(runs(1), runs(2, factor=1.5), Rules(endpoint="GET /", primary="p90")).verdict is Verdict.REGRESSED
    missing = compared(runs(1), runs(2), Rules(endpoint="GET /other"))
    assert missing.verdict is Verdict.NOT_MEASURED and "without any request to GET /other" in missing.reason
