# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import getpass
import os
import subprocess
import sys
import threading

import pytest
import yaml
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import TransactionError
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.patch import override, reset
from ansible_collections.vertice.netfix.plugins.module_utils._host import files
from ansible_collections.vertice.netfix.plugins.module_utils._host.files import (
    locked,
    parse_override,
    private_folder,
    read_text,
    remove,
    render_override,
    results_folder,
    write_whole,
)

OVERRIDES = {
    "nothing": {},
    "networks": {"services": {"api": {"networks": {"front": None, "back": {"ipv4_address": "10.1.0.3"}}}}},
    "a list that replaces": {"services": {"api": {"volumes": override([{"type": "bind", "source": "/a b"}])}}},
    "a mapping that replaces": {"services": {"api": {"networks": override({"back": None})}}},
    "a list that is empty": {"services": {"api": {"extra_hosts": override([])}}},
    "a value that is taken away": {"services": {"api": {"volumes": reset(), "extra_hosts": override(["a=1"])}}},
    "strings that look like something else": {
        "services": {"api": {"environment": {"A": "yes", "B": "0123", "C": "null", "D": "1e3", "E": "", "F": "12:30"}}}
    },
    "strings with signs": {"services": {"api": {"environment": {"A": "pa$$w: #x", "B": "two\nlines", "C": "ünï ✓"}}}},
    "a long line": {"services": {"api": {"environment": {"ROUTES": ",".join(f"/p{n}=http://s{n}:1" for n in range(60))}}}},
    "twice the same": {"services": {"api": {"dns": ["9.9.9.9"]}, "web": {"dns": ["9.9.9.9"]}}},
}


@pytest.mark.parametrize("name", OVERRIDES)
def test_an_override_file_is_read_as_it_was_written(name):
    assert parse_override(render_override(OVERRIDES[name]), "x.yml") == OVERRIDES[name]


def test_compose_tags_are_written_as_compose_reads_them():
    text = render_override(OVERRIDES["a value that is taken away"])
    assert "volumes: !reset" in text and "extra_hosts: !override" in text and "__tag__" not in text


def test_the_same_list_twice_gives_no_alias():
    shared = ["9.9.9.9"]
    text = render_override({"services": {"api": {"dns": shared}, "web": {"dns": shared}}})
    assert "&" not in text and "*" not in text


def test_the_file_says_who_wrote_it_and_how_to_undo_it():
    text = render_override({"services": {}})
    assert text.startswith("# Written by vertice.netfix") and "roll_back" in text


def test_no_file_is_no_data():
    assert parse_override(None, "x.yml") == {}


@pytest.mark.parametrize("text", ["a: [", "- a\n", "word\n", "", "!override {a: 1}\n", "!!python/object/new:os.system [x]\n"])
def test_a_file_that_is_not_ours_is_refused_by_name(text):
    with pytest.raises(TransactionError, match=r"x\.yml"):
        parse_override(text, "x.yml")


def test_a_file_is_written_for_its_owner_alone_and_nothing_else_stays(tmp_path):
    path = tmp_path / "file"
    write_whole(str(path), "text")
    assert path.read_text() == "text" and path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "replace", "fchmod"])
def test_a_write_that_fails_leaves_the_old_file_and_no_half_of_a_new_one(tmp_path, monkeypatch, call):
    path = tmp_path / "file"
    path.write_text("old")

    def fail(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(TransactionError, match="No space left on device"):
        write_whole(str(path), "new")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["file"]


def test_a_user_who_may_not_write_is_told_two_ways_out(tmp_path, monkeypatch):
    def refuse(*_unused):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(getpass, "getuser", lambda: "deployer")
    with pytest.raises(TransactionError, match="Let deployer write there, or run the play with become: true"):
        write_whole(str(tmp_path / "file"), "new")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    tmp_path.chmod(0o500)
    with pytest.raises(TransactionError, match="cannot be written"):
        write_whole(str(path), "new")
    tmp_path.chmod(0o700)
    assert path.read_text() == "old"


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(TransactionError, match="cannot be written"):
        write_whole(str(tmp_path / "missing" / "file"), "text")


def test_a_link_is_replaced_and_not_followed(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("the operator's")
    link.symlink_to(target)
    write_whole(str(link), "ours")
    assert target.read_text() == "the operator's" and link.read_text() == "ours" and not link.is_symlink()


def test_removing_twice_is_no_error(tmp_path):
    path = tmp_path / "file"
    path.write_text("text")
    remove(str(path))
    remove(str(path))
    assert read_text(str(path)) is None


def test_a_file_that_is_no_text_is_told(tmp_path):
    (tmp_path / "file").write_bytes(b"\xff\xfe")
    with pytest.raises(TransactionError, match="cannot be read"):
        read_text(str(tmp_path / "file"))


def test_the_state_folder_is_made_for_its_owner_alone(tmp_path):
    folder = tmp_path / "a" / "b"
    private_folder(str(folder))
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_state_folder_that_others_could_enter_is_closed(tmp_path):
    tmp_path.chmod(0o755)
    private_folder(str(tmp_path))
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_state_folder_that_is_a_link_is_refused(tmp_path, ending):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(TransactionError, match="is a link"):
        private_folder(f"{tmp_path}/link{ending}")


def test_a_state_folder_that_cannot_be_made_is_told_with_the_option_that_helps(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TransactionError, match="state_dir"):
        private_folder(str(tmp_path / "file" / "state"))


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make what another user made")
@pytest.mark.parametrize("made", ["folder", "link"])
def test_results_go_to_no_folder_that_another_user_made(tmp_path, made):
    place = tmp_path / "results"
    if made == "folder":
        place.mkdir()
    else:
        place.symlink_to(tmp_path)
    results_folder(f"{place}/")
    os.lchown(place, 4711, 4711)
    with pytest.raises(OSError, match="another user"):
        results_folder(f"{place}/")


def test_a_lock_that_is_held_is_told_with_the_process_that_holds_it(tmp_path):
    path = str(tmp_path / "lock")
    with locked(path, "Project 'shop'"):
        with pytest.raises(TransactionError, match=rf"Project 'shop' .* .process {os.getpid()}"):
            with locked(path, "Project 'shop'"):
                pass


def test_a_lock_is_free_again_after_its_holder(tmp_path):
    path = str(tmp_path / "lock")
    with pytest.raises(RuntimeError):
        with locked(path, "it"):
            raise RuntimeError
    with locked(path, "it"):
        pass


def test_a_lock_can_be_waited_for(tmp_path):
    path = str(tmp_path / "lock")
    held, free = threading.Event(), threading.Event()

    def hold():
        with locked(path, "it"):
            held.set()
            free.wait()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with pytest.raises(TransactionError):
        with locked(path, "it", wait_s=0.01):
            pass
    free.set()
    with locked(path, "it", wait_s=60):
        holder.join()


def test_a_lock_is_free_again_when_its_holder_was_killed(tmp_path):
    path = tmp_path / "lock"
    code = (
        "import fcntl, os, sys, time\n"
        "d = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600)\n"
        "fcntl.flock(d, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(TransactionError, match="another run"):
            with locked(str(path), "it"):
                pass
        holder.kill()
        holder.wait()
        with locked(str(path), "it"):
            pass


def test_what_a_killed_holder_left_at_work_is_waited_for(tmp_path):
    path = tmp_path / "lock"
    code = (
        "import subprocess, sys\n"
        f"from {locked.__module__} import locked\n"
        "with locked(sys.argv[1], 'it'):\n"
        "    subprocess.run(['cat'], close_fds=False)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    line = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(line, stdin=subprocess.PIPE, env=environment) as holder:
        while not (path.exists() and path.read_text()):
            assert holder.poll() is None
        with pytest.raises(TransactionError, match=f"process {holder.pid}.;"):
            with locked(str(path), "it"):
                pass
        holder.kill()
        holder.wait()
        entered = threading.Event()

        def enter():
            with locked(str(path), "it"):
                entered.set()

        waiting = threading.Thread(target=enter)
        waiting.start()
        assert not entered.wait(0.5)
        holder.stdin.close()
        waiting.join()
        assert entered.is_set()


def test_what_a_killed_holder_left_at_work_is_not_waited_for_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "ORPHANS_S", 0.2)
    path = tmp_path / "lock"
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
        with locked(str(path), "it"):
            path.write_text(str(dead.pid))
            with pytest.raises(TransactionError, match="died, and what it started is still at work"):
                with locked(str(path), "it"):
                    pass


def test_a_lock_that_is_a_link_is_not_followed(tmp_path):
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TransactionError, match="lock"):
        with locked(str(tmp_path / "lock"), "it"):
            pass
    assert not (tmp_path / "elsewhere").exists()


def test_what_compose_itself_makes_of_the_tags_is_plain_yaml_otherwise():
    text = render_override(OVERRIDES["strings with signs"])
    assert yaml.safe_load(text) == OVERRIDES["strings with signs"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can write for somebody else")
def test_a_file_written_by_root_belongs_to_the_owner_of_its_folder(tmp_path):
    os.chown(tmp_path, 65534, 65534)
    write_whole(str(tmp_path / "compose.netfix.yml"), "services: {}\n")
    found = os.stat(tmp_path / "compose.netfix.yml")
    assert (found.st_uid, found.st_mode & 0o777) == (65534, 0o600)


def test_what_a_crash_left_beside_the_file_does_not_stand_in_the_way(tmp_path):
    (tmp_path / "attempt.json.new").write_text("half of")
    write_whole(str(tmp_path / "attempt.json"), "whole")
    assert [p.name for p in tmp_path.iterdir()] == ["attempt.json"]
