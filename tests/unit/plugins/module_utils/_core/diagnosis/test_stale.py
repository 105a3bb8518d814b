# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import (
    Socket,
)
from unit.builders import (
    answer,
    call,
    codes,
    container,
    only,
    resolved,
    shop,
    tcp,
    with_config,
    with_container,
    with_probes,
)

from .builders import BEFORE, NOW, OWN, failing, log

REFUSED = "ERROR 502 GET /users/1 upstream http://{}:8000: [Errno 111] Connection refused"


def stale(address="10.1.0.77", status=502, time=NOW, snapshot=None, **fields):
    event = log(REFUSED.format(address), time=time, address=address, port=8000)
    return replace(failing(status, snapshot, **{"body": "Bad Gateway", **fields}), log_events=(event,))


def test_a_gateway_that_keeps_an_old_address_must_be_restarted():
    finding = only(stale())
    assert finding.code == "protocol.stale_ip_gateway_cache_python" and finding.remediations == ("refresh_upstreams",)
    assert finding.subject == {"service": "web", "container": "shop-web-1", "address": "10.1.0.77"}


def test_who_has_the_old_address_now_is_told():
    snapshot = replace(stale(), strangers=(container("other", "10.1.0.77", project="another"),))
    assert "10.1.0.77 belongs to container shop-other-1" in only(snapshot).evidence


@pytest.mark.parametrize(
    "fields",
    [
        {"body": '{"error": "timed out", "upstream": "http://10.1.0.77:8000"}'},
        {"sockets": (Socket("10.1.0.4", 40000, "SYN_SENT", "10.1.0.77", 8000),)},
    ],
    ids=["the answer names it", "a connection is being tried"],
)
def test_an_old_address_shows_without_a_log(fields):
    snapshot = with_container(shop(), "web", sockets=fields.pop("sockets", ()))
    assert codes(failing(504, snapshot, **fields)) == ["protocol.stale_ip_gateway_cache_python"]


def nginx(snapshot):
    return with_container(snapshot, "web", command=("nginx", "-g", "daemon off;"))


NGINX = {"server": "nginx/1.26.3", "body": "<center>nginx</center>"}


@pytest.mark.parametrize(
    "holder, kind, status, code",
    [
        ("10.1.0.77", "refused", 502, "protocol.stale_ip_nginx_502"),
        ("10.1.0.77", "timeout", 504, "protocol.stale_ip_nginx_502"),
        ("10.1.0.78", "refused", 502, "protocol.stale_ip_nginx_502"),
        ("10.1.0.78", "timeout", 504, "protocol.stale_ip_nginx_no_host_504"),
        ("10.1.0.78", "unreachable", 502, "protocol.stale_ip_nginx_no_host_504"),
    ],
)
def test_nginx_that_keeps_an_old_address_is_reloaded(holder, kind, status, code):
    event = log('upstream: "http://10.1.0.77:8000/"', kind, address="10.1.0.77", port=8000)
    snapshot = nginx(failing(status, **NGINX))
    snapshot = replace(snapshot, log_events=(event,), strangers=(container("other", holder, project="another"),))
    finding = only(snapshot)
    assert finding.code == code and finding.remediations == ("refresh_upstreams",)


@pytest.mark.parametrize(
    "snapshot",
    [stale("10.1.0.3", **NGINX), stale(**{**NGINX, "server": "uvicorn"}), stale(status=500, **NGINX)],
    ids=["the address is the right one", "somebody else wrote the answer", "no gateway error"],
)
def test_nginx_is_not_blamed_otherwise(snapshot):
    assert codes(nginx(snapshot)) == ["protocol.check_failed"]


def test_an_upstream_that_does_not_answer_is_no_stale_address():
    assert codes(with_probes(nginx(stale(**NGINX)), tcp("shop-web-1", "10.1.0.3", 8000, "timeout"))) == ["port.timeout"]


def test_what_asks_a_stale_nginx_is_broken_by_it():
    snapshot = nginx(stale(**NGINX))
    snapshot = replace(snapshot, dependencies=(*snapshot.dependencies, call("api", "web", 80, scheme="http")))
    snapshot = with_probes(
        snapshot,
        resolved("shop-api-1", "web", "10.1.0.4"),
        tcp("shop-api-1", "10.1.0.4", 80),
        answer("web", 502, 80, source="shop-api-1", error="HTTP 502"),
    )
    assert only(snapshot).breaks == ("users", "api → web:80")


def three_replicas():
    snapshot = shop()
    more = tuple(container("api", f"10.1.0.{n}", number=n) for n in (5, 6))
    addresses = ("10.1.0.3", "10.1.0.5", "10.1.0.6")
    snapshot = replace(snapshot, containers=(*snapshot.containers, *more))
    snapshot = with_probes(
        snapshot,
        resolved("shop-web-1", "api", *addresses),
        *(tcp("shop-web-1", a, 8000) for a in addresses),
        *(
            p
            for n in (5, 6)
            for p in (resolved(f"shop-api-{n}", "db", "10.1.0.2"), tcp(f"shop-api-{n}", "10.1.0.2", 5432))
        ),
    )
    return with_container(
        snapshot, "web", sockets=tuple(Socket("10.1.0.4", 40000, "ESTABLISHED", a, 8000) for a in addresses)
    )


def test_replicas_whose_addresses_are_all_in_use_are_no_fault():
    assert codes(three_replicas()) == []


@pytest.mark.parametrize(
    "snapshot",
    [
        stale("10.1.0.3"),
        stale("10.1.0.6", snapshot=three_replicas()),
        stale("10.9.9.9"),
        stale(time="2026-01-01T09:59:00Z"),
        stale(status=500),
        replace(stale(), dependencies=(call("web", "10.1.0.77"), *stale().dependencies)),
    ],
    ids=[
        "today's",
        "a replica's",
        "outside the project",
        "long ago",
        "no gateway error",
        "written in the configuration",
    ],
)
def test_no_stale_address_is_blamed_otherwise(snapshot):
    assert "protocol.stale_ip_gateway_cache_python" not in codes(snapshot)


def swapped(restarted="2026-01-01T09:30:00Z", **fields):
    """``other`` writes the 404 to a path that ``api`` has."""
    body = '{"service": "other"}'
    direct = (answer("other", 404, path="/users/1", body=body), answer("api", 200, path="/users/1"))
    snapshot = with_container(failing(body=body, unknown_path=OWN, direct=direct), "web", started_at=BEFORE, **fields)
    other = container("other", "10.1.0.8", started_at=restarted)
    return with_config(replace(snapshot, containers=(*snapshot.containers, other)), "other", networks={"default": None})


@pytest.mark.parametrize(
    "fields, code",
    [({}, "protocol.stale_ip_gateway_cache_python"), ({"command": ("nginx",)}, "protocol.stale_ip_nginx_502")],
)
def test_a_404_of_a_service_that_took_the_address_over_is_blamed_on_the_old_address(fields, code):
    finding = only(swapped(**fields))
    assert finding.code == code and finding.remediations == ("refresh_upstreams",)
    assert "'api'" in finding.summary and "'other'" in finding.summary


def test_a_gateway_that_started_last_holds_no_old_address():
    assert codes(swapped("2026-01-01T08:00:00Z")) == ["protocol.check_failed"]
