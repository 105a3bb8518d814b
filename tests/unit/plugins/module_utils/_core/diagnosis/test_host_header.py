# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Layer, Outcome, Probe
from unit.builders import call, check, codes, resolved, shop, tcp, with_probes


def answered(host, status):
    outcome = Outcome.FAILED if status == 400 else Outcome.OK
    return Probe("shop-web-1", Layer.PROTOCOL, host, outcome, 8000, "/", f"http_{status}", status=status, server="django")


def asked(host, *answers):
    snapshot = replace(shop(), dependencies=(call("web", host, 8000, scheme="http"),), checks=(check(status=400),))
    return with_probes(
        snapshot, resolved("shop-web-1", host, "10.1.0.3"), tcp("shop-web-1", "10.1.0.3", 8000), *answers
    )


def test_a_host_that_is_accepted_with_a_hyphen_was_rejected_for_its_underscore():
    snapshot = asked("shop_api", answered("shop_api", 400), answered("shop-api", 200))
    (finding,) = diagnose(snapshot).findings
    assert finding.code == "protocol.underscore_host_rejected"
    assert "alias 'shop-api'" in finding.advice and "400 by django" in finding.evidence[0]


@pytest.mark.parametrize(
    "answers",
    [
        (answered("shop_api", 400), answered("shop-api", 400)),
        (answered("shop_api", 400), answered("shop-api", 0)),
        (answered("shop_api", 400),),
        (answered("shop_api", 404), answered("shop-api", 200)),
    ],
)
def test_any_other_answer_is_not_blamed_on_the_underscore(answers):
    assert "protocol.underscore_host_rejected" not in codes(asked("shop_api", *answers))


def test_a_service_without_an_underscore_may_answer_400_to_what_it_does_not_understand():
    snapshot = replace(asked("api", answered("api", 400)), checks=())
    assert codes(snapshot) == []
