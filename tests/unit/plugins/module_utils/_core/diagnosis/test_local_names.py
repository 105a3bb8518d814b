# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Confidence, LogEvent, Port
from unit.builders import (
    call,
    check,
    codes,
    container,
    listens,
    propose,
    resolved,
    shop,
    tcp,
    unresolved,
    with_config,
    with_container,
    with_probes,
)

LOOPBACK = resolved("shop-web-1", "localhost", "127.0.0.1", via="/etc/hosts")
REFUSED = LogEvent("web", "shop-web-1", "refused", "connect ECONNREFUSED 127.0.0.1:8000", address="127.0.0.1", port=8000)


def to_itself(key="ROUTES", error="ECONNREFUSED", **fields):
    """web calls localhost:8000, and nothing else; api listens on that port."""
    depends = call("web", "localhost", 8000, kind="loopback", origin=f"environment {key}", key=key)
    snapshot = replace(shop(), dependencies=(depends,), **{"checks": (), **fields})
    snapshot = with_config(snapshot, "web", environment={key: "http://localhost:8000", "HEALTH": "http://localhost:80/"})
    return with_probes(snapshot, LOOPBACK, tcp("shop-web-1", "127.0.0.1", 8000, error))


def test_a_route_to_localhost_means_the_service_that_listens_on_that_port():
    (finding,) = diagnose(to_itself()).findings
    assert (finding.code, finding.confidence) == ("name.localhost_upstream", Confidence.LIKELY)
    assert finding.subject["service"] == "api" and "Write 'api' instead of 'localhost'" in finding.advice


def test_the_log_makes_it_certain():
    (finding,) = diagnose(to_itself("API_URL", log_events=(REFUSED,))).findings
    assert finding.confidence is Confidence.CERTAIN
    assert any("127.0.0.1:8000" in line for line in finding.evidence)


def test_failing_checks_of_the_caller_are_explained_where_it_is_sure():
    (finding,) = diagnose(to_itself(checks=(check(status=502),))).findings
    assert finding.breaks == ("web → localhost:8000", "front page")


def test_a_failing_check_alone_makes_it_possible_and_stays_open():
    found = diagnose(to_itself("TRACING_URL", checks=(check(status=500),))).findings
    assert [f.code for f in found] == ["name.localhost_upstream", "protocol.check_failed"]
    assert found[0].confidence is Confidence.POSSIBLE


def test_without_any_trouble_nobody_is_accused():
    assert codes(to_itself("TRACING_URL", checks=(check(),))) == []


@pytest.mark.parametrize("error", ["", "timeout"])
def test_a_port_that_does_not_refuse_is_no_mistake(error):
    assert codes(to_itself(error=error)) == []


def test_a_listener_on_another_loopback_address_is_its_own():
    assert codes(with_container(to_itself(), "web", sockets=(listens("::1", 8000),))) == []


def test_a_port_on_which_no_other_service_listens_accuses_nobody():
    assert codes(with_container(to_itself(), "api", sockets=(listens("127.0.0.1", 8000),))) == []


def test_the_service_that_is_called_by_name_already_is_not_the_one_that_is_meant():
    snapshot = to_itself()
    other = container("orders", "10.1.0.5", sockets=(listens("0.0.0.0", 8000),))
    snapshot = with_config(replace(snapshot, containers=(*snapshot.containers, other)), "orders")
    snapshot = replace(snapshot, dependencies=(*snapshot.dependencies, call("web", "api", 8000)))
    (finding,) = diagnose(snapshot).findings
    assert finding.subject["service"] == "orders"


def test_two_that_may_be_meant_are_both_named_and_nothing_is_promised():
    snapshot = to_itself()
    other = container("orders", "10.1.0.5", sockets=(listens("0.0.0.0", 8000),))
    snapshot = with_config(replace(snapshot, containers=(*snapshot.containers, other)), "orders")
    (finding,) = diagnose(snapshot).findings
    assert "'api' and 'orders'" in finding.summary and finding.remediations == ()


def test_only_the_port_that_is_meant_is_rewritten():
    patch = propose(to_itself(), "correct_upstreams").patch
    assert patch["services"]["web"]["environment"] == {"ROUTES": "http://api:8000"}


# the host's own name


def to_the_host(host="host.docker.internal", *probes, **fields):
    snapshot = replace(shop(), dependencies=(call("web", host, 9000),), checks=(), **fields)
    return with_probes(snapshot, *(probes or (unresolved("shop-web-1", host),)))


@pytest.mark.parametrize("host", ["host.docker.internal", "Host.Docker.Internal."])
def test_the_hosts_name_is_to_be_defined_by_extra_hosts(host):
    (finding,) = diagnose(to_the_host(host)).findings
    assert finding.code == "name.host_docker_internal_missing"
    assert 'extra_hosts: ["host.docker.internal:host-gateway"]' in finding.advice


def test_a_service_that_publishes_the_port_is_nearer():
    snapshot = with_container(to_the_host(), "api", published=(Port(8000, host_port=9000),))
    (finding,) = diagnose(snapshot).findings
    assert "api:8000 needs no way over the host" in finding.advice


def test_where_something_defines_the_hosts_name_all_is_well():
    host = "host.docker.internal"
    there = resolved("shop-web-1", host, "172.17.0.1", via="/etc/hosts")
    assert codes(to_the_host(host, there, tcp("shop-web-1", "172.17.0.1", 9000))) == []
