# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.listeners import STARTING_S
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import EngineError, TransactionError
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.times import instant
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.docker_rules import bridge_of
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.host_firewall import HostFacts
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.host_state import HostState
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import differences
from ansible_collections.vertice.netfix.plugins.module_utils._host import timer, transaction, undoing
from ansible_collections.vertice.netfix.plugins.module_utils._host.attempts import project_of_run, public, runs_in
from ansible_collections.vertice.netfix.plugins.module_utils._host.progress import Progress
from ansible_collections.vertice.netfix.plugins.module_utils._host.signals import Interrupted
from unit.builders import tcp, with_config, with_probes
from unit.fake_host import Host, Killed

REMEDIATION = "reconnect_endpoints"
GATEWAY = "netfix-unit-api_gateway-1"
APART = "netfix-unit_vertice-network"


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """No time is lost between the rounds of an undo."""
    monkeypatch.setattr(undoing, "PAUSE_S", 0.0)


@pytest.fixture
def host(tmp_path):
    """A container on it has lost its name."""
    return Host("reconnected_without_alias", tmp_path)


@pytest.fixture
def apart(tmp_path):
    """Its gateway is configured apart from its providers: to mend it takes a file and a recreated service."""
    return Host("disjoint_networks", tmp_path)


def files(host):
    return sorted(Path(host.state_dir, host.snapshot.project).glob("*.json"))


def on_disk(host):
    return [json.loads(f.read_text()) for f in files(host)]


def same(host, before):
    return differences(before, host.executor.state()) == []


def test_what_mends_is_kept(host):
    record = host.transaction().attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "kept" and record["gate"]["mended"] == ["name.reconnected_without_alias"]
    assert [s["outcome"] for s in record["steps"]] == ["done", "done"]
    assert host.transaction().look()[1].healthy


def test_what_is_mended_is_not_changed_again(host):
    host.transaction().attempt(REMEDIATION, "run", 1)
    done = len(host.executor.log)
    record = host.transaction().attempt(REMEDIATION, "run", 2)
    assert record["verdict"] == "unchanged" and record["reason"]
    assert len(host.executor.log) == done and len(files(host)) == 1


def test_a_configured_change_is_kept_with_its_file(apart):
    record = apart.transaction().attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "kept" and record["restarts"] == ["api_gateway"]
    assert "vertice-network" in apart.executor.override


def test_what_breaks_something_else_is_undone(host):
    before = host.executor.state()

    def spoil(snapshot):
        if not host.executor.log or len(host.executor.log) > 2:
            return snapshot
        address = next(c for c in snapshot.containers if c.service == "redis").endpoints[0].address
        return with_probes(snapshot, tcp("netfix-unit-maximus_core_service-1", address, 6379, "timeout"))

    host.gatherer.spoil = spoil
    record = host.transaction().attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "undone" and "maximus_core_service → redis:6379" in record["reason"]
    assert record["undo"]["verified"] and same(host, before)


def test_what_is_still_coming_up_behind_the_change_is_waited_for(host):
    looks = iter(range(1000))

    def starting(snapshot):
        if not host.executor.log or next(looks) > 1:
            return snapshot
        kb = next(c for c in snapshot.containers if c.service == "hcl-kb-service").endpoints[0].address
        callers = [c.name for c in snapshot.containers if c.service in ("api_gateway", "maximus_core_service")]
        return with_probes(snapshot, *(tcp(caller, kb, 8001, "ECONNREFUSED") for caller in callers))

    host.gatherer.spoil = starting
    transaction = host.transaction()
    transaction.limits.gate_timeout_s = 20.0
    record = transaction.attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "kept" and record["after"][1].healthy
    assert len([look for look in record["looks"] if look["when"] == "during"]) == 3


def test_what_does_not_mend_is_undone(host):
    before, broken = host.executor.state(), host.gatherer.snapshot()
    host.gatherer.spoil = lambda snapshot: replace(snapshot, probes=broken.probes)
    record = host.transaction().attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "undone" and "did not mend" in record["reason"] and same(host, before)


@pytest.mark.parametrize("action", ["write_override", "recreate", "wait_healthy"])
@pytest.mark.parametrize("error", [EngineError("the engine refused"), ValueError("a defect of ours")])
def test_an_error_on_the_way_is_undone(apart, action, error):
    before = apart.executor.state()
    apart.executor.fail_on(action, error)
    fail = apart.executor.on
    apart.executor.on = lambda step: fail(step) if step.cause != "as in the checkpoint" else None
    record = apart.transaction().attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "undone" and str(error) in record["reason"] and same(apart, before)
    assert apart.executor.override is None


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_on_the_way_is_undone(apart, number):
    before = apart.executor.state()
    apart.executor.on = lambda step: step.action.value == "recreate" and os.kill(os.getpid(), number)
    record = apart.transaction().attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "undone" and number.name in record["reason"] and same(apart, before)


def test_a_signal_while_undoing_does_not_stop_the_undo(apart):
    before = apart.executor.state()

    def on(step):
        if step.cause == "as in the checkpoint":
            os.kill(os.getpid(), signal.SIGTERM)
        elif step.action.value == "wait_healthy":
            raise EngineError("not healthy")

    apart.executor.on = on
    record = apart.transaction().attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "undone" and same(apart, before)


def test_signals_mean_what_they_meant_before_once_it_is_over(host):
    before = signal.getsignal(signal.SIGTERM)
    host.transaction().attempt(REMEDIATION, "run", 1)
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_undo_that_fails_is_an_error_and_keeps_the_checkpoint(apart):
    apart.executor.fail_on("recreate")
    apart.executor.on, refuse = lambda step: None, apart.executor.on

    def on(step):
        if step.action.value == "wait_healthy":
            apart.executor.on = refuse
            raise EngineError("not healthy")

    apart.executor.on = on
    with pytest.raises(TransactionError, match="could not be undone completely") as caught:
        apart.transaction().attempt(REMEDIATION, "run", 1)
    assert "checkpoint" not in caught.value.details["attempt"]
    assert "the engine refused to recreate" in str(caught.value)
    (record,) = on_disk(apart)
    assert record["phase"] == "failed" and record["checkpoint"]["containers"]


UNDOES = "as in the checkpoint"


def fail_undo(host, refuses, times=1000):
    """Let the attempt fail at its end, and so many steps of its undoing that ``refuses`` chooses."""
    refused = iter(range(times))

    def on(step):
        if step.action.value == "wait_healthy":
            raise EngineError("not healthy")
        if step.cause == UNDOES and refuses(step) and next(refused, None) is not None:
            raise EngineError(f"the engine refused to {step.action.value} {step.object}")

    host.executor.on = on


def told(record):
    return {f"{o['kind']} {o['name']}": o for o in record["undo"]["objects"]}


def test_a_rollback_of_a_run_that_could_not_be_undone_completes_and_tells_it(apart):
    before = apart.executor.state()
    test_an_undo_that_fails_is_an_error_and_keeps_the_checkpoint(apart)
    apart.executor.on = lambda step: None
    assert [r["verdict"] for r in apart.transaction().roll_back("run")] == ["undone"] and same(apart, before)
    assert apart.transaction().roll_back("run") == []


REDIS, POSTGRES = "netfix-unit-redis-1", "netfix-unit-postgres-1"


@pytest.mark.parametrize(
    "action, failed",
    [
        ("write_override", {"file compose.netfix.yml", f"container {GATEWAY}", f"endpoint {GATEWAY} on {APART}"}),
        ("recreate", {f"container {GATEWAY}", f"endpoint {GATEWAY} on {APART}"}),
        ("start", {f"container {REDIS}"}),
    ],
)
def test_an_object_that_cannot_be_restored_keeps_no_other_from_it(apart, action, failed):
    """On the way two containers that the attempt does not touch have lost a name, and stopped."""
    before = apart.executor.state()
    fail_undo(apart, lambda step: step.action.value == action)
    fail = apart.executor.on

    def on(step):
        if step.action.value == "wait_healthy":
            nameless = {k: replace(e, aliases=()) for k, e in before.containers[POSTGRES].endpoints.items()}
            apart.executor.containers[POSTGRES] = replace(before.containers[POSTGRES], endpoints=nameless)
            apart.executor.stop(REDIS)
        fail(step)

    apart.executor.on = on
    with pytest.raises(TransactionError, match=f"could not be undone completely.*the engine refused to {action}") as caught:
        apart.transaction().attempt(REMEDIATION, "run", 1)
    objects = told(caught.value.details["attempt"])
    assert {what for what, o in objects.items() if o["outcome"] == "failed"} == failed
    assert all(o["error"] for what, o in objects.items() if what in failed)
    now = apart.executor.state().containers
    assert now[POSTGRES] == before.containers[POSTGRES] and (now[REDIS].state == "running" or action == "start")
    assert objects["container netfix-unit-hcl-kb-service-1"]["outcome"] == "unchanged"
    apart.executor.on = lambda step: None
    assert apart.transaction().settle()[0] == ["run-01-reconnect_endpoints"] and same(apart, before)


def test_a_step_of_an_undo_that_fails_once_is_tried_again(apart):
    before = apart.executor.state()
    fail_undo(apart, lambda step: True, times=3)
    record = apart.transaction().attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "undone" and record["undo"]["verified"] and same(apart, before)
    objects = told(record)
    assert objects[f"container {GATEWAY}"]["outcome"] == objects["file compose.netfix.yml"]["outcome"] == "restored"
    assert {o["outcome"] for o in objects.values()} == {"restored", "unchanged"}


def silent_for(host, looks):
    """Let the engine answer nothing for so many looks at it, from the first step of the undo on."""
    left = iter(range(looks))
    state, began = host.executor.state, []

    def look(known=(), host=None, guests=(), database_state=None):
        if began and next(left, None) is not None:
            raise EngineError("the engine did not answer")
        return state(known, host, guests, database_state)

    def on(step):
        if step.action.value == "wait_healthy":
            raise EngineError("not healthy")
        if step.cause == UNDOES and not began:
            began.append(True)
            raise EngineError("connection refused")

    host.executor.state, host.executor.on = look, on


def test_an_engine_that_is_restarted_while_undoing_is_waited_for(apart):
    before = apart.executor.state()
    silent_for(apart, 3)
    record = apart.transaction().attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "undone" and same(apart, before)


def test_an_engine_that_stays_away_is_not_waited_for_without_end_and_the_next_run_undoes(apart, monkeypatch):
    before, state = apart.executor.state(), apart.executor.state
    monkeypatch.setattr(undoing, "ENGINE_WAIT_S", 0.0)
    silent_for(apart, 1000)
    with pytest.raises(TransactionError, match=r"could not be undone completely. Left: the engine did not answer"):
        apart.transaction().attempt(REMEDIATION, "run", 1)
    apart.executor.state, apart.executor.on = state, lambda step: None
    assert apart.transaction().settle()[0] == ["run-01-reconnect_endpoints"] and same(apart, before)


@pytest.mark.parametrize("when", ["before a step", "while undoing"])
def test_a_container_that_somebody_removes_meanwhile_comes_back(apart, when):
    before = apart.executor.state()

    def on(step):
        if step.action.value == "wait_healthy":
            if when == "before a step":
                apart.executor.containers.pop(GATEWAY, None)
            raise EngineError("not healthy")
        if when == "while undoing" and step.cause == UNDOES:
            apart.executor.on = lambda step: None
            apart.executor.containers.pop(GATEWAY)

    apart.executor.on = on
    record = apart.transaction().attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "undone" and same(apart, before)


@contextlib.contextmanager
def full_disk(room=0):
    """No file can grow beyond so many bytes, as on a disk that is full."""
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, old[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)


def test_nothing_is_touched_where_the_checkpoint_cannot_be_written(apart):
    before = apart.executor.state()
    with apart.transaction().attempts.lock(), full_disk(100):
        pass  # there is room for a lock, as on a disk that has just become full
    with full_disk(100), pytest.raises(TransactionError, match=r"run-01-reconnect_endpoints\.json cannot be written"):
        apart.transaction().attempt(REMEDIATION, "run", 1)
    assert apart.executor.log == [] and same(apart, before) and files(apart) == []


@pytest.mark.parametrize("action", ["write_override", "wait_healthy"])
def test_a_disk_that_becomes_full_half_way_is_undone_and_leaves_nothing_to_settle(apart, action):
    before = apart.executor.state()
    with contextlib.ExitStack() as stack:
        apart.executor.on = lambda step: step.action.value == action and stack.enter_context(full_disk(100))
        record = apart.transaction().attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "undone" and "cannot be written" in record["reason"] and same(apart, before)
    # what cannot be written down as undone would be undone again, when somebody has changed the project since
    assert apart.transaction().settle()[0] == []


def test_what_cannot_be_written_down_as_kept_is_undone(apart):
    before = apart.executor.state()
    looks = []

    with contextlib.ExitStack() as stack:

        def fill(snapshot):
            looks.append(snapshot)
            if apart.executor.log:
                stack.enter_context(full_disk(100))
            return snapshot

        apart.gatherer.spoil = fill
        record = apart.transaction().attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "undone" and record["gate"]["mended"] and same(apart, before)


def test_a_checkpoint_that_a_power_cut_left_half_written_is_ignored(host):
    folder = Path(host.state_dir, host.snapshot.project)
    folder.mkdir(parents=True)
    (folder / "run-01-reconnect_endpoints.json.new").write_text('{"format": 1, "che')
    assert host.transaction().settle()[0] == []
    assert host.transaction().attempt(REMEDIATION, "run", 1)["verdict"] == "kept"


@pytest.mark.parametrize("planted", ["state", "project", "record", "lock"])
def test_a_link_that_was_planted_in_the_state_folder_is_not_followed(host, tmp_path, planted):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "x.json").write_text('{"format": 1}')
    state = Path(host.state_dir)
    path = {"state": state, "project": state / "netfix-unit"}.get(planted, state / "netfix-unit" / f"{planted}.json")
    if planted == "lock":
        path = path.with_suffix("")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(elsewhere / "x.json" if planted in ("record", "lock") else elsewhere)
    with pytest.raises(TransactionError, match="link|Too many levels"):
        host.transaction().attempt(REMEDIATION, "run", 1)
    assert host.executor.log == [] and (elsewhere / "x.json").read_text() == '{"format": 1}'
    assert sorted(p.name for p in elsewhere.iterdir()) == ["x.json"]


@pytest.mark.parametrize("planted", ["link", "folder"])
def test_an_override_that_is_no_file_is_refused_and_left_alone(apart, tmp_path, planted):
    target = tmp_path / "secret"
    target.write_text("services: {}")
    path = Path(apart.executor.path)
    if planted == "link":
        path.symlink_to(target)
    else:
        path.mkdir()
    with pytest.raises(TransactionError, match=r"compose\.netfix\.yml cannot be read: .*(link|no regular file)"):
        apart.transaction().attempt(REMEDIATION, "run", 1)
    assert apart.executor.log == [] and target.read_text() == "services: {}" and files(apart) == []


def test_a_service_whose_image_is_another_by_now_is_not_recreated(apart):
    (image,) = {c.image for c in apart.snapshot.containers if c.service == "api_gateway"}
    apart.executor.image_of[image] = replace(apart.executor.image_of[image], id="sha256:other")
    record = apart.transaction().attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "refused" and f"runs another image than {image} names by now" in record["reason"]
    assert apart.executor.log == [] and files(apart) == []
    assert apart.transaction(force=True).attempt(REMEDIATION, "run", 1)["verdict"] == "kept"


def test_an_undo_that_failed_is_completed_by_the_next_run(apart):
    before = apart.executor.state()
    test_an_undo_that_fails_is_an_error_and_keeps_the_checkpoint(apart)
    apart.executor.on = lambda step: None
    record = apart.transaction().attempt(REMEDIATION, "run", 2)
    assert record["settled"] == ["run-01-reconnect_endpoints"] and record["verdict"] == "kept"
    apart.transaction().roll_back("run")
    assert same(apart, before)


def die_at(host, number):
    """Let the process die before its step of that number."""
    steps = iter(range(1000))

    def on(_step):
        if next(steps) == number:
            raise Killed

    host.executor.on = on
    with pytest.raises(Killed):
        host.transaction().attempt(REMEDIATION, "dead", 1)
    host.executor.on = lambda step: None


@pytest.mark.parametrize("number", range(4))
def test_what_a_dead_process_left_is_undone_by_the_next_one(apart, number):
    before = apart.executor.state()
    die_at(apart, number)
    assert [r["id"] for r in apart.transaction().attempts.unfinished()] == ["dead-01-reconnect_endpoints"]
    settled, untold = apart.transaction().settle()
    assert settled == ["dead-01-reconnect_endpoints"] and [r["id"] for r in untold] == settled
    assert same(apart, before)
    assert apart.transaction().settle() == ([], [])


def test_a_new_attempt_settles_what_is_left_before_it_looks(apart):
    die_at(apart, 2)
    record = apart.transaction().attempt(REMEDIATION, "run", 1)
    assert record["settled"] == ["dead-01-reconnect_endpoints"] and record["verdict"] == "kept"


def test_a_rollback_brings_everything_back_and_a_second_one_does_nothing(apart):
    before = apart.executor.state()
    apart.transaction().attempt(REMEDIATION, "run", 1)
    assert [r["verdict"] for r in apart.transaction().roll_back("run")] == ["undone"]
    assert same(apart, before)
    done = len(apart.executor.log)
    assert apart.transaction().roll_back("run") == [] and len(apart.executor.log) == done


def drift(host):
    found = host.executor.containers[GATEWAY]
    aliased = {k: replace(e, aliases=(*e.aliases, "by-hand")) for k, e in found.endpoints.items()}
    host.executor.containers[GATEWAY] = replace(found, endpoints=aliased)


def test_a_rollback_is_refused_where_somebody_changed_the_project_since(apart):
    apart.transaction().attempt(REMEDIATION, "run", 1)
    drift(apart)
    with pytest.raises(TransactionError, match=f"was changed after run run: endpoint {GATEWAY}") as caught:
        apart.transaction().roll_back("run")
    assert caught.value.details["drift"] and apart.transaction().look()[1].healthy


def test_a_rollback_can_be_forced(apart):
    before = apart.executor.state()
    apart.transaction().attempt(REMEDIATION, "run", 1)
    drift(apart)
    assert len(apart.transaction(force=True).roll_back("run")) == 1 and same(apart, before)


def test_a_run_that_is_not_known_is_named_with_those_that_are(host):
    host.transaction().attempt(REMEDIATION, "monday", 1)
    with pytest.raises(TransactionError, match=r"no run 'tuesday'. Runs with a checkpoint: monday") as error:
        host.transaction().roll_back("tuesday")
    # of several hosts it need not be known on each
    assert error.value.details == {"unknown_run": "tuesday"}


def test_the_project_of_a_run_is_known_by_the_runs_name(host):
    host.transaction().attempt(REMEDIATION, "monday", 1)
    found = project_of_run(host.state_dir, "monday")
    assert found["project_name"] == "netfix-unit" and found["project_src"] == host.executor.compose.project.source


@pytest.mark.parametrize("folder", ["state", "missing"])
def test_a_run_that_no_project_has_is_told_with_those_that_are_known(host, tmp_path, folder):
    host.transaction().attempt(REMEDIATION, "monday", 1)
    with pytest.raises(TransactionError, match=rf"no run 'tuesday'.*Runs: {'monday' if folder == 'state' else 'none'}"):
        project_of_run(str(tmp_path / folder), "tuesday")


@pytest.fixture
def twice(host):
    """Two runs have changed the project, one after the other; the state before each of them."""
    states = []
    for run in ("monday", "tuesday"):
        after = host.executor.containers["netfix-unit-hcl-kb-service-1"]
        bare = {k: replace(e, aliases=e.aliases[:0]) for k, e in after.endpoints.items()}
        host.executor.containers[after.name] = replace(after, endpoints=bare)
        states.append(host.executor.state())
        assert host.transaction().attempt(REMEDIATION, run, 1)["verdict"] == "kept"
    return host, states


def test_an_older_run_is_not_rolled_back_before_the_newer_one_that_is_named(twice):
    host, _states = twice
    done = len(host.executor.log)
    with pytest.raises(TransactionError, match=r"Roll back tuesday .reconnect_endpoints. first, or set force"):
        host.transaction().roll_back("monday")
    assert len(host.executor.log) == done


def test_runs_are_rolled_back_newest_first_unless_nobody_changed_anything_between_them(twice):
    host, (_first, second) = twice
    host.transaction().roll_back("tuesday")
    assert same(host, second)
    # before tuesday's run somebody had taken the name away again
    with pytest.raises(TransactionError, match="was changed after run monday"):
        host.transaction().roll_back("monday")


def test_a_forced_roll_back_of_an_older_run_takes_the_newer_ones_back_with_it(twice):
    host, (first, _second) = twice
    undone = host.transaction(force=True).roll_back("monday")
    assert [(r["run_id"], r["phase"]) for r in undone] == [("tuesday", "undone"), ("monday", "undone")] and same(host, first)
    assert "forced roll back of run monday" in undone[0]["reason"]
    assert host.transaction().roll_back("tuesday") == [] and same(host, first)


def test_an_older_run_is_not_rolled_back_before_a_newer_one_that_waits_to_be_confirmed(host, monkeypatch):
    monkeypatch.setattr(timer, "_start", lambda folder: "process 1")
    host.transaction().attempt(REMEDIATION, "monday", 1)
    after = host.executor.containers["netfix-unit-hcl-kb-service-1"]
    host.executor.containers[after.name] = replace(after, endpoints={k: replace(e, aliases=()) for k, e in after.endpoints.items()})
    host.transaction(confirm_timeout_s=3600).attempt(REMEDIATION, "tuesday", 1)
    with pytest.raises(TransactionError, match="Roll back tuesday"):
        host.transaction().roll_back("monday")
    assert [r["phase"] for r in on_disk(host)] == ["kept", "awaiting"]


def test_the_runs_are_listed_newest_first_with_what_has_to_be_rolled_back_before_them(twice):
    host, _states = twice
    runs, unread = runs_in(host.state_dir)
    assert unread == [] and [(r["run_id"], r["state"], r["later"]) for r in runs] == [
        ("tuesday", "in force", []), ("monday", "in force", ["tuesday"])
    ]  # fmt: skip
    assert runs[0]["kept"] == [REMEDIATION] and runs[0]["project"] == "netfix-unit"
    host.transaction().roll_back("tuesday")
    assert [(r["run_id"], r["state"], r["later"], r["kept"]) for r in runs_in(host.state_dir)[0]] == [
        ("tuesday", "undone", [], []), ("monday", "in force", [], [REMEDIATION])
    ]  # fmt: skip


def test_a_run_that_died_is_listed_as_unfinished_and_what_it_saved_is_not_told(apart):
    die_at(apart, 2)
    (run,) = runs_in(apart.state_dir)[0]
    assert (run["run_id"], run["state"], run["kept"]) == ("dead", "unfinished", [])
    assert "checkpoint" not in run["attempts"][0]


def test_the_runs_of_one_project_are_listed_alone_and_a_damaged_checkpoint_is_named(host):
    host.transaction().attempt(REMEDIATION, "monday", 1)
    other = Path(host.state_dir, "other")
    other.mkdir(mode=0o700)
    (other / "x.json").write_text("{")
    runs, unread = runs_in(host.state_dir)
    assert len(runs) == 1 and len(unread) == 1 and "other/x.json is damaged" in unread[0]
    assert runs_in(host.state_dir, "other")[0] == [] and runs_in(host.state_dir, "netfix-unit")[1] == []


def test_where_nothing_was_ever_done_no_run_is_listed(tmp_path):
    assert runs_in(str(tmp_path / "state")) == ([], [])


def edit(host, **fields):
    host.gatherer._snapshot = with_config(host.gatherer._snapshot, "postgres", **fields)


def test_a_rollback_is_refused_where_the_configuration_was_edited_since(apart):
    file = Path(apart.executor.compose.project.source, ".env")
    apart.transaction().attempt(REMEDIATION, "run", 1)
    edit(apart, command=["--edited", "hunter2"])
    file.write_text("EDITED=hunter2")
    done = len(apart.executor.log)
    with pytest.raises(TransactionError, match="service postgres was edited in the configuration .in .*env") as caught:
        apart.transaction().roll_back("run")
    assert "hunter2" not in str(caught.value) and len(apart.executor.log) == done
    assert len(apart.transaction(force=True).roll_back("run")) == 1


def test_a_file_that_was_edited_without_effect_is_no_drift(apart):
    before = apart.executor.state()
    apart.transaction().attempt(REMEDIATION, "run", 1)
    Path(apart.executor.compose.project.source, ".env").write_text("# only a remark")
    assert len(apart.transaction().roll_back("run")) == 1 and same(apart, before)


def test_a_record_of_an_earlier_release_does_not_know_the_configuration_and_is_rolled_back(apart):
    before = apart.executor.state()
    apart.transaction().attempt(REMEDIATION, "run", 1)
    (record,) = on_disk(apart)
    del record["configuration"]
    files(apart)[0].write_text(json.dumps(record))
    edit(apart, command=["--edited"])
    assert len(apart.transaction().roll_back("run")) == 1 and same(apart, before)


def test_a_service_that_does_not_run_what_its_files_describe_is_not_recreated(apart):
    apart.executor.compose._hashes["api_gateway"] = "another"
    record = apart.transaction().attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "refused" and GATEWAY in record["reason"] and "force" in record["reason"]
    assert apart.executor.log == [] and files(apart) == []
    assert apart.transaction(force=True).attempt(REMEDIATION, "run", 1)["verdict"] == "kept"


def test_what_no_finding_unlocks_is_not_tried_unless_it_is_forced(host):
    record = host.transaction().attempt("rebuild_network", "run", 1)
    assert record["verdict"] in ("unchanged", "refused") and record["reason"] and host.executor.log == []
    assert host.transaction().attempt("rebuild_network", "run", 2, forced=True)["verdict"] == "kept"


def test_a_rehearsal_changes_nothing_and_shows_the_steps(host):
    before = host.executor.state()
    transaction = host.transaction()
    proposal, record = transaction.rehearse(REMEDIATION, "run", 1, False, transaction.look())
    assert record["verdict"] == "planned" and len(record["steps"]) == len(proposal.steps) == 2
    assert same(host, before) and not os.path.exists(host.state_dir)


def test_the_checkpoint_is_there_before_the_first_change_and_for_its_owner_alone(host):
    seen = []
    host.executor.on = lambda step: seen.append(on_disk(host)[0]["phase"])
    host.transaction().attempt(REMEDIATION, "run", 1)
    assert seen == ["applying", "applying"]
    (path,) = files(host)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == path.parent.parent.stat().st_mode & 0o777 == 0o700
    assert set(on_disk(host)[0]["checkpoint"]["containers"]) == {c.name for c in host.snapshot.containers}


def test_secrets_stay_in_the_checkpoint(apart):
    container = apart.executor.containers[GATEWAY]
    secret = {"Config": {"Env": ["PASSWORD=hunter2"]}}
    apart.executor.containers[GATEWAY] = replace(container, config=secret)
    apart.executor.own["api_gateway"] = (container.config_hash, secret)
    own = apart.snapshot.config["services"]["api_gateway"]["environment"]
    apart.gatherer._snapshot = with_config(apart.snapshot, "api_gateway", environment={**own, "PASSWORD": "hunter2"})
    record = apart.transaction().attempt(REMEDIATION, "run", 1)
    assert "hunter2" in files(apart)[0].read_text()
    assert "hunter2" not in json.dumps(public(record))
    assert "hunter2" not in json.dumps([public(r) for r in apart.transaction().roll_back("run")])


def test_two_runs_do_not_change_one_project_at_once(host):
    with host.transaction().attempts.lock():
        with pytest.raises(TransactionError, match=f"is being changed by another run .process {os.getpid()}."):
            host.transaction().attempt(REMEDIATION, "run", 1)
    assert host.executor.log == []


@pytest.mark.parametrize("text, why", [("{", "damaged"), ('{"format": 99}', "format 99"), ("[]", "format None")])
def test_a_checkpoint_that_cannot_be_read_stops_everything(host, text, why):
    folder = Path(host.state_dir, host.snapshot.project)
    folder.mkdir(parents=True)
    (folder / "x.json").write_text(text)
    with pytest.raises(TransactionError, match=why):
        host.transaction().attempt(REMEDIATION, "run", 1)
    assert host.executor.log == []


@pytest.mark.parametrize("run_id", ["../../outside", "a/b"])
def test_a_run_id_cannot_lead_out_of_the_state_folder(host, run_id):
    with pytest.raises(TransactionError, match="must not hold a slash"):
        host.transaction().attempt(REMEDIATION, run_id, 1)
    assert host.executor.log == []


def test_a_second_attempt_of_the_same_number_keeps_the_first_ones_checkpoint(host):
    before = host.executor.state()
    host.transaction().attempt(REMEDIATION, "run", 1)
    after = host.executor.containers["netfix-unit-hcl-kb-service-1"]
    host.executor.containers[after.name] = before.containers[after.name]
    assert host.transaction().attempt(REMEDIATION, "run", 1)["verdict"] == "kept"
    assert len(files(host)) == 2
    assert len(host.transaction().roll_back("run")) == 2 and same(host, before)


def ended(host, *known):
    """Attempts that ended so many days ago, ``(days, phase, run)`` each."""
    transaction = host.transaction()
    transaction.attempt(REMEDIATION, "now", 1)
    (newest,) = on_disk(host)
    files(host)[0].unlink()
    with transaction.attempts.lock():
        for days, phase, run in known:
            when = (datetime.now(timezone.utc) - timedelta(days=days)).isoformat()
            transaction.attempts.save(
                {**newest, "id": f"{run}-{phase}-{days}", "run_id": run, "phase": phase, "started_at": when}
            )
    return transaction.attempts


def left(host):
    return [r["id"] for r in host.transaction().attempts.all()]


def test_old_checkpoints_expire_by_number(host):
    attempts = ended(host, (4, "undone", "a"), (3, "kept", "b"), (2, "undone", "c"), (1, "kept", "d"))
    attempts.expire(most=2, days=30)
    assert left(host) == ["c-undone-2", "d-kept-1"]


def test_old_checkpoints_expire_by_age(host):
    attempts = ended(host, (40, "kept", "a"), (31, "undone", "b"), (29, "undone", "c"), (1, "kept", "d"))
    attempts.expire(most=20, days=30)
    assert left(host) == ["c-undone-29", "d-kept-1"]


@pytest.mark.parametrize("phase", ["prepared", "applying", "gating", "awaiting", "undoing", "failed"])
def test_what_is_not_settled_never_expires(host, phase):
    attempts = ended(host, (99, phase, "a"), (1, "kept", "b"))
    attempts.expire(most=1, days=1)
    assert left(host) == [f"a-{phase}-99", "b-kept-1"]


def test_the_run_that_changed_the_project_last_never_expires(host):
    attempts = ended(host, (90, "kept", "a"), (80, "kept", "b"), (79, "kept", "b"), (2, "undone", "c"), (1, "undone", "c"))
    attempts.expire(most=1, days=30)
    assert left(host) == ["b-kept-80", "b-kept-79", "c-undone-1"]


def test_checkpoints_expire_when_an_attempt_ends(host):
    before = host.executor.state()
    host.transaction().attempt(REMEDIATION, "monday", 1)
    host.transaction().roll_back("monday")
    assert left(host) == ["monday-01-reconnect_endpoints"]
    host.transaction(keep_checkpoints=1).attempt(REMEDIATION, "tuesday", 1)
    assert left(host) == ["tuesday-01-reconnect_endpoints"]
    assert len(host.transaction().roll_back("tuesday")) == 1 and same(host, before)


@pytest.fixture
def slow(tmp_path):
    """A provider on it is still starting: it answers when it is looked at for the third time."""
    host = Host("slow_start_race", tmp_path)
    looks = iter(range(1000))
    host.gatherer.spoil = lambda snapshot: refused(snapshot) if next(looks) < 2 else snapshot
    return host


def refused(snapshot):
    (users,) = [c for c in snapshot.containers if c.service == "users"]
    probe = tcp("netfix-unit-gateway-1", users.endpoints[0].address, 8000, "ECONNREFUSED")
    return with_probes(snapshot, probe)


def too_slow(host):
    """Let the provider never answer, and have had nearly all its time."""
    (users,) = [c for c in host.snapshot.containers if c.service == "users"]
    later = datetime.fromtimestamp(instant(users.started_at) + STARTING_S - 0.01, timezone.utc)
    host.gatherer.spoil = lambda snapshot: refused(replace(snapshot, taken_at=later.isoformat()))


def test_waiting_that_was_enough_has_changed_nothing(slow):
    before = slow.executor.state()
    record = slow.transaction().attempt("wait_until_ready", "run", 1)
    assert record["verdict"] == "unchanged" and record["gate"]["mended"] == ["port.slow_start_race"]
    assert "waiting was enough for port.slow_start_race" in record["reason"]
    assert [s["outcome"] for s in record["steps"]] == ["done"] and record["restarts"] == [] and record["undo"] is None
    assert record["after"][1].healthy and same(slow, before)


def test_waiting_that_was_not_enough_has_changed_nothing_either(slow):
    too_slow(slow)
    before = slow.executor.state()
    record = slow.transaction().attempt("wait_until_ready", "run", 1)
    assert record["verdict"] == "unchanged" and record["gate"]["mended"] == []
    assert "waiting was not enough: it did not mend port.slow_start_race" in record["reason"]
    assert slow.executor.log == ["wait_healthy"] and record["undo"] is None and same(slow, before)


def test_a_provider_that_stops_while_it_is_waited_for_is_told_and_looked_at_again(slow):
    def stop(step):
        slow.executor.stop(step.args["container"])
        raise EngineError("it stopped again")

    slow.executor.on = stop
    record = slow.transaction().attempt("wait_until_ready", "run", 1)
    assert record["verdict"] == "unchanged" and "it stopped again" in record["reason"]
    assert [f.code for f in record["after"][1].findings] == ["container.dependency_exited"]


def test_a_run_that_only_waited_can_be_rolled_back_and_there_is_nothing_to_do(slow):
    slow.transaction().attempt("wait_until_ready", "run", 1)
    assert slow.transaction().roll_back("run") == [] and slow.executor.log == ["wait_healthy"]


def test_what_somebody_changes_after_a_death_while_waiting_is_not_taken_back(slow):
    def die(_step):
        raise Killed

    slow.executor.on = die
    with pytest.raises(Killed):
        slow.transaction().attempt("wait_until_ready", "dead", 1)
    slow.executor.stop("netfix-unit-orders-1")
    slow.executor.on = lambda step: None
    assert slow.transaction().settle()[0] == []
    assert slow.executor.state().containers["netfix-unit-orders-1"].state == "exited"
    (record,) = on_disk(slow)
    assert record["phase"] == "unchanged" and "died while it waited" in record["reason"]


def test_a_rehearsal_of_waiting_plans_no_change(slow):
    transaction = slow.transaction()
    proposal, record = transaction.rehearse("wait_until_ready", "run", 1, False, transaction.look())
    assert record["verdict"] == "planned" and [s["action"] for s in record["steps"]] == ["wait_healthy"]
    assert not proposal.changes


def test_an_orphan_loses_a_name_and_gets_it_back_on_a_rollback(tmp_path):
    host = Host("orphan_holds_alias", tmp_path)
    before = host.executor.state()
    record = host.transaction().attempt("detach_intruders", "run", 1)
    assert record["verdict"] == "kept" and record["gate"]["mended"] == ["name.orphan_holds_alias"]
    assert host.transaction().look()[1].healthy
    assert len(host.transaction().roll_back("run")) == 1 and same(host, before)


def test_an_orphan_keeps_the_name_where_nobody_else_has_it_by_then(tmp_path):
    host = Host("orphan_holds_alias", tmp_path)
    before = host.executor.state()
    host.executor.on = lambda step: step.action.value == "connect" and host.executor.stop("netfix-unit-users-1")
    record = host.transaction().attempt("detach_intruders", "run", 1)
    assert record["verdict"] == "undone" and "did not mend name.orphan_holds_alias" in record["reason"]
    assert same(host, before)


@pytest.fixture
def flushed(tmp_path, monkeypatch):
    """A host whose rules are gone: packets vanish until they are back."""
    host = Host("host_firewall_flush", tmp_path)
    engine, recorded = host.executor, host.snapshot.probes
    engine.tables = {"filter": (":FORWARD DROP", ":INPUT ACCEPT"), "nat": (":PREROUTING ACCEPT", ":OUTPUT ACCEPT", ":POSTROUTING ACCEPT")}
    bridges = [n for n in host.snapshot.networks if n.driver == "bridge"]
    interfaces = tuple(bridge_of(n) for n in bridges)

    def facts(_engine, allowed):
        return HostFacts(allowed, networks=tuple(bridges), interfaces=interfaces, state=HostState(dict(engine.tables)))

    monkeypatch.setattr(transaction, "host_facts", facts)
    host.gatherer.spoil = lambda s: s if len(engine.tables["filter"]) > 2 else replace(s, probes=recorded)
    return host


def test_the_hosts_firewall_is_left_alone_unless_that_is_allowed(flushed):
    before = dict(flushed.executor.tables)
    record = flushed.transaction().attempt("host_firewall", "run", 1)
    assert record["verdict"] == "refused" and "netfix_allow_host_firewall" in record["reason"]
    assert flushed.executor.tables == before and flushed.executor.log == [] and files(flushed) == []


def test_the_hosts_firewall_is_mended_rolled_back_and_not_mended_twice(flushed):
    before = dict(flushed.executor.tables)
    record = flushed.transaction(allowed=True).attempt("host_firewall", "run", 1)
    assert record["verdict"] == "kept" and flushed.executor.log == ["change_rules", "change_rules"], record["reason"]
    assert flushed.transaction(allowed=True).attempt("host_firewall", "other", 1)["verdict"] == "unchanged"
    assert flushed.executor.log == ["change_rules", "change_rules"]
    # what the engine writes for a container that somebody starts is no drift
    flushed.executor.change_rules("nat", ["-A POSTROUTING -s 10.9.0.0/24 ! -o br-other -j MASQUERADE"])
    (record,) = flushed.transaction().roll_back("run")
    assert record["undo"]["verified"] and "because of others" in record["undo"]["moved"][0]
    flushed.executor.change_rules("nat", ["-D POSTROUTING -s 10.9.0.0/24 ! -o br-other -j MASQUERADE"])
    assert flushed.executor.tables == before


@pytest.mark.parametrize("number", range(2))
def test_rules_that_a_dead_process_added_are_taken_away_by_the_next_one(flushed, number):
    before = dict(flushed.executor.tables)

    def die(_step):
        if len(flushed.executor.log) == number:
            raise Killed

    flushed.executor.on = die
    with pytest.raises(Killed):
        flushed.transaction(allowed=True).attempt("host_firewall", "run", 1)
    flushed.executor.on = lambda _step: None
    assert flushed.transaction().settle()[0] and flushed.executor.tables == before


def test_being_told_to_end_is_no_ordinary_exception():
    assert not issubclass(Interrupted, Exception)


def test_half_a_file_that_a_death_left_goes_with_the_next_run(host):
    host.transaction().attempt(REMEDIATION, "run", 1)
    override = Path(host.executor.compose.project.override)
    left = [override.with_name(f"{override.name}.new"), files(host)[0].with_name("run-02-other.json.new")]
    for path in left:
        path.write_text("half of")
    assert host.transaction().settle()[0] == []
    assert [p for p in left if p.exists()] == [] and len(files(host)) == 1


class TestRecord:
    """What an attempt tells of itself, and what it tells while it lasts."""

    def test_it_tells_how_the_project_looked_before_and_at_each_look_of_the_gate(self, host):
        record = host.transaction().attempt(REMEDIATION, "run", 1)
        before, *during = record["looks"]
        assert before["when"] == "before" and {look["when"] for look in during} == {"during"}
        lost = len(before["failing"])
        assert lost and all("hcl-kb-service" in name for name in before["failing"])
        assert during[-1]["failing"] == [] and during[-1]["passing"] == before["passing"] + lost

    def test_it_tells_how_the_project_looked_after_an_undo(self, apart):
        apart.executor.fail_on("wait_healthy")
        record = apart.transaction().attempt(REMEDIATION, "run", 1)
        assert record["verdict"] == "undone" and [look["when"] for look in record["looks"]] == ["before", "after"]

    def test_it_tells_when_each_step_began_and_the_steps_of_its_undo(self, apart):
        apart.executor.fail_on("wait_healthy")
        record = apart.transaction().attempt(REMEDIATION, "run", 1)
        outcomes = [step["outcome"] for step in record["steps"]]
        assert outcomes[-1] == "planned" or "failed" in outcomes
        assert all(bool(step["started_at"]) is (step["outcome"] != "planned") for step in record["steps"])
        back = record["undo"]["steps"]
        assert back and {step["outcome"] for step in back} == {"done"} and all(step["started_at"] for step in back)

    def test_it_names_the_files_that_its_steps_write(self, apart, host):
        assert apart.transaction().attempt(REMEDIATION, "run", 1)["files"] == [apart.executor.path]

    def test_what_leaves_the_host_says_all_of_that(self, host):
        told = public(host.transaction().attempt(REMEDIATION, "run", 1))
        assert told["looks"] and told["files"] == [] and "checkpoint" not in told

    def test_its_progress_can_be_read_while_it_lasts_and_is_gone_afterwards(self, apart):
        path = Path(apart.state_dir, apart.snapshot.project, "progress")
        seen = []
        apart.executor.on = lambda step: seen.append(json.loads(path.read_text()))
        apart.gatherer.spoil = lambda snapshot: seen.append(path.exists() and json.loads(path.read_text())) or snapshot
        transaction = apart.transaction()
        transaction.progress = Progress(str(path.parent), {"run_id": "run"})
        transaction.attempt(REMEDIATION, "run", 1)
        stages = [told["stage"] for told in seen]
        assert stages[0] == "look" and stages[1] == "step" and not path.exists()
        steps = [told for told in seen if told["stage"] == "step"]
        assert [told["step"] for told in steps][:2] == [1, 2] and steps[0]["text"].startswith("connect ")
        assert {(told["number"], told["remediation"], told["run_id"]) for told in seen} == {(1, REMEDIATION, "run")}

    def test_its_undo_can_be_followed_too(self, apart):
        path = Path(apart.state_dir, apart.snapshot.project, "progress")
        stages = []
        apart.executor.fail_on("wait_healthy")
        fail = apart.executor.on
        apart.executor.on = lambda step: stages.append(json.loads(path.read_text())["stage"]) or fail(step)
        transaction = apart.transaction()
        transaction.progress = Progress(str(path.parent), {"run_id": "run"})
        assert transaction.attempt(REMEDIATION, "run", 1)["verdict"] == "undone"
        assert stages[-1] == "undo" and "step" in stages and not path.exists()
