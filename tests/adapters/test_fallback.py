# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that are asked without entering them: by exec where they have tools, from a helper where they have none."""

from __future__ import annotations

import shutil

import pytest
from adapters.sandbox import PORT, Sandbox
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Outcome
from ansible_collections.vertice.netfix.plugins.module_utils._host.engine import LABEL_HELPER, Engine
from ansible_collections.vertice.netfix.plugins.module_utils._host.fallback import Fallback
from ansible_collections.vertice.netfix.plugins.module_utils._host.prober import HttpJob, NameJob, Prober, TcpJob

pytestmark = pytest.mark.docker
TOOLS = ("httpd", *(f"bin/{name}" for name in ("sh", "cat", "nc", "nslookup", "sleep", "timeout")))


@pytest.fixture(scope="module")
def equipped(sandbox):
    """A sandbox whose containers have a shell and BusyBox's tools."""
    import docker

    made = Sandbox(docker.from_env(), shutil.which("busybox"), TOOLS)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def pair(sandbox, equipped, network):
    """``bare`` has nothing but its server, ``full`` has tools; both are on one network."""
    return sandbox.container("bare", network), equipped.container("full", network)


def ask(source, containers, jobs, mode="exec"):
    """The probes of ``jobs``, the source being closed, and the notes."""
    engine = Engine()
    seen = engine.containers(names=[c.name for c in containers])
    with Prober() as near, Fallback(near, engine, seen, {source.name: "forced"}, mode) as prober:
        return prober.run(jobs), prober


def questions(source, target):
    return [
        NameJob(source.name, source.pid, "full"),
        NameJob(source.name, source.pid, "nosuch"),
        TcpJob(source.name, source.pid, target.address, PORT),
        TcpJob(source.name, source.pid, target.address, PORT + 1),
    ]


def test_exec_asks_what_the_prober_asks(pair):
    bare, full = pair
    (name, missing, port, closed), prober = ask(full, pair, questions(full, bare))
    assert (name.outcome, name.answers) == (Outcome.OK, (full.address,))
    assert (missing.outcome, missing.answers) == (Outcome.FAILED, ())
    assert port.outcome is Outcome.OK
    assert (closed.outcome, closed.error) == (Outcome.FAILED, "ECONNREFUSED")
    assert {p.via for p in (name, missing, port, closed)} == {"exec"}
    assert prober.notes() == [f"{full.name}: asked by docker exec, because forced"]


def test_exec_shows_the_files_and_sockets_of_a_container(pair):
    _bare, full = pair
    _probes, prober = ask(full, pair, [])
    (seen,) = [c for c in prober.containers if c.name == full.name]
    assert "nameserver 127.0.0.11" in seen.resolv_conf and full.address in seen.hosts
    assert PORT in [s.port for s in seen.sockets if s.state == "LISTEN"] and seen.default_route


def test_a_container_without_a_shell_is_unknown_and_says_why(pair):
    bare, full = pair
    probes, prober = ask(bare, pair, questions(bare, full))
    assert {p.outcome for p in probes} == {Outcome.UNKNOWN}
    assert all("forced" in p.error and "sh" in p.error for p in probes)
    assert prober.notes()[0].startswith(f"{bare.name}: not asked, because forced")


def test_a_helper_of_an_image_that_is_here_asks_for_it_and_is_gone_afterwards(sandbox, pair):
    bare, full = pair
    before = {c.id for c in sandbox.client.containers.list(all=True, filters={"label": LABEL_HELPER})}
    (name, missing, port, closed), prober = ask(bare, pair, questions(bare, full), mode="helper")
    assert (name.outcome, name.answers, name.via) == (Outcome.OK, (full.address,), "helper")
    assert (port.outcome, closed.error) == (Outcome.OK, "ECONNREFUSED")
    assert prober.notes() == [f"{bare.name}: asked from a helper container, because forced"]
    after = {c.id for c in sandbox.client.containers.list(all=True, filters={"label": LABEL_HELPER})}
    assert after <= before


def test_what_no_tool_can_do_stays_unknown(pair):
    bare, full = pair
    (probe,), _prober = ask(full, pair, [HttpJob(full.name, full.pid, f"http://{bare.address}:{PORT}/")])
    assert probe.outcome is Outcome.UNKNOWN and "no tool" in probe.error


def test_a_container_that_stops_between_inspection_and_question_is_unknown(equipped, network):
    engine = Engine()
    going = equipped.container("going", network)
    seen = engine.containers(names=[going.name])
    equipped.client.api.kill(going.name)
    equipped.client.api.wait(going.name)
    with Prober() as near, Fallback(near, engine, seen, {going.name: "its process is gone"}) as prober:
        (probe,) = prober.run([NameJob(going.name, going.pid, "full")])
    assert probe.outcome is Outcome.UNKNOWN and "is not running" in probe.error
