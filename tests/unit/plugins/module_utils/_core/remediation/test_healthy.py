# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.healthy import wait_healthy
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import ContainerState
from unit.builders import propose, shop, state_of, with_container

S = 10**9
TEST = {"Test": ["CMD", "true"]}


@pytest.mark.parametrize(
    "healthcheck, args",
    [
        (None, {}),
        ({"Test": ["NONE"]}, {}),
        ({**TEST, "StartPeriod": 90 * S, "Interval": 10 * S, "Timeout": 5 * S, "Retries": 4}, {"timeout_s": 150.0}),
        # what the engine takes where nothing is said: 30 s, 30 s and 3
        (TEST, {"timeout_s": 180.0}),
        ({**TEST, "StartPeriod": 3600 * S}, {"timeout_s": 600.0}),
    ],
    ids=["none", "switched off", "said", "defaults", "bounded"],
)
def test_a_container_is_waited_for_as_long_as_its_healthcheck_may_take(healthcheck, args):
    container = ContainerState("db", "db", "exited", "", "", {"Config": {"Healthcheck": healthcheck}})
    assert wait_healthy(container, "it was started").args == {"container": "db", **args}


def test_a_provider_that_is_started_is_waited_for_so_long():
    snapshot = with_container(shop(), "db", state="exited", exit_code=1)
    state = state_of(snapshot)
    state.containers["shop-db-1"].config["Config"] = {"Healthcheck": {**TEST, "StartPeriod": 200 * S}}
    started, waited = propose(snapshot, "start_providers", state=state).steps
    assert (started.action.value, waited.args["timeout_s"]) == ("start", 380.0)
