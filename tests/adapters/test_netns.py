# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest
from adapters.sandbox import Running, Sandbox
from ansible_collections.vertice.netfix.plugins.module_utils._host.container_files import (
    observe,
    read_in_root,
    runs_in,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host.netns import (
    Namespace,
    NoPermission,
    ProcessGone,
)

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def container(sandbox: Sandbox, network: str) -> Running:
    return sandbox.container("web", network, extra_hosts={"pinned": "10.1.2.3"}, dns=[sandbox.gateway(network)])


def home() -> int:
    return os.stat("/proc/thread-self/ns/net").st_ino


def test_socket_belongs_to_the_container_while_the_thread_stays_at_home(container: Running) -> None:
    before = home()
    with Namespace(container.pid) as namespace, namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as made:
        made.bind((container.address, 0))
        assert made.getsockname()[0] == container.address
    assert home() == before


def test_thread_comes_home_when_the_block_raises(container: Running) -> None:
    before = home()
    with Namespace(container.pid) as namespace, pytest.raises(RuntimeError):
        with namespace.entered():
            assert home() != before
            raise RuntimeError
    assert home() == before


def test_pid_0_is_the_namespace_of_the_host() -> None:
    with Namespace() as namespace, namespace.entered():
        assert namespace.key[1] == home()


def test_ended_process_is_told_from_missing_permission(container: Running) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with pytest.raises(ProcessGone, match="stopped"):
        Namespace(ended.pid)

    child = os.fork()
    if not child:
        os.setuid(65534)
        try:
            Namespace(container.pid)
        except NoPermission as exc:
            os._exit(0 if "become: true" in exc.message else 2)
        os._exit(1)
    assert os.waitpid(child, 0)[1] == 0


def test_observe_shows_what_the_container_itself_sees(container: Running) -> None:
    seen = observe(container.pid)
    assert "127.0.0.11" in (seen.resolv_conf or "")
    assert "10.1.2.3\tpinned" in (seen.hosts or "")
    assert seen.nsswitch is None
    assert [s.address for s in seen.sockets or () if s.port == 8000 and s.state == "LISTEN"] == ["::"]
    assert seen.default_route.endswith("dev eth0")


def test_files_of_an_ended_process_are_none() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert read_in_root(ended.pid, "/etc/hosts") is None
    assert observe(ended.pid).sockets is None


def test_process_is_recognized_as_the_containers(sandbox: Sandbox, container: Running) -> None:
    identity = sandbox.client.containers.get(container.name).id
    assert runs_in(container.pid, identity)
    assert not runs_in(container.pid, "f" * 64)
