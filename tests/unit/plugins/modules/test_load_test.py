# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import LoadError
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.runs import Figures, Run
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.thresholds import parse_threshold
from ansible_collections.vertice.netfix.plugins.module_utils._host.locust import Load, Progress
from ansible_collections.vertice.netfix.plugins.modules import load_test

LOAD = Load(host="http://127.0.0.1:1", warm_up_s=5.0)
PARAMS = {
    "host": "http://127.0.0.1:1/",
    "locustfile": None,
    "endpoints": [{"path": "/", "name": None}],
    "users": 10,
    "spawn_rate": 2.0,
    "run_time": 60.0,
    "warm_up": None,
    "repeats": 1,
    "arrival_rate": 0.0,
    "processes": 1,
    "workers": 0,
    "master_bind": "*",
    "master_port": 5557,
    "tags": ["smoke"],
    "exclude_tags": [],
    "environment": {"N": 1},
    "locust": "locust",
    "sample_rate": 2.0,
    "late_limit": 10.0,
    "thresholds": [],
}


@pytest.fixture
def module():
    told = SimpleNamespace(params={"project_name": None, "sample_rate": 2.0, "late_limit": 10.0}, warnings=[])
    told.warn, told.no_log_values = told.warnings.append, {"s3cr3tvalue"}
    return told


@pytest.fixture
def runs(monkeypatch):
    """What the next runs are, as (how late, CPU of the generator)."""
    planned = []

    def run(load, folder, number, watch):
        late, cpu = planned.pop(0)
        return Run(number, 0.0, 10.0, Figures(requests=9), errors={"GET /?k=s3cr3tvalue: no": 1}, late_p99_ms=late, generator_cpu=cpu)

    monkeypatch.setattr(load_test, "run_load", run)
    return planned


def watch(*thresholds):
    said = []

    def say(text):
        said.append(text)

    told = SimpleNamespace(say=say)
    return load_test.Watch(LOAD, [parse_threshold(t) for t in thresholds], told), said


@pytest.mark.parametrize(
    ("planned", "retaken", "usable"),
    [
        ([(2.0, 0.2)], 0, True),
        ([(40.0, 0.2), (2.0, 0.2)], 1, True),
        ([(40.0, 0.2), (50.0, 0.2), (60.0, 0.2)], 2, False),
        # the generator itself was the limit: another run would be no better
        ([(40.0, 0.9)], 0, False),
    ],
)
def test_a_run_that_something_else_held_up_is_taken_anew_twice_at_most(module, runs, planned, retaken, usable):
    runs += planned
    found = load_test.measure(module, LOAD, "/nowhere", 1, watch()[0])
    assert runs == [] and found.retaken == retaken and bool(found.unusable) is not usable
    assert len(module.warnings) == bool(retaken)


def test_errors_are_told_without_secrets(module, runs):
    runs.append((2.0, 0.2))
    assert "s3cr3tvalue" not in str(load_test.measure(module, LOAD, "/nowhere", 1, watch()[0]).errors)


@pytest.mark.parametrize(
    ("elapsed_s", "threshold", "ends"),
    [
        (4.0, "failure_ratio < 10%", False),
        (6.0, "failure_ratio < 10%", True),
        (6.0, "failure_ratio < 60%", False),
        (6.0, "rps(GET /later) > 1", False),
    ],
)
def test_a_threshold_that_is_crossed_after_the_warm_up_ends_the_run(elapsed_s, threshold, ends):
    figures = Figures(requests=10, failures=5, rps=2.0, latency_ms={"p95": 12.0})
    one, said = watch(threshold)
    assert one(Progress(1, elapsed_s, 65.0, 3, figures, {"GET /": figures})) is ends
    assert said == [f"run 1: {elapsed_s:.0f} of 65 s, 3 users, 2.0 requests/s, p95 12 ms, 5 failures"]


def test_the_warm_up_lasts_until_all_users_are_there_unless_told():
    assert load_test.read_options(PARAMS)[0].warm_up_s == 5.0
    assert load_test.read_options({**PARAMS, "warm_up": 0.0})[0].warm_up_s == 0.0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"endpoints": []}, "There is nothing to ask"),
        ({"locustfile": "/nowhere/l.py"}, "There is no locustfile /nowhere/l.py"),
        ({"users": 0}, "users must be 1 or more; found 0"),
        ({"run_time": 0.0}, "run_time must be more than 0; found 0"),
        ({"sample_rate": 20.0}, "sample_rate must be from 1 to 10; found 20"),
        ({"thresholds": ["p96 < 1s"]}, "names no metric"),
    ],
)
def test_options_that_make_no_sense_are_named(options, expected):
    with pytest.raises(LoadError, match=expected):
        load_test.read_options({**PARAMS, **options})


def test_a_command_line_says_tags_and_workers_and_no_variable():
    load = load_test.read_options({**PARAMS, "workers": 2, "processes": 3, "environment": {"TOKEN": "s3cr3tvalue"}})[0]
    line = load.command("/r")
    assert "--expect-workers=6" in line and "--master" in line and line[line.index("--tags") + 1] == "smoke"
    assert "s3cr3tvalue" not in str(line)
    alone = load_test.read_options({**PARAMS, "processes": 3})[0].command("/r")
    assert "--processes=3" in alone and "--master" not in alone


def test_locust_is_given_whole_seconds_because_it_takes_no_others():
    load = load_test.read_options({**PARAMS, "users": 1, "run_time": 10.0})[0]
    assert load.warm_up_s == 0.5 and "--run-time=11s" in load.command("/r")
