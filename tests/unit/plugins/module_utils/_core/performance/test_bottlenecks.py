# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bottlenecks from figures written by hand, beside the topology of the real lab; test_recorded_bottlenecks.py has recordings."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError
from ansible_collections.vertice.netfix.plugins.filter.bottlenecks import bottlenecks
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.bottlenecks.registry import KINDS

ROOT = Path(__file__).parents[6]
TOPOLOGY = json.loads((ROOT / "tests/unit/fixtures/bottlenecks/topology.json").read_text(encoding="utf-8"))
KB, CORE, GATEWAY = "hcl-kb-service", "maximus_core_service", "api_gateway"
ITEMS, QUERY, HEALTH = "GET /api/v1/kb/items", "POST /api/v1/consciousness/query", "GET /api/v1/health"
STATEMENT = "SELECT id, tag, title, score FROM items WHERE tag = $1 ORDER BY score DESC LIMIT $2"
USUAL_CPU = {KB: 0.12, CORE: 0.06, GATEWAY: 0.2, "postgres": 0.05, "redis": 0.01}


def topology(service=KB, cpus=0.0, **environment):
    """That of the lab, with other variables of one service."""
    made = copy.deepcopy(TOPOLOGY)
    made["services"][service]["environment"].update(environment)
    made["services"][service]["cpus"] = cpus
    return made


def figures(rps, p50, mean=0.0, p90=0.0):
    times = {
        "mean": mean or p50 * 1.15,
        "p50": p50,
        "p90": p90 or p50 * 1.6,
        "p95": p50 * 2,
        "p99": p50 * 3,
        "max": p50 * 4,
    }
    return {"requests": int(rps * 9), "failures": 0, "rps": rps, "latency_ms": times}


def load(items, query, health, cpu=None, throttled=0):
    """One run; for each endpoint its rate, p50, mean and p90."""
    containers = {
        f"netfix-lab-{service}-1": {
            "name": service,
            "seconds": 9.0,
            "cpu": cores,
            "throttled_periods": throttled if service == KB else 0,
        }
        for service, cores in {**USUAL_CPU, **(cpu or {})}.items()
    }
    endpoints = {ITEMS: figures(*items), QUERY: figures(*query), HEALTH: figures(*health)}
    run = {"number": 1, "measured_from": 0.0, "seconds": 9.0, "whole": figures(80, 10)}
    return {"runs": [{**run, "endpoints": endpoints, "containers": containers}], "fingerprint": {"host": "cores 2"}}


def datastores(mean_ms=0.3, calls=46, connections=10, active=0.02, in_transaction=0.0, hits=200, misses=20, keys=100):
    """Ten seconds of a PostgreSQL with an index, and of a Redis."""
    database = {
        "service": "postgres",
        "container": "netfix-lab-postgres-1",
        "database": "kb",
        "seconds": 10.0,
        "max_connections": 100,
        "statements_from": "pg_stat_statements",
        "statements": [{"query": STATEMENT, "calls": calls * 10, "total_ms": mean_ms * calls * 10}],
        "samples": 20,
        "clients": [
            {
                "address": "10.0.0.6",
                "service": KB,
                "connections": connections,
                "active": active,
                "in_transaction": in_transaction,
            }
        ],
    }
    cache = {
        "service": "redis",
        "container": "netfix-lab-redis-1",
        "seconds": 10.0,
        "hits": hits,
        "misses": misses,
        "keys": keys,
    }
    return {"databases": [database], "caches": [cache]}


def without_index(mean_ms=150.0, calls=25, **more):
    """The same without the index."""
    made = datastores(mean_ms, calls, active=mean_ms * calls / 1000, **more)
    wanted = {
        "schema": "public",
        "table": "items",
        "columns": [["tag", "ASC"], ["score", "DESC"]],
        "name": "netfix_items_tag_score",
        "sql": "CREATE INDEX CONCURRENTLY …",
        "query": STATEMENT,
        "reason": "read from beginning to end",
    }
    made["databases"][0]["wanted"] = [wanted]
    made["databases"][0]["running"] = [{"query": STATEMENT, "active": mean_ms * calls / 1000, "longest_s": 0.4}]
    return made


def profile(threads=11, own=0.05, samples=20, function="items"):
    """Six seconds of the knowledge base."""
    functions = [
        {"function": "Runner.run", "file": "/usr/lib/python3.13/asyncio/runners.py", "own": 0.6, "total": 1.0},
        {"function": function, "file": "/srv/lab/kb.py", "line": 9, "own": own, "total": own + 0.1},
    ]
    process = {"pid": 1, "command": "python3 kb.py", "cpu": 0.1, "threads": threads}
    told = {"service": KB, "outcome": "ok", "seconds": 6.0, "rate_hz": 20, "samples": samples}
    return [{**told, "functions": functions, "processes": [process]}]


HEALTHY = (load((46, 6), (23, 7), (11, 2)), profile(), datastores(), topology())
CASES = {
    "missing_index": (load((25, 190), (12, 12), (6, 3), {"postgres": 1.3}), profile(), without_index(), topology()),
    "uncached_read": (
        load((46, 6), (23, 18), (11, 2)),
        profile(),
        datastores(calls=69, hits=0, misses=0, keys=0),
        topology(CORE, CACHE="off"),
    ),
    "cpu_bound": (
        load((28, 190), (13, 15), (7, 3), {KB: 0.97}),
        profile(own=0.7, samples=115, function="likeness"),
        datastores(calls=28),
        topology(),
    ),
    "few_workers": (
        load((30, 136), (14, 8), (7, 2)),
        # a pool of threads holds more than ever work: so it was recorded
        profile(threads=7),
        datastores(calls=30, connections=1),
        topology(THREADS="1"),
    ),
    "small_pool": (
        load((32, 120), (15, 6), (8, 2)),
        profile(),
        datastores(calls=32, connections=1, in_transaction=0.9),
        topology(POOL_SIZE="1"),
    ),
    "sleeping_dependency": (load((27, 163, 170, 180), (14, 7), (7, 2)), profile(), datastores(calls=27), topology()),
    "throttled": (
        load((25, 200), (12, 9), (6, 3), {KB: 0.1}, throttled=80),
        profile(),
        datastores(calls=25),
        topology(cpus=0.1),
    ),
    "low_hit_ratio": (
        load((46, 6), (23, 15), (11, 2)),
        profile(),
        datastores(hits=50, misses=180, keys=20),
        topology(),
    ),
}
SWITCHES = {
    folder.name: yaml.safe_load((folder / "bottleneck.yml").read_text(encoding="utf-8"))
    for folder in sorted((ROOT / "lab/bottlenecks").iterdir())
}
SERVED_BY = {"missing_index": "postgres"}
TRIED = {
    "missing_index": ("indexes", "table", "items"),
    "uncached_read": ("cache", "variable", "CACHE"),
    "few_workers": ("workers", "variable", "WORKERS"),
    "small_pool": ("workers", "variable", "POOL_SIZE"),
}


def found(case, **changed):
    """What is found in one of the cases, some of it replaced."""
    runs, profiles, stores, told = case
    return bottlenecks(runs, **{"profiles": profiles, "datastores": stores, "topology": told, **changed})


def codes(result):
    return [item["code"] for item in result["items"]]


def unseen(result):
    return {one["source"]: one["reason"] for one in result["unseen"]}


@pytest.mark.parametrize("name", CASES)
def test_the_one_bottleneck_is_named_and_nothing_else(name):
    result = found(CASES[name])
    assert codes(result) == [SWITCHES[name]["finding"]]
    first = result["items"][0]
    assert first["service"] == SERVED_BY.get(name, SWITCHES[name]["service"])
    assert first["endpoint"].endswith(SWITCHES[name]["endpoint"])
    assert len({fact["source"] for fact in first["evidence"]}) >= 2
    assert 0 < first["share"] <= 1 and 0 < first["cost_s_per_s"] <= result["waiting_s_per_s"]


@pytest.mark.parametrize("name", CASES)
def test_what_can_be_tried_is_told_with_what_it_takes(name):
    optimization = found(CASES[name])["items"][0]["optimization"]
    wanted, key, value = TRIED.get(name, (None, "", None))
    assert (optimization["name"], optimization["parameters"].get(key)) == (wanted, value)


def test_a_service_that_does_not_say_how_much_it_serves_has_no_more_workers_than_threads():
    told = topology()
    del told["services"][KB]["environment"]["THREADS"]
    result = found(CASES["few_workers"], profiles=profile(threads=2), topology=told)
    assert codes(result) == ["performance.too_few_workers"]


def test_a_queue_nobody_can_tell_of_is_no_lack_of_workers():
    told = topology()
    del told["services"][KB]["environment"]["THREADS"]
    steady = load((30, 136, 145, 190), (14, 8), (7, 2))
    assert codes(found((steady, [], datastores(calls=30), told))) == ["performance.slow_dependency"]


def test_more_workers_and_connections_than_now_are_tried():
    for name in ("few_workers", "small_pool"):
        parameters = found(CASES[name])["items"][0]["optimization"]["parameters"]
        assert parameters["from"] == "1" and int(parameters["value"]) > 1


def test_the_cache_is_switched_by_the_word_that_fits():
    for off, on in (("off", "on"), ("false", "true"), ("0", "1")):
        told = topology(CORE, CACHE=off)
        assert found(CASES["uncached_read"], topology=told)["items"][0]["optimization"]["parameters"]["value"] == on


def test_a_project_without_bottlenecks_has_none():
    assert codes(found(HEALTHY)) == []


@pytest.mark.parametrize("health_ms", [2, 5])
def test_a_machine_that_is_busy_with_something_else_makes_no_bottleneck(health_ms):
    # as the lab answered while load average was 12: everything slow now and then, nothing steadily
    noisy = load((35, 40, 62, 170), (18, 54, 92, 250), (9, health_ms, 13, 40))
    assert codes(found((noisy, *HEALTHY[1:]))) == []


def test_a_wait_that_the_load_generator_shared_is_not_put_down_to_a_service():
    runs, *more = copy.deepcopy(CASES["sleeping_dependency"])
    runs["runs"][0]["late_p99_ms"] = 38.0
    result = found((runs, *more))
    assert codes(result) == [] and "unexplained waits" in unseen(result)


def test_two_at_once_are_both_named_the_costlier_first():
    runs = load((18, 220), (9, 240), (6, 3), {"postgres": 1.5})
    stores = without_index(calls=27, hits=0, misses=0, keys=0)
    result = found((runs, profile(), stores, topology(CORE, CACHE="off")))
    assert codes(result) == ["performance.missing_index", "performance.uncached_read"]
    assert [item["rank"] for item in result["items"]] == [1, 2]


def test_the_cost_of_an_index_is_the_time_of_its_statement():
    # 25 calls a second of 150 ms: 3.75 users wait at any moment, of 25 × 218.5 + 12 × 13.8 + 6 × 3.45 ms = 5.6488
    first = found(CASES["missing_index"])["items"][0]
    assert first["cost_s_per_s"] == 3.75 and first["share"] == pytest.approx(3.75 / 5.6488, abs=1e-4)


def test_a_cold_cache_is_no_low_hit_ratio():
    assert codes(found(HEALTHY, datastores=datastores(hits=30, misses=95, keys=95))) == []


def test_a_cache_that_is_used_is_not_called_off():
    assert codes(found(CASES["uncached_read"], datastores=datastores(hits=220, misses=10))) == []


def test_without_pg_stat_statements_sampling_names_the_index():
    stores = without_index()
    stores["databases"][0].update(statements=[], statements_from="pg_stat_activity", unread={"statements": "not there"})
    result = found(CASES["missing_index"], datastores=stores)
    assert codes(result) == ["performance.missing_index"]
    assert unseen(result)["statements of postgres"] == "not there"


def test_counters_before_and_after_the_load_serve_as_well():
    before, after = without_index(), without_index()
    before["databases"][0].update(seconds=0.0, at=100.0, statements=[], transactions=1)
    table = {"schema": "public", "name": "items", "rows": 500000, "columns": ["id", "tag", "title", "score"]}
    after["databases"][0].update(seconds=0.0, at=110.0, transactions=2, tables=[{**table, "scans": 250}], wanted=[])
    before["databases"][0]["tables"] = [{**table, "scans": 0}]
    result = found(CASES["missing_index"], datastores=after, datastores_before=before)
    assert codes(result) == ["performance.missing_index"] and result["items"][0]["cost_s_per_s"] == 3.75


def unsampled(stores):
    """What the database says of itself to one who does not watch it."""
    made = copy.deepcopy(stores)
    made["databases"][0].update(samples=0, clients=[], running=[])
    return made


def test_connections_sampled_at_another_time_name_the_small_pool():
    case = CASES["small_pool"]
    without = found(case, datastores=unsampled(case[2]))
    assert "performance.small_pool" not in codes(without)
    assert unseen(without)["connections of postgres"] == "they were not sampled under load"
    result = found(case, datastores=unsampled(case[2]), activity=case[2])
    assert codes(result) == ["performance.small_pool"] and "connections of postgres" not in unseen(result)


def test_activity_sampled_at_another_time_names_the_index_that_no_counter_tells_of():
    stores = unsampled(without_index())
    table = {"schema": "public", "name": "items", "rows": 500000, "columns": ["id", "tag", "title", "score"], "scans": 250}
    stores["databases"][0].update(statements=[], statements_from="", tables=[table], wanted=[])
    activity = without_index()
    activity["databases"][0]["statements_from"] = "pg_stat_activity"
    result = found(CASES["missing_index"], datastores=stores, activity=activity)
    assert codes(result) == ["performance.missing_index"] and result["items"][0]["cost_s_per_s"] == 3.75


@pytest.mark.parametrize("activity", [{}, {"databases": [], "caches": []}])
def test_without_samples_the_counters_stay_what_they_are(activity):
    stores = datastores()
    assert found(HEALTHY, datastores=stores, activity=activity) == found(HEALTHY, datastores=stores)


def test_time_without_load_between_the_two_looks_does_not_make_a_statement_cheap():
    # of 40 s between the looks the run took 9 and its warm-up 1: the rate is that of these 10 s
    runs, profiles, stores, told = copy.deepcopy(CASES["missing_index"])
    runs["runs"][0]["measured_from"], runs["fingerprint"]["warm_up"] = 1011.0, "1"
    stores["databases"][0].update(at=1030.0, seconds=40.0)
    assert found((runs, profiles, stores, told))["items"][0]["cost_s_per_s"] == 3.75


def test_a_saturated_service_without_a_hot_function_gets_more_workers():
    told = found(CASES["cpu_bound"], profiles=[])["items"][0]
    assert (told["code"], told["optimization"]["name"]) == ("performance.cpu_saturated", "workers")


def test_without_profiles_their_want_is_told():
    result = found(CASES["missing_index"], profiles=[])
    assert codes(result) == ["performance.missing_index"] and unseen(result)[f"profile of {KB}"] == "none was made"


def test_without_anything_but_a_load_nothing_is_guessed():
    result = bottlenecks(CASES["missing_index"][0])
    assert codes(result) == [] and {"datastores", "routes"} <= set(unseen(result))


def test_no_run_is_told_and_is_no_failure():
    result = bottlenecks({"runs": []})
    assert codes(result) == [] and "load" in unseen(result)


def test_a_database_that_could_not_be_asked_is_unseen():
    stores = datastores()
    stores["databases"][0].update(outcome="not_measured", reason="psql: error: FATAL: role does not exist")
    assert unseen(found(HEALTHY, datastores=stores))["database postgres"] == "psql: error: FATAL: role does not exist"


def test_a_profile_that_failed_is_unseen():
    failed = [{"service": KB, "outcome": "not_measured", "reason": "py-spy may not trace it"}]
    assert unseen(found(HEALTHY, profiles=failed))[f"profile of {KB}"] == "py-spy may not trace it"


def test_what_no_module_returns_is_refused():
    with pytest.raises(AnsibleFilterError):
        bottlenecks({"runs": [{"whole": 3}]})


def test_every_switch_of_the_lab_shows_a_kind_and_every_kind_is_documented():
    assert {switch["finding"] for switch in SWITCHES.values()} <= set(KINDS)
    assert {kind.bottleneck for kind in KINDS.values() if kind.bottleneck} == set(SWITCHES)
    page = (ROOT / "docs/bottlenecks.md").read_text(encoding="utf-8")
    assert [code for code in KINDS if f"`{code}`" not in page] == []
