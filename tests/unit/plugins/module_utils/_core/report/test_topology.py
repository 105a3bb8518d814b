# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.topology import topology
from unit.builders import NETWORK, call, container, recorded, shop, with_config, with_container


def services(snapshot):
    return {service["name"]: service for service in topology(snapshot)["services"]}


def test_services_networks_and_who_goes_by_which_name_are_told():
    told = topology(shop())
    assert [service["name"] for service in told["services"]] == ["api", "db", "web"]
    assert told["networks"] == [{"name": NETWORK, "driver": "bridge", "internal": False, "project": "shop"}]
    assert told["providers"] == {"api": "api", "db": "db"}
    assert services(shop())["api"] == {
        "name": "api",
        "state": "running",
        "health": "",
        "exit_code": 0,
        "replicas": 1,
        "running": 1,
        "networks": [NETWORK],
        "image": "",
    }


def test_the_replica_that_is_worst_off_speaks_for_its_service():
    snapshot = shop()
    second = container("api", "10.1.0.9", number=2, state="exited", exit_code=137, health="unhealthy")
    api = services(replace(snapshot, containers=(*snapshot.containers, second)))["api"]
    assert (api["state"], api["exit_code"], api["replicas"], api["running"]) == ("exited", 137, 2, 1)
    assert api["health"] == "unhealthy"


def test_a_service_without_a_container_has_the_networks_of_its_configuration():
    snapshot = shop()
    api = services(replace(snapshot, containers=tuple(c for c in snapshot.containers if c.service != "api")))["api"]
    assert (api["state"], api["replicas"], api["networks"]) == ("not created", 0, [NETWORK])


def test_a_job_that_ended_well_is_no_service_that_is_down():
    job = container("migrate", "10.1.0.9", state="exited", exit_code=0)
    assert services(replace(shop(), containers=(*shop().containers, job)))["migrate"]["state"] == "finished"


def test_an_alias_leads_to_its_service_and_a_strange_name_to_none():
    snapshot = replace(shop(), dependencies=(call("web", "shop-api-1", 8000), call("web", "paymets", 80)))
    assert topology(snapshot)["providers"] == {"shop-api-1": "api"}


def test_no_environment_variable_is_told():
    snapshot = with_container(shop(), "web", environment={"PLAIN": "visible-42", "DB_PASSWORD": "hunter2"})
    told = json.dumps(topology(with_config(snapshot, "web", environment={"PLAIN": "visible-42"})))
    assert "visible-42" not in told and "hunter2" not in told


@pytest.mark.parametrize("name", ["healthy", "disjoint_networks", "dependency_exited"])
def test_of_a_recorded_project_every_service_is_told_with_its_networks(name):
    snapshot = recorded(name)
    told = topology(snapshot)
    assert {s["name"] for s in told["services"]} == set(snapshot.config["services"])
    assert {n for s in told["services"] for n in s["networks"]} <= {n["name"] for n in told["networks"]}
    assert set(told["providers"].values()) <= {s["name"] for s in told["services"]}
