# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.case import Case
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Host, Interface, Layer, Outcome, Probe
from ansible_collections.vertice.netfix.plugins.module_utils._host.prober import PingJob
from ansible_collections.vertice.netfix.plugins.module_utils._host.sizes import ask_sizes
from ansible_collections.vertice.netfix.plugins.module_utils._host.wanted import Wanted
from unit.builders import check, shop, tcp, with_container, with_probes


class Recorder:
    """A prober that keeps what it is asked."""

    def __init__(self):
        self.jobs = []

    def run(self, jobs, **_patience):
        self.jobs += jobs
        return []


def asked(snapshot):
    recorder = Recorder()
    ask_sizes(recorder, Case(snapshot), Wanted())
    return recorder.jobs


def linked(outer=1500, **fields):
    """The shop, whose api has an interface with MTU 1400, all others 1500; ``outer`` is that of api's other end."""
    snapshot = shop(**fields)
    for index, service in enumerate(("web", "api", "db"), start=10):
        inner = Interface("eth0", index, 1400 if service == "api" else 1500, peer=index + 10)
        snapshot = with_container(snapshot, service, interfaces=(inner,))
    ends = (Interface("v1", 20, 1500), Interface("v2", 21, outer), Interface("v3", 22, 1500))
    return replace(snapshot, host=Host(interfaces=ends))


TO_API = [PingJob("shop-web-1", 100, "10.1.0.3"), PingJob("shop-web-1", 100, "10.1.0.3", size=1400)]
TO_DB = [PingJob("shop-api-1", 100, "10.1.0.2"), PingJob("shop-api-1", 100, "10.1.0.2", size=1400)]


def test_nothing_is_asked_where_nothing_hints_at_lost_packets():
    assert asked(linked()) == []


def test_both_ways_of_a_narrow_link_are_asked_with_what_both_ends_allow():
    assert asked(linked(outer=1200)) == TO_API + TO_DB


@pytest.mark.parametrize("result", [check(status=504), check(error="timeout", status=0)])
def test_what_is_behind_a_check_that_gets_no_answer_is_asked(result):
    snapshot = linked(checks=(result,))
    assert asked(with_container(snapshot, "web", ports=shop().containers[0].ports)) == TO_API + TO_DB


def test_a_check_that_fails_otherwise_hints_at_nothing():
    assert asked(linked(checks=(check(status=502),))) == []


def test_a_consumer_that_waits_in_vain_over_an_open_port_is_asked_for():
    silent = Probe("shop-web-1", Layer.PROTOCOL, "api", Outcome.FAILED, port=8000, error="no_response")
    assert asked(with_probes(linked(), silent)) == TO_API


def test_a_closed_port_is_not_asked_for_its_size():
    assert asked(with_probes(linked(outer=1200), tcp("shop-web-1", "10.1.0.3", 8000, "timeout"))) == TO_DB
