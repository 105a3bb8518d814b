# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from unit.builders import call, codes, listens, replace, shop, tcp, with_container, with_probes


def closed(error, *sockets):
    return with_probes(with_container(shop(), "api", sockets=sockets), tcp("shop-web-1", "10.1.0.3", 8000, error))


@pytest.mark.parametrize(
    "error, sockets, code",
    [
        ("ECONNREFUSED", (listens("127.0.0.1", 8000),), "port.bind_loopback_only"),
        ("ECONNREFUSED", (listens("::1", 8000),), "port.bind_loopback_only"),
        ("ECONNREFUSED", (listens("127.0.0.1", 8000), listens("0.0.0.0", 8000)), "port.refused"),
        ("ECONNREFUSED", (listens("127.0.0.1", 9000),), "port.refused"),
        ("ECONNREFUSED", (), "port.refused"),
        ("timeout", (listens("127.0.0.1", 8000),), "port.timeout"),
        ("timeout", (listens("0.0.0.0", 8000),), "port.timeout"),
        ("EHOSTUNREACH", (listens("0.0.0.0", 8000),), "address.unreachable"),
        ("ENETUNREACH", (), "address.unreachable"),
    ],
)
def test_the_error_and_the_listeners_tell_why_a_port_is_closed(error, sockets, code):
    assert codes(closed(error, *sockets)) == [code]


def test_a_refusal_shows_what_the_provider_listens_on():
    (finding,) = diagnose(closed("ECONNREFUSED", listens("0.0.0.0", 8080), listens("0.0.0.0", 8081))).findings
    assert "'api' listens on 0.0.0.0:8080, 0.0.0.0:8081" in finding.evidence


def test_unreadable_sockets_are_not_taken_for_loopback():
    snapshot = with_container(shop(), "api", sockets=None)
    assert codes(with_probes(snapshot, tcp("shop-web-1", "10.1.0.3", 8000, "ECONNREFUSED"))) == ["port.refused"]


def test_the_advice_names_the_variable_that_holds_the_bind_address():
    snapshot = with_container(closed("ECONNREFUSED", listens("127.0.0.1", 8000)), "api", environment={"BIND": "127.0.0.1"})
    (finding,) = diagnose(snapshot).findings
    assert "BIND=127.0.0.1" in finding.advice and finding.remediations == ()


def test_one_closed_port_is_one_finding_however_many_call_it():
    snapshot = replace(shop(), dependencies=(call("web", "db", 5432), call("api", "db", 5432)), checks=())
    snapshot = with_probes(
        snapshot,
        *(p for p in shop().probes if p.host == "db"),
        replace(shop().probes[2], container="shop-web-1"),
        tcp("shop-web-1", "10.1.0.2", 5432, "ECONNREFUSED"),
        tcp("shop-api-1", "10.1.0.2", 5432, "ECONNREFUSED"),
    )
    (finding,) = diagnose(snapshot).findings
    assert finding.code == "port.refused" and len(finding.breaks) == 2
