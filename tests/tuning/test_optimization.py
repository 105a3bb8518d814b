# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One optimization on the real engine: made once, undone to the field, and taken back by the next run where it died."""

from __future__ import annotations

import subprocess

import pytest
from tuning.slow_lab import PROJECT, await_that, docker

pytestmark = pytest.mark.docker

SCRIPT = {
    "name": "indexes", "service": "hcl-kb-service", "command": ["python3", "scripts/optimize_database.py"],
    "undo_command": ["python3", "scripts/optimize_database.py", "--drop"],
}  # fmt: skip
INDEX = {"name": "indexes", "service": "postgres", "table": "items", "columns": ["tag", "score DESC"]}
CACHE = {"name": "cache", "service": "maximus_core_service", "environment": {"CACHE": "on"}}
OURS = "netfix_items_tag_score"


@pytest.fixture(autouse=True)
def untouched(lab):
    """Every test leaves the project as it found it."""
    indexes, containers, rows = lab.indexes(), settings(lab), lab.rows()
    yield
    assert (lab.indexes(), settings(lab), lab.rows()) == (indexes, containers, rows)
    assert not (lab.folder / "compose.netfix.yml").exists()


def settings(lab):
    """What containers were made from; a recreated one has another id."""
    return [" ".join([line.split()[0], *line.split()[2:]]) for line in lab.containers()]


def outcomes(undone):
    return {f"{o['kind']} {o['name']}": o["outcome"] for o in undone["undo"]["objects"]}


def test_the_operators_script_is_run_once_and_taken_back_by_name(lab):
    before = lab.indexes()
    made = lab.optimize(run_id="script", **SCRIPT)
    assert made["attempt"]["verdict"] == "kept" and "items_tag_score" in lab.indexes()
    again = lab.optimize(run_id="script-again", **SCRIPT)
    assert (again["changed"], again["attempt"]["verdict"]) == (False, "unchanged")
    # the columns have their index by now, whoever made it
    assert lab.optimize(run_id="other", **INDEX)["attempt"]["verdict"] == "unchanged"
    (undone,) = lab.optimize(run_id="script", state="absent")["rolled_back"]
    assert undone["undo"]["verified"] and outcomes(undone)["index public.items_tag_score"] == "restored"
    assert lab.indexes() == before
    assert not lab.optimize(run_id="script", state="absent")["changed"]


def test_an_interrupted_build_is_ended_and_dropped_by_the_next_run(lab):
    # a build waits for whoever may still look at the table as it was
    looks = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM items LIMIT 1; SELECT pg_sleep(600)"
    container = f"{PROJECT}-postgres-1"
    psql = ["docker", "exec", "-e", "PGAPPNAME=onlooker", container, "psql", "-XqAt", "-U", "netfix", "-d", "kb", "-c", looks]
    onlooker = subprocess.Popen(psql, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    ours = "FROM pg_stat_activity WHERE application_name"
    try:
        await_that(lambda: lab.sql(f"SELECT count(*) {ours} = 'onlooker'") == "1", "somebody looks")
        process = lab.start("optimization", run_id="dies", **INDEX)
        await_that(lambda: f"{OURS} (invalid)" in lab.indexes(), "the index is half made")
        process.kill()
        process.wait()
        # it goes on, with a helper that builds beside it
        assert lab.sql(f"SELECT count(*) {ours} = 'vertice.netfix'") != "0"
        next_run = lab.start("optimization", state="settled")
        await_that(lambda: lab.sql(f"SELECT count(*) {ours} = 'vertice.netfix' AND query LIKE 'CREATE%'") == "0", "it is ended")
    finally:
        # dropping an index waits for those who look as well
        lab.sql(f"SELECT pg_terminate_backend(pid) {ours} = 'onlooker'")
        onlooker.wait()
    assert "dies-01-optimize_indexes" in next_run.communicate()[0]
    assert lab.sql(f"SELECT count(*) {ours} = 'vertice.netfix'") == "0"


def test_a_cache_is_switched_on_so_that_compose_agrees_and_off_again(lab):
    planned = lab.optimize(run_id="cache", _ansible_check_mode=True, _ansible_diff=True, **CACHE)
    assert planned["attempt"]["verdict"] == "planned" and "CACHE" in str(planned["diff"])
    made = lab.optimize(run_id="cache", trial=True, **CACHE)
    assert made["attempt"]["verdict"] == "kept", made["attempt"]["reason"]
    before = lab.containers()
    files = [word for f in ("compose.yml", "compose.netfix.yml") for word in ("--file", str(lab.folder / f))]
    docker("compose", "--project-directory", str(lab.folder), "-p", PROJECT, *files, "up", "-d")
    assert lab.containers() == before
    assert lab.optimize(run_id="cache", state="confirmed", verdict="improved", **CACHE)["changed"]
    assert lab.optimize(run_id="later", **CACHE)["attempt"]["verdict"] == "unchanged"
    (undone,) = lab.optimize(run_id="cache", state="absent")["rolled_back"]
    assert undone["undo"]["verified"] and undone["undo"]["differences"] == []


def test_what_is_on_trial_when_its_run_dies_is_taken_back_by_the_next(lab):
    assert lab.optimize(run_id="trial", trial=True, **INDEX)["attempt"]["verdict"] == "kept"
    assert OURS in lab.indexes()
    assert lab.optimize(state="settled")["settled"] == ["trial-01-optimize_indexes"]


def test_what_a_measurement_spoke_against_is_not_tried_again(lab):
    assert lab.optimize(run_id="vain", trial=True, **INDEX)["attempt"]["verdict"] == "kept"
    lab.optimize(run_id="vain", state="absent", name="indexes", verdict="no difference shown")
    refused = lab.optimize(run_id="next", **INDEX)["attempt"]
    assert refused["verdict"] == "refused" and "no difference shown" in refused["reason"]


def test_what_helped_and_was_rolled_back_may_be_tried_again(lab):
    other = {**INDEX, "columns": ["score DESC"]}
    assert lab.optimize(run_id="good", trial=True, **other)["attempt"]["verdict"] == "kept"
    assert lab.optimize(run_id="good", state="confirmed", name="indexes", verdict="improved")["confirmed"]
    assert lab.optimize(run_id="good", state="absent")["rolled_back"]
    planned = lab.optimize(run_id="next", _ansible_check_mode=True, **other)["attempt"]
    assert planned["verdict"] == "planned", planned["reason"]


def test_a_change_that_breaks_what_worked_is_undone_at_once(lab):
    broken = {**CACHE, "environment": {"CACHE": "on", "REDIS_URL": "redis://nowhere:1/0"}}
    attempt = lab.optimize(run_id="broken", trial=True, gate_timeout=5, **broken)["attempt"]
    assert attempt["verdict"] == "undone" and attempt["gate"]["regressed"] and attempt["undo"]["verified"]
