# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Port, Socket
from unit.builders import (
    NETWORK,
    call,
    codes,
    endpoint,
    listens,
    resolved,
    shop,
    tcp,
    with_config,
    with_container,
    with_probes,
)

NOW = "2026-01-01T00:10:00+00:00"
MOMENTS_AGO, LONG_AGO = "2026-01-01T00:09:45.5Z", "2026-01-01T00:00:00Z"


def refused(*sockets, taken_at=NOW, **fields):
    snapshot = with_container(
        shop(taken_at=taken_at, checks=()), "api", **{"sockets": sockets, "started_at": LONG_AGO, **fields}
    )
    return with_probes(snapshot, tcp("shop-web-1", "10.1.0.3", 8000, "ECONNREFUSED"))


# still starting

DNS = listens("127.0.0.11", 40000)


@pytest.mark.parametrize(
    "sockets, fields, code",
    [
        ((DNS,), {"started_at": MOMENTS_AGO}, "port.slow_start_race"),
        ((), {"health": "starting"}, "port.slow_start_race"),
        ((listens("0.0.0.0", 9000),), {"health": "starting"}, "port.slow_start_race"),
        ((), {}, "port.refused"),
        ((listens("0.0.0.0", 9000),), {"started_at": MOMENTS_AGO}, "port.wrong_port"),
        ((listens("127.0.0.1", 8000),), {"started_at": MOMENTS_AGO}, "port.bind_loopback_only"),
    ],
)
def test_a_program_that_does_not_listen_yet_is_told_from_one_that_never_will(sockets, fields, code):
    assert codes(refused(*sockets, **fields)) == [code]


def test_what_listens_is_not_guessed_where_it_could_not_be_read():
    assert codes(refused(started_at=MOMENTS_AGO, sockets=None)) == ["port.refused"]


def test_one_that_crashes_again_and_again_is_not_called_slow():
    assert codes(refused(started_at=MOMENTS_AGO.replace("45", "58"), restart_count=5)) == [
        "container.dependency_crash_loop"
    ]


# families


def test_a_listener_on_ipv6_alone_is_named():
    (finding,) = diagnose(refused(listens("::", 8000), environment={"BIND": "::"})).findings
    assert finding.code == "port.ipv6_only_listener" and "BIND=::" in finding.advice


def test_a_listener_on_the_ipv6_loopback_is_a_loopback_listener():
    assert codes(refused(listens("::1", 8000))) == ["port.bind_loopback_only"]


def dual(*sockets):
    snapshot = shop(checks=())
    for service, address in (("web", "4"), ("api", "3")):
        ends = (endpoint(NETWORK, f"10.1.0.{address}", f"shop-{service}-1", service, address6=f"fd00::{address}"),)
        snapshot = with_container(snapshot, service, endpoints=ends)
    return with_container(snapshot, "api", sockets=sockets)


def test_an_ipv6_address_that_nobody_listens_on_is_a_warning():
    diagnosis = diagnose(dual(listens("0.0.0.0", 8000)))
    assert [f.code for f in diagnosis.findings] == ["port.ipv6_aaaa_first_listener_v4"] and diagnosis.healthy
    assert "fd00::3" in diagnosis.findings[0].evidence[0]


@pytest.mark.parametrize("sockets", [(listens("::", 8000),), (listens("0.0.0.0", 8000), listens("::", 8000)), ()])
def test_a_listener_on_both_families_and_one_that_is_not_known_raise_no_alarm(sockets):
    assert codes(dual(*sockets)) == []


def test_a_consumer_without_ipv6_is_not_concerned():
    snapshot = with_container(dual(listens("0.0.0.0", 8000)), "web", endpoints=shop().containers[0].endpoints)
    assert codes(snapshot) == []


# another port


def test_the_published_port_is_not_the_containers():
    snapshot = refused(listens("0.0.0.0", 80), ports=(Port(80, host_port=8000),))
    (finding,) = diagnose(snapshot).findings
    assert finding.code == "port.wrong_port_published_vs_container" and finding.remediations == ("correct_upstreams",)
    assert "api:80 in environment API_URL" in finding.advice


def test_the_only_other_port_that_is_listened_on_is_named():
    (finding,) = diagnose(refused(listens("0.0.0.0", 9000), listens("127.0.0.1", 9001), DNS)).findings
    assert finding.code == "port.wrong_port" and finding.subject["new_port"] == 9000
    # it may as well be a port for management
    assert finding.remediations == () and "api:9000" in finding.advice


@pytest.mark.parametrize(
    "said",
    [
        {"expose": ["9000"]},
        {"environment": {"PORT": "9000"}},
        {"routes": ({"gateway": "web", "prefix": "/", "service": "api", "port": 9000},)},
    ],
)
def test_the_other_port_is_corrected_where_somebody_says_that_it_is_the_services(said):
    snapshot = refused(listens("0.0.0.0", 9000))
    routes = said.pop("routes", ())
    (finding,) = diagnose(replace(with_config(snapshot, "api", **said), routes=routes)).findings
    assert finding.remediations == ("correct_upstreams",)


def test_of_several_ports_none_is_guessed():
    assert codes(refused(listens("0.0.0.0", 9000), listens("0.0.0.0", 9001))) == ["port.refused"]


def test_a_datagram_socket_and_a_connection_are_no_listeners():
    sockets = (
        Socket("0.0.0.0", 9000, "UNCONN", protocol="udp"),
        Socket("10.1.0.3", 9001, "ESTABLISHED", "10.1.0.9", 5),
    )
    assert codes(refused(*sockets)) == ["port.refused"]


def test_a_port_in_a_file_is_advice_and_no_remediation():
    snapshot = refused(listens("0.0.0.0", 9000))
    snapshot = replace(snapshot, dependencies=(call("web", "api", 8000, origin="./nginx.conf:12", key="./nginx.conf"),))
    (finding,) = diagnose(snapshot).findings
    assert finding.code == "port.wrong_port" and finding.remediations == () and "./nginx.conf:12" in finding.advice


def test_two_consumers_with_the_same_wrong_port_are_two_places_to_correct():
    snapshot = refused(listens("0.0.0.0", 9000))
    snapshot = replace(snapshot, dependencies=(*snapshot.dependencies, call("db", "api", 8000)))
    snapshot = with_probes(
        snapshot, resolved("shop-db-1", "api", "10.1.0.3"), tcp("shop-db-1", "10.1.0.3", 8000, "ECONNREFUSED")
    )
    assert [f.subject["consumer"] for f in diagnose(snapshot).findings] == ["web", "db"]
