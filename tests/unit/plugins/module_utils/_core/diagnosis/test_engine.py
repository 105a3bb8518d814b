# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine that does not answer, and one that gives the project no network."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Engine, Host, Severity
from unit.builders import NETWORK, check, codes, network, shop, unresolved, with_config, with_container, with_probes

DOWN = Engine(silence="no socket")
HUNG = Engine(silence="timeout", process="T")


def silent(engine, error="ECONNREFUSED", **fields):
    """Names are asked for in vain, and of networks nothing is known."""
    snapshot = shop(engine=engine, networks=(), checks=(check(status=0, error="ECONNREFUSED"),), **fields)
    return with_probes(snapshot, unresolved("shop-web-1", "api", error), unresolved("shop-api-1", "db", error))


@pytest.mark.parametrize(
    "engine, code",
    [
        (DOWN, "host.dockerd_down_live_restore"),
        (Engine(silence="refused", process="S"), "host.dockerd_down_live_restore"),
        (HUNG, "host.dockerd_hung"),
    ],
)
def test_an_engine_that_does_not_answer_is_the_one_cause(engine, code):
    (finding,) = diagnose(silent(engine, "timeout" if engine is HUNG else "ECONNREFUSED")).findings
    assert finding.code == code
    assert finding.breaks == ("web → api:8000", "api → db:5432", "front page")
    assert any("lives on as process" in line for line in finding.evidence)


def test_what_a_stopped_process_means_is_said():
    (finding,) = diagnose(silent(HUNG, "timeout")).findings
    assert "stopped by a signal" in finding.evidence[0]


def test_without_root_nothing_is_known_but_that_the_engine_does_not_answer():
    (finding,) = diagnose(silent(HUNG, containers=(), probes=())).findings
    assert finding.code == "host.dockerd_hung" and "web → api:8000" in finding.breaks


def test_another_failure_beside_a_silent_engine_keeps_its_own_finding():
    snapshot = with_container(silent(DOWN), "db", state="exited", exit_code=1, pid=0)
    assert codes(snapshot) == ["host.dockerd_down_live_restore", "container.dependency_exited"]


def test_an_engine_that_answers_is_not_blamed_for_names():
    assert "host.dockerd_down_live_restore" not in codes(silent(Engine()))


# address_pool_exhausted

POOLS = ("10.9.0.0/24 26",)
TAKEN = {
    "bridge": ("10.9.0.0/26",),
    "other_default": ("10.9.0.64/26",),
    "old_default": ("10.9.0.128/26", "fd00::/64"),
    "none": (),
}


def unmade(taken, pools=POOLS, routes=(), **spec):
    """Nothing of the project was made, its network is not there."""
    host = Host(address_pools=pools, subnets=taken, routes=routes)
    snapshot = shop(containers=(), networks=(), probes=(), host=host, checks=(check(status=0, error="ECONNREFUSED"),))
    config = {**snapshot.config, "networks": {"default": {"name": NETWORK, **spec}}}
    return with_config(replace(snapshot, config=config), "web", ports=[{"target": 80, "published": "8080"}])


def test_pools_that_are_given_away_are_why_nothing_was_made():
    (finding,) = diagnose(unmade({**TAKEN, "x": ("10.9.0.192/26",)})).findings
    assert finding.code == "address.address_pool_exhausted"
    assert "front page" in finding.breaks and finding.subject["idle"] == ["old_default", "other_default", "x"]


def test_a_route_of_the_host_takes_a_part_of_a_pool_as_well():
    assert codes(unmade(TAKEN, routes=("10.9.0.200/32 dev tun0",))) == ["address.address_pool_exhausted"]


@pytest.mark.parametrize(
    "snapshot",
    [
        unmade(TAKEN),
        unmade({**TAKEN, "x": ("10.9.0.192/26",)}, ipam={"config": [{"subnet": "10.8.0.0/24"}]}),
        unmade({**TAKEN, "x": ("10.9.0.192/26",)}, external=True),
        unmade({"bridge": ("172.17.0.0/16",)}, pools=()),
        unmade({}, pools=()),
    ],
    ids=["one is left", "a subnet of its own", "external", "the engine's own pools", "subnets not known"],
)
def test_pools_are_not_blamed(snapshot):
    assert "address.address_pool_exhausted" not in codes(snapshot)


def test_a_running_project_with_full_pools_is_healthy():
    assert codes(replace(shop(), host=Host(address_pools=POOLS, subnets={**TAKEN, "x": ("10.9.0.192/26",)}))) == []


# swarm_overlay_not_attachable

REFUSED = "Could not attach to network md7g: rpc error: code = PermissionDenied desc = network md7g not manually attachable"


def test_an_overlay_that_only_the_swarm_may_join_is_named_by_its_name():
    overlay = network("stack_backend", "", id="md7g", driver="overlay", scope="swarm")
    snapshot = replace(shop(), networks=(overlay,), checks=())
    for service in ("web", "api", "db"):
        snapshot = with_container(snapshot, service, state="created", exit_code=128, error=REFUSED, pid=0)
    (finding,) = [f for f in diagnose(snapshot).findings if f.severity is Severity.ERROR]
    assert finding.code == "container.swarm_overlay_not_attachable"
    assert finding.subject == {"network": "stack_backend", "services": ["web", "api", "db"]}
