# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import (
    Host,
    Interface,
    Layer,
    Outcome,
    Probe,
    Socket,
)
from unit.builders import check, codes, shop, tcp, with_container, with_probes

# large packets


def echo(size=0, error=""):
    outcome = Outcome.FAILED if error else Outcome.OK
    return Probe("shop-web-1", Layer.ADDRESS, "10.1.0.3", outcome, error=error, size=size)


def echoed(*probes, outer=1200):
    snapshot = with_container(shop(), "api", interfaces=(Interface("eth0", 8, 1500, peer=9),))
    host = Host(interfaces=(Interface("veth1", 9, outer, peer=8),))
    return replace(snapshot, host=host, probes=(*snapshot.probes, *probes))


def test_large_packets_that_are_lost_are_found_although_small_requests_work():
    (finding,) = diagnose(echoed(echo(), echo(1500, "timeout"))).findings
    assert finding.code == "port.mtu_blackhole" and finding.breaks == ("web → api:8000",)
    assert any("MTU 1500" in line and "1200" in line for line in finding.evidence)
    assert "-s 1472 10.1.0.3" in finding.confirm


def test_lost_packets_are_found_without_a_link_that_tells():
    assert codes(echoed(echo(), echo(1450, "timeout"), outer=1500)) == ["port.mtu_blackhole"]


@pytest.mark.parametrize(
    "probes",
    [
        (echo(), echo(1500)),
        (echo(0, "timeout"), echo(1500, "timeout")),
        (echo(), echo(1500, "EMSGSIZE")),
        (),
    ],
    ids=["both come back", "nothing comes back", "never sent", "not asked"],
)
def test_packets_that_are_not_shown_to_be_lost_for_their_size_raise_no_alarm(probes):
    assert codes(echoed(*probes)) == []


# ports to start from


def exhausted(count, error="EADDRNOTAVAIL", state="TIME_WAIT", checks=()):
    sockets = tuple(Socket("10.1.0.4", 40000 + n, state, "10.1.0.3", 8000) for n in range(count))
    snapshot = with_container(shop(checks=checks), "web", sockets=sockets, local_ports=(40000, 40009))
    return with_probes(snapshot, tcp("shop-web-1", "10.1.0.3", 8000, error))


def test_a_consumer_without_ports_left_is_found_with_what_takes_them():
    (finding,) = diagnose(exhausted(10)).findings
    assert finding.code == "port.ephemeral_port_exhaustion" and finding.breaks == ("web → api:8000",)
    assert "its connections to 10.1.0.3:8000: 10 TIME_WAIT" in finding.evidence


def test_a_port_that_came_free_just_now_does_not_hide_why_a_check_fails():
    (finding,) = diagnose(exhausted(9, error="", checks=(check(status=502),))).findings
    assert finding.code == "port.ephemeral_port_exhaustion" and finding.confidence.value == "likely"


def test_a_busy_consumer_whose_checks_pass_raises_no_alarm():
    assert codes(exhausted(10, error="", checks=(check(),))) == []


def test_few_connections_do_not_explain_an_address_that_cannot_be_assigned():
    assert codes(exhausted(3)) == ["port.refused"]
