# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's forwarding, firewall and neighbour table; each rule and the neighbours that it must not speak for."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Engine, Host, Port, Severity, Subnet
from unit.builders import call, check, network, resolved, shop, tcp, with_container, with_probes

FILTERED = Host(bridge_filtering=True, ip_forward=True, forward_policy="ACCEPT", docker_chains=True, masquerading=True)
OUTSIDE = "192.0.2.7"


def found(snapshot):
    return {f.code: f for f in diagnose(snapshot).findings}


def broken(**host):
    """web gets no answer from api; with those facts of the host."""
    snapshot = with_probes(shop(), tcp("shop-web-1", "10.1.0.3", 8000, "timeout"))
    return replace(snapshot, host=replace(FILTERED, **host), checks=())


def outward(**host):
    """web calls somebody beyond the host, in vain."""
    snapshot = shop(dependencies=(call("web", OUTSIDE, 8000),), checks=())
    snapshot = with_probes(snapshot, resolved("shop-web-1", OUTSIDE, OUTSIDE), tcp("shop-web-1", OUTSIDE, 8000, "timeout"))
    return replace(snapshot, host=replace(FILTERED, **host))


def with_settings(snapshot, **settings):
    return replace(snapshot, engine=Engine(settings={k.replace("_", "-"): v for k, v in settings.items()}))


# host_firewall_flush


def test_packets_that_vanish_where_dockers_chains_are_gone_and_forward_drops():
    finding = found(broken(docker_chains=False, forward_policy="DROP"))["host.host_firewall_flush"]
    assert finding.breaks == ("web → api:8000",) and finding.severity is Severity.ERROR


@pytest.mark.parametrize(
    "host",
    [
        {"docker_chains": True, "forward_policy": "DROP"},
        {"docker_chains": False, "forward_policy": "ACCEPT"},
        {"docker_chains": None, "forward_policy": "DROP"},
        {"docker_chains": False, "forward_policy": "DROP", "bridge_filtering": False},
    ],
    ids=["rules are there", "nothing drops", "rules are not known", "bridges are not filtered"],
)
def test_the_firewall_is_not_blamed_where_it_does_not_drop_these_packets(host):
    assert "host.host_firewall_flush" not in found(broken(**host))


@pytest.mark.parametrize("settings", [{"iptables": "false"}, {"firewall_backend": "nftables"}])
def test_an_engine_that_writes_no_iptables_rules_has_none_to_lose(settings):
    snapshot = with_settings(broken(docker_chains=False, forward_policy="DROP"), **settings)
    assert "host.host_firewall_flush" not in found(snapshot)


def test_a_healthy_project_without_dockers_chains_gives_no_error():
    assert found(replace(shop(), host=replace(FILTERED, docker_chains=False, forward_policy="DROP"))) == {}


def test_calls_to_other_hosts_that_get_no_answer_where_nothing_is_translated_any_more():
    finding = found(outward(masquerading=False))["host.host_firewall_flush"]
    assert finding.remediations == ("host_firewall",) and "netfix_allow_host_firewall" in finding.advice
    assert "no rule masquerades what containers send out" in finding.evidence
    assert not any("FORWARD" in line for line in finding.evidence)


@pytest.mark.parametrize(
    "snapshot",
    [
        outward(masquerading=True),
        outward(masquerading=None),
        broken(masquerading=False),
        with_settings(outward(masquerading=False), ip_masq="false"),
        with_settings(outward(masquerading=False), iptables="false"),
    ],
    ids=["it is translated", "not known", "between containers", "nobody wants it", "the engine writes no rules"],
)
def test_the_nat_table_is_not_blamed_where_it_has_no_part_in_it(snapshot):
    assert "host.host_firewall_flush" not in found(snapshot)


# ip_forward_disabled


def test_a_call_beyond_the_host_fails_where_it_does_not_forward():
    finding = found(outward(ip_forward=False))["host.ip_forward_disabled"]
    assert finding.severity is Severity.ERROR and finding.breaks == (f"web → {OUTSIDE}:8000",)


def test_a_host_that_does_not_forward_is_a_warning_where_nothing_fails_by_it():
    finding = found(replace(shop(), host=replace(FILTERED, ip_forward=False)))["host.ip_forward_disabled"]
    assert finding.severity is Severity.WARNING


def test_forwarding_is_not_blamed_for_two_containers_on_one_bridge():
    assert found(broken(ip_forward=False))["host.ip_forward_disabled"].severity is Severity.WARNING


@pytest.mark.parametrize("ip_forward", [True, None])
def test_a_host_that_forwards_or_does_not_tell_is_not_blamed(ip_forward):
    assert "host.ip_forward_disabled" not in found(outward(ip_forward=ip_forward))


def test_projects_on_internal_networks_need_no_forwarding():
    snapshot = shop(networks=(network(internal=True),))
    assert "host.ip_forward_disabled" not in found(replace(snapshot, host=replace(FILTERED, ip_forward=False)))


# dockerd_iptables_false


def published(**settings):
    """The front page is published on 8080, and does not answer."""
    snapshot = with_settings(shop(checks=(check(status=0, error="no_response"),)), iptables="false", **settings)
    return replace(snapshot, host=replace(FILTERED, docker_chains=False, masquerading=False))


def test_a_port_that_nobody_publishes_is_an_error_of_an_engine_without_rules():
    finding = found(published(userland_proxy="false"))["host.dockerd_iptables_false"]
    assert finding.severity is Severity.ERROR and finding.breaks == ("front page",)


def test_where_docker_proxy_publishes_the_port_the_rules_are_not_missing():
    assert found(published())["host.dockerd_iptables_false"].severity is Severity.WARNING


def test_an_engine_without_rules_is_a_warning_where_nothing_fails():
    (finding,) = diagnose(with_settings(shop(), iptables="false")).findings
    assert (finding.code, finding.severity) == ("host.dockerd_iptables_false", Severity.WARNING)


def test_without_masquerading_nothing_comes_back_from_outside():
    finding = found(with_settings(outward(masquerading=False), iptables="false"))["host.dockerd_iptables_false"]
    assert finding.severity is Severity.ERROR


# bridge_hairpin


def hairpin(port=8000, published_port=18000, **host):
    """web calls api over the gateway of their network and api's published port."""
    gateway = "10.1.0.1"
    snapshot = shop(dependencies=(call("web", gateway, published_port),), checks=())
    snapshot = replace(snapshot, networks=(replace(snapshot.networks[0], subnets=(Subnet("10.1.0.0/24", gateway),)),))
    snapshot = with_container(snapshot, "api", published=(Port(port, host_port=18000),))
    snapshot = with_probes(
        snapshot, resolved("shop-web-1", gateway, gateway), tcp("shop-web-1", gateway, published_port, "timeout")
    )
    return with_settings(replace(snapshot, host=replace(FILTERED, bridge_filtering=False, **host)), userland_proxy="false")


def test_a_published_port_that_does_not_answer_its_own_network():
    finding = found(hairpin())["host.bridge_hairpin"]
    assert finding.breaks == ("web → 10.1.0.1:18000",) and "call api:8000" in finding.advice


def test_a_port_that_no_container_here_publishes_is_no_hairpin():
    assert "host.bridge_hairpin" not in found(hairpin(published_port=18001))


def test_with_docker_proxy_or_filtered_bridges_there_is_no_hairpin():
    snapshot = hairpin()
    assert "host.bridge_hairpin" not in found(replace(snapshot, engine=Engine()))
    assert "host.bridge_hairpin" not in found(replace(snapshot, host=FILTERED))


# arp_table_overflow

FULL = {"neighbours": 1000, "neighbour_limit": 1024}


@pytest.mark.parametrize(
    "host",
    [FULL, {"neighbours": 40, "neighbour_limit": 1024, "neighbours_refused": 12}],
    ids=["nearly full", "was full while it was probed"],
)
def test_packets_that_vanish_beside_a_full_neighbour_table(host):
    finding = found(broken(**host))["host.arp_table_overflow"]
    assert finding.severity is Severity.ERROR and finding.breaks == ("web → api:8000",)


@pytest.mark.parametrize("error", ["ECONNREFUSED", "EHOSTUNREACH"])
def test_a_refusal_is_no_lost_packet_and_an_unknown_neighbour_is(error):
    snapshot = with_probes(broken(**FULL), tcp("shop-web-1", "10.1.0.3", 8000, error))
    severity = found(snapshot)["host.arp_table_overflow"].severity
    assert severity is (Severity.ERROR if error == "EHOSTUNREACH" else Severity.WARNING)


def test_a_full_table_is_a_warning_where_nothing_fails():
    assert found(replace(shop(), host=replace(FILTERED, **FULL)))["host.arp_table_overflow"].severity is Severity.WARNING


@pytest.mark.parametrize(
    "host",
    [
        {"neighbours": 300, "neighbour_limit": 1024, "neighbour_overflows": 42157},
        {"neighbours": None, "neighbour_limit": 1024},
    ],
    ids=["full at some time since boot", "not known"],
)
def test_a_table_with_room_is_not_blamed(host):
    assert "host.arp_table_overflow" not in found(broken(**host))


def test_a_rule_that_drops_explains_lost_packets_better_than_a_full_table():
    snapshot = broken(**FULL)
    icc = replace(snapshot.networks[0], options={"com.docker.network.bridge.enable_icc": "false"})
    errors = [f.code for f in diagnose(replace(snapshot, networks=(icc,))).findings if f.severity is Severity.ERROR]
    assert errors == ["port.icc_disabled"]
