# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Confidence, Mount, Socket
from unit.builders import (
    call,
    codes,
    propose,
    resolved,
    shop,
    tcp,
    unresolved,
    with_config,
    with_container,
    with_probes,
)

DOCKERS = "nameserver 127.0.0.11\noptions ndots:0\n"
WITHOUT_DNS = "passwd: files\nhosts: files # no dns\n"
RETURNS = "hosts:   files [NOTFOUND=return] dns\n"


def bypassed(via="10.9.9.9", error="NXDOMAIN", **web):
    """web's own resolver does not know api, the embedded DNS does."""
    snapshot = with_container(shop(), "web", **{"resolv_conf": DOCKERS, "nsswitch": "hosts: files dns\n", **web})
    return with_probes(
        snapshot,
        unresolved("shop-web-1", "api", error, via=via),
        resolved("shop-web-1", "api", "10.1.0.3", nameserver="127.0.0.11"),
    )


@pytest.mark.parametrize(
    "file, code",
    [
        ("nameserver 10.9.9.9\n", "resolver.resolv_conf_overwritten_at_start"),
        ("", "resolver.resolv_conf_overwritten_at_start"),
        ("nameserver 10.9.9.9\nnameserver 127.0.0.11\n", "resolver.resolv_conf_public_first"),
        ("# nameserver 127.0.0.11\nnameserver 10.9.9.9\n", "resolver.resolv_conf_overwritten_at_start"),
        (DOCKERS, "resolver.bypassed"),
        (None, "resolver.bypassed"),
    ],
)
def test_the_file_tells_how_docker_is_bypassed(file, code):
    assert codes(bypassed(resolv_conf=file)) == [code]


def test_a_mounted_file_is_named_whatever_it_says():
    mounts = (Mount("bind", "/srv/resolv.conf", "/etc/resolv.conf"),)
    snapshot = bypassed(resolv_conf="nameserver 10.9.9.9\nnameserver 127.0.0.11\n", mounts=mounts)
    assert codes(snapshot) == ["resolver.resolv_conf_bind_mounted"]


def hijacked(error):
    """A nameserver before Docker's has an address of nobody's for api."""
    snapshot = bypassed(resolv_conf="nameserver 10.9.9.9\nnameserver 127.0.0.11\n")
    return with_probes(
        snapshot,
        resolved("shop-web-1", "api", "192.0.2.7", via="10.9.9.9"),
        tcp("shop-web-1", "192.0.2.7", 8000, error),
    )


def test_a_nameserver_that_gives_a_wrong_address_is_bypassing_docker_too():
    (finding,) = diagnose(hijacked("timeout")).findings
    assert finding.code == "resolver.resolv_conf_public_first"
    assert any("192.0.2.7" in line for line in finding.evidence)


def test_an_address_of_another_nameserver_that_answers_is_a_way_round_on_purpose():
    assert codes(hijacked("")) == []


@pytest.mark.parametrize(
    "command, confidence",
    [(("sh", "-c", "echo nameserver 10.9.9.9 > /etc/resolv.conf"), Confidence.CERTAIN), (("serve",), Confidence.LIKELY)],
)
def test_a_command_that_mentions_the_file_makes_it_certain(command, confidence):
    (finding,) = diagnose(bypassed(resolv_conf="nameserver 10.9.9.9\n", command=command)).findings
    assert finding.confidence is confidence
    assert "docker exec shop-web-1" in finding.advice and finding.remediations == ("static_hosts", "direct_routes")


def test_the_nameserver_that_stands_first_is_to_be_moved_to_the_compose_file():
    (finding,) = diagnose(bypassed(resolv_conf="nameserver 10.9.9.9\nnameserver 127.0.0.11\n")).findings
    assert "dns: [10.9.9.9]" in finding.advice


@pytest.mark.parametrize(
    "file, code, line",
    [
        (WITHOUT_DNS, "resolver.nsswitch_without_dns", "'hosts: files'"),
        ("hosts: \n", "resolver.nsswitch_without_dns", "'hosts:'"),
        (RETURNS, "resolver.nsswitch_notfound_return", "'hosts: files [NOTFOUND=return] dns'"),
    ],
)
def test_the_line_of_nsswitch_tells_why_dns_is_not_asked(file, code, line):
    (finding,) = diagnose(bypassed("/etc/nsswitch.conf", "not_in_hosts", nsswitch=file)).findings
    assert finding.code == code
    assert any(line in evidence for evidence in finding.evidence)


def test_a_mounted_nsswitch_is_taken_away():
    mounts = (Mount("bind", "/srv/nsswitch.conf", "/etc/nsswitch.conf"),)
    snapshot = bypassed("/etc/nsswitch.conf", "not_in_hosts", nsswitch=WITHOUT_DNS, mounts=mounts)
    volumes = [
        {"type": "bind", "source": "/srv/nsswitch.conf", "target": "/etc/nsswitch.conf"},
        {"type": "bind", "source": "/srv/app", "target": "/app"},
    ]
    proposal = propose(with_config(snapshot, "web", volumes=volumes), "restore_resolver")
    assert proposal.refusals == ()
    (kept,) = proposal.patch["services"]["web"]["volumes"]["__value__"]
    assert kept["target"] == "/app"


def test_an_nsswitch_of_the_image_gets_advice_only():
    (finding,) = diagnose(bypassed("/etc/nsswitch.conf", "not_in_hosts", nsswitch=WITHOUT_DNS)).findings
    assert finding.remediations == () and "image of service 'web'" in finding.advice


def test_two_names_of_one_container_are_one_finding():
    snapshot = bypassed(resolv_conf="nameserver 10.9.9.9\n")
    snapshot = replace(snapshot, dependencies=(*snapshot.dependencies, call("web", "db", 5432)))
    snapshot = with_probes(
        snapshot,
        unresolved("shop-web-1", "db", via="10.9.9.9"),
        resolved("shop-web-1", "db", "10.1.0.2", nameserver="127.0.0.11"),
    )
    (finding,) = diagnose(snapshot).findings
    assert finding.breaks == ("web → api:8000", "web → db:5432")


# the rules that lead to the embedded DNS

ENGINE = (Socket("127.0.0.11", 41234, "UNCONN", protocol="udp"), Socket("127.0.0.11", 40001, "LISTEN"))


def refused(sockets=ENGINE, error="ECONNREFUSED"):
    snapshot = with_container(shop(), "web", resolv_conf=DOCKERS, sockets=sockets)
    return with_probes(snapshot, unresolved("shop-web-1", "api", error))


def test_an_engine_that_listens_where_nothing_leads_was_cut_off():
    (finding,) = diagnose(refused()).findings
    assert finding.code == "resolver.netns_dns_iptables_flushed"
    assert "udp 41234" in " ".join(finding.evidence)
    proposal = propose(refused(), "refresh_upstreams")
    assert proposal.restarted == ("shop-web-1",)


def test_nginx_is_restarted_too_because_a_reload_makes_no_rules():
    assert propose(with_container(refused(), "web", image="nginx:1.27"), "refresh_upstreams").restarted == ("shop-web-1",)


@pytest.mark.parametrize("sockets, error", [((), "ECONNREFUSED"), (None, "ECONNREFUSED"), (ENGINE, "timeout")])
def test_a_silent_or_absent_engine_is_something_else(sockets, error):
    # a stopped engine has closed its sockets, a hanging one does not refuse
    assert "resolver.netns_dns_iptables_flushed" not in codes(refused(sockets, error))
