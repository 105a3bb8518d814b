# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The original plan's three solutions, forced: each mends what it can and can be taken back, or says why it cannot.

docs/solutions.md has all faults; scripts/try-solutions makes it.
"""

from __future__ import annotations

import subprocess

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import differences
from faults.reference import PROJECT
from faults.repairs import RUN, Repair

pytestmark = pytest.mark.docker
SOLUTIONS = ("rebuild_network", "static_hosts", "direct_routes")
USERS = f"{PROJECT}-users-1"
NETWORK = f"{PROJECT}_default"


@pytest.fixture
def nameless(lab):
    """Somebody has taken a container off its network and put it back without its name."""
    lab.run("up")
    subprocess.run(["docker", "network", "disconnect", NETWORK, USERS], check=True)
    subprocess.run(["docker", "network", "connect", NETWORK, USERS], check=True)
    return lab


@pytest.fixture(scope="module")
def stopped(lab):
    lab.run("up")
    subprocess.run(["docker", "stop", "--time", "1", USERS], check=True, capture_output=True)
    return lab


@pytest.mark.parametrize("solution", SOLUTIONS)
def test_each_mends_a_lost_name_lastingly_and_can_be_taken_back(nameless, tmp_path, solution):
    lab, repair = nameless, Repair(nameless, tmp_path)
    with pytest.raises(AssertionError, match="/users/1"):
        lab.run("healthy")
    before = repair.state()
    made = repair.transaction().attempt(solution, RUN, 1, forced=True)
    assert (made["verdict"], made["gate"]["still_broken"]) == ("kept", []), made["reason"]
    lab.run("healthy")
    running = repair.running()
    repair.transaction().executor.compose.run("up", "--detach")
    assert repair.running() == running
    repair.transaction().roll_back(RUN)
    assert [str(d) for d in differences(before, repair.state()) if not d.dynamic] == []
    with pytest.raises(AssertionError, match="/users/1"):
        lab.run("healthy")


@pytest.mark.parametrize(
    "solution, verdict", [("rebuild_network", "undone"), ("static_hosts", "refused"), ("direct_routes", "refused")]
)
def test_none_mends_a_service_that_is_stopped_and_all_is_as_before(stopped, tmp_path, solution, verdict):
    repair = Repair(stopped, tmp_path)
    before, running = repair.state(), repair.running()
    made = repair.transaction(gate_timeout_s=2.0).attempt(solution, RUN, 1, forced=True)
    assert made["verdict"] == verdict and made["reason"]
    assert repair.running() == running
    assert [str(d) for d in differences(before, repair.state()) if not d.dynamic] == []
