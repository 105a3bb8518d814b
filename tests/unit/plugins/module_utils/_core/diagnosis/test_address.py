# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that are taken, used up or out of place, and subnets that are somebody else's."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Host, Severity, Subnet
from unit.builders import (
    NETWORK,
    call,
    check,
    codes,
    container,
    endpoint,
    network,
    only,
    resolved,
    shop,
    tcp,
    with_config,
    with_container,
    with_probes,
)


def refused(error, service="db", **fields):
    """The shop with one service that the engine would not start."""
    snapshot = with_container(
        shop(checks=()), service, state="created", pid=0, error=error, endpoints=(endpoint(NETWORK, ""),), **fields
    )
    names = {f"shop-{service}-1"}
    return replace(snapshot, probes=tuple(p for p in snapshot.probes if p.container not in names))


# addresses


def test_a_network_without_a_free_address_is_one_finding_for_all_that_want_one():
    error = f"no available IPv4 addresses on this network's address pools: {NETWORK} (0123456789abcdef)"
    snapshot = with_container(refused(error), "api", state="created", pid=0, error=error)
    found = only(replace(snapshot, networks=(network(subnet="10.1.0.0/30", attached=("shop-web-1",)),)))
    assert found.code == "address.network_ip_exhausted" and found.subject["services"] == ["api", "db"]
    assert "10.1.0.0/30 has 1 address for containers, 1 on it" in found.evidence


def test_an_ip_range_and_kept_addresses_limit_what_containers_get():
    error = f"no available IPv4 addresses on this network's address pools: {NETWORK} (0123456789abcdef)"
    pool = Subnet("10.1.0.0/24", "10.1.0.1", "10.1.0.0/29", {"router": "10.1.0.2", "far": "10.1.0.99"})
    found = only(replace(refused(error), networks=(network(subnets=(pool,)),)))
    assert "10.1.0.0/29 has 5 addresses for containers, 0 on it" in found.evidence


def taken(address="10.1.0.3", error="Address already in use", **fields):
    return with_config(refused(error, **fields), "db", networks={"default": {"ipv4_address": address}})


def test_a_fixed_address_that_another_container_got_is_found_with_it():
    found = only(taken())
    assert found.code == "address.static_ip_taken_by_dynamic" and found.subject["holder"] == "shop-api-1"
    assert "ip_range" in found.advice and "api → db:5432" in found.breaks


def test_two_fixed_addresses_that_are_the_same_want_another_one():
    own = endpoint(NETWORK, "10.1.0.3", "shop-api-1", "api", static_ipv4="10.1.0.3")
    found = only(with_container(taken(), "api", endpoints=(own,)))
    assert "fixed as well" in found.evidence[2] and "another ipv4_address" in found.advice


def test_the_address_of_the_gateway_is_nobody_elses():
    found = only(taken("10.1.0.1"))
    assert (
        "the network's gateway has" in found.summary.replace(", which ", " ") and "another ipv4_address" in found.advice
    )


def test_a_taken_port_is_no_taken_address():
    error = "Error starting userland proxy: listen tcp4 0.0.0.0:5432: bind: address already in use"
    assert codes(taken(error=error)) == ["port.host_port_already_allocated"]


def outside(address="10.9.0.5", subnets=("10.1.0.0/24",), configured=None):
    """``db`` was not created, and wants that address."""
    snapshot = with_config(shop(checks=()), "db", networks={"default": {"ipv4_address": address}})
    spec = {"name": NETWORK, "ipam": {"config": [{"subnet": configured}]} if configured else {}}
    return replace(
        snapshot,
        config={**snapshot.config, "networks": {"default": spec}},
        containers=snapshot.containers[:2],
        networks=(network(subnets=tuple(Subnet(s) for s in subnets)),),
    )


def test_a_fixed_address_in_no_subnet_of_its_network_is_found():
    found = only(outside())
    assert found.code == "address.static_ip_outside_subnet" and found.severity is Severity.ERROR
    assert "10.1.0.0/24" in found.advice and found.breaks == ("api → db:5432",)


def test_a_network_that_is_older_than_its_subnet_is_to_be_made_anew():
    found = only(outside(configured="10.9.0.0/24"))
    assert "down, then up" in found.advice and any("made before" in line for line in found.evidence)


@pytest.mark.parametrize("subnets", [("10.9.0.0/24",), ("10.1.0.0/24", "10.9.0.0/24"), ()])
def test_a_fixed_address_inside_is_not_blamed(subnets):
    assert codes(outside(subnets=subnets)) == ["container.not_running"]


def test_a_configuration_that_cannot_be_read_is_not_blamed():
    assert codes(outside(address="10.9.0")) == ["container.not_running"]


# subnets


def unmade(subnet="10.1.0.0/24", **host):
    """Nothing of the shop was started, and its network was not made."""
    spec = {"name": NETWORK, "ipam": {"config": [{"subnet": subnet}]}}
    snapshot = with_config(shop(), "web", ports=[{"target": 80, "published": "8080"}])
    refused = check(status=0, error="ECONNREFUSED")
    snapshot = replace(snapshot, containers=(), networks=(), probes=(), checks=(refused,))
    return replace(snapshot, config={**snapshot.config, "networks": {"default": spec}}, host=Host(**host))


def test_a_subnet_of_another_network_is_found_with_it():
    found = only(unmade(subnets={"bridge": ("172.17.0.0/16",), "mall": ("10.1.0.128/25",)}))
    assert found.code == "address.subnet_overlaps_other_network" and found.subject["other"] == "mall"
    assert "docker network rm mall" in found.advice


def test_nobody_is_told_to_remove_a_network_with_containers():
    other = replace(container("x", "10.1.0.130", network="mall"), project="mall")
    found = only(replace(unmade(subnets={"mall": ("10.1.0.128/25",)}), bystanders=(other,)))
    assert "docker network rm" not in found.advice and other.name in found.evidence[1]


@pytest.mark.parametrize(
    "subnet, others", [("10.1.0.0/24", ("10.2.0.0/24", "fd00::/64")), ("not one", ("10.1.0.0/24",))]
)
def test_a_subnet_that_overlaps_nothing_is_not_blamed(subnet, others):
    assert codes(unmade(subnet, subnets={"mall": others})) == ["container.not_running"]


def routed(*routes, snapshot=None, **fields):
    return replace(snapshot or shop(), host=Host(routes=routes), **fields)


def test_a_subnet_inside_the_hosts_own_network_is_a_warning():
    found = only(routed("10.0.0.0/8 dev tun0"))
    assert (found.code, found.severity) == ("address.subnet_overlaps_host_route", Severity.WARNING)
    assert "10.1.0.0/24 of the host's network behind tun0" in found.summary


@pytest.mark.parametrize("route", ["192.168.0.0/16 dev eth0", "0.0.0.0/1 dev tun0", "10.1.0.0/24 dev shop0"])
def test_a_route_that_hides_nothing_is_no_finding(route):
    own = network(options={"com.docker.network.bridge.name": "shop0"})
    assert codes(routed(route, networks=(own,))) == []


def test_a_network_that_is_meant_to_be_the_hosts_own_is_no_finding():
    assert codes(routed("10.1.0.0/24 dev eth0", networks=(network(driver="macvlan"),))) == []


@pytest.mark.parametrize("error", ["EHOSTUNREACH", "timeout"])
def test_a_call_to_the_hosts_side_of_it_is_an_error(error):
    snapshot = replace(shop(), dependencies=(*shop().dependencies, call("api", "10.1.0.77", 5432)))
    snapshot = with_probes(
        snapshot, resolved("shop-api-1", "10.1.0.77", "10.1.0.77", via=""), tcp("shop-api-1", "10.1.0.77", 5432, error)
    )
    found = only(routed("10.1.0.64/26 dev eth1", snapshot=snapshot))
    assert (found.code, found.severity) == ("address.subnet_overlaps_host_route", Severity.ERROR)
    assert found.breaks == ("api → 10.1.0.77:5432",)


def test_an_address_that_a_container_has_is_not_on_the_hosts_side():
    snapshot = with_probes(shop(), tcp("shop-api-1", "10.1.0.2", 5432, "ECONNREFUSED"))
    found = diagnose(routed("10.1.0.0/26 dev eth1", snapshot=snapshot)).findings
    assert [(f.code, f.severity.value) for f in found] == [
        ("port.refused", "error"), ("address.subnet_overlaps_host_route", "warning"),
    ]  # fmt: skip


def test_a_container_that_the_host_looks_for_elsewhere_is_an_error():
    found = only(routed("10.1.0.0/28 dev eth1", checks=(check(status=0, error="timeout"),)))
    assert found.severity is Severity.ERROR and found.breaks == ("front page",)
