# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Container, Port
from unit.builders import call, check, codes, network, resolved, shop, tcp, with_container, with_probes

STRANGER = Container(
    id="x", name="billing", image="billing:1", published=(Port(80, host_ip="127.0.0.1", host_port=8080),)
)


# on the host's loopback


def asks_the_host(*published, service="api", **stranger):
    snapshot = with_container(shop(checks=()), "web", extra_hosts=("host.docker.internal:host-gateway",))
    if stranger:
        snapshot = replace(snapshot, bystanders=(Container(id="y", published=published, **stranger),))
    else:
        snapshot = with_container(snapshot, service, published=published)
    snapshot = replace(snapshot, dependencies=(call("web", "host.docker.internal", 9000),))
    return with_probes(
        snapshot,
        resolved("shop-web-1", "host.docker.internal", "172.17.0.1", via="/etc/hosts"),
        tcp("shop-web-1", "172.17.0.1", 9000, "ECONNREFUSED"),
    )


def test_a_port_on_the_hosts_loopback_is_called_by_its_service_instead():
    (finding,) = diagnose(asks_the_host(Port(8000, host_ip="127.0.0.1", host_port=9000))).findings
    assert finding.code == "port.published_on_loopback_from_container"
    assert finding.remediations == ("correct_upstreams",) and "api:8000" in finding.advice


def test_a_stranger_on_the_hosts_loopback_is_named_without_a_remediation():
    (finding,) = diagnose(asks_the_host(Port(80, host_ip="127.0.0.1", host_port=9000), name="other-db-1")).findings
    assert finding.code == "port.published_on_loopback_from_container" and finding.remediations == ()
    assert "other-db-1" in finding.advice


@pytest.mark.parametrize(
    "published",
    [(), (Port(8000, host_ip="127.0.0.1", host_port=9001),), (Port(8000, host_ip="0.0.0.0", host_port=9000),)],
)
def test_a_host_that_refuses_for_another_reason_is_not_said_to_publish_on_loopback(published):
    assert codes(asks_the_host(*published)) == ["port.refused"]


# somebody else's


def taken(*bystanders, **fields):
    snapshot = with_container(shop(), "web", **{"state": "exited", "exit_code": 0, "pid": 0, **fields})
    return replace(snapshot, bystanders=bystanders, checks=(check(status=404, server="billing"),))


def test_a_port_that_a_stranger_took_is_told_with_his_name():
    (finding,) = diagnose(taken(STRANGER)).findings
    assert finding.code == "protocol.published_port_is_another_app_404" and "billing" in finding.summary
    assert set(finding.breaks) == {"front page", "web → api:8000"}


def test_an_answer_of_a_strangers_is_no_health():
    passing = replace(taken(STRANGER), checks=(check(status=200, server="billing"),))
    assert codes(passing) == ["protocol.published_port_is_another_app_404"]


def test_a_stranger_on_another_port_explains_nothing():
    other = replace(STRANGER, published=(Port(80, host_port=8081),))
    assert codes(taken(other)) == ["container.dependency_exited"]


def test_a_gateway_that_has_its_port_is_not_said_to_have_lost_it():
    published = shop().containers[0].ports
    snapshot = replace(with_container(shop(), "web", published=published), bystanders=(STRANGER,))
    assert codes(snapshot) == []


# not published at all


def inside(**fields):
    snapshot = replace(shop(**fields), networks=(network(internal=True),))
    return replace(snapshot, checks=(check(status=0, error="ECONNREFUSED"),))


def test_an_internal_network_publishes_nothing():
    (finding,) = diagnose(inside()).findings
    assert finding.code == "host.internal_network_no_published_port" and finding.breaks == ("front page",)


def test_a_second_network_publishes_the_port():
    published = shop().containers[0].ports
    assert codes(replace(with_container(inside(), "web", published=published), checks=(check(),))) == []


def test_a_service_without_ports_may_be_internal():
    assert codes(replace(with_container(inside(), "web", ports=()), checks=())) == []
