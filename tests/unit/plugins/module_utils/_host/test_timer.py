# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import EngineError, TransactionError
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import differences
from ansible_collections.vertice.netfix.plugins.module_utils._host import detached, timer, undoing
from unit.fake_host import Host, Killed

REMEDIATION = "reconnect_endpoints"
LONG = 3600


@pytest.fixture
def host(tmp_path):
    return Host("reconnected_without_alias", tmp_path)


@pytest.fixture
def unstarted(monkeypatch):
    """Timers are armed and nothing watches them: the test itself is the process."""
    monkeypatch.setattr(timer, "_start", lambda folder: "process 1")


def folders(host):
    return sorted(Path(host.state_dir, host.snapshot.project).glob("timer-*"))


def phases(host):
    return [r["phase"] for r in host.transaction().attempts.all()]


def let_it_be_due(host):
    host.transaction().timer.renew(0)


def watch(host, folder):
    return timer.watch(str(folder), host.transaction().attempts, lambda where: host.executor)


def keep(host, run_id="run", seconds=LONG):
    record = host.transaction(confirm_timeout_s=seconds).attempt(REMEDIATION, run_id, 1)
    assert record["verdict"] == "kept" and record["confirm"]["confirmed_at"] == ""
    (folder,) = folders(host)
    return folder


def gone(process):
    """Whether a process has ended; one that nobody waited for has, too."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def eventually(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@pytest.mark.usefixtures("unstarted")
class TestUnconfirmed:
    def test_what_nobody_confirms_is_undone_when_the_time_is_up(self, host):
        before = host.executor.state()
        folder = keep(host)
        let_it_be_due(host)
        assert watch(host, folder) is None
        assert differences(before, host.executor.state()) == []
        (record,) = host.transaction().attempts.all()
        assert (
            record["verdict"] == "undone"
            and record["reason"] == "undone by the timer on this host: it was never confirmed"
        )
        assert folders(host) == []

    def test_what_is_confirmed_stays_and_no_timer_is_left(self, host):
        folder = keep(host)
        (record,) = host.transaction().confirm("run")
        assert record["confirm"]["confirmed_at"] and phases(host) == ["kept"] and folders(host) == []
        assert watch(host, folder) is None and host.transaction().look()[1].healthy
        assert host.transaction().confirm("run") == []

    def test_a_confirmation_that_comes_too_late_says_what_became_of_it(self, host):
        folder = keep(host)
        let_it_be_due(host)
        watch(host, folder)
        with pytest.raises(TransactionError, match="not in force any more: undone by the timer") as caught:
            host.transaction().confirm("run")
        assert [a["verdict"] for a in caught.value.details["attempts"]] == ["undone"]
        assert "checkpoint" not in caught.value.details["attempts"][0]

    def test_what_the_timer_undid_is_told_once_by_whoever_comes_next(self, host):
        folder = keep(host)
        let_it_be_due(host)
        watch(host, folder)
        assert [r["id"] for r in host.transaction().attempts.untold()] == ["run-01-reconnect_endpoints"]
        settled, untold = host.transaction().settle()
        assert settled == [] and [r["verdict"] for r in untold] == ["undone"]
        assert host.transaction().settle() == ([], [])

    def test_a_confirmation_that_comes_too_late_tells_it(self, host):
        folder = keep(host)
        let_it_be_due(host)
        watch(host, folder)
        with pytest.raises(TransactionError) as caught:
            host.transaction().confirm("run")
        assert [a["id"] for a in caught.value.details["undone"]] == ["run-01-reconnect_endpoints"]
        assert host.transaction().settle() == ([], [])

    def test_a_timer_that_gets_the_lock_after_the_confirmation_does_nothing(self, host):
        folder = keep(host)
        let_it_be_due(host)
        # due already, when the run is still the faster one
        host.transaction().confirm("run")
        timer.fire(str(folder), host.transaction().attempts, lambda where: host.executor)
        assert phases(host) == ["kept"]

    def test_the_time_starts_anew_with_the_end_of_every_attempt(self, host):
        folder = keep(host)
        let_it_be_due(host)
        host.transaction().timer.renew(LONG)
        timer.fire(str(folder), host.transaction().attempts, lambda where: host.executor)
        assert phases(host) == ["awaiting"] and folders(host) == [folder]

    def test_a_change_that_died_half_done_is_undone_as_well(self, host):
        before = host.executor.state()
        steps = iter([None, Killed()])

        def die(_step):
            problem = next(steps, None)
            if problem:
                raise problem

        host.executor.on = die
        with pytest.raises(Killed):
            host.transaction(confirm_timeout_s=LONG).attempt(REMEDIATION, "run", 1)
        (folder,) = folders(host)
        let_it_be_due(host)
        host.executor.on = lambda step: None
        assert watch(host, folder) is None and differences(before, host.executor.state()) == []
        assert phases(host) == ["undone"]

    def test_it_is_armed_before_the_first_change(self, host):
        seen = []
        host.executor.on = lambda step: seen.append(len(folders(host)))
        keep(host)
        assert seen == [1, 1]

    def test_what_the_gate_undid_leaves_no_timer(self, host):
        host.executor.fail_on("connect")
        fail = host.executor.on
        host.executor.on = lambda step: fail(step) if step.cause != "as in the checkpoint" else None
        assert host.transaction(confirm_timeout_s=LONG).attempt(REMEDIATION, "run", 1)["verdict"] == "undone"
        assert folders(host) == []

    def test_another_run_undoes_what_was_never_confirmed(self, host):
        keep(host, "monday")
        assert [r["id"] for r in host.transaction().attempts.unfinished()] == ["monday-01-reconnect_endpoints"]
        record = host.transaction().attempt(REMEDIATION, "tuesday", 1)
        assert record["settled"] == ["monday-01-reconnect_endpoints"] and record["verdict"] == "kept"
        assert folders(host) == [] and phases(host) == ["undone", "kept"]

    def test_the_run_itself_goes_on_without_undoing_what_it_may_yet_confirm(self, host):
        keep(host)
        assert host.transaction(confirm_timeout_s=LONG).attempt(REMEDIATION, "run", 2)["verdict"] == "unchanged"
        assert phases(host) == ["awaiting"] and len(folders(host)) == 1

    def test_a_rollback_takes_back_what_waits_and_its_timer(self, host):
        before = host.executor.state()
        keep(host)
        (record,) = host.transaction().roll_back("run")
        assert (
            record["reason"] == "rolled back"
            and differences(before, host.executor.state()) == []
            and folders(host) == []
        )

    def test_an_engine_that_does_not_answer_just_then_is_asked_again(self, host, monkeypatch):
        monkeypatch.setattr(timer, "RETRY_S", 0)
        folder = keep(host)
        let_it_be_due(host)
        answers = iter([EngineError("the engine is being restarted")])

        def executor_for(_where):
            problem = next(answers, None)
            if problem:
                raise problem
            return host.executor

        assert timer.watch(str(folder), host.transaction().attempts, executor_for) is None and phases(host) == [
            "undone"
        ]

    def test_an_undo_that_never_works_is_given_up_and_says_why(self, host, monkeypatch):
        monkeypatch.setattr(timer, "RETRY_S", 0)
        monkeypatch.setattr(undoing, "PAUSE_S", 0)
        folder = keep(host)
        let_it_be_due(host)
        host.executor.fail_on("connect")
        assert "the engine refused to connect" in watch(host, folder) and phases(host) == ["failed"]
        assert len(host.transaction().attempts.unfinished()) == 1

    def test_without_a_timeout_nothing_is_armed(self, host):
        record = host.transaction().attempt(REMEDIATION, "run", 1)
        assert record["confirm"] is None and phases(host) == ["kept"] and folders(host) == []


def test_nothing_is_changed_where_the_timer_does_not_run(host, monkeypatch):
    monkeypatch.setattr(timer, "START_S", 0.2)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(TransactionError, match="cannot be armed, so nothing was changed: process .* does not run"):
        host.transaction(confirm_timeout_s=LONG).attempt(REMEDIATION, "run", 1)
    assert host.executor.log == [] and phases(host) == [] and folders(host) == []


@pytest.fixture
def armed(tmp_path, monkeypatch):
    """A timer of a project, really running."""
    monkeypatch.setenv("COMPOSE_SECRET", "hunter2")
    found = timer.Timer(str(tmp_path / "state" / "shop"))
    (tmp_path / "state").mkdir(mode=0o700)
    name = found.arm(LONG)
    yield found, int(name.rpartition(" ")[2]), name
    found.disarm()


def test_a_timer_is_a_process_of_its_own_that_ends_once_it_is_disarmed(armed):
    one, process, name = armed
    assert name == f"process {process}" and os.getsid(process) == process != os.getsid(0)
    (folder,) = Path(one.folder).glob("timer-*")
    assert folder.stat().st_mode & 0o777 == 0o700 and (folder / "armed.json").stat().st_mode & 0o777 == 0o600
    assert "hunter2" not in Path(f"/proc/{process}/cmdline").read_text()
    one.disarm()
    eventually(lambda: gone(process))
    assert list(Path(one.folder).glob("timer-*")) == []


def test_a_timer_whose_time_is_up_with_nothing_to_undo_tidies_up_after_itself(armed):
    one, process, _name = armed
    one.renew(0)
    eventually(lambda: gone(process))
    assert list(Path(one.folder).glob("timer-*")) == []


def test_arming_again_leaves_one_timer(armed):
    one, process, _name = armed
    second = one.arm(LONG)
    eventually(lambda: gone(process))
    assert len(list(Path(one.folder).glob("timer-*"))) == 1 and not gone(int(second.rpartition(" ")[2]))


def test_the_program_is_made_of_an_archive_as_of_files(tmp_path):
    """On the managed host the modules are in an archive of Ansible's, here in this one."""
    first, second = tmp_path / "first.zip", tmp_path / "second.zip"
    first.write_bytes(timer.program(timer.__name__))
    code = "import sys; sys.path.insert(0, sys.argv[1]); import {0} as t; open(sys.argv[2], 'wb').write(t.program(t.__name__)); print(t.__file__)"
    for path, other in ((first, second), (second, tmp_path / "third.zip")):
        line = [sys.executable, "-c", code.format(timer.__name__), path, other]
        done = subprocess.run(line, cwd="/", env={}, capture_output=True, text=True, check=True)
        assert done.stdout.startswith(str(path)) and other.stat().st_size > 10_000


@pytest.mark.skipif(os.geteuid() != 0, reason="the system's manager takes units of root only")
def test_where_systemd_runs_the_timer_is_a_unit(tmp_path, monkeypatch):
    """The stand-in for systemd-run writes down how it was called, and runs the program."""
    called = tmp_path / "called.json"
    script = tmp_path / "systemd-run"
    script.write_text(
        f"#!{sys.executable}\nimport json, subprocess, sys\njson.dump(sys.argv[1:], open({str(called)!r}, 'w'))\n"
        "words = [w for w in sys.argv[1:] if not w.startswith('--')]\n"
        "subprocess.Popen(words, stdin=-3, stdout=-3, stderr=-3, start_new_session=True)\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(detached, "SYSTEMD", str(tmp_path))
    one = timer.Timer(str(tmp_path / "shop"))
    try:
        name = one.arm(LONG)
        words = json.loads(called.read_text())
        assert name.startswith("systemd unit netfix-shop-timer-") and f"--unit={name.split()[-1]}" in words
        assert words[-2] == sys.executable and words[-1].endswith("/undo.zip")
    finally:
        one.disarm()
