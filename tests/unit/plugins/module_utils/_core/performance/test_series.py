# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.cgroup import Reading
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.runs import Sample, pictured
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.series import (
    MOST_STEPS,
    Answer,
    Series,
    cores,
    series,
    spread,
    together,
)


def test_every_time_lies_in_a_bucket_that_is_five_percent_wide():
    source = random.Random(1)
    for _unused in range(500):
        seconds = 10 ** source.uniform(-4.3, 1.5)
        ((edge, number),) = spread([seconds]).items()
        assert number == 1 and 0.99 < int(edge) / (seconds * 1e6) < 1.06


def test_no_time_is_lost_when_spreads_are_put_together():
    source = random.Random(2)
    runs = [spread(source.lognormvariate(-4, 1) for _unused in range(300)) for _run in range(3)]
    counts = together(runs)
    assert sum(counts.values()) == 900 and list(counts) == sorted(counts)


def test_a_run_is_told_in_half_seconds():
    answers = [Answer(0.1, 0.2, 0.1, True), Answer(0.2, 0.6, 0.4, True), Answer(0.9, 1.1, 0.2, False)]
    found = series(answers, 1.5)
    assert found.step_s == 0.5
    assert found.rps == (2.0, 2.0, 2.0) and found.failures == (0.0, 0.0, 2.0)
    assert found.p95_ms == (pytest.approx(385.0), None, None)


def test_a_long_run_has_no_more_steps_than_can_be_drawn():
    assert len(series([], 7200.0).rps) == MOST_STEPS
    assert series([], 0.0) == Series()


def test_cores_come_from_counters_that_were_read_at_other_times():
    readings = [Reading(cpu_s=10.0), Reading(cpu_s=11.0), None, Reading(cpu_s=11.5)]
    assert cores([100.0, 102.0, 103.0, 104.0], readings, 101.0, 1.0, 3) == (0.5, 0.25, 0.25)
    assert cores([100.0], [Reading(cpu_s=1.0)], 100.0, 1.0, 3) == ()


def test_a_picture_leaves_failures_out_of_times_and_counts_them():
    samples = [Sample("GET /", 5.0, 5.1, 5.2, True), Sample("GET /x", 5.6, 5.6, 5.7, False)]
    spreads, over_time = pictured(samples, 5.0, 1.0, scheduled=True)
    assert set(spreads) == {"", "GET /"} and list(spreads[""]) == ["205353"]
    assert over_time.rps == (2.0, 2.0) and over_time.failures == (0.0, 2.0)
    assert list(pictured(samples, 5.0, 1.0, scheduled=False)[0][""]) == ["100000"]
