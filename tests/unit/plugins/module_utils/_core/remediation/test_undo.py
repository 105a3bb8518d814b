# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Subnet, from_data, to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.planning import REMEDIATIONS
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import ProjectState, differences
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.undo import undo_steps
from unit.builders import NETWORK, RECORDED, endpoint, inspected, network, propose, recorded, shop, state_of
from unit.model_engine import OVERRIDE, ModelEngine, go_back

# every remediation on every recorded fault that it proposes something for; one needs an engine that answers
SNAPSHOTS = {fault: found for fault in RECORDED if not (found := recorded(fault)).engine.silence}
STEPS = {(f, name): propose(s, name).steps for f, s in SNAPSHOTS.items() for name in REMEDIATIONS}
ATTEMPTS = [attempt for attempt, steps in STEPS.items() if steps]


def actions(now, saved):
    return [f"{s.action.value} {s.object}" for s in undo_steps(now, saved, OVERRIDE)]


def changed(project, name, **fields):
    return replace(project, containers={**project.containers, name: replace(project.containers[name], **fields)})


def left(fault, saved, found):
    """What is not as it was. The engine gives no address above a free one: it may be fixed now, or be another one."""
    return [
        d for d in differences(saved, found) if not (d.dynamic and (d.field == "static_ipv4" or fault.startswith("stale_ip")))
    ]


def attempt(fault, name):
    saved = state_of(SNAPSHOTS[fault])
    return ModelEngine(saved, SNAPSHOTS[fault].config), saved, STEPS[fault, name]


@pytest.mark.parametrize("fault, name", ATTEMPTS)
def test_death_after_any_step_leads_back_to_the_checkpoint(fault, name):
    _engine, _saved, steps = attempt(fault, name)
    for done in range(len(steps) + 1):
        engine, saved, _steps = attempt(fault, name)
        for step in steps[:done]:
            engine.run(step)
        go_back(engine, saved)
        assert left(fault, saved, engine.state()) == [], f"after {done} steps"


@pytest.mark.parametrize("fault, name", ATTEMPTS)
def test_death_while_undoing_leads_back_to_the_checkpoint(fault, name):
    for died_after in range(60):
        engine, saved, steps = attempt(fault, name)
        for step in steps:
            engine.run(step)
        go_back(engine, saved, stop_after=died_after)
        if not undo_steps(engine.state(), saved, OVERRIDE):
            break
        go_back(engine, saved)
        assert left(fault, saved, engine.state()) == [], f"after {died_after} steps of undoing"
    else:
        raise AssertionError("undoing took more than 60 steps")


@pytest.mark.parametrize("fault", RECORDED)
def test_nothing_is_done_where_nothing_changed(fault):
    state = state_of(recorded(fault))
    assert undo_steps(state, state, OVERRIDE) == []


@pytest.mark.parametrize("fault", ["healthy", "disjoint_networks", "network_rebuilt_naively"])
def test_a_checkpoint_survives_the_way_through_json(fault):
    state = inspected(fault)
    back = from_data(ProjectState, to_data(state))
    assert back == state and undo_steps(state, back, OVERRIDE) == [] and differences(back, state) == []


SAVED = state_of(shop())


def test_our_override_file_is_removed_where_there_was_none():
    (step,) = undo_steps(replace(SAVED, override="services: {}\n"), SAVED, OVERRIDE)
    assert (step.action.value, step.object, step.args["text"]) == ("write_override", OVERRIDE, None)


def test_our_override_file_gets_its_old_text_back():
    saved = replace(SAVED, override="services: {}\n")
    (step,) = undo_steps(SAVED, saved, OVERRIDE)
    assert step.args["text"] == "services: {}\n"


def test_a_recreated_service_is_recreated_after_the_file_is_back():
    now = changed(replace(SAVED, override="services: {api: {}}\n"), "shop-api-1", config_hash="other")
    assert actions(now, SAVED) == [f"write_override {OVERRIDE}", "recreate api"]


def test_a_container_that_is_gone_is_made_again():
    now = replace(SAVED, containers={k: v for k, v in SAVED.containers.items() if k != "shop-api-1"})
    assert actions(now, SAVED) == ["recreate api"]


SUCCESSOR = "0123456789ab_shop-api-1"
PATCHED = replace(SAVED, override='{"services": {"api": {"environment": {}}}}')


def recreated_as_far_as(stage):
    """What there is when Compose dies while it makes a container anew."""
    old = SAVED.containers["shop-api-1"]
    new = replace(old, name=SUCCESSOR, state="created", config_hash="other", config={"Config": {"patched": "other"}})
    now = {
        "created": {old.name: old, SUCCESSOR: new},
        "stopped": {old.name: replace(old, state="exited"), SUCCESSOR: new},
        "removed": {SUCCESSOR: new},
        "renamed": {old.name: replace(new, name=old.name)},
        "started": {old.name: replace(new, name=old.name, state="running")},
    }
    others = {k: c for k, c in SAVED.containers.items() if k != old.name}
    return replace(PATCHED, containers={**others, **now[stage]})


@pytest.mark.parametrize("stage", ["created", "stopped", "removed", "renamed", "started"])
def test_a_recreation_that_died_leads_back_to_the_checkpoint(stage):
    engine = ModelEngine(SAVED, shop().config)
    now = recreated_as_far_as(stage)
    engine.override, engine.containers = now.override, dict(now.containers)
    go_back(engine, SAVED)
    assert differences(SAVED, engine.state()) == []


def test_what_compose_left_beside_a_container_is_removed_and_takes_its_place_where_that_is_gone():
    assert actions(recreated_as_far_as("created"), SAVED) == [f"remove_container {SUCCESSOR}"]
    assert actions(recreated_as_far_as("removed"), SAVED) == [f"rename {SUCCESSOR} to shop-api-1"]


def test_no_other_container_is_touched():
    added = {n: replace(SAVED.containers["shop-api-1"], name=n) for n in ("shop-api-2", "0123456789ab_shop-new-1")}
    assert actions(replace(SAVED, containers={**SAVED.containers, **added}), SAVED) == []


def test_an_endpoint_that_was_added_is_taken_away():
    endpoints = {**SAVED.containers["shop-api-1"].endpoints, "shop_front": endpoint("shop_front", "10.2.0.2")}
    assert actions(changed(SAVED, "shop-api-1", endpoints=endpoints), SAVED) == ["disconnect shop-api-1 from shop_front"]


def test_an_endpoint_that_was_taken_away_comes_back_with_its_names_and_chosen_address():
    own = endpoint(NETWORK, "10.1.0.3", "api", "shop-api-1", static_ipv4="10.1.0.3", links=("db:db",))
    saved = changed(SAVED, "shop-api-1", endpoints={NETWORK: own})
    (step,) = undo_steps(changed(SAVED, "shop-api-1", endpoints={}), saved, OVERRIDE)
    assert step.args["endpoint"]["aliases"] == ["api", "shop-api-1"]
    assert step.args["endpoint"]["static_ipv4"] == "10.1.0.3" and step.args["endpoint"]["links"] == ["db:db"]


def test_an_endpoint_with_other_names_is_made_anew():
    now = changed(SAVED, "shop-api-1", endpoints={NETWORK: endpoint(NETWORK, "10.1.0.3", "somebody")})
    assert actions(now, SAVED) == [f"disconnect shop-api-1 from {NETWORK}", f"connect shop-api-1 to {NETWORK}"]


def test_a_network_that_was_made_is_removed():
    now = replace(SAVED, networks={**SAVED.networks, "shop_new": network("shop_new", "new", "10.3.0.0/24")})
    assert actions(now, SAVED) == ["remove_network shop_new"]


def test_a_network_that_is_gone_is_made_and_everybody_connected_in_the_order_of_addresses():
    bare = {k: replace(c, endpoints={}) for k, c in SAVED.containers.items()}
    assert actions(replace(SAVED, networks={}, containers=bare), SAVED) == [
        f"create_network {NETWORK}",
        f"connect_all shop-db-1, shop-api-1, shop-web-1 to {NETWORK}",
    ]


@pytest.mark.parametrize("fields", [{"labels": {}}, {"subnets": (Subnet("10.9.0.0/24"),)}, {"options": {"mtu": "1400"}}])
def test_a_network_that_differs_is_rebuilt(fields):
    now = replace(SAVED, networks={NETWORK: replace(SAVED.networks[NETWORK], **fields)})
    everybody = "shop-db-1, shop-api-1, shop-web-1"
    assert actions(now, SAVED) == [
        f"disconnect_all {everybody} from {NETWORK}",
        f"remove_network {NETWORK}",
        f"create_network {NETWORK}",
        f"connect_all {everybody} to {NETWORK}",
    ]


def test_a_guest_whose_endpoint_was_carried_gets_it_back_and_one_that_is_gone_is_not_missed():
    theirs = {"guest": {NETWORK: endpoint(NETWORK, "10.1.0.5", "visitor")}, "gone": {NETWORK: endpoint(NETWORK, "10.1.0.6")}}
    saved = replace(SAVED, guests=theirs)
    now = replace(SAVED, guests={"guest": {}})
    assert actions(now, saved) == [f"connect guest to {NETWORK}"]
    assert [d.object for d in differences(saved, now)] == [f"endpoint guest on {NETWORK}"]
    assert differences(saved, replace(SAVED, guests={"guest": theirs["guest"]})) == []


def test_an_address_that_was_fixed_where_it_was_is_told_and_stays():
    fixed = {NETWORK: replace(SAVED.containers["shop-api-1"].endpoints[NETWORK], static_ipv4="10.1.0.3")}
    now = changed(SAVED, "shop-api-1", endpoints=fixed)
    assert actions(now, SAVED) == []
    (held,) = differences(SAVED, now)
    assert held.dynamic and held.field == "static_ipv4"


@pytest.mark.parametrize("was, found, wanted", [("exited", "running", "stop"), ("running", "exited", "start")])
def test_a_container_runs_again_as_it_did(was, found, wanted):
    saved, now = changed(SAVED, "shop-api-1", state=was), changed(SAVED, "shop-api-1", state=found)
    assert actions(now, saved) == [f"{wanted} shop-api-1"]


def test_two_that_came_back_with_each_others_address_change_seats():
    def seated(api, db):
        one = {NETWORK: endpoint(NETWORK, api, "api", "shop-api-1")}
        other = {NETWORK: endpoint(NETWORK, db, "db", "shop-db-1")}
        return changed(changed(SAVED, "shop-api-1", endpoints=one), "shop-db-1", endpoints=other)

    saved = seated("10.1.0.3", "10.1.0.2")
    engine = ModelEngine(seated("10.1.0.2", "10.1.0.3"), shop().config)
    assert go_back(engine, saved) == 1
    assert differences(saved, engine.state()) == []


def test_nobody_is_taken_off_a_network_for_an_address_that_the_engine_would_not_give_back():
    saved = changed(SAVED, "shop-api-1", endpoints={NETWORK: endpoint(NETWORK, "10.1.0.9", "api", "shop-api-1")})
    now = changed(SAVED, "shop-api-1", endpoints={NETWORK: endpoint(NETWORK, "10.1.0.3", "api", "shop-api-1")})
    assert undo_steps(now, saved, OVERRIDE) == []
    (moved,) = differences(saved, now)
    assert moved.dynamic


def test_an_address_that_the_engine_chose_is_told_as_dynamic_and_a_chosen_one_is_not():
    def at(address, static):
        return changed(SAVED, "shop-api-1", endpoints={NETWORK: endpoint(NETWORK, address, static_ipv4=static)})

    (moved,) = differences(at("10.1.0.3", ""), at("10.1.0.8", ""))
    assert moved.dynamic
    hard = differences(at("10.1.0.3", "10.1.0.3"), at("10.1.0.8", "10.1.0.8"))
    assert hard and not any(d.dynamic for d in hard)


def test_a_difference_of_configuration_names_the_field_and_not_its_value():
    now = changed(SAVED, "shop-api-1", config={"Config": {"Env": ["PASSWORD=new-secret"]}})
    (difference,) = differences(SAVED, now)
    assert "Config.Env" in str(difference) and "secret" not in str(difference)


@pytest.mark.parametrize("was, found", [("running", "restarting"), ("restarting", "running")])
def test_a_container_in_a_crash_loop_is_as_it_was_at_any_moment(was, found):
    saved, now = changed(SAVED, "shop-api-1", state=was), changed(SAVED, "shop-api-1", state=found)
    assert actions(now, saved) == [] and differences(saved, now) == []
