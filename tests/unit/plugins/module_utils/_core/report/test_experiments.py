# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.vertice.netfix.plugins.module_utils._core.report.experiments import (
    experiment_problems,
    render_experiment,
    render_tuning,
    tuning_fields,
    tuning_problems,
)

EXPERIMENT = {
    "number": 1, "optimization": "indexes", "target": "postgres", "why": "no index on tag", "decision": "kept",
    "steps": [{"text": "create_index public.netfix_items_tag", "seconds": 0.51, "outcome": "done"}],
    "answers": {"compared": 15, "equal": True, "differing": []}, "verdict": "improved", "reason": "p = 0.029",
    "comparison": {"primary": {"metric": "p50", "endpoint": "GET /items", "before": 31.6, "after": 7.96, "p_value": 0.0286}},
}  # fmt: skip
PLAN = [{"step": "baseline", "text": "5 runs", "seconds": 190.0}, {"step": "compare", "text": "the re-test", "seconds": 3.0}]


def test_an_experiment_tells_its_steps_its_answers_and_its_figures():
    text = render_experiment(EXPERIMENT, 100, False, "shop on localhost")
    assert "Experiment 1 · indexes of postgres · shop on localhost" in text
    assert "because no index on tag" in text
    assert "15 answers compared, all the same" in text
    assert "✓ kept: improved, p50 of GET /items 31.6 ms → 7.96 ms (p = 0.029)" in text


def test_an_experiment_that_was_not_measured_tells_why():
    differing = [{"name": "query", "how": "the body differs in $.a"}]
    other = {
        **EXPERIMENT, "decision": "undone", "verdict": "not measured", "reason": "the answers are not the same", "comparison": None,
        "answers": {"compared": 1, "equal": False, "differing": differing},
    }  # fmt: skip
    text = render_experiment(other)
    assert "not the same: query: the body differs in $.a" in text and "✗ undone: the answers are not the same" in text


def test_a_dry_run_tells_each_step_and_the_whole():
    text = render_tuning({"plan": PLAN})
    assert "about 3 min 13 s in all" in text and "1 baseline: 5 runs" in text


def test_where_users_wait_is_told_with_what_was_not_seen():
    item = {"rank": 1, "service": "postgres", "title": "no index\x1b[31m", "share": 0.57}
    run = {"whole": {"requests": 100, "failures": 0, "rps": 50.0, "latency_ms": {"p95": 41.2}}, "endpoints": {}}
    text = render_tuning(
        {
            "settings": {"users": 10, "seconds": 30, "primary": "p95", "endpoint": ""}, "baseline": {"runs": [run, run]},
            "bottlenecks": {"items": [item], "unseen": [{"source": "profile of edge", "reason": "not Python"}]},
        }
    )  # fmt: skip
    assert "2 runs of 30 s with 10 users, p95 41.2 ms, 50.0 requests/s, 0 of 200 failed" in text
    assert "1  postgres: no index\\x1b[31m (57% of all waiting)" in text and "not seen: profile of edge: not Python" in text
    assert "no bottleneck was found" in render_tuning({"baseline": {"runs": []}, "bottlenecks": {"items": []}})


def test_the_summary_tells_a_tuning_in_a_few_lines():
    final = {"comparison": {"verdict": "improved", "primary": EXPERIMENT["comparison"]["primary"]}, "interleaved": False}
    tuning = {"baseline": {"runs": []}, "bottlenecks": {"items": []}, "experiments": [EXPERIMENT], "final": final}
    fields = dict(tuning_fields(tuning))
    assert fields["experiments"] == [
        "✓ indexes of postgres: improved, p50 of GET /items 31.6 ms → 7.96 ms (p = 0.029); kept"
    ]
    assert fields["before → after"][0].startswith("improved, p50 of GET /items 31.6 ms → 7.96 ms; one after the other")
    assert tuning_fields({"plan": PLAN, "baseline": None}) == []


def test_what_cannot_be_rendered_is_named():
    assert tuning_problems([], "data") and tuning_problems({"experiments": ["x"]}, "data")
    assert tuning_problems({"bottlenecks": None, "baseline": None}, "data") == []
    assert experiment_problems({"optimization": "cache"}, "data") == ["data has no 'decision'"]
