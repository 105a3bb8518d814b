# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.runs import Figures, Run
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.thresholds import (
    ThresholdError,
    judge_thresholds,
    parse_threshold,
)


def run(number, p95, failures=0, endpoint="checkout"):
    told = Figures(requests=200, failures=failures, rps=20.0, latency_ms={"p95": p95})
    return Run(number, 0.0, 10.0, told, {endpoint: told})


@pytest.mark.parametrize(
    ("text", "metric", "endpoint", "sign", "limit"),
    [
        ("p95(checkout) < 250ms", "p95", "checkout", "<", 250.0),
        ("p99 <= 1.5s", "p99", "", "<=", 1500.0),
        ("max(GET /api/v1/users (list))<2s", "max", "GET /api/v1/users (list)", "<", 2000.0),
        ("p50 < 900us", "p50", "", "<", 0.9),
        ("failure_ratio < 1%", "failure_ratio", "", "<", 0.01),
        ("failure_ratio <= 0.05", "failure_ratio", "", "<=", 0.05),
        ("rps > 50", "rps", "", ">", 50.0),
        ("rps(checkout) >= 50/s", "rps", "checkout", ">=", 50.0),
        ("requests > 100", "requests", "", ">", 100.0),
    ],
)
def test_thresholds_are_read_as_they_are_written(text, metric, endpoint, sign, limit):
    read = parse_threshold(text)
    assert (read.metric, read.endpoint, read.sign) == (metric, endpoint, sign)
    assert read.limit == pytest.approx(limit) and read.text == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p95 250ms", "cannot be read"),
        ("p95(checkout < 250ms", "cannot be read"),
        ("", "cannot be read"),
        ("p96 < 250ms", "names no metric. Metrics: requests"),
        ("p95 < 250", "needs us, ms, s or m behind its limit; found 'nothing'"),
        ("failure_ratio < 1ms", "needs % or nothing"),
        ("rps > 50%", "needs no unit"),
        ("rps > 1.2.3", "no number as its limit"),
    ],
)
def test_what_cannot_be_read_says_what_was_expected(text, expected):
    with pytest.raises(ThresholdError, match=expected):
        parse_threshold(text)


def judged(text, *runs):
    (one,) = judge_thresholds([parse_threshold(text)], runs)
    return one


def test_the_median_over_runs_is_judged():
    one = judged("p95(checkout) < 250ms", run(1, 200.0), run(2, 240.0), run(3, 900.0))
    assert one.value == 240.0 and one.holds
    assert not judged("p95 < 240ms", run(1, 200.0), run(2, 240.0), run(3, 900.0)).holds
    assert judged("p95 <= 240ms", run(1, 240.0)).holds


def test_a_ratio_is_judged_as_a_ratio():
    assert judged("failure_ratio < 1%", run(1, 1.0, failures=1)).holds
    assert not judged("failure_ratio < 1%", run(1, 1.0, failures=2)).holds


def test_a_misspelt_endpoint_does_not_pass():
    with pytest.raises(
        ThresholdError, match="'p95\\(chekout\\) < 1s' names no endpoint of this load. Endpoints: checkout"
    ):
        judged("p95(chekout) < 1s", run(1, 1.0))


def test_nothing_measured_does_not_pass():
    one = judged("p95 < 1s", Run(1, 0.0, 10.0, Figures()))
    assert one.value is None and not one.holds
    assert not judged("failure_ratio < 1%", Run(1, 0.0, 10.0, Figures())).holds
