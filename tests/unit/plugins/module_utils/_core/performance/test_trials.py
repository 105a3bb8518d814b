# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often the verdicts are right, on runs that were recorded on the lab. The figures stand in docs/measuring.md."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.baselines import noise_floor
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.comparison import (
    Rules,
    RunSet,
    Verdict,
    compare,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.runs import Figures, Run
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.statistics import median

FIXTURES = Path(__file__).parents[4] / "fixtures" / "load_runs"
FINGERPRINT = {"users": "10", "locustfile": "a1", "images": "b2", "configuration": "c3"}
P50 = Rules(primary="p50")
DEFAULT_RUNS = 5


def recorded(name, late_limit_ms=10.0):
    """Condition → runs. Those whose generator was held up are left out, as the module would have taken them anew."""
    found = {}
    for number, run in enumerate(json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))["runs"], 1):
        figures = Figures(run["requests"], run["failures"], run["rps"], run["latency_ms"])
        made = Run(number, run["at"], 4.0, figures, late_p99_ms=run["late_p99_ms"], late_limit_ms=late_limit_ms)
        if made.late_p99_ms <= late_limit_ms:
            found.setdefault(run["condition"], []).append(made)
    return found


QUIET = {name: recorded(f"quiet_{name}") for name in ("waiting", "computing")}
# other work held the generator up in all of these: the limit is one that lets them pass
WAITING, COMPUTING = recorded("waiting", 500.0), recorded("computing", 500.0)
EQUAL = {
    "waiting": QUIET["waiting"]["equal"],
    "computing": QUIET["computing"]["equal"],
    "waiting, busy": WAITING["equal"],
    "computing, busy": COMPUTING["equal"],
}


def verdict(before, after, rules=P50, **fingerprint):
    one, other = RunSet("before", FINGERPRINT, tuple(before)), RunSet("after", {**FINGERPRINT, **fingerprint}, tuple(after))
    return compare(one, other, rules, interleaved=True).verdict


def share(wanted, trials):
    found = list(trials)
    return found.count(wanted) / len(found)


def drawn(source, runs, count):
    return [source.choice(runs) for _unused in range(count)]


@pytest.mark.parametrize("runs", EQUAL.values(), ids=EQUAL)
@pytest.mark.parametrize("metric", ["p50", "p95"])
def test_equal_runs_in_turns_show_no_difference(runs, metric):
    windows = [runs[first : first + 10] for first in range(len(runs) - 9)]
    turns = ("before", "after", "after", "before") * 3
    for window in windows:
        sides = {side: [r for r, t in zip(window, turns) if t == side] for side in ("before", "after")}
        assert verdict(sides["before"], sides["after"], Rules(primary=metric)) is Verdict.NO_DIFFERENCE


@pytest.mark.parametrize("runs", EQUAL.values(), ids=EQUAL)
@pytest.mark.parametrize("metric", ["p50", "p95"])
def test_equal_runs_dealt_out_anew_show_no_difference_at_least_95_times_in_100(runs, metric):
    source, rules = random.Random(20), Rules(primary=metric)
    dealt = [source.sample(runs, 2 * DEFAULT_RUNS) for _unused in range(500)]
    trials = [verdict(runs[:DEFAULT_RUNS], runs[DEFAULT_RUNS:], rules) for runs in dealt]
    assert share(Verdict.NO_DIFFERENCE, trials) >= 0.95


def test_on_a_quiet_machine_a_fifth_and_a_tenth_slower_are_told_with_the_default_settings():
    source, runs = random.Random(21), QUIET["waiting"]
    for slower in ("slower_20", "slower_10"):
        trials = [
            verdict(source.sample(runs["equal"], DEFAULT_RUNS), source.sample(runs[slower], DEFAULT_RUNS), Rules())
            for _unused in range(200)
        ]
        assert share(Verdict.REGRESSED, trials) >= 0.9, slower
    assert noise_floor(runs["equal"], P50).runs_needed["10"] <= DEFAULT_RUNS


def test_a_fifth_slower_is_told_at_least_nine_times_in_ten():
    source = random.Random(21)
    trials = [
        verdict(source.sample(WAITING["equal"], DEFAULT_RUNS), source.sample(WAITING["slower_20"], DEFAULT_RUNS))
        for _unused in range(300)
    ]
    assert share(Verdict.REGRESSED, trials) >= 0.9


def test_a_tenth_slower_is_told_at_least_nine_times_in_ten_with_the_runs_that_are_said_to_be_needed():
    source = random.Random(22)
    needed = noise_floor(WAITING["equal"], P50).runs_needed["10"]
    trials = [
        verdict(drawn(source, WAITING["equal"], needed), drawn(source, WAITING["slower_10"], needed))
        for _unused in range(100)
    ]
    assert 5 < needed < 20 and share(Verdict.REGRESSED, trials) >= 0.9


@pytest.mark.parametrize("recording", [WAITING, QUIET["waiting"]], ids=["busy", "quiet"])
def test_the_slowdowns_of_the_lab_are_as_large_as_they_were_meant_to_be(recording):
    middle = {name: median([r.whole.latency_ms["p50"] for r in runs]) for name, runs in recording.items()}
    assert 1.17 < middle["slower_20"] / middle["equal"] < 1.23
    assert 1.07 < middle["slower_10"] / middle["equal"] < 1.13


def test_where_the_machine_is_too_noisy_nothing_is_shown_and_the_runs_that_it_would_take_are_told():
    source = random.Random(23)
    trials = [
        verdict(source.sample(COMPUTING["equal"], DEFAULT_RUNS), source.sample(COMPUTING["slower_20"], DEFAULT_RUNS))
        for _unused in range(100)
    ]
    assert share(Verdict.REGRESSED, trials) < 0.5
    assert noise_floor(COMPUTING["equal"], P50).runs_needed["20"] > DEFAULT_RUNS


@pytest.mark.parametrize("condition", ["users", "images", "locustfile"])
def test_another_condition_is_another_experiment(condition):
    slower = WAITING["slower_20"][:DEFAULT_RUNS]
    assert verdict(WAITING["equal"][:DEFAULT_RUNS], slower, **{condition: "other"}) is Verdict.NOT_COMPARABLE


@pytest.mark.parametrize("share_of_failures", [0.002, 0.05, 0.5, 1.0])
def test_a_server_that_fails_fast_is_never_improved(share_of_failures):
    source = random.Random(24)
    for _unused in range(100):
        after = []
        for run in source.sample(WAITING["equal"], DEFAULT_RUNS):
            failures = max(1, round(run.whole.requests * share_of_failures))
            times = {k: v / 10 for k, v in run.whole.latency_ms.items()} if share_of_failures < 1 else {}
            figures = replace(run.whole, failures=min(failures, run.whole.requests), latency_ms=times)
            after.append(replace(run, whole=figures))
        before = source.sample(WAITING["equal"], DEFAULT_RUNS)
        assert verdict(before, after) is not Verdict.IMPROVED


def test_by_default_runs_whose_generator_was_held_up_are_refused():
    strict = [replace(run, late_limit_ms=10.0) for run in WAITING["equal"][:DEFAULT_RUNS]]
    assert verdict(strict, strict) is Verdict.NOT_MEASURED
