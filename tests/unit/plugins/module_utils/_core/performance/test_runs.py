# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.runs import (
    Figures,
    Run,
    Sample,
    by_endpoint,
    figures,
)


def steady(count=100, took_s=0.010, late_s=0.0, ok=True, endpoint="GET /"):
    return [Sample(endpoint, n / 10, n / 10 + late_s, n / 10 + late_s + took_s, ok) for n in range(count)]


def test_a_server_that_hangs_is_not_let_off_for_those_that_it_kept_waiting():
    # one request hangs for a second; nine that were meant to go meanwhile go behind it, and are answered at once
    hung = [Sample("GET /", 0.0, 0.0, 1.0, True)]
    behind = [Sample("GET /", n / 10, 1.0, 1.01, True) for n in range(1, 10)]
    told = figures(hung + behind, 1.0, scheduled=True)
    assert told.latency_ms["p50"] == pytest.approx(10)
    assert told.schedule_ms["p50"] == pytest.approx(560, abs=1)
    assert told.value("p50") == told.schedule_ms["p50"]


def test_without_a_schedule_there_is_no_latency_against_it():
    told = figures(steady(), 10.0, scheduled=False)
    assert told.schedule_ms is None and told.value("p95") == pytest.approx(10)
    assert told.rps == 10 and told.requests == 100 and told.failure_ratio == 0


def test_one_that_fails_fast_is_no_fast_one():
    told = figures(steady(50, 0.2) + steady(50, 0.001, ok=False), 10.0, scheduled=False)
    assert told.failure_ratio == 0.5 and told.latency_ms["p50"] == pytest.approx(200)


def test_nothing_but_failures_has_no_latency():
    told = figures(steady(ok=False), 10.0, scheduled=True)
    assert told.value("p95") is None and told.value("failure_ratio") == 1.0
    assert Figures().value("rps") == 0.0


def test_a_metric_that_there_is_not_is_an_error():
    with pytest.raises(KeyError):
        Figures().value("p96")


def test_each_endpoint_has_its_own():
    told = by_endpoint(steady(10, 0.01, endpoint="b") + steady(30, 0.02, endpoint="a"), 10.0, scheduled=False)
    assert list(told) == ["a", "b"] and told["a"].requests == 30 and told["b"].value("max") == pytest.approx(10)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        (Run(3, 0.0, 10.0, Figures()), "run 3 sent no request"),
        (Run(1, 0.0, 10.0, Figures(requests=5), late_p99_ms=40.0), "it woke up 40 ms late"),
        (Run(1, 0.0, 10.0, Figures(requests=5), late_p99_ms=40.0, retaken=2), "also when it was taken 2 times more"),
        (Run(1, 0.0, 10.0, Figures(requests=5), late_p99_ms=40.0, late_limit_ms=50.0), ""),
        (Run(1, 0.0, 10.0, Figures(requests=5), generator_cpu=0.93), "used 93% of a core"),
        (Run(1, 0.0, 10.0, Figures(requests=5), late_p99_ms=2.0, generator_cpu=0.5), ""),
    ],
)
def test_a_run_that_measured_its_own_generator_is_of_no_use(run, expected):
    assert expected in run.unusable and bool(run.unusable) == bool(expected)
