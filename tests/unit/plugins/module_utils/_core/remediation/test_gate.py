# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Layer
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.gate import judge, new_errors, standing
from unit.builders import (
    FAULTS,
    NETWORK,
    call,
    check,
    endpoint,
    network,
    recorded,
    resolved,
    shop,
    tcp,
    unknown,
    unresolved,
    with_container,
    with_probes,
)

MENDED = shop()
BROKEN = with_probes(
    with_container(shop(checks=(check(status=502),)), "api", endpoints=(endpoint(NETWORK, "10.1.0.3", "shop-api-1"),)),
    unresolved("shop-web-1", "api"),
)


def gate(before, after, code="name.reconnected_without_alias"):
    seen = diagnose(before)
    promised = tuple(f for f in seen.findings if f.code == code)
    assert promised
    return judge((before, seen), (after, diagnose(after)), promised)


def test_what_was_promised_and_is_gone_is_mended():
    found = gate(BROKEN, MENDED)
    assert found.passed and found.complete
    assert found.mended == found.promised == ("name.reconnected_without_alias",)


def test_what_is_still_there_is_not_mended():
    found = gate(BROKEN, BROKEN)
    assert not found.passed and found.still_broken == ("name.reconnected_without_alias",) and not found.regressed


def test_what_is_unknown_afterwards_is_not_mended():
    assert not gate(BROKEN, with_probes(MENDED, unknown("shop-web-1", Layer.NAME, "api"))).passed


def test_a_fault_that_only_goes_by_another_name_is_not_mended():
    # its endpoint has the alias now, and the name still does not resolve
    assert gate(BROKEN, with_probes(MENDED, unresolved("shop-web-1", "api"))).still_broken


def test_what_gets_further_and_fails_for_a_cause_of_its_own_is_mended():
    found = gate(BROKEN, with_probes(MENDED, tcp("shop-web-1", "10.1.0.3", 8000, "timeout")))
    assert found.mended == ("name.reconnected_without_alias",)


def test_one_of_two_mended_passes_but_is_not_complete():
    both = with_probes(BROKEN, unresolved("shop-api-1", "db"))
    both = with_container(both, "db", endpoints=(endpoint(NETWORK, "10.1.0.2", "shop-db-1"),))
    half = with_probes(MENDED, unresolved("shop-api-1", "db"))
    half = with_container(half, "db", endpoints=(endpoint(NETWORK, "10.1.0.2", "shop-db-1"),))
    found = gate(both, half)
    assert found.passed and not found.complete


@pytest.mark.parametrize("error", ["timeout", "ECONNREFUSED"])
def test_a_dependency_that_passed_and_fails_now_is_a_regression(error):
    found = gate(BROKEN, with_probes(MENDED, tcp("shop-api-1", "10.1.0.2", 5432, error)))
    assert found.regressed == ("api → db:5432",) and not found.passed


def test_a_dependency_that_passed_and_is_unknown_now_is_a_regression():
    found = gate(BROKEN, with_probes(MENDED, unknown("shop-api-1", Layer.PORT, "10.1.0.2", 5432)))
    assert found.regressed == ("api → db:5432",)


def test_a_check_that_passed_and_fails_now_is_a_regression():
    good, bad = check("cart", status=200), check("cart", status=500)
    found = gate(replace(BROKEN, checks=(good,)), replace(MENDED, checks=(bad,)))
    assert found.regressed == ("check cart",)


def test_a_check_that_failed_before_is_no_regression():
    assert gate(BROKEN, replace(MENDED, checks=(check(status=502),))).regressed == ()


def test_a_dependency_that_the_change_renamed_is_no_regression():
    after = replace(MENDED, dependencies=(MENDED.dependencies[0], call("api", "database", 5432)))
    after = with_probes(after, resolved("shop-api-1", "database", "10.1.0.2"))
    assert gate(BROKEN, after).regressed == ()


def routed(snapshot, gateway):
    return with_container(snapshot, "web", default_route=f"{gateway} dev eth0")


def test_another_default_route_is_a_regression():
    found = gate(routed(BROKEN, "10.1.0.1"), routed(MENDED, "10.2.0.1"))
    assert found.regressed == ("default route of web: 10.1.0.1 became 10.2.0.1",)


def test_the_default_route_of_the_same_network_with_another_subnet_is_no_regression():
    moved = replace(endpoint(NETWORK, "10.9.0.4", "web"), gateway="10.9.0.1")
    after = with_container(replace(MENDED, networks=(network(subnet="10.9.0.0/24"),)), "web", endpoints=(moved,))
    after = with_probes(routed(after, "10.9.0.1"))
    assert gate(routed(BROKEN, "10.1.0.1"), after).regressed == ()


def test_the_default_route_of_a_service_that_left_the_default_bridge_is_no_regression():
    own, legacy = endpoint(NETWORK, "10.1.0.2", "db"), replace(endpoint("bridge", "172.17.0.4"), gateway="172.17.0.1")

    def db(snapshot, gateway, *endpoints):
        return with_container(snapshot, "db", default_route=f"{gateway} dev eth0", endpoints=endpoints)

    before = db(BROKEN, "172.17.0.1", own, legacy)
    assert gate(before, db(MENDED, "10.1.0.1", own)).regressed == ()
    assert gate(before, db(MENDED, "10.1.0.1", own, legacy)).regressed


def test_a_rule_that_is_gone_since_a_network_was_made_anew_is_a_regression():
    rules = ("-A DOCKER-USER -s 10.3.0.0/24 -j DROP", "-A INPUT -j blocked", "-A FORWARD -i br-23a5577c4866 -p tcp -j DROP")
    before = replace(BROKEN, firewall_rules=rules)
    rebuilt = replace(MENDED, networks=(network(id="new"),))
    assert gate(before, replace(rebuilt, firewall_rules=rules)).regressed == ()
    assert gate(before, rebuilt).regressed == (f"firewall rule {rules[0]}",)
    # somebody else's work, and not ours
    assert gate(before, MENDED).regressed == ()
    assert gate(before, replace(rebuilt, unread={"the host's firewall rules": "not root"})).regressed == ()


@pytest.mark.parametrize("fault", FAULTS)
def test_no_recorded_fault_passes_unmended_and_each_passes_when_the_project_is_healthy_again(fault):
    broken, healthy = recorded(fault), recorded("healthy")
    code = diagnose(broken).findings[0].code
    assert not gate(broken, broken, code).passed
    assert gate(broken, healthy, code).mended == (code,)


def test_the_standing_counts_what_passed_before_and_what_is_promised():
    seen = diagnose(BROKEN)
    before, promised = (BROKEN, seen), tuple(f for f in seen.findings if f.code == "name.reconnected_without_alias")
    assert standing(before, before, promised) == (("api → db:5432",), ("web → api:8000",))
    assert standing(before, (MENDED, diagnose(MENDED)), promised) == (("api → db:5432", "web → api:8000"), ())
    spoilt = with_probes(MENDED, unknown("shop-web-1", Layer.NAME, "api"))
    assert standing(before, (spoilt, diagnose(spoilt)), promised)[1] == ("web → api:8000",)
    # a dependency that the change itself renamed is gone, and no failure
    renamed = replace(MENDED, dependencies=tuple(d for d in MENDED.dependencies if d.host != "db"))
    assert standing(before, (renamed, diagnose(renamed)), promised) == (("web → api:8000",), ())


def test_what_is_broken_in_another_way_than_before_is_new():
    healthy, broken = diagnose(MENDED), diagnose(recorded("service_renamed_typo"))
    codes = [f.code for f in broken.findings]
    assert codes and list(new_errors(healthy, broken)) == codes
    assert new_errors(broken, broken) == () == new_errors(broken, healthy)
