# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kept change that nobody confirms is undone by the managed host itself, whatever became of the controller."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest
from faults.reference import GATEWAY, PROJECT, command, environment, play

pytestmark = pytest.mark.docker
USERS = f"{PROJECT}-users-1"
NETWORK = f"{PROJECT}_default"
# a load that the gateway bears without its services
ALWAYS_ANSWERED = """\
from locust import HttpUser, task


class User(HttpUser):
    @task
    def health(self):
        self.client.get("/health")
"""
RUN = {"netfix_run_id": "run", "lab_gateway": GATEWAY}


@pytest.fixture
def broken(lab):
    """Somebody has taken a container off its network and put it back without its name."""
    lab.run("up")
    subprocess.run(["docker", "network", "disconnect", NETWORK, USERS], check=True)
    subprocess.run(["docker", "network", "connect", NETWORK, USERS], check=True)
    return lab


@pytest.fixture
def state(tmp_path):
    return tmp_path / "state"


def attempts(state):
    return [json.loads(path.read_text()) for path in sorted((state / PROJECT).glob("*.json"))]


def timers(state):
    return list((state / PROJECT).glob("timer-*"))


def named():
    """Whether the container has its service's name."""
    line = ["docker", "inspect", "--format", f'{{{{json (index .NetworkSettings.Networks "{NETWORK}").Aliases}}}}', USERS]
    return "users" in (json.loads(subprocess.run(line, check=True, capture_output=True).stdout) or [])


def eventually(condition, seconds=90):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


def test_a_run_that_comes_to_its_end_confirms_what_it_kept(broken, state, tmp_path):
    code, said, host = play(broken, "fix_network", tmp_path, netfix_confirm_timeout=600, netfix_state_dir=str(state), **RUN)
    assert code == 0 and host["status"] == "mended", said
    assert "undoes it by itself at" in said and "no timer undoes it any more" in said
    (attempt,) = host["attempts"]
    assert attempt["verdict"] == "kept" and attempt["confirm"]["confirmed_at"]
    assert timers(state) == [] and named()


def test_the_host_undoes_it_when_the_controller_is_dead(broken, state, tmp_path):
    line = command(
        broken, "fix_network", netfix_confirm_timeout=20, netfix_state_dir=str(state), netfix_validate_load=True,
        netfix_load_seconds=60, **RUN,
    )  # fmt: skip
    with open(tmp_path / "said", "wb") as said:
        controller = subprocess.Popen(
            line, cwd=tmp_path, env=environment(), stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True
        )
    try:
        eventually(lambda: state.exists() and [a["phase"] for a in attempts(state)] == ["awaiting"])
    finally:
        os.killpg(controller.pid, signal.SIGKILL)
        controller.wait()
    assert named()
    code, said, host = play(broken, "diagnose", tmp_path, netfix_state_dir=str(state), lab_gateway=GATEWAY)
    assert host["unfinished"] == ["run-01-reconnect_endpoints"] and "waits to be confirmed" in said
    eventually(lambda: [a["phase"] for a in attempts(state)] == ["undone"])
    (attempt,) = attempts(state)
    assert attempt["undo"]["verified"] and attempt["reason"].startswith("undone by the timer") and not named()
    eventually(lambda: timers(state) == [])


def test_a_run_that_confirms_too_late_says_so_and_fails(broken, state, tmp_path):
    late = tmp_path / "locustfile.py"
    late.write_text(ALWAYS_ANSWERED)
    code, said, host = play(
        broken, "fix_network", tmp_path, netfix_confirm_timeout=1, netfix_state_dir=str(state), netfix_validate_load=True,
        netfix_load_seconds=6, netfix_locustfile=str(late), **RUN,
    )  # fmt: skip
    assert code != 0 and "not in force any more: undone by the timer" in said
    assert host["status"] == "failed" and [a["verdict"] for a in host["attempts"]] == ["undone"] and not named()


def test_a_run_that_should_ask_and_cannot_changes_nothing(broken, state, tmp_path):
    code, said, host = play(broken, "fix_network", tmp_path, netfix_confirm=True, netfix_state_dir=str(state), **RUN)
    assert code != 0 and "Nothing was changed: netfix_confirm wants a yes" in said
    assert host["status"] == "failed" and not state.exists() and not named()
