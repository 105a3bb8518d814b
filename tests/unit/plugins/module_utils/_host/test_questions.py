# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.case import Case
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Layer, Outcome, Probe
from ansible_collections.vertice.netfix.plugins.module_utils._host.prober import HttpJob, NameJob, TcpJob
from ansible_collections.vertice.netfix.plugins.module_utils._host.questions import ask, parse_checks
from ansible_collections.vertice.netfix.plugins.module_utils._host.wanted import Wanted
from unit.builders import call, shop, with_container


def test_a_check_takes_what_is_usual_where_nothing_is_said():
    (check,) = parse_checks([{"url": "http://127.0.0.1:8000/health"}])
    assert (check.name, check.method, check.source) == ("GET http://127.0.0.1:8000/health", "GET", "host")
    assert check.statuses == () and check.headers == {}


def test_a_check_as_the_operator_wrote_it():
    entry = {"name": "query", "url": "http://a/", "method": "post", "json": {"q": 1}, "statuses": 200, "source": "web"}
    (check,) = parse_checks([entry])
    assert (check.method, check.json_body, check.statuses, check.source) == ("POST", {"q": 1}, (200,), "web")


@pytest.mark.parametrize("url", ["", "ftp://a/", "127.0.0.1:8000/health", "http://"])
def test_a_check_without_an_http_url_is_refused_by_its_name(url):
    with pytest.raises(NetfixError, match="The check 'kb' needs an http or https url"):
        parse_checks([{"name": "kb", "url": url}])


class Answers:
    """A prober whose answers are known: addresses by name, statuses by Host header. Everything else is as it should be."""

    def __init__(self, names=(), statuses=()):
        self.names, self.statuses = dict(names), dict(statuses)
        self.asked = []

    def run(self, jobs, **_patience):
        self.asked += jobs
        return [self._answer(job) for job in jobs]

    def _answer(self, job):
        if isinstance(job, NameJob):
            addresses, name = self.names[job.host]
            found = Outcome.OK if addresses else Outcome.FAILED
            return Probe(job.container, Layer.NAME, job.host, found, answers=addresses, via="127.0.0.11", resolved_name=name)
        if isinstance(job, TcpJob):
            return Probe(job.container, Layer.PORT, job.host, Outcome.OK, job.port)
        host = urlsplit(job.url).hostname
        return Probe(job.container, Layer.PROTOCOL, host, Outcome.OK, 8000, status=self.statuses.get(host, 200))

    def of(self, kind):
        return [job for job in self.asked if isinstance(job, kind)]


def questions(answers, *dependencies, **wanted):
    """What is asked for those dependencies."""
    ask(answers, Case(replace(shop(), dependencies=dependencies)), Wanted(**wanted))
    return answers


def test_localhost_is_tried_in_the_callers_own_namespace_and_no_nameserver_is_asked_for_it():
    asked = questions(
        Answers({"localhost": (("127.0.0.1",), "")}), call("web", "localhost", 8000, kind="loopback", scheme="http")
    )
    assert asked.of(TcpJob) == [TcpJob("shop-web-1", 100, "127.0.0.1", 8000)]
    assert [j for j in asked.of(NameJob) if j.nameserver] == [] and asked.of(HttpJob) == []


PARTNER = call("web", "api.partner.example", 443, kind="external", scheme="https")


def test_names_outside_are_not_asked_for_unless_it_is_wanted():
    assert questions(Answers(), PARTNER).asked == []


def test_names_outside_are_resolved_and_never_connected_to():
    asked = questions(Answers({PARTNER.host: (("192.0.2.7",), "")}), PARTNER, probe_external=True)
    assert asked.asked == [NameJob("shop-web-1", 100, PARTNER.host)]


def test_an_address_outside_needs_no_nameserver():
    address = call("web", "192.0.2.7", 443, kind="external")
    assert questions(Answers(), address, probe_external=True).asked == []


@pytest.mark.parametrize("status, hosts", [(400, ["shop_api", "shop-api"]), (404, ["shop_api"])])
def test_a_400_is_asked_again_without_the_underscore(status, hosts):
    answers = Answers({"shop_api": (("10.1.0.3",), "")}, {"shop_api": status})
    asked = questions(answers, call("web", "shop_api", 8000, scheme="http"))
    assert [urlsplit(j.url).hostname for j in asked.of(HttpJob)] == hosts
    assert {j.connect for j in asked.of(HttpJob)} == {"10.1.0.3"}


def test_a_400_to_a_name_without_an_underscore_is_not_asked_again():
    answers = Answers({"api": (("10.1.0.3",), "")}, {"api": 400})
    assert len(questions(answers, call("web", "api", 8000, scheme="http")).of(HttpJob)) == 1


@pytest.mark.parametrize("name, nameservers", [("", [""]), ("api.corp.example", ["", "127.0.0.11"])])
def test_the_embedded_dns_is_asked_itself_where_a_search_domain_answered(name, nameservers):
    asked = questions(Answers({"api": (("10.1.0.3",), name)}), call("web", "api", 8000))
    assert [j.nameserver for j in asked.of(NameJob)] == nameservers


def test_what_does_not_run_is_not_asked():
    snapshot = with_container(replace(shop(), dependencies=(call("web", "api", 8000),)), "web", state="exited", pid=0)
    answers = Answers()
    ask(answers, Case(snapshot), Wanted())
    assert answers.asked == []


def test_a_provider_whose_name_leads_nowhere_is_asked_by_its_address_as_a_direct_route_would():
    asked = questions(Answers({"api": ((), "")}), call("web", "api", 8000, scheme="http"))
    assert [(j.url, j.connect) for j in asked.of(HttpJob)] == [("http://10.1.0.3:8000/", "10.1.0.3")]


def test_a_provider_that_its_name_leads_to_is_asked_once():
    asked = questions(Answers({"api": (("10.1.0.3",), "")}), call("web", "api", 8000, scheme="http"))
    assert [urlsplit(j.url).hostname for j in asked.of(HttpJob)] == ["api"]
