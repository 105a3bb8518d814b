# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cannot be looked at is unknown and never health; what can be asked another way still names the cause."""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Outcome
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import open_gatherer
from faults.proxy import EngineProxy
from faults.reference import GATEWAY, PROJECT, assert_blamed, fault, play

pytestmark = pytest.mark.docker
SILENT_LOG = "services: {users: {logging: {driver: none}}}\n"


@pytest.fixture(scope="module")
def remote():
    proxy = EngineProxy()
    yield proxy.docker_host
    proxy.close()


@pytest.fixture(scope="module")
def without_a_log(lab):
    """The healthy project with one service whose log driver keeps nothing."""
    lab.run("up")
    (lab.folder / "compose.override.yml").write_text(SILENT_LOG)
    subprocess.run(["docker", "compose", "-p", PROJECT, "up", "-d"], cwd=lab.folder, check=True, capture_output=True)
    lab.run("healthy")
    return lab


def looked_at(lab, remote):
    """The snapshot by exec, and its diagnosis. What a busy machine did not answer in time is unknown, and asked again."""
    for _attempt in range(3):
        snapshot = lab.snapshot(docker_host=remote)
        diagnosis = diagnose(snapshot)
        if all(w.outcome is not Outcome.UNKNOWN for w in diagnosis.walks):
            break
    return snapshot, diagnosis


def test_a_healthy_project_of_a_remote_engine_is_seen_but_not_all_of_it(lab, remote):
    lab.run("up")
    snapshot, diagnosis = looked_at(lab, remote)
    assert diagnosis.findings == () and {w.outcome for w in diagnosis.walks} == {Outcome.OK}
    assert {p.via for p in snapshot.probes} == {"exec"}
    # the gateway's published port is on the loopback of the engine's host
    assert {c.outcome for c in snapshot.checks} == {Outcome.UNKNOWN}
    assert list(snapshot.unread) == ["the host's firewall and routes"]
    assert diagnosis.unknown == len(snapshot.checks) + 1
    assert any("asked by docker exec" in note and "another host" in note for note in snapshot.notes)


def test_without_a_fallback_everything_of_a_remote_engine_is_unknown(lab, remote):
    lab.run("up")
    diagnosis = diagnose(lab.snapshot(docker_host=remote, fallback="none"))
    assert {w.outcome for w in diagnosis.walks} == {Outcome.UNKNOWN}
    assert all("runs on another host" in w.detail for w in diagnosis.walks)


def test_a_check_from_inside_a_service_of_a_remote_engine_is_sent_there(lab, remote):
    lab.run("up")
    inside = {"name": "inside", "url": "http://users:8000/users/1", "source": "gateway"}
    (result,) = lab.snapshot(docker_host=remote, checks=[inside]).checks
    assert (result.outcome, result.status) == (Outcome.OK, 200)


@pytest.mark.parametrize("check_mode, fallback", [(False, "helper"), (True, "exec")])
def test_a_helper_is_not_made_in_check_mode(lab, check_mode, fallback):
    lab.run("up")
    options = {"project_src": str(lab.folder), "project_name": PROJECT, "fallback": "helper"}
    assert open_gatherer(options, check_mode).wanted.fallback == fallback


@pytest.mark.parametrize("name", ["icc_disabled", "wrong_port_published_vs_container"])
def test_the_cause_is_named_without_entering_a_container(lab, remote, name):
    lab.run("up", name)
    lab.run("symptom", name)
    _snapshot, diagnosis = looked_at(lab, remote)
    assert all(w.outcome is not Outcome.UNKNOWN for w in diagnosis.walks), [w.detail for w in diagnosis.walks]
    assert_blamed(diagnosis.findings, fault(name))


def test_a_log_that_cannot_be_read_is_unknown_and_says_why(without_a_log):
    snapshot = without_a_log.snapshot()
    diagnosis = diagnose(snapshot)
    assert list(snapshot.unread) == [f"log of {PROJECT}-users-1"]
    assert "does not support reading" in snapshot.unread[f"log of {PROJECT}-users-1"]
    assert diagnosis.healthy and diagnosis.unknown == 1


def test_a_play_says_what_is_unknown_and_does_not_fail_for_it(without_a_log, tmp_path):
    code, said, host = play(without_a_log, "validate", tmp_path, lab_gateway=GATEWAY)
    assert code == 0, said
    assert host["status"] == "diagnosed" and f"log of {PROJECT}-users-1" in said


@pytest.mark.parametrize("playbook", ["diagnose", "validate", "fix_network"])
def test_a_play_fails_for_what_is_unknown_where_that_is_wanted(without_a_log, tmp_path, playbook):
    code, said, host = play(without_a_log, playbook, tmp_path, netfix_fail_on_unknown=True)
    assert code != 0 and "netfix_fail_on_unknown" in said
    assert host["status"] == "diagnosed"
