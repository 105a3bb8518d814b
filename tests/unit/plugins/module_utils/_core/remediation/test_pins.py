# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""static_hosts and direct_routes: who gets a fixed address, and who is told of it."""

from __future__ import annotations

import ipaddress
from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Layer, Outcome, Probe
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.patch import TAG, VALUE, override
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.situation import DirectCheck
from unit.builders import (
    NETWORK,
    call,
    container,
    endpoint,
    listens,
    network,
    propose,
    recorded,
    resolved,
    shop,
    tcp,
    unresolved,
    with_config,
    with_container,
    with_probes,
)


def http(source, host, port, status):
    return Probe(source, Layer.PROTOCOL, host, Outcome.OK, port=port, status=status)


def broken_shop():
    snapshot = with_probes(shop(), unresolved("shop-web-1", "api"), tcp("shop-web-1", "10.1.0.3", 8000))
    config = {**snapshot.config, "networks": {"default": {"name": NETWORK}}}
    snapshot = with_container(replace(snapshot, config=config), "api", endpoints=(endpoint(NETWORK, "10.1.0.3"),))
    return replace(snapshot, dependencies=(call("web", "api", 8000, origin="environment API_URL", key="API_URL"),))


def apart():
    """The shop whose api is on a network of its own."""
    snapshot = with_container(broken_shop(), "api", endpoints=(endpoint("shop_back", "10.2.0.3"),))
    return replace(snapshot, networks=(*snapshot.networks, network("shop_back", "back", "10.2.0.0/24")))


def addressed(proposal, service):
    """The fixed address that a proposal gives to a service."""
    return proposal.patch["services"][service]["networks"]["netfix"]["ipv4_address"]


def test_pins_go_with_a_fixed_address_of_the_provider():
    proposal = propose(recorded("reconnected_without_alias"), "static_hosts")
    services, address = proposal.patch["services"], addressed(proposal, "hcl-kb-service")
    assert services["api_gateway"]["extra_hosts"] == [f"hcl-kb-service={address}"]
    assert services["api_gateway"]["links"] == ["hcl-kb-service:hcl-kb-service"]
    assert proposal.recreated[0] == "hcl-kb-service"
    # the networks that it had stay named: without them Compose would take them away
    assert services["api_gateway"]["networks"] == {"vertice-network": None, "netfix": None}


def test_the_network_of_fixed_addresses_takes_no_default_route_and_hands_them_to_nobody_else():
    proposal = propose(recorded("reconnected_without_alias"), "static_hosts")
    (network,) = proposal.patch["networks"].values()
    (pool,) = network["ipam"]["config"]
    subnet, dynamic = ipaddress.ip_network(pool["subnet"]), ipaddress.ip_network(pool["ip_range"])
    address = ipaddress.ip_address(addressed(proposal, "hcl-kb-service"))
    assert network["internal"] is True and dynamic.subnet_of(subnet)
    assert address in subnet and address not in dynamic and str(address) != pool["gateway"]


def test_its_subnet_overlaps_no_route_of_the_host_and_no_other_network():
    def refused_or_address(*routes):
        snapshot = broken_shop()
        host = replace(
            snapshot.host, routes=tuple(f"{route} dev wg0" for route in routes), subnets={"x": ("192.168.253.0/24",)}
        )
        proposal = propose(replace(snapshot, host=host), "static_hosts")
        return proposal.refusals[0] if proposal.refusals else addressed(proposal, "api")

    assert refused_or_address("192.168.254.0/23", "192.168.128.0/17", "fd00::/8") == "192.168.127.2"
    assert "no subnet" in refused_or_address("192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8")


def test_an_address_that_the_operator_fixed_is_taken_and_the_provider_left_alone():
    snapshot = with_config(broken_shop(), "api", networks={"default": {"ipv4_address": "10.1.0.3"}})
    proposal = propose(snapshot, "static_hosts")
    assert proposal.patch == {"services": {"web": {"extra_hosts": ["api=10.1.0.3"], "links": ["api:api"]}}}
    assert proposal.recreated == ("web",)


def test_an_address_of_an_earlier_run_and_its_subnet_stay():
    first = propose(broken_shop(), "static_hosts")
    again = with_config(broken_shop(), "db", networks={"default": None, "netfix": {"ipv4_address": "10.99.0.2"}})
    network = {**first.patch["networks"]["netfix"], "ipam": {"config": [{"subnet": "10.99.0.0/24"}]}}
    again = replace(again, config={**again.config, "networks": {**again.config["networks"], "netfix": network}})
    present = {
        "networks": {"netfix": network},
        "services": {"db": {"networks": {"netfix": {"ipv4_address": "10.99.0.2"}}}},
    }
    proposal = propose(again, "static_hosts", override=present)
    data = next(s for s in proposal.steps if s.action.value == "write_override").args["data"]
    assert addressed(proposal, "api") == "10.99.0.3"
    assert data["services"]["db"]["networks"]["netfix"] == {"ipv4_address": "10.99.0.2"}


def test_pins_of_an_earlier_run_stay():
    present = {"services": {"api_gateway": {"extra_hosts": ["redis=10.214.91.4"], "links": ["redis"]}}}
    proposal = propose(recorded("reconnected_without_alias"), "static_hosts", override=present)
    data = next(s for s in proposal.steps if s.action.value == "write_override").args["data"]
    assert data["services"]["api_gateway"]["extra_hosts"][0] == "redis=10.214.91.4"
    assert len(data["services"]["api_gateway"]["extra_hosts"]) == 2


def test_pins_keep_the_tag_of_what_an_earlier_run_replaced():
    present = {"services": {"api_gateway": {"extra_hosts": override(["other=10.0.0.1"])}}}
    pins = propose(recorded("reconnected_without_alias"), "static_hosts", override=present).patch
    hosts = pins["services"]["api_gateway"]["extra_hosts"]
    assert hosts[TAG] == "override" and hosts[VALUE][0] == "other=10.0.0.1" and len(hosts[VALUE]) == 2


def test_a_stale_pin_of_the_same_name_goes_because_the_first_line_wins():
    snapshot = with_config(broken_shop(), "web", extra_hosts=["API:10.1.0.250", "other=10.0.0.1"])
    proposal = propose(snapshot, "static_hosts")
    hosts = proposal.patch["services"]["web"]["extra_hosts"]
    assert hosts == override(["other=10.0.0.1", f"api={addressed(proposal, 'api')}"])


def test_two_that_wait_for_each_other_are_not_linked():
    snapshot = with_config(broken_shop(), "api", depends_on={"web": {"condition": "service_started"}})
    assert "links" not in propose(snapshot, "static_hosts").patch["services"]["web"]


def test_two_that_call_each_other_are_both_pinned_and_linked_once():
    snapshot = broken_shop()
    back = call("api", "web", 80, origin="environment WEB_URL", key="WEB_URL")
    snapshot = replace(snapshot, dependencies=(*snapshot.dependencies, back))
    snapshot = with_container(snapshot, "web", endpoints=(endpoint(NETWORK, "10.1.0.4"),))
    snapshot = with_probes(snapshot, unresolved("shop-api-1", "web"), tcp("shop-api-1", "10.1.0.4", 80))
    services = propose(snapshot, "static_hosts").patch["services"]
    assert "links" in services["web"] and "links" not in services["api"]
    assert services["web"]["extra_hosts"] and services["api"]["extra_hosts"]


@pytest.mark.parametrize("name", ["static_hosts", "direct_routes"])
def test_an_address_that_did_not_answer_is_not_pinned(name):
    refusals = propose(recorded("bind_loopback_only"), name).refusals
    assert refusals and all("did not answer" in r for r in refusals)


@pytest.mark.parametrize("name", ["static_hosts", "direct_routes"])
def test_those_that_share_no_network_get_one(name):
    proposal = propose(recorded("disjoint_networks"), name)
    assert all(c.tcp == "not asked" and not c.address for c in proposal.direct_checks)
    services = proposal.patch["services"]
    assert (
        all("netfix" in services[s]["networks"] for s in proposal.recreated)
        and "front" in services["api_gateway"]["networks"]
    )


def test_what_is_declared_apart_is_not_joined():
    snapshot = apart()
    separation = call("web", "api", kind="separation", origin="declared")
    snapshot = replace(snapshot, dependencies=(*snapshot.dependencies, separation))
    (reason,) = propose(snapshot, "static_hosts").refusals
    assert "declared to be kept apart" in reason


def test_a_firewall_rule_is_not_evaded_by_another_network():
    snapshot = replace(apart(), firewall_rules=("-A DOCKER-USER -s 10.2.0.0/24 -j DROP",))
    (reason,) = propose(snapshot, "direct_routes").refusals
    assert "evade" in reason and "shop_back" in reason


@pytest.mark.parametrize("mode", ["host", "none", "service:db"])
def test_who_joins_no_network_gets_no_address(mode):
    (reason,) = propose(with_config(apart(), "api", network_mode=mode), "static_hosts").refusals
    assert mode in reason


def test_a_port_that_is_open_to_itself_alone_is_not_pinned_where_nobody_could_ask():
    snapshot = with_container(apart(), "api", sockets=(listens("127.0.0.1", 8000),))
    (reason,) = propose(snapshot, "static_hosts").refusals
    assert "does not listen on port 8000" in reason


def test_one_of_several_replicas_is_not_pinned():
    snapshot = broken_shop()
    second = container("api", "10.1.0.9", number=2)
    (reason,) = propose(replace(snapshot, containers=(*snapshot.containers, second)), "static_hosts").refusals
    assert "2 replicas" in reason
    (reason,) = propose(with_config(snapshot, "api", deploy={"replicas": 3}), "static_hosts").refusals
    assert "3 replicas" in reason


def test_only_the_consumers_that_get_a_pin_are_recreated_and_the_others_are_told():
    snapshot = broken_shop()
    snapshot = replace(snapshot, dependencies=(*snapshot.dependencies, call("api", "db", 5432)))
    snapshot = with_probes(snapshot, unresolved("shop-api-1", "db"), tcp("shop-api-1", "10.1.0.2", 5432, "timeout"))
    # web's provider answers and is pinned; db does not answer, so api gets no pin
    snapshot = with_container(snapshot, "db", endpoints=(endpoint(NETWORK, "10.1.0.2"),))
    proposal = propose(snapshot, "static_hosts")
    assert set(proposal.patch["services"]) == set(proposal.recreated) == {"api", "web"}
    assert proposal.left == ("api → db:5432: 10.1.0.2:5432 did not answer a direct check (timeout)",)


def test_a_route_is_pointed_at_the_address_that_answered():
    proposal = propose(broken_shop(), "direct_routes")
    assert proposal.patch["services"]["web"]["environment"] == {"API_URL": f"http://{addressed(proposal, 'api')}:8000"}
    assert proposal.recreated == ("api", "web")


def test_the_direct_checks_are_told_with_who_has_the_address():
    snapshot = with_probes(broken_shop(), http("shop-web-1", "10.1.0.3", 8000, 404))
    (check,) = propose(snapshot, "direct_routes").direct_checks
    assert check == DirectCheck("web", "api", "shop-api-1", "10.1.0.3", 8000, "open", 404)


def test_a_provider_that_rejects_its_address_gets_a_pin_and_no_route():
    snapshot = with_probes(broken_shop(), http("shop-web-1", "10.1.0.3", 8000, 400))
    (reason,) = propose(snapshot, "direct_routes").refusals
    assert "rejects requests to its address (HTTP 400)" in reason
    assert propose(snapshot, "static_hosts").steps


def test_a_misspelt_name_is_pinned_and_routed_to_the_service_that_is_meant():
    snapshot = recorded("service_renamed_typo")
    pins = propose(snapshot, "static_hosts")
    address = addressed(pins, "visual_cortex_service")
    assert pins.patch["services"]["api_gateway"]["extra_hosts"] == [f"visual-cortex-service={address}"]
    routes = propose(snapshot, "direct_routes").patch["services"]["api_gateway"]["environment"]["ROUTES"]
    assert f"http://{address}:8002" in routes and "visual-cortex" not in routes


def test_localhost_is_not_pinned_and_can_be_routed():
    snapshot = recorded("localhost_upstream")
    assert "'localhost' is looked up nowhere" in propose(snapshot, "static_hosts").refusals[0]
    proposal = propose(snapshot, "direct_routes")
    assert (
        f"http://{addressed(proposal, 'users')}:8000" in proposal.patch["services"]["gateway"]["environment"]["ROUTES"]
    )


def test_a_port_is_changed_by_a_route_and_not_by_a_pin():
    snapshot = recorded("wrong_port")
    assert "a pin changes no port" in propose(snapshot, "static_hosts").refusals[0]
    proposal = propose(snapshot, "direct_routes")
    assert (
        f"http://{addressed(proposal, 'users')}:8000" in proposal.patch["services"]["gateway"]["environment"]["ROUTES"]
    )


def test_an_ipv6_address_is_routed_to_the_fixed_one():
    snapshot = with_config(broken_shop(), "web", environment={"API_URL": "http://[fd00::9]:8000/x"})
    api = replace(snapshot.containers[1], endpoints=(endpoint(NETWORK, "10.1.0.3", address6="fd00::9"),))
    assert api.service == "api"
    snapshot = with_container(snapshot, "api", endpoints=api.endpoints)
    written = call("web", "fd00::9", 8000, origin="environment API_URL", key="API_URL")
    snapshot = with_probes(
        replace(snapshot, dependencies=(written,)),
        resolved("shop-web-1", "fd00::9", "fd00::9"),
        tcp("shop-web-1", "fd00::9", 8000, "timeout"),
    )
    proposal = propose(snapshot, "direct_routes")
    assert proposal.patch["services"]["web"]["environment"] == {
        "API_URL": f"http://{addressed(proposal, 'api')}:8000/x"
    }
    assert "looked up nowhere" in propose(snapshot, "static_hosts").refusals[0]


def test_traefik_is_told_the_network_whose_address_it_takes():
    label = "traefik.http.services.api.loadbalancer.server.port"
    snapshot = with_config(broken_shop(), "api", labels={label: "8000"})
    snapshot = replace(snapshot, dependencies=(call("web", "api", 8000, origin=f"label {label} of api", key=label),))
    proposal = propose(snapshot, "direct_routes")
    assert proposal.patch["services"]["api"]["labels"] == {"traefik.docker.network": "shop_netfix"}
    assert "netfix" in proposal.patch["services"]["web"]["networks"]
