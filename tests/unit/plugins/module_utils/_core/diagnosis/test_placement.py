# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parties on the default bridge, in the host's network, without one, behind a link, or in another project."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Confidence, Endpoint, Engine, Severity
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.inspect import LABEL_WORKING_DIR
from unit.builders import (
    NETWORK,
    call,
    codes,
    container,
    endpoint,
    listens,
    network,
    only,
    shop,
    unresolved,
    with_config,
    with_container,
    with_probes,
)

BRIDGE = Endpoint("bridge", address="172.17.0.2", gateway="172.17.0.1")
MASQUERADE = "com.docker.network.bridge.enable_ip_masquerade"


def moved(service, *endpoints, snapshot=None, **fields):
    """The shop with one service elsewhere; ``web`` does not find ``api`` any more."""
    snapshot = with_config(snapshot or shop(), service, networks=None, network_mode=fields.get("network_mode"))
    snapshot = with_container(snapshot, service, endpoints=endpoints, **fields)
    snapshot = replace(snapshot, dependencies=(call("web", "api", 8000),), checks=())
    return with_probes(snapshot, unresolved("shop-web-1", "api", via="10.9.9.9"))


def on_bridge(service, snapshot=None):
    return moved(service, BRIDGE, snapshot=snapshot, network_mode="bridge")


# modes


def test_all_on_the_default_bridge_have_no_names():
    snapshot = with_container(on_bridge("api", on_bridge("web")), "web", resolv_conf="nameserver 10.9.9.9\n")
    found = only(snapshot)
    assert found.code == "resolver.default_bridge_no_dns" and found.subject["off_default_bridge"] == ["default"]
    assert "resolv.conf of web names 10.9.9.9, not 127.0.0.11" in found.evidence


@pytest.mark.parametrize("service, other", [("api", "web"), ("web", "api")])
def test_the_one_on_the_default_bridge_is_named_whichever_side_it_is(service, other):
    found = only(on_bridge(service))
    assert found.code == "name.mixed_default_bridge_and_custom"
    assert found.summary == f"Service '{service}' runs on the default bridge, apart from '{other}'"
    assert found.subject["services"] == [service] and found.subject["off_default_bridge"] == [NETWORK]


def test_a_container_on_the_bridge_and_on_a_common_network_is_none_of_these():
    own = shop().containers[1].endpoints
    assert codes(moved("api", BRIDGE, *own)) == ["name.unresolved"]


def test_a_provider_in_the_hosts_network_is_found_with_its_port():
    sockets = (listens("0.0.0.0", 22), listens("0.0.0.0", 18731))
    host = (Endpoint("host"),)
    found = only(moved("api", *host, network_mode="host", sockets=sockets, environment={"PORT": "18731"}))
    assert found.code == "name.network_mode_host_backend" and found.subject["new_port"] == 18731
    assert '["api:host-gateway"] and call api:18731' in found.advice


def test_two_in_the_hosts_network_call_each_other_on_localhost():
    both = moved("web", Endpoint("host"), network_mode="host")
    found = only(moved("api", Endpoint("host"), snapshot=both, network_mode="host"))
    assert found.code == "name.network_mode_host_backend" and "call localhost:8000" in found.advice
    assert found.remediations == ()


def test_a_consumer_in_the_hosts_network_cannot_be_connected_to_another_one():
    found = only(moved("web", Endpoint("host"), network_mode="host"))
    assert found.code == "name.disjoint_networks" and found.remediations == ()
    assert "network_mode: host" in found.advice


@pytest.mark.parametrize("service", ["api", "web"])
def test_a_service_without_any_network_is_found_whichever_side_it_is(service):
    found = only(moved(service, Endpoint("none"), network_mode="none"))
    assert found.code == "name.network_mode_none" and found.subject["service"] == service


def test_a_provider_in_another_containers_network_goes_by_that_ones_name():
    found = only(moved("api", network_mode="container:id-db-1"))
    assert found.code == "name.network_mode_service" and found.subject["new_host"] == "db"
    assert "Call 'db' instead of 'api'" in found.advice


def test_a_consumer_in_another_containers_network_is_not_connected_itself():
    apart = with_container(moved("web", network_mode="container:id-db-1"), "db", endpoints=())
    found = only(with_config(apart, "db", networks={}))
    assert found.code == "name.disjoint_networks" and found.remediations == () and "put 'db' on" in found.advice


def test_a_consumer_in_a_network_that_has_the_provider_is_not_apart_from_it():
    assert codes(moved("web", network_mode="container:id-db-1")) == ["name.unresolved"]


# links


def linked(link, host):
    """``web`` has a link to ``api``, on another network."""
    snapshot = with_config(with_config(shop(), "web", links=[link]), "api", networks={"back": None})
    config = {**snapshot.config, "networks": {**snapshot.config["networks"], "back": {"name": "shop_back"}}}
    snapshot = replace(
        snapshot, config=config, networks=(*snapshot.networks, network("shop_back", "back", "10.2.0.0/24")),
        dependencies=(call("web", host, 8000),), checks=(),
    )  # fmt: skip
    snapshot = with_container(snapshot, "api", endpoints=(endpoint("shop_back", "10.2.0.3", "shop-api-1", "api"),))
    return with_probes(snapshot, unresolved("shop-web-1", host))


@pytest.mark.parametrize("link, host", [("api", "api"), ("api:backend", "backend"), ("api:backend", "api")])
def test_a_link_across_networks_is_told_from_networks_that_are_apart(link, host):
    found = only(linked(link, host))
    assert found.code == "name.links_to_other_network" and found.remediations == ("reconnect_endpoints",)
    assert found.subject["providers"] == ["api"]


def test_a_link_to_somebody_else_explains_nothing():
    assert codes(linked("db", "api")) == ["name.disjoint_networks"]


def test_a_linked_service_that_lost_its_endpoint_is_told_as_that():
    snapshot = with_container(with_config(linked("api", "api"), "api", networks={"default": None}), "api", endpoints=())
    assert codes(snapshot) == ["name.network_disconnected_at_runtime"]


# projects


def elsewhere(*twins, service="users", known=False):
    """``web`` calls a service that has no container here; the twins run in other projects."""
    snapshot = replace(
        shop(), dependencies=(call("web", service, 8000),), checks=(), bystanders=twins,
        config_files=("/srv/shop/compose.yml",),
    )  # fmt: skip
    snapshot = with_config(snapshot, service) if known else snapshot
    return with_probes(snapshot, unresolved("shop-web-1", service))


def twin(project, service="users", folder="/srv/other", **fields):
    name = f"{project}-{service}-1" if project else service
    own = endpoint(f"{project}_default", "10.7.0.2", name)
    values = {"project": project, "endpoints": (own,), "labels": {LABEL_WORKING_DIR: folder}}
    return replace(container(service if project else "", "10.7.0.2"), name=name, **{**values, **fields})


def test_a_name_of_another_project_is_found_there():
    found = only(elsewhere(twin("mall")))
    assert (found.code, found.confidence) == ("name.wrong_project_name", Confidence.LIKELY)
    assert "in project 'mall'" in found.summary and "mall_default" in found.advice


def test_a_project_from_the_same_folder_is_this_one_under_another_name():
    found = only(elsewhere(twin("mall"), twin("shop2", folder="/srv/shop")))
    assert found.confidence is Confidence.CERTAIN and found.subject["project"] == "shop2"


def test_a_configured_service_that_was_not_created_is_looked_for_in_the_same_folder_only():
    assert codes(elsewhere(twin("mall"), known=True)) == ["container.not_running"]
    assert codes(elsewhere(twin("shop2", folder="/srv/shop"), known=True)) == ["name.wrong_project_name"]


def test_several_projects_that_have_it_make_it_a_guess():
    found = only(elsewhere(twin("mall"), twin("bazaar")))
    assert found.confidence is Confidence.POSSIBLE and any("'mall'" in line for line in found.evidence)


def test_a_container_of_no_project_is_found_by_its_name():
    found = only(elsewhere(twin("")))
    assert found.code == "name.wrong_project_name" and "outside of any project" in found.summary


@pytest.mark.parametrize("fields", [{"state": "exited"}, {"one_off": True}])
def test_what_does_not_serve_elsewhere_is_not_meant(fields):
    assert codes(elsewhere(twin("mall", **fields))) == ["name.unresolved"]


def test_a_misspelt_name_of_a_service_that_listens_goes_before_another_project():
    assert codes(elsewhere(twin("mall", "apii"), service="apii")) == ["name.service_renamed_typo"]


def test_both_names_of_one_other_project_are_one_finding():
    snapshot = elsewhere(twin("mall"), twin("mall", "orders"))
    snapshot = replace(snapshot, dependencies=(*snapshot.dependencies, call("web", "orders", 8000)))
    found = only(with_probes(snapshot, unresolved("shop-web-1", "orders")))
    assert len(found.breaks) == 2 and found.subject["hosts"] == ["users", "orders"]


# default route


def two_networks(private=None, public=None, version="26.1.5", gw_priority=0, **fields):
    """``api`` is on two networks; its default route goes through the first."""
    endpoints = (endpoint(NETWORK, "10.1.0.3", "api"), Endpoint("shop_z", address="10.2.0.3", gateway="10.2.0.1"))
    networks = (
        network(options={MASQUERADE: "false"}, **(private or {})),
        network("shop_z", "z", "10.2.0.0/24", **(public or {})),
    )
    snapshot = with_container(shop(), "api", endpoints=endpoints, default_route="10.1.0.1 dev eth0")
    placed = {"default": {"gw_priority": gw_priority} if gw_priority else None, "z": None}
    snapshot = with_config(snapshot, "api", networks=placed)
    config = {**snapshot.config, "networks": {**snapshot.config["networks"], "z": {"name": "shop_z"}}}
    return replace(snapshot, config=config, networks=networks, engine=Engine(version=version), **fields)


def test_a_default_route_into_a_network_that_does_not_reach_out_is_a_warning():
    found = only(two_networks())
    assert (found.code, found.severity) == ("host.multihomed_default_route", Severity.WARNING)
    assert found.breaks == ("api",) and "comes first" in found.advice


def test_it_breaks_the_calls_to_somebody_else():
    calls = (*shop().dependencies, call("api", "pay.example", 443, kind="external"))
    assert only(two_networks(dependencies=calls)).breaks == ("api → pay.example:443",)


def test_a_newer_engine_has_a_priority_for_it():
    assert "'gw_priority: 1'" in only(two_networks(version="28.0.1")).advice


@pytest.mark.parametrize(
    "fields",
    [
        {"private": {"options": {}}},
        {"public": {"internal": True}},
        {"gw_priority": 1},
        {"public": {"driver": "macvlan"}},
    ],
)
def test_a_default_route_that_is_chosen_or_as_good_as_any_is_no_finding(fields):
    if "options" in fields.get("private", {}):
        snapshot = two_networks()
        snapshot = replace(snapshot, networks=(network(), snapshot.networks[1]))
    else:
        snapshot = two_networks(**fields)
    assert codes(snapshot) == []
