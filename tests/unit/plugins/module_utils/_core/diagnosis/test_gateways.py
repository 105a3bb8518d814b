# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import (
    Nginx,
    NginxLocation,
    NginxServer,
    Outcome,
    Severity,
)
from unit.builders import (
    answer,
    check,
    codes,
    only,
    shop,
    unresolved,
    with_config,
    with_container,
    with_probes,
)

from .builders import BEFORE, NOW, OWN, URL, failing, log

ROUTES = ({"gateway": "web", "variable": "ROUTES", "prefix": "/api", "service": "api", "port": 8000, "scheme": "http"},)


# an empty route table


def routes(value, snapshot=None, **fields):
    return replace(with_config(snapshot or failing(), "web", environment={"ROUTES": value}), **fields)


@pytest.mark.parametrize("value", ["", "  ", None])
def test_a_404_is_blamed_on_routes_that_are_empty(value):
    finding = only(routes(value, routes=ROUTES))
    assert finding.code == "protocol.gateway_empty_route_table_404"
    assert finding.remediations == ("correct_upstreams",)


def test_a_404_is_not_blamed_on_routes_that_are_there():
    assert codes(routes("/api=http://api:8000", routes=ROUTES)) == ["protocol.check_failed"]


def test_a_404_from_behind_the_gateway_is_not_blamed_on_its_routes():
    snapshot = failing(body='{"service": "api"}', unknown_path=OWN)
    assert codes(routes("", snapshot, routes=ROUTES)) == ["protocol.check_failed"]


def test_an_empty_route_table_without_a_404_is_no_fault():
    assert codes(with_config(shop(), "web", environment={"ROUTES": ""})) == []


def test_an_empty_variable_that_is_no_route_table_is_not_blamed():
    assert codes(with_config(failing(), "web", environment={"HTTP_PROXY": ""})) == ["protocol.check_failed"]


def test_without_declared_routes_the_empty_table_gets_advice_only():
    finding = only(routes(""))
    assert finding.remediations == () and "netfix_routes" in finding.advice


# routes that were left out at start


DROPPED = "WARN route /users NOT registered: api: [Errno -2] Name or service not known"


def dropped(line=DROPPED, time="2026-01-01T09:00:03Z", direct=200, **fields):
    values = {"unknown_path": OWN, "direct": (answer("api", direct, path="/users/1"),)}
    snapshot = failing(**{**values, **fields})
    snapshot = with_container(snapshot, "web", started_at=BEFORE)
    return replace(snapshot, log_events=(log(line, "resolution", time),))


def test_a_gateway_that_could_not_resolve_a_name_when_it_started_must_be_restarted():
    finding = only(dropped())
    assert finding.code == "protocol.gateway_discovery_drops_unresolved_404"
    assert finding.remediations == ("refresh_upstreams",) and finding.subject["container"] == "shop-web-1"
    assert any("NOT registered" in line for line in finding.evidence)


@pytest.mark.parametrize(
    "snapshot",
    [
        dropped(time="2026-01-01T08:59:00Z"),
        dropped("api: [Errno -2] Name or service not known", NOW),
        dropped(DROPPED.replace("api", "api-2")),
        dropped(direct=404),
        dropped(body='{"service": "api"}'),
    ],
    ids=[
        "an earlier run said it",
        "it speaks of a request",
        "another name",
        "nobody has the path",
        "somebody else's 404",
    ],
)
def test_a_404_is_not_blamed_on_what_happened_at_start_otherwise(snapshot):
    assert "protocol.gateway_discovery_drops_unresolved_404" not in codes(snapshot)


def test_a_name_that_still_does_not_resolve_is_the_cause_itself():
    assert codes(with_probes(dropped(), unresolved("shop-web-1", "api"))) == ["name.unresolved"]


# a path that is cut


def cut(by='{"service": "api"}', direct=200, **fields):
    values = {
        "body": by,
        "unknown_path": OWN,
        "direct": (answer("api", direct, path="/users/1", answers=("10.1.0.3",)),),
    }
    return failing(**{**values, **fields})


def test_a_404_from_a_provider_that_has_the_path_is_blamed_on_the_gateway():
    finding = only(cut())
    assert finding.code == "protocol.gateway_prefix_stripped_404" and finding.remediations == ()
    assert "10.1.0.3:8000/users/1" in finding.confirm


def test_the_providers_log_shows_what_it_was_asked_for():
    event = log('"GET /1 HTTP/1.1" 404', "not_found", service="api", path="/1")
    finding = only(replace(cut(by=OWN.body), log_events=(event,)))
    assert finding.code == "protocol.gateway_prefix_stripped_404"
    assert any("GET /1" in line for line in finding.evidence)


@pytest.mark.parametrize("path", ["/", "/users/1", "/orders/1"])
def test_other_paths_in_the_providers_log_show_nothing(path):
    event = log(f'"GET {path} HTTP/1.1" 404', "not_found", service="api", path=path)
    assert codes(replace(cut(by=OWN.body), log_events=(event,))) == ["protocol.check_failed"]


@pytest.mark.parametrize("snapshot", [cut(direct=404), cut(by=OWN.body)], ids=["nobody has the path", "its own 404"])
def test_no_path_is_said_to_be_cut_otherwise(snapshot):
    assert codes(snapshot) == ["protocol.check_failed"]


def passing(path, passes):
    location = NginxLocation(path, passes, ("api",), where="/etc/nginx/nginx.conf:7")
    return Nginx("shop-web-1", ("/etc/nginx/nginx.conf",), servers=(NginxServer(locations=(location,)),))


@pytest.mark.parametrize(
    "path, passes",
    [("/users/", "http://api:8000/"), ("/users", "http://api:8000/"), ("^~ /users/", "http://api:8000/v2/")],
)
def test_an_nginx_that_replaces_the_path_is_told_by_file_and_line(path, passes):
    finding = only(replace(cut(), nginx=(passing(path, passes),)))
    assert finding.code == "protocol.nginx_proxy_pass_trailing_slash_404"
    assert "/etc/nginx/nginx.conf:7" in finding.summary and "/etc/nginx/nginx.conf:7" in finding.advice


@pytest.mark.parametrize(
    "path, passes",
    [
        ("/users/", "http://api:8000"),
        ("/users/", "http://api:8000/users/"),
        ("/orders/", "http://api:8000/"),
        ("/", "http://api:8000/"),
    ],
)
def test_an_nginx_that_leaves_the_path_alone_is_not_blamed(path, passes):
    assert codes(replace(cut(), nginx=(passing(path, passes),))) == ["protocol.gateway_prefix_stripped_404"]


# 404 for 502


def test_a_404_that_tells_of_a_failed_upstream_is_a_warning_beside_the_cause():
    body = '{"error": "[Errno -2] Name or service not known"}'
    findings = diagnose(with_probes(failing(body=body), unresolved("shop-web-1", "api"))).findings
    assert [(f.code, f.severity) for f in findings] == [
        ("name.unresolved", Severity.ERROR),
        ("protocol.gateway_maps_upstream_errors_to_404", Severity.WARNING),
    ]


def test_the_warning_never_stands_in_for_the_error():
    body = '{"error": "[Errno -2] Name or service not known"}'
    assert "protocol.check_failed" in codes(failing(body=body))


@pytest.mark.parametrize(
    "line, warned",
    [("ERROR 502 GET /users/1 upstream http://api:8000: [Errno -2]", True), ("ERROR 502 GET /orders/1 x", False)],
)
def test_a_log_line_counts_where_it_names_the_same_path(line, warned):
    snapshot = replace(failing(), log_events=(log(line, "resolution"),))
    assert ("protocol.gateway_maps_upstream_errors_to_404" in codes(snapshot)) is warned


# what is no fault


def test_a_404_that_the_operator_expects_is_no_fault():
    result = check("users", URL, 404, unknown_path=OWN)
    expected = replace(result, outcome=Outcome.OK, check=replace(result.check, statuses=(404,)))
    assert codes(replace(shop(), checks=(expected,))) == []
