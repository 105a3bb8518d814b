# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run that dies at any point, on the managed host or on the controller: the next one leaves the project as it was, or mended."""

from __future__ import annotations

import itertools
import os
import subprocess
import time

import pytest
from deaths.cases import CASES, STARTING
from deaths.host import await_end, descendants, kill
from deaths.picture import docker
from faults.reference import GATEWAY, PROJECT, command, environment

pytestmark = pytest.mark.docker
EVERY = bool(os.environ.get("EVERY_DEATH"))
# Whether it notes what it does next makes no difference to whoever comes next: by default only the first and the last
# of these writes are died before.
BUT_NOTES = r"^(?!replace .*\.json$)"
BY_COMPOSE = r"^POST /containers/create|^\w+ /containers/[0-9a-f]{64}"
RECREATES = next(c for c in CASES if c.remediation == "correct_upstreams")


@pytest.fixture(scope="module", params=CASES, ids=str)
def case(request, lab):
    """One after the other; each test leaves it as it was planted."""
    request.param.plant(lab)
    yield request.param
    # the lab itself leaves volumes that have no name
    docker("rm", "-f", "-v", *docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={PROJECT}").split())


def again(case, host, was):
    """The picture of the broken project, planted anew where what was done has mended it for good."""
    if not case.once or case.shows(seconds=2):
        return was
    case.plant(host.lab)
    return host.picture()


def controller(case, host, folder, number):
    """A playbook run that mends the case, held before the change of that number; None where it makes fewer."""
    host.turnstile.stop_before(number)
    line = command(
        host.lab, "fix_network", lab_gateway=GATEWAY, netfix_docker_host=host.turnstile.docker_host,
        netfix_state_dir=str(host.state_dir), netfix_run_id="run", netfix_remediations=[case.remediation],
    )  # fmt: skip
    with open(folder / "played", "wb") as said:
        process = subprocess.Popen(
            line, cwd=folder, env=environment(), stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
    return process if host.turnstile.holds(process) else None


def test_a_run_that_dies_before_any_change_leaves_nothing_behind(case, host):
    was = host.picture()
    thorough = EVERY or case.thorough
    for number in itertools.count(1 if thorough else 2):
        if not host.die(number, "" if EVERY else BUT_NOTES, **case.attempt):
            break
        host.settle(was)
        was = again(case, host, was)
        if not thorough:
            host.run(**case.attempt)
            break
    kept = host.attempts()[-1]
    assert kept["verdict"] == "kept", kept["reason"]
    host.lab.run("healthy")
    last = len(host.turnstile.passed)
    host.run(state="absent", run_id="run")
    host.assert_is(was, "rolled back")
    for number in () if EVERY else (1, last) if thorough else (last,):
        was = again(case, host, was)
        assert host.die(number, **case.attempt)
        host.settle(was)
    assert case.once or case.shows()


def test_an_undo_that_dies_before_any_change_leaves_nothing_behind(case, host):
    if case.once:
        pytest.skip("it changes nothing that could be undone")
    if not EVERY and case != RECREATES:
        pytest.skip("of the undos only the one that takes the most changes dies, unless EVERY_DEATH is set")
    was = host.picture()
    for number in itertools.count(1):
        attempt = host.run(**case.attempt)["attempt"]
        assert attempt["verdict"] == "kept", f"after {number - 1} deaths: {attempt['reason']}"
        mended = host.picture()
        if not host.die(number, "" if EVERY else BUT_NOTES, state="absent", run_id="run"):
            break
        host.settle_either(was, mended)
    host.assert_is(was, "rolled back")
    assert case.shows()


def test_whatever_becomes_of_a_run_without_its_controller_the_next_one_settles_it(case, host, tmp_path):
    was = again(case, host, host.picture())
    numbers = itertools.count(1) if EVERY or case == RECREATES else (1,)
    for number in numbers:
        process = controller(case, host, tmp_path, number)
        if process is None:
            break
        others = descendants(process.pid)
        kill(process)
        host.turnstile.release()
        await_end(others)
        host.settle_either(was)
        was = again(case, host, was)
    assert host.deaths


def test_a_run_that_dies_while_it_waits_has_changed_nothing(host):
    STARTING.plant(host.lab)
    was = host.picture()
    process = host.start(**STARTING.attempt)
    while [a["phase"] for a in host.attempts()] != ["gating"]:
        assert process.poll() is None
        time.sleep(0.05)
    kill(process, *descendants(process.pid))
    assert host.run(state="settled")["settled"] == []
    host.assert_is(was)


def test_the_next_run_waits_for_a_compose_that_outlives_its_module(host):
    RECREATES.plant(host.lab)
    was = host.picture()
    for number in itertools.count(1):
        process = host.start(number, BY_COMPOSE, **RECREATES.attempt)
        if not host.turnstile.holds(process):
            break
        compose = descendants(process.pid)
        kill(process)
        next_run = host.start(state="settled")
        host.turnstile.release()
        host.result(next_run)
        await_end(compose, seconds=0)
        host.assert_is(was, f"the module died before change {number} of Compose")
        host.deaths["undone"] += 1
    attempt = host.result(process)["attempt"]
    assert number > 4 and attempt["verdict"] == "kept", attempt["reason"]


def test_the_next_run_waits_for_a_stop_that_outlives_the_one_who_asked_for_it(host):
    RECREATES.plant(host.lab)
    override = host.lab.folder / "compose.override.yml"
    # a program that takes its time to end
    stubborn = "entrypoint: [sh, -c, \"trap '' TERM; exec python3 /srv/app/gateway.py\"]\n    stop_grace_period: 5s\n"
    override.write_text(override.read_text().replace("gateway:\n", f"gateway:\n    {stubborn}"))
    docker("compose", "--project-directory", str(host.lab.folder), "up", "-d")
    assert RECREATES.shows()
    was, began = host.picture(), str(time.time())

    def happened(event):
        events = ("events", "--since", began, "--until", str(time.time()), "--filter", f"event={event}")
        return docker(*events, "--filter", f"container={PROJECT}-gateway-1")

    process = host.start(**RECREATES.attempt)
    while not happened("kill"):
        assert process.poll() is None
    kill(process, *descendants(process.pid))
    assert not happened("die")
    host.settle(was)
    assert happened("die")
