# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Outcome
from unit.builders import (
    NETWORK,
    call,
    check,
    codes,
    container,
    endpoint,
    listens,
    propose,
    resolved,
    shop,
    tcp,
    unresolved,
    with_config,
    with_container,
    with_probes,
)

INTRUDER = "10.1.0.9"


def intruder(**fields):
    """A container that answers to api as well."""
    there = (endpoint(NETWORK, INTRUDER, "intruder", "api"),)
    return replace(container("api", INTRUDER, endpoints=there), name="intruder", **fields)


def shared(who, *answers, strangers=False):
    snapshot = shop()
    if strangers:
        snapshot = replace(snapshot, strangers=(who,))
    else:
        snapshot = replace(snapshot, containers=(*snapshot.containers, who))
    answers = answers or ("10.1.0.3", INTRUDER)
    return with_probes(
        snapshot, resolved("shop-web-1", "api", *answers), *(tcp("shop-web-1", a, 8000) for a in answers)
    )


@pytest.mark.parametrize("answers", [("10.1.0.3", INTRUDER), (INTRUDER, "10.1.0.3"), (INTRUDER,)])
def test_a_stranger_with_the_same_name_is_named_in_whatever_order_the_answers_come(answers):
    snapshot = shared(intruder(project="billing"), *answers, strangers=True)
    (finding,) = diagnose(snapshot).findings
    assert finding.code == "name.duplicate_alias_two_projects"
    assert f"{INTRUDER} (intruder)" in " ".join(finding.evidence)
    assert f"docker network disconnect {NETWORK} intruder" in finding.advice


def test_a_stranger_that_no_project_owns_is_one_too():
    (finding,) = diagnose(shared(intruder(project="", service=""), strangers=True)).findings
    assert finding.code == "name.duplicate_alias_two_projects" and "no Compose project" in finding.summary


def test_a_check_that_fails_from_time_to_time_is_explained():
    snapshot = replace(shared(intruder(project="billing"), strangers=True), checks=(check(status=404),))
    assert codes(snapshot) == ["name.duplicate_alias_two_projects"]


def test_a_stranger_on_a_network_that_the_service_is_not_on_is_not_the_cause():
    front = {"front": {"name": "shop_front"}}
    stranger = replace(intruder(project="billing"), endpoints=(endpoint("shop_front", INTRUDER, "intruder", "api"),))
    snapshot = shared(stranger, INTRUDER, strangers=True)
    snapshot = with_container(snapshot, "web", endpoints=(endpoint("shop_front", "10.2.0.2", "shop-web-1", "web"),))
    snapshot = replace(snapshot, config={**snapshot.config, "networks": {**snapshot.config["networks"], **front}})
    assert codes(with_config(snapshot, "web", networks={"front": None})) == ["name.disjoint_networks"]


def test_a_stranger_that_has_no_name_of_ours_is_no_concern():
    guest = replace(intruder(project="billing"), endpoints=(endpoint(NETWORK, INTRUDER, "intruder"),))
    assert codes(shared(guest, "10.1.0.3", strangers=True)) == []


def test_an_orphan_with_the_name_is_to_be_stopped():
    (finding,) = diagnose(shared(intruder(service="api-old"))).findings
    assert finding.code == "name.orphan_holds_alias"
    assert "docker stop intruder" in finding.advice and "'api-old'" in finding.summary


def test_a_service_of_a_profile_that_is_not_enabled_is_no_orphan():
    snapshot = replace(shared(intruder(service="api-debug")), disabled={"api-debug": ("debug",)})
    assert codes(snapshot) == []


def test_a_service_that_is_configured_to_share_the_name_is_meant_to():
    aliases = {"default": {"aliases": ["api"]}}
    assert codes(with_config(shared(intruder(service="api-green")), "api-green", networks=aliases)) == []


def test_a_replica_is_no_intruder():
    second = container("api", INTRUDER, number=2, sockets=(listens("0.0.0.0", 8000),))
    assert codes(shared(second)) == []


def test_a_one_off_container_that_was_given_the_name_is_no_orphan():
    assert codes(shared(intruder(service="api", one_off=True))) == []


def test_an_orphan_that_has_the_name_alone_is_not_blamed_where_the_service_lost_it():
    snapshot = shared(intruder(service="api-old"), INTRUDER)
    snapshot = with_container(snapshot, "api", endpoints=(endpoint(NETWORK, "10.1.0.3", "shop-api-1"),))
    assert codes(snapshot) == ["name.reconnected_without_alias"]


# names that nobody can ask for

LONG = "a" * 64


def called(host, *probes, **api):
    snapshot = replace(shop(), dependencies=(call("web", host, 8000),), checks=())
    snapshot = with_container(snapshot, "api", endpoints=(endpoint(NETWORK, "10.1.0.3", "shop-api-1", "api", host),), **api)
    return with_probes(snapshot, *probes)


@pytest.mark.parametrize("host", [LONG, f"api.{LONG}.example"])
def test_a_label_of_more_than_63_characters_is_named(host):
    (finding,) = diagnose(called(host, unresolved("shop-web-1", host, "label_too_long", via="libc"))).findings
    assert finding.code == "name.label_too_long" and "64 characters" in finding.summary
    assert "the engine lists it for shop-api-1 all the same" in finding.evidence


def test_the_services_own_name_is_put_in_the_place_of_a_long_one():
    snapshot = with_config(called(LONG, unresolved("shop-web-1", LONG)), "web", environment={"X_URL": f"http://{LONG}:8000"})
    patch = propose(snapshot, "correct_upstreams").patch
    assert patch["services"]["web"]["environment"] == {"X_URL": "http://api:8000"}


def test_a_label_of_63_characters_is_not_too_long():
    host = "a" * 63
    assert codes(called(host, unresolved("shop-web-1", host))) == ["name.unresolved"]


# names that look wrong and are right


@pytest.mark.parametrize("host", ["API", "Api", "api.", f"api.{NETWORK}", "shop-api-1", "api-by-hostname"])
def test_other_ways_to_write_a_name_are_no_fault(host):
    snapshot = called(host, resolved("shop-web-1", host, "10.1.0.3"), hostname="api-by-hostname")
    diagnosis = diagnose(snapshot)
    assert diagnosis.findings == ()
    assert [w.outcome for w in diagnosis.walks] == [Outcome.OK]


def test_an_unhealthy_container_that_answers_stays_in_dns_and_is_no_fault():
    errors = [c for c in codes(with_container(shop(), "api", health="unhealthy")) if c.startswith(("name", "resolver"))]
    assert errors == []
