# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.firewall import Packet, passes, stopped_by

BRIDGE = "br-0123456789ab"
SYN = Packet("10.1.0.4", "10.1.0.3", 0, 8000, BRIDGE, BRIDGE)
ANSWER = Packet("10.1.0.3", "10.1.0.4", 8000, 0, BRIDGE, BRIDGE, reply=True)


def drop(conditions, target="DROP"):
    return f"-A DOCKER-USER {conditions} -j {target}"


@pytest.mark.parametrize(
    "conditions",
    [
        f"-i {BRIDGE}",
        "-i br+",
        f"-i {BRIDGE} -o {BRIDGE} -p tcp -m tcp --dport 8000",
        "-s 10.1.0.0/24 -d 10.1.0.3/32",
        "! -s 192.168.0.0/16",
        "! -i eth0 -p tcp",
        "-p tcp -m tcp --dport 7999:8001",
        "-p tcp -m multiport --dports 22,8000",
        "-m conntrack --ctstate INVALID,NEW",
        "-p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN",
        "-p tcp -m tcp --sport 1024:65535 --dport 8000",
        '-i br+ -m comment --comment "nobody, ever"',
    ],
)
def test_a_rule_whose_conditions_all_hold_stops_the_packet(conditions):
    verdict = stopped_by([drop(conditions)], "DOCKER-USER", SYN)
    assert verdict is not None and verdict.certain and verdict.rule == drop(conditions)


@pytest.mark.parametrize(
    "conditions",
    [
        "-i eth0",
        "-o docker0",
        "-s 10.2.0.0/16",
        f"! -i {BRIDGE}",
        "-p udp -m udp --dport 8000",
        "-p tcp -m tcp --dport 8001",
        "-p tcp -m multiport --dports 22,80:443",
        "-m conntrack --ctstate RELATED,ESTABLISHED",
        "-p tcp -m tcp --sport 1:1023 --dport 22",
    ],
)
def test_a_rule_with_a_condition_that_does_not_hold_lets_the_packet_alone(conditions):
    assert stopped_by([drop(conditions)], "DOCKER-USER", SYN) is None


def test_a_rule_for_answers_meets_the_answer_and_not_the_first_packet():
    rules = [drop("-p tcp -m tcp --sport 8000 -m conntrack --ctstate ESTABLISHED")]
    assert stopped_by(rules, "DOCKER-USER", ANSWER) and not stopped_by(rules, "DOCKER-USER", SYN)


@pytest.mark.parametrize(
    "conditions", ["-m set --match-set blocked src", "-m mark --mark 0x1", "-p tcp --sport 40000:50000"]
)
def test_a_condition_that_cannot_be_judged_makes_the_verdict_uncertain(conditions):
    verdict = stopped_by([drop(conditions)], "DOCKER-USER", SYN)
    assert verdict is not None and not verdict.certain


def test_what_was_accepted_before_is_not_stopped():
    rules = [drop("-s 10.1.0.4/32", "RETURN"), drop(f"-i {BRIDGE}")]
    assert stopped_by(rules, "DOCKER-USER", SYN) is None


def test_a_rule_behind_one_that_perhaps_accepts_is_not_certain():
    rules = [drop("-m set --match-set friends src", "ACCEPT"), drop(f"-i {BRIDGE}")]
    verdict = stopped_by(rules, "DOCKER-USER", SYN)
    assert verdict is not None and not verdict.certain


def test_chains_are_followed_and_returned_from():
    rules = [
        "-A DOCKER-USER -j ours",
        "-A DOCKER-USER -p tcp -m tcp --dport 8000 -j DROP",
        "-A ours -s 10.9.0.0/16 -j DROP",
        "-A ours -p udp -j DROP",
        "-A ours -j RETURN",
    ]
    verdict = stopped_by(rules, "DOCKER-USER", SYN)
    assert verdict is not None and verdict.rule == rules[1]
    assert stopped_by([*rules[:1], "-A ours -j REJECT"], "DOCKER-USER", SYN).rule == "-A ours -j REJECT"


def test_chains_that_jump_to_each_other_come_to_an_end():
    assert stopped_by(["-A INPUT -j a", "-A a -j b", "-A b -j a"], "INPUT", SYN) is None


@pytest.mark.parametrize(
    "target, error",
    [
        ("DROP", "timeout"),
        ("REJECT --reject-with icmp-port-unreachable", "ECONNREFUSED"),
        ("REJECT --reject-with tcp-reset", "ECONNREFUSED"),
        ("REJECT", "ECONNREFUSED"),
        ("REJECT --reject-with icmp-host-prohibited", "EHOSTUNREACH"),
        ("REJECT --reject-with icmp-admin-prohibited", "EHOSTUNREACH"),
        ("REJECT --reject-with icmp-net-unreachable", "ENETUNREACH"),
    ],
)
def test_what_the_client_is_told_depends_on_the_target(target, error):
    assert stopped_by([drop("-p tcp", target)], "DOCKER-USER", SYN).error == error


def test_a_chain_without_a_decision_leaves_it_to_the_policy():
    rules = ["-A INPUT -i lo -j ACCEPT", "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"]
    into = Packet("10.1.0.4", "172.17.0.1", 0, 22, BRIDGE)
    assert passes(rules, "INPUT", into) and not passes(rules, "INPUT", SYN)
