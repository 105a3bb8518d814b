# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Host
from unit.builders import (
    NETWORK,
    call,
    check,
    codes,
    listens,
    network,
    resolved,
    shop,
    tcp,
    with_container,
    with_probes,
)

BRIDGE = "br-0123456789ab"
DROP = f"-A DOCKER-USER -i {BRIDGE} -p tcp -m tcp --dport 8000 -j DROP"
REJECT = f"{DROP[:-5]} REJECT --reject-with icmp-host-prohibited"


def filtered(error, *rules, packets=5, **host):
    """The shop on a real bridge, with api:8000 failing that way and those rules of the operator."""
    snapshot = replace(
        shop(checks=()),
        networks=(network(id="0123456789abcdef"),),
        firewall_rules=rules,
        rule_packets=dict.fromkeys(rules, packets),
        host=Host(**{"bridge_filtering": True, **host}),
    )
    return with_probes(snapshot, tcp("shop-web-1", "10.1.0.3", 8000, error))


@pytest.mark.parametrize(
    "error, rule, code",
    [
        ("timeout", DROP, "host.docker_user_drop"),
        ("EHOSTUNREACH", REJECT, "host.docker_user_reject"),
        ("timeout", REJECT, "host.docker_user_reject"),
        ("ECONNREFUSED", DROP.replace("-j DROP", "-j REJECT --reject-with tcp-reset"), "host.docker_user_reject"),
        ("timeout", DROP.replace("DOCKER-USER", "FORWARD"), "host.forward_rule"),
        ("timeout", "-A DOCKER-USER -s 10.1.0.3/32 -p tcp -m tcp --sport 8000 -j DROP", "host.docker_user_drop"),
    ],
)
def test_the_rule_that_stops_the_packets_is_named(error, rule, code):
    (finding,) = diagnose(filtered(error, rule)).findings
    assert finding.code == code and finding.breaks == ("web → api:8000",)
    assert any(rule in line for line in finding.evidence) and f"iptables -D {rule[3:]}" in finding.advice
    assert finding.remediations == ()


@pytest.mark.parametrize(
    "error, rule, code",
    [
        ("timeout", DROP.replace(BRIDGE, "eth0"), "port.timeout"),
        ("timeout", DROP.replace("8000", "5432"), "port.timeout"),
        ("EHOSTUNREACH", DROP, "address.unreachable"),
        ("ECONNREFUSED", REJECT, "port.refused"),
        ("timeout", "-A INPUT -p tcp -m tcp --dport 8000 -j DROP", "port.timeout"),
    ],
)
def test_a_rule_that_does_not_explain_the_failure_is_not_blamed(error, rule, code):
    assert codes(filtered(error, rule)) == [code]


def test_a_rule_behind_dockers_own_that_met_no_packet_is_not_blamed():
    rule = DROP.replace("DOCKER-USER", "FORWARD")
    assert codes(filtered("timeout", rule, packets=0)) == ["port.timeout"]


def test_rules_do_not_see_what_stays_on_a_bridge_without_bridge_filtering():
    assert codes(filtered("timeout", DROP, bridge_filtering=False)) == ["port.timeout"]


def test_a_rule_that_stops_nobody_is_no_finding():
    assert codes(filtered("", DROP)) == []


def test_one_rule_that_stops_two_is_one_finding():
    rule = f"-A DOCKER-USER -i {BRIDGE} -j DROP"
    snapshot = with_probes(filtered("timeout", rule), tcp("shop-api-1", "10.1.0.2", 5432, "timeout"))
    (finding,) = diagnose(snapshot).findings
    assert finding.breaks == ("web → api:8000", "api → db:5432")


def test_a_bridge_with_a_name_of_its_own_is_known():
    snapshot = filtered("timeout", DROP.replace(BRIDGE, "shopbr0"))
    named = network(options={"com.docker.network.bridge.name": "shopbr0"})
    assert codes(replace(snapshot, networks=(named,))) == ["host.docker_user_drop"]


def test_a_rule_with_a_condition_that_cannot_be_judged_is_a_likely_cause():
    (finding,) = diagnose(
        filtered("timeout", f"-A DOCKER-USER -i {BRIDGE} -m set --match-set bad src -j DROP")
    ).findings
    assert finding.code == "host.docker_user_drop" and finding.confidence.value == "likely"


# towards the host


def calls_the_host(*rules, error="timeout", **host):
    snapshot = filtered("", *rules, **host)
    snapshot = with_container(snapshot, "web", extra_hosts=("host.docker.internal:host-gateway",))
    snapshot = replace(snapshot, dependencies=(call("web", "host.docker.internal", 9000),))
    snapshot = with_container(snapshot, "web", default_route="10.1.0.1 dev eth0")
    return with_probes(
        snapshot,
        resolved("shop-web-1", "host.docker.internal", "172.17.0.1", via="/etc/hosts"),
        tcp("shop-web-1", "172.17.0.1", 9000, error),
    )


def test_a_rule_of_the_input_chain_explains_what_is_sent_to_the_host():
    (finding,) = diagnose(calls_the_host(f"-A INPUT -i {BRIDGE} -j DROP")).findings
    assert finding.code == "host.host_input_firewall" and BRIDGE in " ".join(finding.evidence)


def test_a_closed_host_explains_it_without_a_rule():
    (finding,) = diagnose(calls_the_host("-A INPUT -i lo -j ACCEPT", input_policy="DROP")).findings
    assert finding.code == "host.host_input_firewall" and f"-i {BRIDGE}" in finding.advice


def test_a_closed_host_that_accepts_the_bridge_is_not_blamed():
    snapshot = calls_the_host(f"-A INPUT -i {BRIDGE} -j ACCEPT", input_policy="DROP")
    assert codes(snapshot) == ["port.timeout"]


def test_rules_for_containers_do_not_explain_what_is_sent_to_the_host():
    assert codes(calls_the_host(f"-A DOCKER-USER -i {BRIDGE} -j DROP")) == ["port.timeout"]


def test_names_of_the_network_stand_in_the_finding():
    (finding,) = diagnose(filtered("timeout", DROP)).findings
    assert finding.subject["network"] == NETWORK


def test_a_check_behind_the_rule_is_explained_by_it():
    snapshot = filtered("timeout", DROP)
    failing = check("page", url="http://api:8000/", source="web", status=0, error="timeout")
    assert codes(replace(snapshot, checks=(failing,))) == ["host.docker_user_drop"]


def test_a_listener_does_not_hide_a_rule_that_refuses():
    snapshot = filtered("ECONNREFUSED", DROP.replace("-j DROP", "-j REJECT --reject-with icmp-port-unreachable"))
    snapshot = with_container(snapshot, "api", sockets=(listens("0.0.0.0", 9000),))
    assert codes(snapshot) == ["host.docker_user_reject"]
