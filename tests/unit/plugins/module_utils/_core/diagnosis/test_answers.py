# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who wrote the answer? The table of docs/symptoms.md, row by row."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.answers import (
    GATEWAY,
    PROXY,
    UPSTREAM,
    author,
    checked_service,
    written_by,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.case import open_case
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import LogEvent
from unit.builders import answer, check, shop

URL = "http://127.0.0.1:8080/users/1"
NO_ROUTE = '{"detail": "no route", "path": "%s"}'
OWN = answer("127.0.0.1", 404, 8080, "/netfix-no-such-path", server="uvicorn", body=NO_ROUTE % "/netfix-no-such-path")


def failed(status=404, body="", server="uvicorn", method="GET", **fields):
    result = check("users", URL, status, server=server, body=body, **fields)
    return replace(result, check=replace(result.check, method=method))


def case(result, **more):
    return open_case(replace(shop(), checks=(result,), **more))


def kind(result, **more):
    return author(case(result, **more), result).kind


def test_the_gateway_wrote_what_it_writes_to_every_unknown_path():
    assert kind(failed(body=NO_ROUTE % "/users/1", unknown_path=OWN)) == GATEWAY


def test_times_and_ids_do_not_make_two_answers_different():
    def body(time, trace, path):
        return f'{{"timestamp":"{time}","traceId":"{trace}","path":"{path}"}}'

    own = replace(OWN, body=body("2026-01-01T10:00:01Z", "0af7651916cd43dd", OWN.path))
    assert kind(failed(body=body("2026-01-01T10:00:00Z", "b7ad6b7169203331", "/users/1"), unknown_path=own)) == GATEWAY


def test_an_answer_that_the_gateway_does_not_give_to_unknown_paths_comes_from_behind_it():
    assert kind(failed(body='{"service": "users"}', unknown_path=OWN)) == UPSTREAM


def test_the_provider_that_answers_the_same_when_asked_directly_wrote_it():
    body = '{"service": "api", "error": "no such path"}'
    result = failed(body=body, unknown_path=OWN, direct=(answer("api", 404, path="/users/1", body=body),))
    assert (author(case(result), result).kind, author(case(result), result).name) == (UPSTREAM, "api")


def test_nobody_is_named_where_all_answer_alike():
    body = '{"detail":"Not Found"}'
    direct = (answer("api", 404, path="/users/1", body=body),)
    result = failed(body=body, unknown_path=replace(OWN, body=body), direct=direct)
    found = author(case(result), result)
    assert found.kind == "" and found.evidence


@pytest.mark.parametrize(
    "own, expected",
    [(OWN, PROXY), (None, PROXY), (replace(OWN, server="kong (via kong/3.4)"), GATEWAY)],
    ids=["only this answer came through it", "nothing to compare with", "the gateway writes Via itself"],
)
def test_a_via_header_tells_of_a_proxy_unless_every_answer_has_it(own, expected):
    result = failed(server="squid (via kong/3.4)", body=NO_ROUTE % "/users/1", unknown_path=own)
    assert kind(result) == expected


def test_a_gateway_that_tells_of_a_failed_upstream_wrote_its_502():
    assert kind(failed(502, body='{"error": "[Errno -2] Name or service not known"}')) == GATEWAY


@pytest.mark.parametrize(
    "time, expected", [("2026-01-01T10:00:05.1Z", GATEWAY), ("2026-01-01T09:59:00Z", "")], ids=["now", "long ago"]
)
def test_only_what_the_log_says_now_is_evidence(time, expected):
    event = LogEvent("web", "shop-web-1", "refused", "connection refused", time)
    result = failed(502, body="Bad Gateway")
    assert kind(result, log_events=(event,), taken_at="2026-01-01T10:00:00+00:00") == expected


@pytest.mark.parametrize("status", [404, 500, 502])
def test_an_answer_with_nothing_to_compare_it_with_has_no_author(status):
    assert kind(failed(status, body="sorry")) == ""


def test_a_head_request_has_no_body_to_compare():
    assert kind(failed(method="HEAD", unknown_path=OWN)) == ""


def test_an_unexplained_failure_tells_who_wrote_it_and_what_the_providers_say():
    direct = (answer("api", 200, path="/users/1"),)
    result = failed(500, body="oops", direct=direct)
    (finding,) = diagnose(replace(shop(), checks=(result,))).findings
    assert finding.code == "protocol.check_failed"
    assert "asked from inside web itself, api:8000/users/1 answers 200" in finding.evidence
    assert set(written_by(case(result), result)) <= set(finding.evidence)


@pytest.mark.parametrize(
    "url, source, service",
    [(URL, "host", "web"), ("http://api:8000/x", "web", "api"), ("http://127.0.0.1:9999/", "host", "")],
)
def test_the_checked_service_is_the_one_that_the_url_reaches_first(url, source, service):
    result = check("x", url, 404, source=source)
    assert checked_service(case(result), result) == service
