# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._host import reach
from ansible_collections.vertice.netfix.plugins.module_utils._host.netns import NoPermission
from ansible_collections.vertice.netfix.plugins.module_utils._host.reach import look_into
from unit.builders import container

WEB = container("web", "10.1.0.4", pid=4711)
STOPPED = container("db", "", state="exited", pid=0)


class FakeEngine:
    """``now`` is what it says when it is asked again."""

    def __init__(self, docker_host="unix:///var/run/docker.sock", now=()):
        self.docker_host = docker_host
        self.is_here = docker_host.startswith("unix://")
        self._now = list(now)

    def containers(self, project=None, names=None):
        return self._now


@pytest.fixture
def looked_at(monkeypatch):
    """The processes that were looked into; none is this machine's."""
    seen = []
    monkeypatch.setattr(reach, "runs_in", lambda pid, container_id: False)
    monkeypatch.setattr(reach, "observe", seen.append)
    monkeypatch.setattr(reach, "Namespace", seen.append)
    return seen


def test_process_ids_of_another_kernel_are_never_looked_into(looked_at):
    found = look_into(FakeEngine(now=[WEB]), [WEB, STOPPED])
    assert looked_at == [] and found.foreign
    assert found.closed == {"shop-web-1": "its process is not on this host"}
    assert [c.pid for c in found.containers] == [0, 0] and found.containers[0].running


def test_nor_are_those_of_an_engine_on_another_host(looked_at, monkeypatch):
    monkeypatch.setattr(reach, "runs_in", lambda pid, container_id: True)
    found = look_into(FakeEngine("tcp://192.0.2.1:2376"), [WEB])
    assert looked_at == [] and found.foreign
    assert found.closed == {"shop-web-1": "the engine tcp://192.0.2.1:2376 runs on another host"}


@pytest.mark.parametrize(
    "now, state",
    [([replace(WEB, state="exited", exit_code=137, pid=0)], "exited"), ([], "removed")],
    ids=["it stopped", "it was removed"],
)
def test_a_container_that_died_since_it_was_inspected_is_told_as_it_is_now(looked_at, now, state):
    found = look_into(FakeEngine(now=now), [WEB])
    assert [c.state for c in found.containers] == [state] and found.closed == {} and not found.foreign


def test_without_root_a_container_is_closed_and_keeps_its_process_id(monkeypatch):
    def refuse(pid):
        raise NoPermission(f"no permission to enter the network namespace of process {pid}: run as root (become: true)")

    monkeypatch.setattr(reach, "runs_in", lambda pid, container_id: True)
    monkeypatch.setattr(reach, "Namespace", refuse)
    found = look_into(FakeEngine(), [WEB])
    assert found.closed == {"shop-web-1": "no permission to enter the network namespace: run as root (become: true)"}
    assert found.containers == (WEB,) and not found.foreign
