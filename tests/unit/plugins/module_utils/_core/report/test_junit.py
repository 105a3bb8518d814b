# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from xml.etree import ElementTree

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.junit import render_junit

from .builders import SIZES, finding, stack, told, walk


def suites(journal):
    return ElementTree.fromstring(render_junit(journal)).findall("testsuite")


def cases(journal, number=0):
    found = {}
    for case in suites(journal)[number].findall("testcase"):
        found[case.get("classname"), case.get("name")] = (case[0].tag if len(case) else "passed", case[0] if len(case) else None)
    return found


def test_every_sample_is_xml_whose_counts_are_right(sample):
    root = ElementTree.fromstring(render_junit(sample).encode())
    totals = {"tests": 0, "failures": 0, "errors": 0}
    for suite in root.findall("testsuite"):
        tests = suite.findall("testcase")
        tags = [child.tag for case in tests for child in case]
        assert len(tests) == int(suite.get("tests"))
        for key, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert tags.count(tag) == int(suite.get(key))
        assert float(suite.get("time")) == pytest.approx(sum(float(case.get("time")) for case in tests), abs=0.01)
        for key in totals:
            totals[key] += int(suite.get(key))
    assert {key: int(root.get(key)) for key in totals} == totals


def test_it_has_the_shape_that_ci_servers_read(sample):
    """junit-10.xsd of jenkinsci/xunit-plugin: which elements and attributes there are, and which there must be."""
    root = ElementTree.fromstring(render_junit(sample))
    shape = {
        "testsuites": ({"testsuite"}, {"name", "time", "tests", "failures", "errors"}, set()),
        "testsuite": (
            {"properties", "testcase"},
            {"name", "tests", "failures", "errors", "skipped", "time", "timestamp", "hostname", "id"},
            {"name", "tests", "failures", "errors"},
        ),
        "properties": ({"property"}, set(), set()),
        "property": (set(), {"name", "value"}, {"name", "value"}),
        "testcase": ({"skipped", "error", "failure"}, {"name", "time", "classname"}, {"name"}),
        "skipped": (set(), {"type", "message"}, set()),
        "error": (set(), {"type", "message"}, set()),
        "failure": (set(), {"type", "message"}, set()),
    }
    assert root.tag == "testsuites"
    for entry in root.iter():
        children, allowed, needed = shape[entry.tag]
        assert {child.tag for child in entry} <= children
        assert needed <= set(entry.keys()) <= allowed


def test_a_broken_dependency_failed_with_its_cause_and_the_evidence(journal):
    tag, failure = cases(journal("not_mended"))["vertice.api_gateway", "api_gateway → visual_cortex_service:8002"]
    assert (tag, failure.get("type")) == ("failure", "port.bind_loopback_only")
    assert failure.get("message").startswith("visual_cortex_service listens on 127.0.0.1:8002 only")
    for line in ("failed at port, from vertice-api_gateway-1: ECONNREFUSED", "has LISTEN 127.0.0.1:8002", "confirm by hand:"):
        assert line in failure.text


def test_what_could_not_be_probed_is_skipped_with_the_reason(journal):
    tag, skipped = cases(journal("not_mended"))["vertice.hcl-kb-service", "hcl-kb-service → redis:6379"]
    assert (tag, skipped.get("message")) == ("skipped", "no process id: vertice-redis-1 is restarting")


def test_the_state_at_the_end_of_the_run_decides(journal):
    found = cases(journal("mended"))
    assert {tag for tag, _element in found.values()} == {"passed"}
    assert ("vertice.checks", "query") in found and ("vertice.load", "short load") in found


def test_a_host_that_could_not_be_reached_is_an_error_and_the_others_are_told(journal):
    data = journal("failed_on_one_of_four")
    names = [suite.get("name") for suite in suites(data)]
    tag, error = cases(data, names.index("vertice on db4"))["db4.vertice.run", "the run finishes"]
    assert tag == "error" and "No route to host" in error.get("message")
    assert cases(data, names.index("vertice on db3"))["db3.vertice.run", "the run finishes"][0] == "passed"


def test_what_an_undo_left_behind_is_an_error_that_names_it(journal):
    data = journal("failed_on_one_of_four")
    number = [suite.get("name") for suite in suites(data)].index("vertice on db2")
    _tag, error = cases(data, number)["db2.vertice.run", "the run finishes"]
    assert "expected subnet 172.20.0.0/16, found none" in error.text


def test_a_root_cause_that_breaks_nothing_yet_fails_a_test_of_its_own():
    diagnosis = {"healthy": False, "walks": [walk("web", "db")], "findings": [finding("host.ip_forward_off", "off")]}
    assert cases(told(diagnosis))["shop.findings", "host.ip_forward_off"][0] == "failure"


def test_a_warning_fails_nothing():
    warning = finding("host.neighbour_table_nearly_full", "nearly", severity="warning")
    found = cases(told({"healthy": True, "walks": [walk("web", "db")], "findings": [warning]}))
    assert {tag for tag, _element in found.values()} == {"passed"}


def test_each_replica_of_a_consumer_is_a_test_of_its_own():
    walks = [walk("web", "db"), walk("web", "db", container="shop-web-2")]
    names = [name for _class, name in cases(told({"healthy": True, "walks": walks, "findings": []}))]
    assert names[1:] == ["web → db:8080 from shop-web-1", "web → db:8080 from shop-web-2"]


def test_a_load_without_a_request_is_no_pass():
    validation = {"checks": [], "load": {"requests": 0, "outcome": "ok"}}
    found = cases(told({"healthy": True, "walks": [], "findings": []}, validation=validation))
    assert found["shop.load", "short load"][0] == "skipped"


@pytest.mark.parametrize("size", SIZES)
def test_there_is_one_test_for_each_dependency(size):
    diagnosis = stack(size)
    assert len(cases(told(diagnosis))) == len(diagnosis["walks"]) + 1


def test_hostile_data_is_still_xml_and_holds_no_control_character(hostile):
    text = render_junit(hostile)
    ElementTree.fromstring(text.encode("utf-8"))
    assert [character for character in text.replace("\n", "") if not character.isprintable()] == []
    assert "<script" not in text
