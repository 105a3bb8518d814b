# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.case import Case
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.name import likely_service
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import LogEvent, Mount, Severity, Snapshot
from unit.builders import (
    NETWORK,
    call,
    check,
    codes,
    endpoint,
    network,
    resolved,
    shop,
    tcp,
    unresolved,
    with_config,
    with_container,
    with_probes,
)

NAMES = ("api", "auth-service", "user_service", "order_service", "orders_service", "redis")


def services(*names):
    return Case(Snapshot(project="p", config={"services": dict.fromkeys(names, {})}))


@pytest.mark.parametrize(
    "host, meant",
    [
        ("user-service", "user_service"),
        ("userservice", "user_service"),
        ("user_servise", "user_service"),
        ("auth_service", "auth-service"),
        ("reddis", "redis"),
        ("payments", ""),
        ("x", ""),
    ],
)
def test_a_misspelt_name_means_the_service_that_is_alike(host, meant):
    assert likely_service(services(*NAMES), host, 0) == meant


def test_a_name_that_may_mean_two_services_means_none():
    assert likely_service(services("worker-a", "worker-b"), "worker-c", 0) == ""


def calls(host, snapshot=None):
    snapshot = replace(snapshot or shop(), dependencies=(call("web", host, 8000),), checks=())
    return with_probes(snapshot, unresolved("shop-web-1", host))


def test_a_misspelt_name_is_found_with_the_name_that_is_meant():
    snapshot = with_config(shop(), "web", environment={"API_URL": "http://api_service:8000"})
    (finding,) = diagnose(calls("apii", snapshot)).findings
    assert finding.code == "name.service_renamed_typo"
    assert finding.subject["service"] == "api" and finding.remediations == ("correct_upstreams",)


def test_an_ambiguous_name_is_left_unresolved():
    snapshot = with_config(with_config(shop(), "worker-a", scale=0), "worker-b", scale=0)
    (finding,) = diagnose(calls("worker-c", snapshot)).findings
    assert finding.code == "name.unresolved" and finding.remediations == ()


def test_a_host_that_nothing_has_and_nobody_misses_is_a_warning():
    (finding,) = diagnose(calls("tidb")).findings
    assert (finding.code, finding.severity) == ("name.unresolved", Severity.WARNING)
    assert "web -> tidb:8000" in finding.advice


def test_a_host_that_nothing_has_is_an_error_where_a_log_misses_it():
    event = LogEvent("web", "shop-web-1", "resolution", "lookup tidb: no such host", host="tidb")
    (finding,) = diagnose(replace(calls("tidb"), log_events=(event,))).findings
    assert (finding.code, finding.severity) == ("name.unresolved", Severity.ERROR)


def test_a_host_that_nothing_has_is_an_error_where_a_check_fails():
    findings = diagnose(replace(calls("tidb"), checks=(check(status=502),))).findings
    assert [(f.code, f.severity) for f in findings] == [("name.unresolved", Severity.ERROR)]


def test_a_misspelling_in_a_mounted_file_can_be_corrected_as_well():
    snapshot = shop()
    asked = (call("web", "apii", 8000, origin="nginx.conf:12", key="/etc/nginx/nginx.conf"),)
    snapshot = with_probes(replace(snapshot, dependencies=asked, checks=()), unresolved("shop-web-1", "apii"))
    (finding,) = diagnose(snapshot).findings
    assert finding.code == "name.service_renamed_typo" and finding.remediations == ("correct_upstreams",)
    assert "nginx.conf:12" in finding.advice


def test_a_lost_alias_that_is_not_the_service_name_counts_as_lost():
    snapshot = with_config(shop(), "api", networks={"default": {"aliases": ["backend"]}})
    assert codes(calls("backend", snapshot)) == ["name.reconnected_without_alias"]


def test_an_alias_that_nobody_configured_is_not_promised():
    # it goes by that name as its hostname only, which the embedded DNS never answers
    assert codes(calls("shop-legacy", with_config(shop(), "api", hostname="shop-legacy"))) == ["name.unresolved"]


def apart(**web):
    """web on a network of its own."""
    snapshot = with_container(shop(), "web", endpoints=(endpoint("shop_front", "10.2.0.2", "shop-web-1", "web"),))
    snapshot = replace(snapshot, networks=(*snapshot.networks, network("shop_front", "front", "10.2.0.0/24")))
    config = {**snapshot.config, "networks": {**snapshot.config["networks"], "front": {"name": "shop_front"}}}
    snapshot = with_config(replace(snapshot, config=config), "web", networks=web or {"front": None})
    return with_probes(snapshot, unresolved("shop-web-1", "api"))


def test_services_that_are_configured_apart_are_disjoint():
    (finding,) = diagnose(apart()).findings
    assert finding.code == "name.disjoint_networks"
    assert finding.subject["consumer"] == "web" and finding.subject["providers"] == ["api"]


def test_an_endpoint_that_the_configuration_names_was_taken_away():
    (finding,) = diagnose(apart(front=None, default=None)).findings
    assert finding.code == "name.network_disconnected_at_runtime"
    assert (finding.subject["containers"], finding.subject["network"]) == (["shop-web-1"], NETWORK)


def test_a_provider_that_lost_its_network_is_the_one_that_is_named():
    snapshot = with_container(shop(), "api", endpoints=())
    (finding,) = diagnose(with_probes(snapshot, unresolved("shop-web-1", "api"))).findings
    assert finding.code == "name.network_disconnected_at_runtime"
    assert finding.subject["services"] == ["api"]


def test_a_network_that_several_containers_lost_is_one_finding():
    snapshot = with_container(with_container(shop(), "api", endpoints=()), "web", endpoints=())
    (finding,) = diagnose(with_probes(snapshot, unresolved("shop-web-1", "api"))).findings
    assert finding.subject["services"] == ["web", "api"]
    assert "'web' and 'api' have lost their places" in finding.summary


def test_a_network_without_labels_is_healthy_as_long_as_its_names_work():
    snapshot = replace(shop(), networks=(network(key="", attached=("shop-api-1",)),))
    assert diagnose(snapshot).healthy


def test_an_external_network_is_not_said_to_be_rebuilt():
    snapshot = replace(shop(), networks=(network(key=""),))
    config = {**snapshot.config, "networks": {"default": {"name": NETWORK, "external": True}}}
    snapshot = with_container(replace(snapshot, config=config), "api", endpoints=(endpoint(NETWORK, "10.1.0.3"),))
    assert codes(with_probes(snapshot, unresolved("shop-web-1", "api"))) == ["name.reconnected_without_alias"]


def pinned(address, *entries):
    snapshot = with_container(shop(), "web", extra_hosts=entries)
    return with_probes(
        snapshot,
        resolved("shop-web-1", "api", address, via="/etc/hosts"),
        resolved("shop-web-1", "api", "10.1.0.3", nameserver="127.0.0.11"),
    )


def test_a_pin_to_the_right_address_is_no_fault():
    assert codes(pinned("10.1.0.3", "api:10.1.0.3")) == []


def test_a_pin_to_an_address_outside_that_answers_is_a_way_round_on_purpose():
    answering = with_probes(pinned("192.0.2.7", "api:192.0.2.7"), tcp("shop-web-1", "192.0.2.7", 8000))
    assert codes(answering) == []


@pytest.mark.parametrize("entry", ["api:10.1.0.99", "api=10.1.0.99"])
def test_a_pin_to_an_address_that_nobody_has_is_stale(entry):
    (finding,) = diagnose(pinned("10.1.0.99", entry)).findings
    assert finding.code == "name.stale_extra_hosts" and finding.remediations == ("restore_resolver",)
    assert any("no container has" in line for line in finding.evidence)


def test_a_pin_to_another_containers_address_names_that_container():
    (finding,) = diagnose(pinned("10.1.0.2", "api:10.1.0.2")).findings
    assert finding.code == "name.stale_extra_hosts"
    assert any("container shop-db-1 has" in line for line in finding.evidence)


def test_a_hosts_entry_that_compose_did_not_write_gets_advice_only():
    (finding,) = diagnose(pinned("10.1.0.99")).findings
    assert finding.code == "name.stale_extra_hosts" and finding.remediations == () and finding.advice


def test_a_wrong_answer_of_the_embedded_dns_is_told_without_a_remediation():
    snapshot = with_probes(shop(), resolved("shop-web-1", "api", "10.1.0.2"))
    (finding,) = diagnose(snapshot).findings
    assert finding.code == "name.wrong_address" and finding.remediations == ()
    assert "shop-db-1" in " ".join(finding.evidence)


@pytest.mark.parametrize(
    "mounts, code",
    [
        ((Mount("bind", "/srv/resolv.conf", "/etc/resolv.conf"),), "resolver.resolv_conf_bind_mounted"),
        ((Mount("bind", "/srv/app", "/app"),), "resolver.resolv_conf_overwritten_at_start"),
    ],
)
def test_a_name_that_only_the_embedded_dns_knows_is_the_resolvers_fault(mounts, code):
    snapshot = with_container(shop(), "web", mounts=mounts, resolv_conf="nameserver 9.9.9.9\n")
    snapshot = with_probes(
        snapshot,
        unresolved("shop-web-1", "api", via="9.9.9.9"),
        resolved("shop-web-1", "api", "10.1.0.3", nameserver="127.0.0.11"),
    )
    (finding,) = diagnose(snapshot).findings
    assert finding.code == code
    assert any("9.9.9.9" in line for line in finding.evidence)
