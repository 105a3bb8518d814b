# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.listeners import STARTING_S
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import EngineError, TransactionError
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.times import instant
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import differences
from ansible_collections.vertice.netfix.plugins.module_utils._host.attempts import project_of_run, public
from ansible_collections.vertice.netfix.plugins.module_utils._host.undoing import Interrupted
from unit.builders import tcp, with_config, with_probes
from unit.fake_host import Host, Killed

REMEDIATION = "reconnect_endpoints"
GATEWAY = "netfix-unit-api_gateway-1"


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
    assert apart.transaction().settle() == ["dead-01-reconnect_endpoints"]
    assert same(apart, before)
    assert apart.transaction().settle() == []


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
    with pytest.raises(TransactionError, match=r"no run 'tuesday'. Runs with a checkpoint: monday"):
        host.transaction().roll_back("tuesday")


def test_the_project_of_a_run_is_known_by_the_runs_name(host):
    host.transaction().attempt(REMEDIATION, "monday", 1)
    found = project_of_run(host.state_dir, "monday")
    assert found["project_name"] == "netfix-unit" and found["project_src"] == host.executor.compose.project.source


@pytest.mark.parametrize("folder", ["state", "missing"])
def test_a_run_that_no_project_has_is_told_with_those_that_are_known(host, tmp_path, folder):
    host.transaction().attempt(REMEDIATION, "monday", 1)
    with pytest.raises(TransactionError, match=rf"no run 'tuesday'.*Runs: {'monday' if folder == 'state' else 'none'}"):
        project_of_run(str(tmp_path / folder), "tuesday")


def test_only_the_newest_run_can_be_rolled_back(host):
    transaction = host.transaction()
    record = transaction.attempt(REMEDIATION, "monday", 1)
    (kept,) = on_disk(host)
    with transaction.attempts.lock():
        transaction.attempts.save({**kept, "id": "tuesday-01-x", "run_id": "tuesday", "started_at": "2999-01-01"})
    with pytest.raises(TransactionError, match="tuesday-01-x was kept after run monday"):
        host.transaction().roll_back("monday")
    assert record["verdict"] == "kept"


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
    apart.gatherer._snapshot = with_config(apart.gatherer._snapshot, "api_gateway", environment={"PASSWORD": "hunter2"})
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
    assert slow.transaction().settle() == []
    assert slow.executor.state().containers["netfix-unit-orders-1"].state == "exited"


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


def test_being_told_to_end_is_no_ordinary_exception():
    assert not issubclass(Interrupted, Exception)
