# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Layer, Outcome, Probe
from unit.builders import (
    check,
    codes,
    shop,
    tcp,
    unresolved,
    with_probes,
)


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


def wrong_answer(snapshot, consumer="web", host="api", port=8000, status=502):
    error = f"HTTP {status}"
    return with_probes(
        snapshot, Probe(f"shop-{consumer}-1", Layer.PROTOCOL, host, Outcome.FAILED, port, "/", error, status=status)
    )


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_what_the_application_answers_is_its_own_business(status):
    assert codes(wrong_answer(shop(), status=status)) == []


def test_a_gateways_error_that_a_provider_answers_is_a_finding_even_without_checks():
    diagnosis = diagnose(wrong_answer(replace(shop(), checks=())))
    assert [f.code for f in diagnosis.findings] == ["protocol.check_failed"] and not diagnosis.healthy
    assert next(w for w in diagnosis.walks if w.dependency.host == "api").cause == "protocol.check_failed"


def test_a_gateways_error_is_a_symptom_of_what_is_broken_behind_it():
    snapshot = with_probes(wrong_answer(shop()), tcp("shop-api-1", "10.1.0.2", 5432, "timeout"))
    assert codes(snapshot) == ["port.timeout"]


def test_a_check_that_meets_the_same_error_gives_no_second_finding():
    assert codes(wrong_answer(answering(502))) == ["protocol.check_failed"]
