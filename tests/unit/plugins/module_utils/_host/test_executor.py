# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from types import SimpleNamespace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import EngineError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Endpoint, Network, Subnet
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation import steps
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.patch import reset
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.steps import Action
from ansible_collections.vertice.netfix.plugins.module_utils._host.compose import Project
from ansible_collections.vertice.netfix.plugins.module_utils._host.executor import Executor

CAUSE = "because"


class FakeEngine:
    """Writes down what it is asked to do. what ``errors`` holds is raised for every change, ``states`` are shown one by one."""

    def __init__(self):
        self.asked, self.errors, self.states = [], [], []

    def __getattr__(self, name):
        def ask(*args, **more):
            self.asked.append((name, *args, *more.items()))
            for error in self.errors:
                raise error

        return ask

    def inspect_containers(self, names):
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        return [{"Name": f"/{n}", "State": state} for n in names] if state else []


@pytest.fixture
def engine():
    return FakeEngine()


@pytest.fixture
def executor(engine, tmp_path):
    project = Project("shop", str(tmp_path), (), str(tmp_path / "compose.netfix.yml"))
    return Executor(engine, SimpleNamespace(project=project), healthy_timeout_s=0.3)


def test_a_connection_carries_names_and_addresses(executor, engine):
    endpoint = Endpoint("net", aliases=("api",), static_ipv4="10.0.0.2", links=("db:database", "redis"))
    executor.run(steps.connect("shop-api-1", "net", endpoint, CAUSE))
    ((name, container, network, chosen),) = engine.asked
    assert (name, container, network) == ("connect", "shop-api-1", "net")
    assert chosen == {"Aliases": ["api"], "IPAMConfig": {"IPv4Address": "10.0.0.2"}, "Links": ["db:database", "redis"]}


def test_a_connection_carries_what_newer_engines_know(executor, engine):
    more = {"static_mac": "02:42:aa:00:00:01", "gw_priority": 7, "link_local": ("169.254.8.8",), "driver_opts": {"a": "b"}}
    executor.run(steps.connect("shop-api-1", "net", Endpoint("net", static_ipv6="fd00::2", **more), CAUSE))
    chosen = engine.asked[0][3]
    assert chosen["MacAddress"] == "02:42:aa:00:00:01" and chosen["GwPriority"] == 7 and chosen["DriverOpts"] == {"a": "b"}
    assert chosen["IPAMConfig"] == {"IPv6Address": "fd00::2", "LinkLocalIPs": ["169.254.8.8"]}


def test_fixed_addresses_are_connected_first_and_the_others_in_their_order(executor, engine):
    dynamic = {n: Endpoint("net", address=a) for n, a in (("b", "10.0.0.2"), ("a", "10.0.0.3"))}
    fixed = Endpoint("net", address="10.0.0.9", static_ipv4="10.0.0.9")
    executor.run(steps.connect_all("net", {**dynamic, "c": fixed}, CAUSE))
    assert [asked[1] for asked in engine.asked] == ["c", "b", "a"]


def test_all_are_disconnected_and_what_the_engine_refuses_is_an_error(executor, engine):
    executor.run(steps.disconnect_all("net", ["a", "b"], CAUSE))
    assert sorted(asked[1] for asked in engine.asked) == ["a", "b"]
    engine.errors = [EngineError("no", status=500)]
    with pytest.raises(EngineError):
        executor.run(steps.disconnect_all("net", ["a", "b"], CAUSE))


def test_a_network_is_made_with_everything_that_it_had(executor, engine):
    pool = Subnet("10.1.0.0/24", "10.1.0.1", aux_addresses={"router": "10.1.0.9"})
    executor.run(steps.create_network(Network("x", "net", subnets=(pool,), labels={"a": "b"}, internal=True), CAUSE))
    payload = engine.asked[0][1]
    wanted = {"Subnet": "10.1.0.0/24", "Gateway": "10.1.0.1", "AuxiliaryAddresses": {"router": "10.1.0.9"}}
    assert payload["IPAM"]["Config"] == [wanted]
    assert payload["Labels"] == {"a": "b"} and payload["Internal"] is True and payload["CheckDuplicate"] is True


@pytest.mark.parametrize(
    "step, error",
    [
        (steps.disconnect("shop-api-1", "net", CAUSE), EngineError("container x is not connected to network net")),
        (steps.disconnect("shop-api-1", "net", CAUSE), EngineError("no such network", status=404)),
        (steps.remove_network("net", CAUSE), EngineError("no such network", status=404)),
        (steps.on_container(Action.REMOVE_CONTAINER, "x", CAUSE), EngineError("no such container", status=404)),
    ],
)
def test_what_is_gone_already_is_no_error(executor, engine, step, error):
    engine.errors = [error]
    executor.run(step)
    assert len(engine.asked) == 1


@pytest.mark.parametrize("step", [steps.disconnect("a", "net", CAUSE), steps.remove_network("net", CAUSE)])
def test_what_the_engine_refuses_is_an_error(executor, engine, step):
    engine.errors = [EngineError("network has active endpoints", status=403)]
    with pytest.raises(EngineError):
        executor.run(step)


def test_a_container_goes_without_its_volumes(executor, engine):
    executor.run(steps.on_container(Action.REMOVE_CONTAINER, "0123456789ab_shop-api-1", CAUSE))
    assert engine.asked == [("remove", "0123456789ab_shop-api-1", ("volumes", False))]


def test_our_override_file_is_written_from_data_and_brought_back_from_text(executor, tmp_path):
    path = tmp_path / "compose.netfix.yml"
    data = {"services": {"api": {"volumes": reset()}}}
    executor.run(steps.Step(Action.WRITE_OVERRIDE, "compose.netfix.yml", CAUSE, {"data": data}))
    assert "!reset" in path.read_text()
    executor.run(steps.write_override("services: {}\n", str(path), CAUSE))
    assert path.read_text() == "services: {}\n"
    executor.run(steps.write_override(None, str(path), CAUSE))
    executor.run(steps.write_override(None, str(path), CAUSE))
    assert not path.exists()


def test_what_was_told_to_end_is_waited_for(executor, engine):
    seen = [{"c1": 3.0, "c2": 1.0}, {"c1": 2.9}, {}]
    engine.ending = lambda project: seen.pop(0)
    executor.await_ends()
    assert seen == []


def test_what_never_ends_is_not_waited_for_without_end(executor, engine):
    engine.ending = lambda project: {"c1": -5.0}
    executor.await_ends()


def test_a_known_network_shows_that_carries_no_label_and_nobody_uses(tmp_path):
    engine = SimpleNamespace(
        inspect_containers=lambda project: [],
        project_networks=lambda project: [],
        inspect_networks=lambda names: [{"Name": n} for n in names if n == "shop_default"],
    )
    project = Project("shop", str(tmp_path), (), str(tmp_path / "compose.netfix.yml"))
    executor = Executor(engine, SimpleNamespace(project=project))
    assert list(executor.state().networks) == []
    assert list(executor.state(known=["shop_default", "shop_gone"]).networks) == ["shop_default"]


def healthy(status):
    return {"Status": "running", "Health": {"Status": status}}


def wait(executor):
    executor.run(steps.on_container(Action.WAIT_HEALTHY, "shop-api-1", CAUSE))


@pytest.mark.parametrize(
    "states",
    [
        [healthy("starting"), healthy("healthy")],
        [{"Status": "running"}],
        [None, {"Status": "restarting"}, healthy("healthy")],
    ],
)
def test_it_waits_until_a_container_is_healthy_or_runs_without_a_healthcheck(executor, engine, states):
    engine.states = states
    wait(executor)


def test_a_container_that_stops_again_is_not_waited_for(executor, engine):
    engine.states = [{"Status": "exited", "ExitCode": 3}]
    with pytest.raises(EngineError, match=r"stopped again with exit code 3.*docker logs --tail 50 shop-api-1"):
        wait(executor)


@pytest.mark.parametrize("state, told", [(healthy("unhealthy"), "running, unhealthy"), (None, "gone")])
def test_the_wait_ends_with_what_was_seen_last(executor, engine, state, told):
    engine.states = [state]
    with pytest.raises(EngineError, match=told):
        wait(executor)


def test_the_simple_actions_ask_the_engine_for_just_that(executor, engine):
    engine.states = [{"Status": "running"}]
    simple = {Action.START: {}, Action.STOP: {}, Action.RESTART: {}, Action.SIGNAL: {"signal": "SIGHUP"}}
    for action, more in simple.items():
        executor.run(steps.on_container(action, "shop-api-1", CAUSE, **more))
    assert engine.asked == [
        ("start", "shop-api-1"),
        ("stop", "shop-api-1"),
        ("restart", "shop-api-1"),
        ("signal", "shop-api-1", "SIGHUP"),
    ]
