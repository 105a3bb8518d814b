# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import stat
import threading
from types import SimpleNamespace

import pytest
from ansible.playbook.play_context import PlayContext
from ansible.plugins.loader import become_loader, connection_loader
from ansible_collections.vertice.netfix.plugins.action import load_test, remediation
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.progress import LoadNarrator
from ansible_collections.vertice.netfix.plugins.module_utils._host.progress import Progress
from ansible_collections.vertice.netfix.plugins.plugin_utils import watched as plugin

ATTEMPT = {"number": 2, "remediation": "static_hosts"}
WAIT_S = 30


@pytest.fixture
def state(tmp_path):
    (tmp_path / "shop").mkdir(mode=0o700)
    return tmp_path


@pytest.fixture
def progress(state):
    with Progress(str(state / "shop"), {"run_id": "run", "project": "shop", "project_src": "/srv/shop"}) as told:
        yield told


def program(path, text):
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def action(state, connection="local", check_mode=False, no_log=False, become=None, made=remediation, **options):
    task = SimpleNamespace(
        args={"run_id": "run", "state_dir": str(state), "results": str(state)}, check_mode=check_mode, async_val=0, no_log=no_log, action="x"
    )
    context = PlayContext()
    context.remote_addr = "web1"
    first = connection_loader.get(connection, context, "/dev/null")
    first.set_options(direct=options)
    if become:
        plugin_ = become_loader.get("sudo")
        plugin_.set_options(direct=become)
        first.set_become_plugin(plugin_)
    return made.ActionModule(task, first, context, None, None, None)


@pytest.fixture
def shown(monkeypatch):
    """Lines that were shown, and an event that is set with the first."""
    told = SimpleNamespace(lines=[], event=threading.Event())

    def show(text, where):
        told.lines.append((text, where))
        told.event.set()

    monkeypatch.setattr(plugin, "_show", show)
    monkeypatch.setattr(plugin, "QUIET_S", 0.01)
    monkeypatch.setattr(plugin, "LOOK_S", 0.01)
    return told


def run(monkeypatch, one, module):
    monkeypatch.setattr(plugin.NormalAction, "run", lambda self, tmp, task_vars: module())
    return one.run(task_vars={"inventory_hostname": "web1"})


class TestWatching:
    def test_a_long_attempt_says_how_far_it_is(self, monkeypatch, state, progress, shown):
        def module():
            progress.tell(ATTEMPT, "step", step=3, steps=7, text="recreate gateway")
            assert shown.event.wait(WAIT_S)
            return {"changed": True}

        assert run(monkeypatch, action(state), module) == {"changed": True}
        assert shown.lines[0] == ("attempt 2, static_hosts: step 3 of 7, recreate gateway", "shop on web1")

    def test_a_load_says_how_it_goes(self, monkeypatch, state, shown):
        with Progress(str(state)) as told:

            def module():
                told.say(text="run 1: 4 of 15 s, 2 users")
                assert shown.event.wait(WAIT_S)
                return {"changed": True}

            assert run(monkeypatch, action(state, made=load_test), module) == {"changed": True}
        assert shown.lines[0] == ("run 1: 4 of 15 s, 2 users", "web1")

    def test_a_short_one_is_quiet(self, monkeypatch, state, progress, shown):
        monkeypatch.setattr(plugin, "QUIET_S", WAIT_S)
        progress.tell(ATTEMPT, "look")
        run(monkeypatch, action(state), dict)
        assert shown.lines == []

    @pytest.mark.parametrize("how", ["check_mode", "no_log"])
    def test_nothing_is_watched_where_nothing_is_to_be_shown(self, monkeypatch, state, how):
        monkeypatch.setattr(plugin.threading, "Thread", lambda **_args: pytest.fail("a thread was started"))
        assert run(monkeypatch, action(state, **{how: True}), lambda: {"changed": False}) == {"changed": False}

    @pytest.mark.parametrize("break_it", ["connection", "file"])
    def test_what_goes_wrong_with_it_does_not_touch_the_attempt(self, monkeypatch, state, shown, break_it):
        one = action(state)
        (state / "shop" / "progress").write_text("{no json\n")
        if break_it == "connection":
            one._connection._load_name = "no.such.connection"
        over = threading.Event()
        watch = one._watch

        def watched(*args):
            watch(*args)
            over.set()

        monkeypatch.setattr(one, "_watch", watched)
        assert run(monkeypatch, one, lambda: {"changed": over.wait(WAIT_S)}) == {"changed": True}
        assert shown.lines == []

    def test_a_module_that_fails_fails_as_ever(self, monkeypatch, state, shown):
        def module():
            raise ConnectionError("lost")

        with pytest.raises(ConnectionError, match="lost"):
            run(monkeypatch, action(state), module)


class TestLooking:
    """The second connection sees what the first one's module writes."""

    def seen(self, one):
        clock, line = one._look()().splitlines()
        assert clock.isdigit()
        return json.loads(line)["stage"]

    def test_on_this_machine(self, state, progress):
        progress.tell(ATTEMPT, "look")
        assert self.seen(action(state)) == "look"

    def test_with_the_options_of_the_first_over_ssh(self, state, progress, tmp_path):
        progress.tell(ATTEMPT, "look")
        # what comes last on ssh's line is the command
        ssh = program(tmp_path / "ssh", f'echo "$@" > {tmp_path}/said; for last; do :; done; exec sh -c "$last"')
        one = action(state, "ssh", ssh_executable=ssh, port=2222, remote_user="deploy", host="web1")
        assert self.seen(one) == "look"
        assert "Port=2222" in (tmp_path / "said").read_text() and '"deploy"' in (tmp_path / "said").read_text()

    def test_as_the_user_that_the_module_becomes(self, state, progress, tmp_path):
        progress.tell(ATTEMPT, "look")
        sudo = program(tmp_path / "sudo", f'echo "$@" > {tmp_path}/said; for last; do :; done; exec sh -c "$last"')
        one = action(state, become={"become_exe": sudo, "become_user": "operator"})
        assert self.seen(one) == "look"
        assert "-u operator" in (tmp_path / "said").read_text()
        assert one._connection.become.success == ""

    def test_where_nothing_is_told_nothing_is_seen(self, state):
        assert len(action(state)._look()().splitlines()) == 1

    def test_the_folder_is_the_modules_own_where_none_is_given(self, state, progress, monkeypatch, tmp_path):
        progress.tell(ATTEMPT, "look")
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
        (tmp_path / "bin").mkdir()
        program(tmp_path / "bin" / "id", "echo 1000")
        (tmp_path / "netfix").symlink_to(state)
        one = action(state)
        del one._task.args["state_dir"]
        assert self.seen(one) == "look"


class TestFile:
    def test_only_its_owner_may_read_it_and_it_goes_with_the_run(self, state):
        path = state / "shop" / "progress"
        with Progress(str(state / "shop"), {"run_id": "run"}) as told:
            told.tell(ATTEMPT, "gate", 14.0, passing=2, wanted=3)
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            said = json.loads(path.read_text())
            assert (said["passing"], said["run_id"], round(said["until"] - said["at"])) == (2, "run", 14)
        assert list((state / "shop").iterdir()) == []

    def test_one_that_cannot_be_written_stops_nothing(self, tmp_path):
        with Progress(str(tmp_path / "gone")) as told:
            told.tell(ATTEMPT, "look")

    def test_a_planted_link_is_not_followed(self, state, tmp_path):
        target = tmp_path / "target"
        target.write_text("mine")
        (state / "shop" / "progress.new").symlink_to(target)
        with contextlib.suppress(OSError):
            Progress(str(state / "shop")).tell(ATTEMPT, "look")
        assert target.read_text() == "mine"


def test_colour_is_ansibles_own_decision(capsys, monkeypatch):
    for colour in (False, True):
        monkeypatch.setattr(plugin, "ANSIBLE_COLOR", colour)
        plugin._show("attempt 1, x: step 1 of 2, restart \x1b[2Jweb", "shop on web1")
        said = capsys.readouterr().out
        assert said.count("step 1 of 2") == 1 and ("\033[2m" in said) is colour and "\x1b[2J" not in said


def test_a_load_is_told_of_every_few_seconds_only():
    narrator = LoadNarrator()
    looks = ["100", '100\n{"text": "a"}', '101\n{"text": "b"}', '105\n{"text": "c"}', '111\n{"text": "c"}']
    assert [narrator.line(look) for look in looks] == ["", "a", "", "c", ""]
