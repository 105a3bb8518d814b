# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""py-spy on real containers, from inside their namespaces; cProfile in one; and what is left when either is killed."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.cprofile import read_pstats
from ansible_collections.vertice.netfix.plugins.module_utils._host.engine import Engine
from ansible_collections.vertice.netfix.plugins.module_utils._host.probe_sources import named_sources
from ansible_collections.vertice.netfix.plugins.module_utils._host.processes import family, read_stat
from ansible_collections.vertice.netfix.plugins.module_utils._host.profiler import (
    Settings,
    cprofile_command,
    keep,
    py_spy_version,
    read_cprofile,
    record,
    run_here,
    told_cprofile,
)

PY_SPY = shutil.which("py-spy") or os.path.join(os.path.dirname(sys.executable), "py-spy")
SPIN = Path(__file__).with_name("spin.py")
IMAGE = "netfix-lab:latest"
pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to enter namespaces"),
    pytest.mark.skipif(not os.path.exists(PY_SPY), reason="needs py-spy"),
]
PROFILING = """\
import sys
from adapters.test_profiler import Settings, again, record, PY_SPY
record([again(sys.argv[1])], Settings(seconds=120, rate_hz=50, py_spy=PY_SPY), again)
"""


def again(name):
    return named_sources(Engine(), [name])[0]


@pytest.fixture
def start():
    """Starts a container of the lab's image, whose program is there below /srv/spin.py; its name."""
    docker = pytest.importorskip("docker")
    client = docker.from_env()
    try:
        client.images.get(IMAGE)
    except docker.errors.ImageNotFound:
        pytest.skip("needs the lab's image: make images")
    made = []

    def run(*command, **options):
        container = client.containers.run(
            IMAGE,
            list(command),
            name=f"netfix-test-{secrets.token_hex(4)}",
            detach=True,
            init=True,
            network_mode="none",
            volumes={str(SPIN): {"bind": "/srv/spin.py", "mode": "ro"}},
            **options,
        )
        made.append(container)
        wait_for(lambda: len(family(again(container.name).pid)) > 1)
        return container

    yield run
    for container in made:
        container.remove(force=True, v=True)


def wait_for(true):
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it did not come about within a minute"
        time.sleep(0.05)


def profile(container, seconds=3.0, **options):
    settings = Settings(seconds=seconds, rate_hz=50, py_spy=PY_SPY)
    (session,) = record([again(container.name)], settings, again, **options)
    return session.told(seconds), session.speedscope


def spies():
    """Processes of py-spy, and of what starts it."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"py-spy" in words and b"record" in words:
            found.append(int(name))
    return found


def test_the_function_that_burns_comes_first_for_py_spy_and_for_cprofile(start):
    container = start("python3", "/srv/spin.py")
    told, _speedscope = profile(container)
    assert told.tool == "py-spy" and told.rate_hz == 50 and told.samples > 0, told.reason
    command = cprofile_command(["python3", "/srv/spin.py", "2"], 60)
    data, error = read_cprofile(Engine().execute(container.name, command, {}))
    profiled = told_cprofile(read_pstats(data), 20)
    assert (profiled.outcome, error) == ("ok", "")
    hottest = [(p.functions[0].function, p.functions[0].file, p.functions[0].line) for p in (told, profiled)]
    assert hottest[0] == hottest[1] == ("burn", "/srv/spin.py", 17)


def test_children_are_sampled_and_threads_that_wait_are_not(start, tmp_path):
    container = start("python3", "/srv/spin.py", "child")
    wait_for(lambda: len(family(again(container.name).pid)) > 2)
    told, speedscope = profile(container)
    assert {f.function for f in told.functions[:2]} == {"burn", "child_burn"}, told
    assert not any(f.own and f.function.endswith("wait") for f in told.functions)
    assert any("as-child" in p.command for p in told.processes) and any(p.threads == 2 for p in told.processes)
    kept = keep(told, speedscope, str(tmp_path))
    assert sorted(os.listdir(tmp_path / told.container)) == ["flamegraph.svg", "speedscope.json", "stacks.collapsed"]
    assert "child_burn" in Path(kept.files["flamegraph"]).read_text()


def changes(container):
    """What "docker diff" tells, which it does in any order."""
    return sorted((change["Path"], change["Kind"]) for change in container.diff())


def test_nothing_is_written_into_the_container(start):
    container = start("python3", "/srv/spin.py", read_only=True)
    before = changes(container)
    told, _speedscope = profile(container, seconds=2.0)
    assert told.samples > 0 and changes(container) == before


def test_a_program_that_is_not_python_says_so_and_tells_its_waits(start):
    told, speedscope = profile(start("sleep", "600"), seconds=1.0)
    assert (told.tool, told.outcome, speedscope) == ("proc", "partly", None)
    assert "no Python program" in told.reason and any(p.command.startswith("sleep") for p in told.processes)


def test_without_py_spy_it_is_said_and_the_rest_is_told(start):
    told, _speedscope = profile(start("python3", "/srv/spin.py"), seconds=1.0, unsampled="py-spy is not there")
    assert (told.tool, told.outcome, told.reason) == ("proc", "partly", "py-spy is not there") and told.processes
    assert py_spy_version(PY_SPY) and not py_spy_version("/nowhere/py-spy")


@pytest.mark.parametrize("what", ["kill", "restart"])
def test_a_container_that_goes_in_the_middle_is_a_reason_and_no_error(start, what):
    container = start("python3", "/srv/spin.py")
    timer = threading.Timer(1.5, getattr(container, what))
    timer.start()
    told, _speedscope = profile(container, seconds=6.0)
    timer.join()
    assert told.outcome == "partly" and ("ended" in told.reason or "started again" in told.reason), told


def test_a_stopped_container_is_not_measured(start):
    container = start("sleep", "600")
    container.kill()
    told, _speedscope = profile(container, seconds=1.0)
    assert (told.tool, told.outcome) == ("none", "not_measured") and "not running" in told.reason


def test_whoever_profiles_may_be_killed_and_nothing_is_left(start):
    container = start("python3", "/srv/spin.py")
    before = set(spies())
    paths = os.pathsep.join(sys.path)
    process = subprocess.Popen(
        [sys.executable, "-c", PROFILING, container.name], env={**os.environ, "PYTHONPATH": paths}
    )
    try:
        wait_for(lambda: len(set(spies()) - before) > 1)
    finally:
        process.kill()
        process.wait()
    wait_for(lambda: not set(spies()) - before)
    wait_for(lambda: all(read_stat(f"/proc/{p}/stat").state not in "tT" for p in family(again(container.name).pid)))


def test_a_program_that_takes_no_notice_of_its_end_is_ended(tmp_path):
    (tmp_path / "stubborn.py").write_text(
        "def stay():\n    while True:\n        try:\n            while True:\n                sum(range(1000))\n"
        "        except KeyboardInterrupt:\n            pass\nstay()\n"
    )
    command = cprofile_command([sys.executable, str(tmp_path / "stubborn.py")], 1.0)
    data, error = read_cprofile(run_here(command, 1.0))
    assert error == "" and told_cprofile(read_pstats(data), 5).functions[0].function == "stay"


def test_a_program_that_fails_tells_why_and_gives_what_was_measured(tmp_path):
    (tmp_path / "broken.py").write_text(
        "def work():\n    sum(range(10**6))\nwork()\nraise ValueError('no such thing')\n"
    )
    data, error = read_cprofile(run_here(cprofile_command([sys.executable, str(tmp_path / "broken.py")], 30), 30))
    assert error == "ValueError: no such thing"
    assert told_cprofile(read_pstats(data), 5).functions[0].function == "work"
