# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Engine, Host, Subnet
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.patch import override, reset
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import hold_addresses
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.subnets import free_subnet, room
from unit.builders import (
    NETWORK,
    container,
    endpoint,
    network,
    propose,
    recorded,
    shop,
    state_of,
    unresolved,
    with_config,
    with_container,
    with_probes,
)

API, DB, WEB = "shop-api-1", "shop-db-1", "shop-web-1"


def broken(**fields):
    """The shop, whose web does not find its api any more: nothing about the network is wrong."""
    return with_probes(shop(**fields), unresolved(WEB, "api"))


def configured(snapshot, **spec):
    """The snapshot with those keys in the configuration of its network."""
    return replace(snapshot, config={**snapshot.config, "networks": {"default": {"name": NETWORK, **spec}}})


def rebuilt(snapshot, forced=True, guests=(), **options):
    state = state_of(snapshot)
    others = {c.name: {e.network: e for e in c.endpoints} for c in guests}
    return propose(snapshot, "rebuild_network", state=replace(state, guests=others), options=options, forced=forced)


def actions(proposal):
    return [s.action.value for s in proposal.steps]


def made(proposal):
    return next(s.args["network"] for s in proposal.steps if s.action.value == "create_network")


def seats(proposal):
    return next(s.args["endpoints"] for s in proposal.steps if s.action.value == "connect_all")


def subnets(proposal):
    return [p["subnet"] for p in made(proposal)["subnets"]]


def test_a_network_that_is_as_it_should_be_is_made_anew_only_where_that_is_forced():
    assert rebuilt(broken(), forced=False).steps == ()
    proposal = rebuilt(broken())
    assert actions(proposal) == ["disconnect_all", "remove_network", "create_network", "connect_all"]
    assert list(seats(proposal)) == [DB, API, WEB] and proposal.patch == {} and proposal.recreated == ()


def test_whoever_has_to_do_with_the_most_others_is_away_for_the_shortest_time():
    (step,) = [s for s in rebuilt(broken()).steps if s.action.value == "disconnect_all"]
    assert step.args["containers"] == [DB, WEB, API]


def test_services_that_share_no_network_are_joined_where_it_is_forced():
    proposal = propose(recorded("disjoint_networks"), "rebuild_network", forced=True)
    assert "create_network" in actions(proposal) and proposal.recreated == ("api_gateway",)
    assert proposal.patch["services"]["api_gateway"]["networks"] == {"front": None, "vertice-network": None}
    assert not propose(recorded("disjoint_networks"), "rebuild_network").recreated


def test_endpoints_of_other_networks_are_left_as_they_are():
    nameless = with_container(broken(), "api", endpoints=(endpoint(NETWORK, "10.1.0.3", API),))
    nameless = replace(nameless, networks=(*nameless.networks, network("shop_back", "back", "10.2.0.0/24")))
    networks = {"default": {"name": NETWORK}, "back": {"name": "shop_back"}}
    proposal = rebuilt(replace(nameless, config={**nameless.config, "networks": networks}), network_name="back")
    assert actions(proposal) == ["remove_network", "create_network"]


@pytest.mark.parametrize("others, key", [({"default": None}, "default"), ({"back": None}, "back"), (None, "default")])
def test_a_service_that_is_kept_off_every_network_is_put_on_its_callers_where_it_is_forced(others, key):
    snapshot = with_config(with_config(broken(), "web", networks=others), "api", network_mode="none", networks=None)
    snapshot = with_container(snapshot, "api", network_mode="none", endpoints=(endpoint("none", ""),))
    proposal = rebuilt(snapshot)
    assert proposal.patch["services"] == {"api": {"network_mode": reset(), "networks": {key: None}}}
    assert proposal.recreated == ("api",) and "services" not in rebuilt(snapshot, forced=False).patch


def test_the_operators_network_is_made_anew_by_key_or_name_and_an_unknown_one_is_refused():
    for name in ("default", NETWORK):
        assert made(rebuilt(broken(), network_name=name))["name"] == NETWORK
    assert "'backend' is not in" in rebuilt(broken(), network_name="backend").refusals[0]


def test_one_subnet_for_two_networks_is_refused():
    snapshot = broken(networks=(network(), network("shop_back", "back", "10.2.0.0/24")))
    snapshot = with_container(snapshot, "web", endpoints=(endpoint(NETWORK, "10.1.0.4", WEB, "web"), endpoint("shop_back", "10.2.0.2")))
    networks = {"default": {"name": NETWORK}, "back": {"name": "shop_back"}}
    snapshot = replace(snapshot, config={**snapshot.config, "networks": networks})
    (reason,) = rebuilt(snapshot, network_subnet="10.9.0.0/24").refusals
    assert "network_name" in reason and NETWORK in reason and "shop_back" in reason


# subnets


def test_the_operators_subnet_is_taken_and_kept_in_the_configuration():
    proposal = rebuilt(broken(), network_subnet="10.9.0.0/24")
    assert subnets(proposal) == ["10.9.0.0/24"]
    assert proposal.patch == {"networks": {"default": {"ipam": {"config": [{"subnet": "10.9.0.0/24"}]}}}}
    assert actions(proposal)[-1] == "write_override" and proposal.recreated == ()


def test_the_operators_subnet_replaces_the_configured_one_of_its_family_only():
    config = [{"subnet": "10.1.0.0/24", "gateway": "10.1.0.1"}, {"subnet": "fd00:1::/64"}]
    old = network(subnets=(Subnet("10.1.0.0/24", "10.1.0.1"), Subnet("fd00:1::/64")), ipv6=True)
    proposal = rebuilt(configured(broken(networks=(old,)), ipam={"config": config}), network_subnet="10.9.0.0/24")
    pools = [{"subnet": "10.9.0.0/24"}, {"subnet": "fd00:1::/64"}]
    # lists of several files are appended to each other
    assert proposal.patch["networks"]["default"]["ipam"]["config"] == override(pools)
    assert made(proposal)["subnets"][0]["gateway"] == ""


@pytest.mark.parametrize(
    "subnet, why",
    [
        ("10.9.0.5/24", "no subnet"),
        ("10.9.0.0", "no subnet"),
        ("lots", "no subnet"),
        ("10.7.0.0/16", "overlaps 10.7.3.0/24 of network 'elsewhere'"),
        ("10.8.0.0/16", "overlaps the host's route 10.8.1.0/24 dev eth1"),
        ("10.9.0.0/30", "has 1 addresses for containers, and 3 are on"),
        ("fd00:9::/64", "no such subnet"),
    ],
)
def test_a_subnet_that_cannot_be_is_refused_and_the_reason_names_what_is_in_its_way(subnet, why):
    host = Host(subnets={"elsewhere": ("10.7.3.0/24",), NETWORK: ("10.1.0.0/24",)}, routes=("10.8.1.0/24 dev eth1",))
    proposal = rebuilt(broken(host=host), network_subnet=subnet)
    assert proposal.steps == () and why in proposal.refusals[0] and subnet in proposal.refusals[0]


def test_a_subnet_that_does_not_hold_a_configured_address_is_refused():
    snapshot = with_config(broken(), "db", networks={"default": {"ipv4_address": "10.1.0.2"}})
    (reason,) = rebuilt(snapshot, network_subnet="10.9.0.0/24").refusals
    assert DB in reason and "10.1.0.2" in reason and "10.9.0.0/24" in reason


@pytest.mark.parametrize(
    "host, expected",
    [
        # what routes wider than the network does it no harm; what lies in it does
        (Host(routes=("10.0.0.0/8 dev tun0",)), "10.1.0.0/24"),
        (Host(routes=("10.1.0.240/28 dev eth1",)), "172.17.0.0/24"),
        (Host(routes=("10.1.0.240/28 dev eth1",), subnets={"bridge": ("172.17.0.0/16",)}), "172.18.0.0/24"),
        (Host(routes=("10.1.0.240/28 dev eth1",), address_pools=("10.60.0.0/16 20",)), "10.60.0.0/24"),
    ],
)
def test_a_subnet_in_which_the_host_routes_elsewhere_is_left_for_a_free_one(host, expected):
    assert subnets(rebuilt(broken(host=host))) == [expected]


def test_two_networks_that_have_to_move_do_not_move_to_the_same_subnet():
    host = Host(routes=("10.1.0.240/28 dev eth1", "10.2.0.240/28 dev eth1"))
    snapshot = broken(networks=(network(), network("shop_back", "back", "10.2.0.0/24")), host=host)
    snapshot = with_container(snapshot, "web", endpoints=(endpoint(NETWORK, "10.1.0.4", WEB, "web"), endpoint("shop_back", "10.2.0.2")))
    networks = {"default": {"name": NETWORK}, "back": {"name": "shop_back"}}
    proposal = rebuilt(replace(snapshot, config={**snapshot.config, "networks": networks}))
    chosen = [s.args["network"]["subnets"][0]["subnet"] for s in proposal.steps if s.action.value == "create_network"]
    assert chosen == ["172.17.0.0/24", "172.17.1.0/24"]


def test_a_free_subnet_is_as_large_as_the_pool_allows():
    assert free_subnet("10.0.0.0/12", ["10.60.0.0/24"], ["10.60.0.0/16 20", "10.61.0.0/16 20"]) == "10.61.0.0/16"
    assert free_subnet("10.1.0.0/24", ["0.0.0.0/0"]) == ""


@pytest.mark.parametrize(
    "pool, expected",
    [
        (Subnet("10.0.0.0/29"), 5),
        (Subnet("10.0.0.0/29", aux_addresses={"a": "10.0.0.5"}), 4),
        (Subnet("10.0.0.0/24", ip_range="10.0.0.128/30"), 3),
        (Subnet("10.0.0.0/24", gateway="10.0.0.1", ip_range="10.0.0.128/30"), 4),
    ],
)
def test_a_pool_has_room_for_what_the_engine_gives_out_of_it(pool, expected):
    assert room(pool) == expected


def test_a_label_that_newer_composes_compare_is_left_out_where_it_would_not_fit():
    labels = {**network().labels, "com.docker.compose.config-hash": "abc"}
    snapshot = broken(networks=(network(labels=labels),))
    assert "com.docker.compose.config-hash" in made(rebuilt(snapshot))["labels"]
    assert "com.docker.compose.config-hash" not in made(rebuilt(snapshot, network_subnet="10.9.0.0/24"))["labels"]


# endpoints


def test_an_endpoint_keeps_what_somebody_chose():
    chosen = {
        "links": ("shop-db-1:store",),
        "driver_opts": {"a": "b"},
        "gw_priority": 3,
        "link_local": ("169.254.1.1",),
        "static_ipv6": "fd00::9",
    }
    own = endpoint(NETWORK, "10.1.0.3", API, "api", "extra", **chosen)
    old = network(subnets=(Subnet("10.1.0.0/24"), Subnet("fd00::/64")), ipv6=True)
    snapshot = with_container(broken(networks=(old,)), "api", endpoints=(own,))
    kept = seats(rebuilt(snapshot))[API]
    assert kept["aliases"] == ["api", "extra", API] and kept["static_ipv4"] == ""
    assert {k: kept[k] for k in chosen} == {k: list(v) if isinstance(v, tuple) else v for k, v in chosen.items()}


def test_a_one_off_run_and_an_orphan_get_no_name_that_they_did_not_have():
    run = container("api", "10.1.0.5", number=2, one_off=True, endpoints=(endpoint(NETWORK, "10.1.0.5", "shop-api-run"),))
    orphan = container("old", "10.1.0.6", endpoints=(endpoint(NETWORK, "10.1.0.6", "shop-old-1"),))
    snapshot = broken()
    snapshot = replace(snapshot, containers=(*snapshot.containers, run, orphan))
    kept = seats(rebuilt(snapshot))
    assert kept[run.name]["aliases"] == ["shop-api-run"] and kept[orphan.name]["aliases"] == ["shop-old-1"]


def test_a_stopped_container_comes_along_last():
    snapshot = with_container(broken(), "db", state="exited", endpoints=(endpoint(NETWORK, "", DB, "db"),))
    proposal = rebuilt(snapshot)
    assert list(seats(proposal))[-1] == DB and DB in proposal.steps[0].args["containers"]


def test_a_member_that_lost_its_endpoint_gets_it_back():
    proposal = rebuilt(with_container(broken(), "api", endpoints=()))
    # where it had been, so that nobody else's address has to be fixed
    assert list(seats(proposal)) == [DB, API, WEB] and seats(proposal)[WEB]["static_ipv4"] == ""
    assert API not in proposal.steps[0].args["containers"]


def test_an_address_above_a_freed_one_is_fixed_and_the_step_says_so():
    snapshot = with_container(broken(), "db", state="exited", endpoints=(endpoint(NETWORK, "", DB, "db"),))
    proposal = rebuilt(snapshot)
    assert seats(proposal)[API]["static_ipv4"] == "10.1.0.3" and seats(proposal)[WEB]["static_ipv4"] == "10.1.0.4"
    assert "fixed" in proposal.steps[-1].cause and API in proposal.steps[-1].cause


def test_addresses_of_both_families_come_back():
    def seat(address, address6, **fields):
        return replace(endpoint(NETWORK, address), address6=address6, **fields)

    pools = (Subnet("10.1.0.0/24"), Subnet("fd00::/64"))
    present = {
        "b": seat("10.1.0.3", "fd00::4"),
        "fixed": seat("10.1.0.40", "fd00::3", static_ipv4="10.1.0.40"),
        "a": seat("10.1.0.2", "fd00::2"),
        "late": seat("10.1.0.4", "fd00::9"),
    }
    held = hold_addresses(present, network(subnets=pools, ipv6=True))
    assert list(held) == ["a", "fixed", "b", "late"]
    assert [e.static_ipv6 for e in held.values()] == ["", "", "", "fd00::9"]
    assert [e.static_ipv4 for e in held.values()] == ["", "10.1.0.40", "", ""]


# guests


GUEST = container("guest", "10.1.0.9", endpoints=(endpoint(NETWORK, "10.1.0.9", "visitor", static_ipv4="10.1.0.9"),))


@pytest.mark.parametrize("where", ["strangers", "bystanders"])
def test_containers_of_others_are_carried_over_where_the_operator_says_so(where):
    snapshot = broken(**{where: (GUEST,)})
    refused = rebuilt(snapshot, guests=[GUEST])
    assert refused.steps == () and GUEST.name in refused.refusals[0] and "network_shared=carry" in refused.refusals[0]
    proposal = rebuilt(snapshot, guests=[GUEST], network_shared="carry")
    assert proposal.carried == (GUEST.name,) and GUEST.name in proposal.steps[0].args["containers"]
    assert seats(proposal)[GUEST.name]["aliases"] == ["visitor"]


def test_an_external_network_is_left_to_its_owner_even_where_guests_may_be_carried():
    snapshot = configured(broken(networks=(network(key=""),)), external=True)
    assert "external" in rebuilt(snapshot, network_shared="carry").refusals[0]


# DNS servers


def test_dns_servers_are_given_to_the_services_on_the_network():
    proposal = rebuilt(broken(), network_dns=["9.9.9.9"])
    assert proposal.patch["services"] == {s: {"dns": override(["9.9.9.9"])} for s in ("web", "api", "db")}
    assert set(proposal.recreated) == {"web", "api", "db"}
    assert "dns.example" in rebuilt(broken(), network_dns=["dns.example"]).refusals[0]


# MAC addresses


@pytest.mark.parametrize(
    "version, fields, lost",
    [
        ("26.1.5", {"static_mac": "02:42:aa:00:00:01"}, True),
        ("26.1.5", {"mac": "02:42:aa:00:00:01"}, True),
        ("26.1.5", {"mac": "02:42:0a:01:00:03"}, False),
        ("28.0.4", {"mac": "5e:11:aa:00:00:01"}, False),
        ("29.3.0", {"static_mac": "02:42:aa:00:00:01"}, False),
        ("24.0.7", {"static_mac": "02:42:aa:00:00:01"}, False),
    ],
)
def test_a_chosen_mac_address_that_the_engine_would_not_take_is_a_refusal(version, fields, lost):
    snapshot = broken(engine=Engine(version=version))
    snapshot = with_container(snapshot, "api", endpoints=(endpoint(NETWORK, "10.1.0.3", API, "api", **fields),))
    proposal = rebuilt(snapshot)
    assert bool(proposal.refusals) == lost
    if lost:
        assert API in proposal.refusals[0] and "02:42:aa:00:00:01" in proposal.refusals[0]
    else:
        assert seats(proposal)[API]["static_mac"] == fields.get("static_mac", "")


# firewall


BRIDGE = f"br-{network().id[:12]}"


@pytest.mark.parametrize(
    "rule",
    [
        f"-A DOCKER-USER -i {BRIDGE} -j DROP",
        "-A FORWARD -d 10.1.0.3/32 -j DROP",
        "-A DOCKER-USER -s 10.1.0.0/24 -d 192.168.0.0/16 -j DROP",
        "-A DOCKER-USER -m iprange --src-range 10.1.0.2-10.1.0.9 -j DROP",
        f'iifname "{BRIDGE}" drop',
        "ip daddr { 10.1.0.3, 10.1.0.4 } drop",
    ],
)
def test_a_rule_that_names_the_network_is_no_more_evaded_than_one_of_nft(rule):
    where = {"firewall_rules": (rule,)} if rule.startswith("-A") else {}
    proposal = rebuilt(broken(**where), nft_rules=() if where else (rule,))
    assert proposal.steps == () and rule in proposal.refusals[0]


@pytest.mark.parametrize("rule", ["-A DOCKER-USER -i br-+ -j DROP", "-A FORWARD -s 10.0.0.0/8 -j DROP", "-A FORWARD -p tcp --dport 8000 -j DROP"])
def test_a_rule_that_holds_for_the_new_network_as_well_is_no_hindrance(rule):
    assert rebuilt(broken(firewall_rules=(rule,))).steps


def test_a_rule_for_a_wider_range_that_the_new_subnet_would_leave_is_a_hindrance():
    snapshot = broken(firewall_rules=("-A FORWARD -s 10.0.0.0/8 -j DROP",))
    assert rebuilt(snapshot, network_subnet="10.9.0.0/24").steps
    assert "10.0.0.0/8" in rebuilt(snapshot, network_subnet="192.168.9.0/24").refusals[0]
