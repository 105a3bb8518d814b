# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.case import Case
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import (
    Layer,
    Nginx,
    NginxLocation,
    NginxServer,
    Outcome,
    Probe,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host import comparisons
from ansible_collections.vertice.netfix.plugins.module_utils._host.comparisons import compare, nginx_behind
from ansible_collections.vertice.netfix.plugins.module_utils._host.wanted import Wanted
from unit.builders import call, check, resolved, shop, tcp, with_container, with_probes

URL = "http://127.0.0.1:8080/users/1?key=1"


class Recorder:
    """A prober that gives everything the same answer, and remembers what it was asked."""

    def __init__(self, status):
        self.jobs, self.status = [], status

    def run(self, jobs, **_settings):
        self.jobs += jobs
        return [self.answer(job) for job in jobs]

    def answer(self, job):
        parts, outcome = urlsplit(job.url), Outcome.OK if self.status < 400 else Outcome.FAILED
        said = {"status": self.status, "body": "x" * 999}
        return Probe(job.container, Layer.PROTOCOL, parts.hostname, outcome, parts.port, parts.path, **said)


def compared(snapshot, status=200):
    prober = Recorder(status)
    return compare(prober, Case(snapshot), Wanted()), prober.jobs


def failing(status=404, snapshot=None, method="GET", **fields):
    result = check("users", URL, status, **fields)
    asked = replace(result, check=replace(result.check, method=method, headers={"Authorization": "Bearer x"}))
    return replace(snapshot or shop(), checks=(asked,))


def test_a_failed_request_is_sent_for_an_unknown_path_and_to_the_providers():
    (result,), jobs = compared(failing())
    assert result.unknown_path.path == "/netfix-no-such-path"
    assert [(p.host, p.port, p.path) for p in result.direct] == [("api", 8000, "/users/1")]
    assert [(j.container, j.url, j.connect) for j in jobs] == [
        ("", "http://127.0.0.1:8080/netfix-no-such-path", ""),
        ("shop-web-1", "http://api:8000/users/1", "10.1.0.3"),
    ]


@pytest.mark.parametrize(
    "status, server, asked", [(404, "", True), (502, "nginx", False), (503, "a (via squid)", True)]
)
def test_an_unknown_path_is_asked_where_it_can_tell_something(status, server, asked):
    (result,), _jobs = compared(failing(status, server=server))
    assert (result.unknown_path is not None) is asked


def test_the_operators_headers_do_not_go_to_the_providers():
    _results, jobs = compared(failing())
    assert [dict(j.headers) for j in jobs] == [{"Authorization": "Bearer x"}, {}]


@pytest.mark.parametrize("status, length", [(404, 300), (200, 0)])
def test_of_a_bad_answer_the_beginning_is_kept_and_of_a_good_one_nothing(status, length):
    (result,), _jobs = compared(failing(), status)
    assert len(result.direct[0].body) == len(result.unknown_path.body) == length


def test_only_reading_requests_are_sent_to_providers():
    (result,), jobs = compared(failing(method="POST"))
    assert result.direct == () and [j.method for j in jobs] == ["GET"]


def test_a_check_that_timed_out_is_compared_with_the_direct_way_only():
    (result,), _jobs = compared(failing(0, error="timeout"))
    assert result.unknown_path is None and [p.host for p in result.direct] == ["api"]


@pytest.mark.parametrize("snapshot", [shop(), failing(0, error="ECONNREFUSED")], ids=["it passed", "nobody answered"])
def test_nothing_is_asked_otherwise(snapshot):
    results, jobs = compared(snapshot)
    assert results == snapshot.checks and jobs == []


def test_a_port_that_is_closed_is_not_asked():
    (result,), _jobs = compared(with_probes(failing(), tcp("shop-web-1", "10.1.0.3", 8000, "ECONNREFUSED")))
    assert result.direct == ()


def test_no_more_than_ten_providers_are_asked():
    snapshot = shop()
    many = [f"api{n}" for n in range(30)]
    snapshot = replace(snapshot, dependencies=tuple(call("web", n, 8000, scheme="http") for n in many))
    snapshot = with_probes(snapshot, *(resolved("shop-web-1", n, "10.1.0.3") for n in many))
    (result,), _jobs = compared(failing(snapshot=snapshot))
    assert len(result.direct) == 10


def test_what_does_not_speak_http_is_not_asked():
    snapshot = replace(shop(), dependencies=(call("web", "api", 8000), call("api", "db", 5432)))
    (result,), _jobs = compared(failing(snapshot=snapshot))
    assert result.direct == ()


def nginx(*servers):
    return (Nginx("shop-web-1", ("/etc/nginx/nginx.conf",), servers=servers),)


def test_the_host_names_that_an_nginx_serves_are_tried():
    passing = (NginxLocation("/", "http://api:8000"),)
    servers = (
        NginxServer(names=("a.test", "*.b.test", "~^c", "_", "127.0.0.1"), locations=passing),
        NginxServer(names=("static.test",), locations=(NginxLocation("/"),)),
    )
    (result,), jobs = compared(replace(failing(), nginx=nginx(*servers)))
    assert [p.host for p in result.named] == ["a.test"]
    assert (jobs[-1].url, dict(jobs[-1].headers)) == (URL, {"Authorization": "Bearer x", "Host": "a.test"})


@pytest.mark.parametrize("status, expected", [(200, []), (404, ["shop-web-1", "shop-api-1", "shop-db-1"])])
def test_configurations_are_read_only_where_a_check_failed(monkeypatch, status, expected):
    read = []
    monkeypatch.setattr(comparisons, "read_nginx", lambda container: read.append(container.name))
    nginx_behind(Case(failing(status)))
    assert read == expected


def test_the_configuration_of_a_gateway_that_does_not_run_is_not_read(monkeypatch):
    monkeypatch.setattr(comparisons, "read_nginx", lambda container: pytest.fail(container.name))
    stopped = shop()
    for service in ("web", "api", "db"):
        stopped = with_container(stopped, service, state="exited", pid=0)
    assert nginx_behind(Case(failing(snapshot=stopped))) == ()
