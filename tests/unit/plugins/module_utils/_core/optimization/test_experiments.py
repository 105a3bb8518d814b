# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.optimization.experiments import plan_experiments
from ansible_collections.vertice.netfix.plugins.module_utils._core.optimization.steps import plan_steps

SCRIPT = {"name": "indexes", "service": "kb", "command": ["x.py"], "undo_command": ["x.py", "--drop"]}
WORKERS = {"name": "workers", "service": "idle", "environment": {"WORKERS": "2"}}
INDEX = {
    "code": "performance.missing_index", "service": "postgres", "endpoint": "GET /items", "title": "no index on tag",
    "optimization": {"name": "indexes", "parameters": {"table": "items", "columns": ["tag"]}},
}  # fmt: skip
CPU = {"code": "performance.cpu_bound_function", "service": "core", "optimization": {"name": None, "parameters": {}}}


def test_the_evidence_comes_first_and_the_operators_wishes_after_it():
    found = plan_experiments([INDEX, CPU], [WORKERS])
    assert [(e["number"], e["name"], e["service"], e["why"]) for e in found] == [
        (1, "indexes", "postgres", "no index on tag"), (2, "workers", "idle", "asked for"),
    ]  # fmt: skip
    assert found[0]["parameters"] == {"table": "items", "columns": ["tag"]} and found[0]["endpoint"] == "GET /items"


def test_the_operators_own_script_is_taken_for_what_the_evidence_suggests():
    (one,) = plan_experiments([INDEX], [SCRIPT])
    assert (one["service"], one["parameters"]["command"], one["why"]) == ("kb", ["x.py"], "no index on tag")


def test_what_the_evidence_suggests_becomes_options_of_the_module():
    index = {"schema": "public", "table": "items", "columns": [["tag", "ASC"], ["score", "DESC"]], "sql": "…"}
    cache = {"service": "core", "variable": "CACHE", "from": "off", "value": "on"}
    items = [{**INDEX, "optimization": {"name": n, "parameters": p}} for n, p in (("indexes", index), ("cache", cache))]
    found = plan_experiments(items, [])
    assert found[0]["parameters"] == {"table": "public.items", "columns": ["tag ASC", "score DESC"]}
    assert (found[1]["service"], found[1]["parameters"]) == ("core", {"environment": {"CACHE": "on"}})


def test_the_same_is_not_tried_twice_and_no_more_than_asked_for():
    assert len(plan_experiments([INDEX, INDEX], [])) == 1
    assert plan_experiments([INDEX], [], most=0) == []


def test_a_wish_that_names_no_optimization_is_an_error():
    with pytest.raises(ValueError, match="must have a name out of"):
        plan_experiments([], [{"name": "magic", "service": "kb"}])


def test_a_dry_run_tells_every_step_and_its_time():
    settings = {"runs": 5, "users": 10, "seconds": 30, "warm_up": 5, "profile_seconds": 60}
    steps = plan_steps(settings, plan_experiments([], [WORKERS]))
    assert [s["step"] for s in steps] == [
        "baseline", "profile", "bottlenecks", "experiment", "experiment", "re-test", "compare",
    ]  # fmt: skip
    assert "workers of idle" in steps[3]["text"] and "up to 3 more" in steps[4]["text"]
    # five runs of 38 s
    assert steps[5]["seconds"] == 190 and all(s["seconds"] > 0 for s in steps)
