# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import (
    LogEvent,
    Mount,
    Nginx,
    NginxLocation,
    NginxServer,
)
from unit.builders import (
    answer,
    call,
    check,
    codes,
    only,
    resolved,
    shop,
    unresolved,
    with_config,
    with_container,
    with_probes,
)

URL = "http://127.0.0.1:8080/users/1"
MAIN = "/etc/nginx/nginx.conf"
PAGE = "<center>404 Not Found</center><center>nginx</center>"
OWN = answer("127.0.0.1", 404, 8080, "/netfix-no-such-path", body=PAGE)
DIRECT = (answer("api", 200, path="/users/1"),)
STATIC = NginxServer(("80",), ("_",), True, (NginxLocation("/"),), f"{MAIN}:3")


def failing(status=404, **fields):
    values = {"server": "nginx/1.26.3", "body": PAGE, "unknown_path": OWN, "direct": DIRECT}
    result = check("users", URL, status, **{**values, **fields})
    return replace(shop(), checks=(result,), taken_at="2026-01-01T10:00:00+00:00")


def passing(*names, passes="http://api:8000", hosts=("api",), resolver=()):
    where = f"{MAIN}:9"
    return NginxServer(("80",), names, False, (NginxLocation("/", passes, hosts, resolver, where),), where)


def reads(snapshot, *servers, files=(MAIN, "/etc/nginx/mime.types")):
    nginx = Nginx("shop-web-1", files, ("/etc/nginx/mime.types", "/etc/nginx/conf.d/*.conf"), servers)
    return replace(with_container(snapshot, "web", command=("nginx",)), nginx=(nginx,))


# a configuration that is not read


def from_file(snapshot, key="/srv/shop/gateway.conf", line=4):
    others = [d for d in snapshot.dependencies if d.consumer != "web"]
    read = call("web", "api", 8000, scheme="http", origin=f"./gateway.conf:{line}", key=key, line=line)
    return replace(snapshot, dependencies=(read, *others))


def mounted(snapshot, destination, source="/srv/shop/gateway.conf"):
    return with_container(snapshot, "web", mounts=(Mount("bind", source, destination),))


def test_routes_that_are_mounted_where_nginx_does_not_look_are_named():
    finding = only(mounted(from_file(reads(failing(), STATIC)), "/etc/nginx/http.d/gateway.conf"))
    assert finding.code == "protocol.nginx_config_not_mounted_404" and finding.remediations == ()
    assert "/etc/nginx/conf.d/*.conf" in finding.advice
    assert any("/etc/nginx/http.d/gateway.conf" in line for line in finding.evidence)


def test_a_folder_that_is_mounted_elsewhere_is_found_as_well():
    finding = only(mounted(from_file(reads(failing(), STATIC)), "/etc/nginx/http.d", "/srv/shop"))
    assert any("/etc/nginx/http.d/gateway.conf" in line for line in finding.evidence)


def test_a_container_that_was_made_without_the_mount_is_told():
    finding = only(from_file(reads(failing(), STATIC)))
    assert any("is not mounted in shop-web-1" in line for line in finding.evidence)


def test_an_inline_configuration_has_the_place_that_the_project_gives_it():
    snapshot = from_file(reads(failing(), STATIC), key="configs.routes")
    configs = [{"source": "routes", "target": "/etc/nginx/http.d/x.conf"}]
    finding = only(with_config(snapshot, "web", configs=configs))
    assert any("is mounted at /etc/nginx/http.d/x.conf" in line for line in finding.evidence)


def test_declared_routes_are_enough_to_expect_a_configuration():
    routes = ({"gateway": "web", "prefix": "/users", "service": "api"},)
    assert codes(replace(reads(failing(), STATIC), routes=routes)) == ["protocol.nginx_config_not_mounted_404"]


@pytest.mark.parametrize(
    "snapshot",
    [
        from_file(failing()),
        reads(failing(), STATIC),
        from_file(reads(failing(), STATIC, passing("shop.test"))),
        from_file(reads(failing(500), STATIC)),
    ],
    ids=["its files could not be read", "a web server of static files", "it passes requests on", "no 404"],
)
def test_nginx_is_not_said_to_miss_its_configuration_otherwise(snapshot):
    assert codes(snapshot) == ["protocol.check_failed"]


# a host name without a server


def named(*names, status=200):
    return tuple(answer(n, status, 8080, "/users/1", source="") for n in names)


def test_a_request_for_another_host_than_the_routes_have_is_told():
    finding = only(reads(failing(named=named("shop.test")), STATIC, passing("shop.test")))
    assert finding.code == "protocol.nginx_host_mismatch_default_server_404"
    assert finding.confirm == f"curl -si -H 'Host: shop.test' {URL}"
    assert f"{MAIN}:9" in finding.advice and "'127.0.0.1'" in finding.summary


@pytest.mark.parametrize(
    "snapshot",
    [
        reads(failing(named=named("shop.test", status=404)), STATIC, passing("shop.test")),
        reads(failing(named=named("shop.test")), STATIC, passing("shop.test", "127.0.0.1")),
        reads(failing(named=named("shop.test")), STATIC, passing("shop.test", "~^127")),
        reads(failing(named=named("blog.test")), passing("blog.test", hosts=("blog",)), STATIC),
        reads(failing(named=named("shop.test"), direct=()), STATIC, passing("shop.test")),
    ],
    ids=[
        "refused there too",
        "has that name too",
        "matches a pattern",
        "another site that answers all",
        "nobody has the path",
    ],
)
def test_the_host_is_not_blamed_otherwise(snapshot):
    assert codes(snapshot) == ["protocol.check_failed"]


@pytest.mark.parametrize("name", ["shop.test", ".test", "*.test", "shop.*", "~^shop"])
def test_a_host_that_nginx_serves_is_not_blamed(name):
    result = failing(named=named("other.test")).checks[0]
    asked = replace(result, check=replace(result.check, headers={"HOST": "shop.test:8080"}))
    snapshot = replace(failing(), checks=(asked,))
    assert codes(reads(snapshot, STATIC, passing(name), passing("other.test"))) == ["protocol.check_failed"]


# a resolver of its own


NONE = "no resolver defined to resolve api"
NOT_FOUND = "api could not be resolved (3: Host not found)"


def unresolvable(line, *resolver, time="2026-01-01T10:00:05Z", status=502):
    snapshot = reads(failing(status), passing(passes="http://$up:8000", resolver=resolver))
    event = LogEvent("web", "shop-web-1", "resolution", f"[error] 7#7: *1 {line}", time, host="api")
    return replace(snapshot, log_events=(event,))


@pytest.mark.parametrize(
    "snapshot, code",
    [
        (unresolvable(NONE), "protocol.nginx_no_resolver_for_variable"),
        (unresolvable(NOT_FOUND, "10.0.0.53"), "protocol.nginx_resolver_bypasses_docker_dns"),
        (unresolvable(NOT_FOUND), "protocol.nginx_resolver_bypasses_docker_dns"),
    ],
    ids=["it has none", "it has another", "its files could not be read"],
)
def test_an_nginx_that_asks_the_wrong_nameserver_is_found(snapshot, code):
    finding = only(snapshot)
    assert finding.code == code and finding.remediations == ("correct_upstreams",)
    assert "resolver 127.0.0.11" in finding.advice and f"{MAIN}:9" in finding.advice


@pytest.mark.parametrize(
    "snapshot",
    [
        unresolvable(NOT_FOUND, "127.0.0.11"),
        unresolvable(NONE, time="2026-01-01T09:59:00Z"),
        unresolvable(NONE, status=404),
        with_probes(unresolvable(NOT_FOUND), resolved("shop-web-1", "api", "10.1.0.3", via="/etc/hosts")),
    ],
    ids=["it asks Docker's", "long ago", "no gateway error", "a name that only /etc/hosts has"],
)
def test_nginx_is_not_said_to_ask_the_wrong_nameserver_otherwise(snapshot):
    assert codes(snapshot) == ["protocol.check_failed"]


def test_a_name_that_the_container_cannot_resolve_either_is_the_cause():
    assert codes(with_probes(unresolvable(NOT_FOUND), unresolved("shop-web-1", "api"))) == ["name.unresolved"]
