# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Layer, LogEvent, Outcome, Probe
from unit.builders import (
    call,
    check,
    codes,
    resolved,
    shop,
    tcp,
    unresolved,
    with_config,
    with_container,
    with_probes,
)

ROUTES = ({"gateway": "web", "variable": "ROUTES", "prefix": "/api", "service": "api", "port": 8000, "scheme": "http"},)


def answering(status, **fields):
    return replace(shop(), checks=(check(status=status, **fields),))


def test_a_check_behind_a_broken_dependency_is_its_symptom():
    snapshot = with_probes(answering(502, server="nginx"), tcp("shop-api-1", "10.1.0.2", 5432, "timeout"))
    assert codes(snapshot) == ["port.timeout"]


def test_a_check_from_inside_is_explained_by_the_name_that_does_not_resolve_there():
    inside = check("api itself", "http://api:8000/", status=0, error="NXDOMAIN", source="web")
    snapshot = with_probes(replace(shop(), checks=(inside,)), unresolved("shop-web-1", "api"))
    assert codes(snapshot) == ["name.unresolved"]


def test_a_check_that_nothing_explains_is_a_finding_of_its_own_with_the_answer_as_evidence():
    (finding,) = diagnose(answering(500, server="uvicorn", body="Internal Server Error")).findings
    assert finding.code == "protocol.check_failed" and finding.breaks == ("front page",)
    assert any("uvicorn" in line and "Internal Server Error" in line for line in finding.evidence)


def test_failed_checks_of_one_service_are_one_finding():
    other = check("cart", "http://127.0.0.1:8080/cart", status=500)
    assert codes(replace(shop(), checks=(check(status=500), other))) == ["protocol.check_failed"]


def gateway(value, **fields):
    snapshot = answering(404, server="uvicorn", body='{"detail": "no route"}')
    return replace(with_config(snapshot, "web", environment={"ROUTES": value}), **fields)


@pytest.mark.parametrize("value", ["", "  ", None])
def test_a_404_is_blamed_on_routes_that_are_empty(value):
    (finding,) = diagnose(gateway(value, routes=ROUTES)).findings
    assert finding.code == "protocol.gateway_empty_route_table_404"
    assert finding.remediations == ("correct_upstreams",)


def test_a_404_is_not_blamed_on_routes_that_are_there():
    assert codes(gateway("/api=http://api:8000", routes=ROUTES)) == ["protocol.check_failed"]


def test_an_empty_route_table_without_a_404_is_no_fault():
    snapshot = with_config(shop(), "web", environment={"ROUTES": ""})
    assert codes(snapshot) == []


def test_an_empty_variable_that_is_no_route_table_is_not_blamed():
    snapshot = with_config(answering(404), "web", environment={"HTTP_PROXY": ""})
    assert codes(snapshot) == ["protocol.check_failed"]


def test_without_declared_routes_the_empty_table_gets_advice_only():
    (finding,) = diagnose(gateway("")).findings
    assert finding.remediations == () and "netfix_routes" in finding.advice


def nginx(address, status=502, server="nginx/1.26.3"):
    snapshot = with_container(answering(status, server=server), "web", command=("nginx", "-g", "daemon off;"))
    line = f'connect() failed (111: Connection refused) while connecting to upstream: "http://{address}:8000/"'
    event = LogEvent("web", "shop-web-1", "refused", line, "2026-01-01T00:00:00Z", address=address, port=8000)
    return replace(snapshot, log_events=(event,))


def test_nginx_that_keeps_an_old_address_is_found():
    (finding,) = diagnose(nginx("10.1.0.77")).findings
    assert finding.code == "protocol.stale_ip_nginx_502" and finding.remediations == ("refresh_upstreams",)


@pytest.mark.parametrize(
    "snapshot",
    [nginx("10.1.0.3"), nginx("10.1.0.77", server="uvicorn"), nginx("10.1.0.77", status=500)],
    ids=["the address is the right one", "somebody else wrote the answer", "no gateway error"],
)
def test_nginx_is_not_blamed_otherwise(snapshot):
    assert codes(snapshot) == ["protocol.check_failed"]


def test_an_upstream_that_does_not_answer_is_no_stale_address():
    snapshot = with_probes(nginx("10.1.0.77"), tcp("shop-web-1", "10.1.0.3", 8000, "timeout"))
    assert codes(snapshot) == ["port.timeout"]


def wrong_answer(snapshot, consumer="web", host="api", port=8000, status=502):
    error = f"HTTP {status}"
    return with_probes(
        snapshot, Probe(f"shop-{consumer}-1", Layer.PROTOCOL, host, Outcome.FAILED, port, "/", error, status=status)
    )


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_what_the_application_answers_is_its_own_business(status):
    assert codes(wrong_answer(shop(), status=status)) == []


def test_a_server_that_rejects_an_underscore_in_its_name_is_told():
    snapshot = replace(shop(), dependencies=(call("web", "api_v1", 8000, scheme="http"),))
    snapshot = with_config(snapshot, "api", networks={"default": {"aliases": ["api_v1"]}})
    snapshot = with_probes(snapshot, resolved("shop-web-1", "api_v1", "10.1.0.3"))
    assert codes(wrong_answer(snapshot, host="api_v1", status=400)) == ["protocol.check_failed"]


def test_a_gateways_error_that_a_provider_answers_is_a_finding_even_without_checks():
    diagnosis = diagnose(wrong_answer(replace(shop(), checks=())))
    assert [f.code for f in diagnosis.findings] == ["protocol.check_failed"] and not diagnosis.healthy
    assert next(w for w in diagnosis.walks if w.dependency.host == "api").cause == "protocol.check_failed"


def test_a_gateways_error_is_a_symptom_of_what_is_broken_behind_it():
    snapshot = with_probes(wrong_answer(shop()), tcp("shop-api-1", "10.1.0.2", 5432, "timeout"))
    assert codes(snapshot) == ["port.timeout"]


def test_a_check_that_meets_the_same_error_gives_no_second_finding():
    assert codes(wrong_answer(answering(502))) == ["protocol.check_failed"]


def test_what_asks_a_stale_nginx_is_broken_by_it():
    snapshot = nginx("10.1.0.77")
    snapshot = replace(snapshot, dependencies=(*snapshot.dependencies, call("api", "web", 80, scheme="http")))
    snapshot = with_probes(snapshot, resolved("shop-api-1", "web", "10.1.0.4"), tcp("shop-api-1", "10.1.0.4", 80))
    (finding,) = diagnose(wrong_answer(snapshot, "api", "web", 80)).findings
    assert finding.code == "protocol.stale_ip_nginx_502"
    assert finding.breaks == ("front page", "api → web:80")
