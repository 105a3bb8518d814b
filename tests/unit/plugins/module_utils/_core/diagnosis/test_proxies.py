# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import LogEvent, Socket
from unit.builders import answer, check, codes, only, resolved, shop, with_config, with_container, with_probes

URL = "http://127.0.0.1:8080/users/1"
PROXY = "http://me:s3cret@corp:3128"
VIA = "netfix-gateway (via 1.1 corp)"
DIRECT = (answer("api", 200, path="/users/1"),)


def proxied(status=503, environment=None, configured=True, **fields):
    """The shop behind a proxy that answers in the place of ``api``."""
    environment = {"HTTP_PROXY": PROXY, "http_proxy": PROXY} if environment is None else environment
    values = {"server": VIA, "body": "cannot resolve host", "direct": DIRECT}
    snapshot = replace(shop(), checks=(check("users", URL, status, **{**values, **fields}),))
    snapshot = with_container(snapshot, "web", environment=environment)
    snapshot = replace(snapshot, taken_at="2026-01-01T10:00:00+00:00")
    return with_config(snapshot, "web", environment=environment if configured else {"USE_ENV_PROXY": "1"})


def test_calls_that_go_to_a_proxy_are_told_with_what_no_proxy_lacks():
    finding = only(proxied(environment={"HTTP_PROXY": PROXY, "NO_PROXY": "localhost,10.0.0.0/8"}))
    assert finding.code == "protocol.http_proxy_without_no_proxy" and finding.remediations == ("restore_resolver",)
    assert finding.subject["no_proxy"] == ["localhost", "10.0.0.0/8", "api"]
    assert "localhost,10.0.0.0/8,api" in finding.advice


def test_the_proxys_password_is_not_told():
    assert "s3cret" not in repr(only(proxied()))


def test_variables_that_no_compose_file_sets_come_from_the_docker_client():
    finding = only(proxied(configured=False))
    assert finding.code == "protocol.docker_cli_config_proxies_injected" and finding.remediations == ()
    assert ".docker/config.json" in finding.advice


@pytest.mark.parametrize("entry", ["api", "API", "*", "api:8000"])
def test_a_name_in_no_proxy_keeps_the_proxy_away(entry):
    assert codes(proxied(environment={"HTTP_PROXY": PROXY, "no_proxy": f"localhost, {entry}"})) == [
        "protocol.check_failed"
    ]


def with_dotted_name(no_proxy):
    snapshot = proxied(environment={"HTTP_PROXY": PROXY, "NO_PROXY": no_proxy})
    first, *rest = snapshot.dependencies
    snapshot = replace(snapshot, dependencies=(replace(first, host="api.shop.internal"), *rest))
    snapshot = with_config(snapshot, "api", networks={"default": {"aliases": ["api.shop.internal"]}})
    return with_probes(snapshot, resolved("shop-web-1", "api.shop.internal", "10.1.0.3"))


@pytest.mark.parametrize(
    "no_proxy, captured",
    [
        (".internal", False),
        ("shop.internal", False),
        ("*.internal", False),
        ("internal", False),
        ("op.internal", True),
        ("api", True),
    ],
)
def test_a_suffix_in_no_proxy_keeps_the_proxy_away_from_whole_labels(no_proxy, captured):
    assert ("protocol.http_proxy_without_no_proxy" in codes(with_dotted_name(no_proxy))) is captured


@pytest.mark.parametrize(
    "name, found", [("HTTPS_PROXY", False), ("ALL_PROXY", True), ("all_proxy", True), ("FTP_PROXY", False)]
)
def test_the_variable_must_be_one_for_the_scheme(name, found):
    assert ("protocol.http_proxy_without_no_proxy" in codes(proxied(environment={name: PROXY}))) is found


PLAIN = {"server": "uvicorn", "unknown_path": answer("127.0.0.1", 404, 8080, "/netfix-no-such-path", body="no route")}


@pytest.mark.parametrize(
    "snapshot",
    [
        replace(
            proxied(502, direct=(), **PLAIN),
            log_events=(
                LogEvent("web", "shop-web-1", "refused", "corp:3128 refused", "2026-01-01T10:00:01Z", host="corp"),
            ),
        ),
        with_container(
            with_probes(proxied(502, direct=(), **PLAIN), resolved("shop-web-1", "corp", "10.1.0.9")),
            "web",
            sockets=(Socket("10.1.0.4", 40000, "TIME_WAIT", "10.1.0.9", 3128),),
        ),
        proxied(502, **PLAIN),
    ],
    ids=["its log names the proxy", "it has a connection to the proxy", "only the direct way works"],
)
def test_a_proxy_shows_without_a_via_header(snapshot):
    assert codes(snapshot) == ["protocol.http_proxy_without_no_proxy"]


@pytest.mark.parametrize(
    "snapshot",
    [
        proxied(502, direct=(), **PLAIN),
        proxied(404, **{**PLAIN, "body": "no route"}),
        with_container(proxied(502, **PLAIN), "web", command=("nginx",)),
    ],
    ids=["no trace of it", "the gateway's own 404", "nginx does not follow such variables"],
)
def test_variables_alone_prove_nothing(snapshot):
    assert codes(snapshot) == ["protocol.check_failed"]


def test_a_proxy_for_the_outer_world_is_no_fault():
    snapshot = with_container(shop(), "web", environment={"HTTP_PROXY": PROXY})
    assert codes(snapshot) == []
