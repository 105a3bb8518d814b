# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._host.host_facts import parse_firewall, parse_nft

# docker-26.1.5 iptables-save -c, with three rules of an operator
RULES = """\
*nat
:PREROUTING ACCEPT [0:0]
:DOCKER - [0:0]
[8:480] -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
[0:0] -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
[2:120] -A POSTROUTING -s 10.1.0.0/24 ! -o br-0123456789ab -j MASQUERADE
COMMIT
*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-USER - [0:0]
[40:2400] -A FORWARD -j DOCKER-USER
[40:2400] -A FORWARD -j DOCKER-ISOLATION-STAGE-1
[3:180] -A FORWARD -o br-0123456789ab -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[1:60] -A FORWARD -o br-0123456789ab -j DOCKER
[0:0] -A FORWARD -i br-0123456789ab ! -o br-0123456789ab -j ACCEPT
[0:0] -A FORWARD -i br-0123456789ab -o br-0123456789ab -j DROP
[7:420] -A FORWARD -i br-0123456789ab -p tcp -m tcp --dport 25 -j DROP
[18:1080] -A DOCKER-USER -i br-0123456789ab -p tcp -m tcp --dport 22 -j DROP
[0:0] -A DOCKER-USER -s 10.1.0.0/24 -j RETURN
[40:2400] -A DOCKER-USER -j RETURN
COMMIT
"""


def test_only_the_operators_own_rules_are_read_with_what_they_have_met():
    assert parse_firewall(RULES).rules == {
        "-A FORWARD -i br-0123456789ab -p tcp -m tcp --dport 25 -j DROP": 7,
        "-A DOCKER-USER -i br-0123456789ab -p tcp -m tcp --dport 22 -j DROP": 18,
        "-A DOCKER-USER -s 10.1.0.0/24 -j RETURN": 0,
    }


def test_dockers_part_of_the_firewall_is_known_to_be_there():
    firewall = parse_firewall(RULES)
    assert (firewall.forward_policy, firewall.docker_chains, firewall.masquerading) == ("DROP", True, True)


@pytest.mark.parametrize(
    "text",
    ["*filter\n:FORWARD ACCEPT [0:0]\nCOMMIT\n", RULES.replace("-A FORWARD -j DOCKER", "-A OTHER -j DOCKER")],
    ids=["no chains", "chains that nothing jumps to"],
)
def test_a_flushed_firewall_shows(text):
    without_jumps = "\n".join(line for line in text.splitlines() if " -o br-" not in line)
    assert parse_firewall(without_jumps).docker_chains is False


# chains as ufw makes them, and one of another table that has the name of none
UFW = """\
*mangle
:INPUT ACCEPT [0:0]
[9:540] -A custom -j DROP
COMMIT
*filter
:INPUT DROP [12:720]
:FORWARD DROP [0:0]
:ufw-user-input - [0:0]
[90:5400] -A INPUT -j ufw-user-input
[4:240] -A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT
[0:0] -A nobody-jumps-here -j DROP
COMMIT
"""


def test_chains_that_the_operators_chains_jump_to_are_read_as_well():
    firewall = parse_firewall(UFW)
    assert firewall.rules == {"-A INPUT -j ufw-user-input": 90, "-A ufw-user-input -p tcp -m tcp --dport 22 -j ACCEPT": 4}
    assert firewall.input_policy == "DROP"


def test_a_long_blocklist_is_left_out():
    blocked = "".join(f"[0:0] -A blocked -s 192.0.2.{n % 256}/32 -p tcp -m tcp --dport {n} -j DROP\n" for n in range(1, 300))
    rules = parse_firewall(f"*filter\n:INPUT ACCEPT [0:0]\n[1:60] -A INPUT -j blocked\n{blocked}COMMIT\n").rules
    assert rules == {"-A INPUT -j blocked": 1}


NFT = """\
table inet guard {
\tset blocked {
\t\ttype ipv4_addr
\t\telements = { 10.9.0.9 }
\t}

\tchain forward {
\t\ttype filter hook forward priority filter; policy accept;
\t\tiifname "br-0123" ip daddr 10.1.0.3 drop
\t}
}
# Warning: table ip filter is managed by iptables-nft, do not touch!
table ip filter {
\tchain DOCKER-USER {
\t\tcounter packets 1 bytes 60 return
\t}
}
table ip docker-bridges {
\tchain filter-FORWARD {
\t\tiifname "br-0123" accept
\t}
}
"""


def test_rules_of_nftables_are_read_but_for_those_that_iptables_and_docker_keep_there():
    assert parse_nft(NFT) == ["elements = { 10.9.0.9 }", 'iifname "br-0123" ip daddr 10.1.0.3 drop']
    assert parse_nft("") == []
