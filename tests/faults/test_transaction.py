# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gets in the way of a transaction on a real engine: it is undone all the same, or refused before it begins.

Every test leaves the project as broken as it found it, so that the next one finds it so.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import TransactionError
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import differences
from ansible_collections.vertice.netfix.plugins.module_utils._host.executor import Executor
from ansible_collections.vertice.netfix.plugins.module_utils._host.transaction import Limits, Transaction
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import open_attempts, open_gatherer
from faults.reference import GATEWAY, PROJECT, ROOT, command, environment, play
from lab_options import module_options

pytestmark = pytest.mark.docker
REMEDIATION = "reconnect_endpoints"
CONTAINER = f"{PROJECT}-users-1"
IMAGE = f"{PROJECT}-image"
UNDOES = "as in the checkpoint"
# a service shares no network with its gateway, and keeps data in a volume that nobody named
OVERRIDE = f"""\
services:
  gateway:
    networks: [front]
  users:
    image: {IMAGE}
    networks: [back]
    volumes: [/data]
  orders:
    networks: [front]
networks: {{front: {{}}, back: {{}}}}
"""


def docker(*words, **environment):
    done = subprocess.run(
        ["docker", *words], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def up(lab, *words, **environment):
    docker("compose", "--project-directory", str(lab.folder), "-p", PROJECT, "up", "-d", *words, **environment)


@pytest.fixture(scope="module")
def apart(lab):
    lab.run("up")
    docker("tag", "netfix-lab:latest", IMAGE)
    (lab.folder / "compose.override.yml").write_text(OVERRIDE)
    up(lab)
    docker("exec", CONTAINER, "sh", "-c", "echo precious >/data/file")
    yield lab
    docker("rmi", IMAGE)


class Acting(Executor):
    """Tells what it is about to do."""

    def __init__(self, gatherer, before):
        super().__init__(gatherer.engine, gatherer.compose)
        self.before = before

    def run(self, step):
        self.before(step)
        super().run(step)


def transaction(lab, state, before=lambda step: None, docker_host="", force=False):
    options = {**module_options(lab.folder, PROJECT, GATEWAY), "state_dir": str(state), "docker_host": docker_host}
    gatherer = open_gatherer(options)
    limits = Limits(gate_timeout_s=10.0)
    return Transaction(gatherer, Acting(gatherer, before), open_attempts(options, PROJECT), limits, force)


@pytest.fixture
def state(apart, tmp_path):
    """The folder of the checkpoints. The project is as it was before the test when that is over."""
    before = transaction(apart, tmp_path / "state").executor.state()
    yield tmp_path / "state"
    found = differences(before, transaction(apart, tmp_path / "state").executor.state())
    assert [str(d) for d in found if not d.dynamic] == []


def fails_at_the_end(step):
    if step.action.value == "wait_healthy":
        raise TransactionError("the test lets it fail")


def outcomes(record):
    return {f"{o['kind']} {o['name']}": o["outcome"] for o in record["undo"]["objects"]}


def test_data_in_an_anonymous_volume_outlives_a_recreation_and_its_undo(apart, state):
    first = docker("inspect", "-f", "{{.Id}}", CONTAINER)
    record = transaction(apart, state).attempt(REMEDIATION, "run", 1)
    assert record["verdict"] == "kept", record["reason"]
    assert docker("inspect", "-f", "{{.Id}}", CONTAINER) != first and docker("exec", CONTAINER, "cat", "/data/file") == "precious"
    (undone,) = transaction(apart, state).roll_back("run")
    assert undone["undo"]["verified"] and outcomes(undone)[f"container {CONTAINER}"] == "restored"
    assert docker("exec", CONTAINER, "cat", "/data/file") == "precious"
    assert transaction(apart, state).roll_back("run") == []


def test_a_compose_file_that_was_edited_since_is_named_and_the_rollback_refused(apart, state):
    assert transaction(apart, state).attempt(REMEDIATION, "run", 1)["verdict"] == "kept"
    file = apart.folder / "compose.override.yml"
    file.write_text(OVERRIDE.replace("  orders:\n", "  orders:\n    environment: {EDITED: hunter2}\n"))
    with pytest.raises(TransactionError, match=r"service orders was edited in the configuration \(in .*/compose.override.yml\)"):
        transaction(apart, state).roll_back("run")
    file.write_text(OVERRIDE)
    assert len(transaction(apart, state).roll_back("run")) == 1


def test_a_run_is_listed_confirmed_by_hand_and_rolled_back_by_playbooks(apart, state, tmp_path):
    begun = transaction(apart, state)
    begun.limits.confirm_timeout_s = 600.0
    assert begun.attempt(REMEDIATION, "run", 1)["confirm"]["confirmed_at"] == ""
    options = {"netfix_state_dir": str(state), "lab_gateway": GATEWAY}
    line = command(apart, "roll_back", **options)
    listed = subprocess.run(line, cwd=tmp_path, env=environment(), capture_output=True, text=True, check=True).stdout
    assert "? run " in listed and "awaiting" in listed and "confirm -e netfix_run_id=run" in listed and "changed=0" in listed
    assert not (tmp_path / "netfix-report").exists()
    code, said, host = play(apart, "confirm", tmp_path, netfix_run_id="run", **options)
    assert code == 0 and host["status"] == "mended" and f"confirmed {REMEDIATION} of run run" in said, said
    assert list(state.glob("*/timer-*")) == []
    code, said, host = play(apart, "roll_back", tmp_path, netfix_run_id="run", **options)
    assert code == 0 and host["status"] == "undone", said
    assert outcomes(host["attempts"][0])[f"container {CONTAINER}"] == "restored" and "restored, " in said


def refusal(lab, state):
    known = transaction(lab, state)
    proposal, record = known.rehearse(REMEDIATION, "run", 1, False, known.look())
    assert proposal.steps or record["verdict"] == "refused"
    return record["reason"] if record["verdict"] == "refused" else ""


def test_what_compose_would_not_make_again_as_it_is_is_not_recreated(apart, state, tmp_path):
    assert refusal(apart, state) == ""
    docker("tag", "netfix-base:trixie", IMAGE)
    assert f"runs another image than {IMAGE} names by now" in refusal(apart, state)
    docker("rmi", IMAGE)
    assert f"image {IMAGE}, which the engine does not have any more" in refusal(apart, state)
    docker("tag", "netfix-lab:latest", IMAGE)
    (tmp_path / "config.json").write_text('{"proxies": {"default": {"httpProxy": "http://hunter2@corpproxy:3128"}}}')
    up(apart, "--force-recreate", "users", DOCKER_CONFIG=str(tmp_path))
    reason = refusal(apart, state)
    assert "has other variables than Compose would give it here (HTTP_PROXY, http_proxy)" in reason and "hunter2" not in reason
    up(apart, "--force-recreate", "users")
    assert refusal(apart, state) == ""


@pytest.mark.parametrize("when", ["before a step", "while undoing"])
def test_a_container_that_somebody_removes_meanwhile_is_made_again(apart, state, when):
    removed = []

    def before(step):
        if not removed and (step.cause == UNDOES if when == "while undoing" else step.action.value == "recreate"):
            removed.append(docker("rm", "-f", f"{PROJECT}-orders-1"))
        fails_at_the_end(step)

    record = transaction(apart, state, before).attempt(REMEDIATION, "run", 1)
    assert removed and record["verdict"] == "undone" and record["undo"]["verified"]
    assert docker("inspect", "-f", "{{.State.Status}}", f"{PROJECT}-orders-1") == "running"


class Relay:
    """An engine's socket that can go away and come back, as when the engine is restarted."""

    def __init__(self, path):
        self.path, self.url = path, f"unix://{path}"
        self._pairs, self._listener = [], None

    def open(self):
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.path))
        self._listener.listen(64)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self):
        self.path.unlink()
        self._listener.shutdown(socket.SHUT_RDWR)
        for one in self._pairs:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def _accept(self, listener):
        with contextlib.suppress(OSError):
            while True:
                near, far = listener.accept()[0], socket.socket(socket.AF_UNIX)
                far.connect("/var/run/docker.sock")
                self._pairs += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._copy, args=(source, target), daemon=True).start()

    @staticmethod
    def _copy(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


def test_an_engine_that_goes_away_in_the_middle_is_waited_for_and_the_change_undone(apart, state, tmp_path):
    relay = Relay(tmp_path / "docker.sock")
    relay.open()
    away = []

    def before(step):
        if step.action.value == "wait_healthy" and not away:
            away.append(step)
            relay.close()
            threading.Timer(3.0, relay.open).start()

    began = time.monotonic()
    record = transaction(apart, state, before, relay.url).attempt(REMEDIATION, "run", 1)
    assert away and time.monotonic() - began > 3 and "did not answer" in record["reason"]
    assert record["verdict"] == "undone" and record["undo"]["verified"]
    relay.close()


def test_a_full_disk_keeps_a_change_from_being_begun(apart, state):
    state.mkdir(mode=0o700)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", state], check=True)
    try:
        done = []
        with pytest.raises(TransactionError, match=r"run-01-reconnect_endpoints\.json cannot be written \(No space left"):
            transaction(apart, state, done.append).attempt(REMEDIATION, "run", 1)
        assert done == [] and transaction(apart, state).settle() == ([], [])
    finally:
        subprocess.run(["umount", state], check=True)


def test_a_disk_that_is_full_when_the_override_is_written_leads_back(apart, state):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)

    def before(step):
        full = step.action.value == "write_override" and step.cause != UNDOES
        resource.setrlimit(resource.RLIMIT_FSIZE, (10 if full else limits[0], limits[1]))

    try:
        record = transaction(apart, state, before).attempt(REMEDIATION, "run", 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert record["reason"].startswith(f"{apart.folder}/compose.netfix.yml cannot be written (File too large)")
    assert record["verdict"] == "undone" and record["undo"]["verified"]
    assert transaction(apart, state).settle() == ([], [])


SECOND = """\
import sys, time
from pathlib import Path
from faults.test_transaction import LabAt, REMEDIATION, transaction

def before(step):
    Path(sys.argv[2], "busy").touch()
    time.sleep(600)

record = transaction(LabAt(sys.argv[1]), sys.argv[2], before).attempt(REMEDIATION, "first", 1)
sys.exit(record["verdict"])
"""


class LabAt:
    """A lab that another process made."""

    def __init__(self, folder):
        self.folder = Path(folder)


def test_a_second_run_at_the_same_time_is_told_who_is_at_work_and_changes_nothing(apart, state):
    paths = [str(ROOT / "tests"), str(ROOT / "lab"), str(ROOT / ".ansible" / "collections")]
    first = subprocess.Popen(
        [sys.executable, "-c", SECOND, str(apart.folder), str(state)], stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
    )  # fmt: skip
    try:
        while not (state / "busy").exists():
            assert first.poll() is None, first.communicate()[1]
            time.sleep(0.05)
        done = []
        with pytest.raises(TransactionError, match=rf"is being changed by another run .process {first.pid}.; wait"):
            transaction(apart, state, done.append).attempt(REMEDIATION, "second", 1)
        assert done == []
    finally:
        first.send_signal(signal.SIGTERM)
        said = first.communicate()[1]
    assert said.strip() == "undone"
