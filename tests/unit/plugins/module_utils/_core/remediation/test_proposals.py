# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.case import open_case
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.patch import TAG, override
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.planning import REMEDIATIONS
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.situation import Situation
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.state import differences
from unit.builders import (
    NETWORK,
    call,
    container,
    endpoint,
    inspected,
    listens,
    network,
    propose,
    recorded,
    resolved,
    shop,
    state_of,
    tcp,
    unresolved,
    with_config,
    with_container,
    with_probes,
)

LAB_NETWORK = "netfix-unit_vertice-network"


def told(proposal):
    return [f"{s.action.value} {s.object}" for s in proposal.steps]


def lab(service):
    return f"netfix-unit-{service}-1"


@pytest.mark.parametrize("fault", ["healthy", "disjoint_networks", "network_rebuilt_naively"])
def test_inspect_data_and_snapshot_show_the_same_networks_and_endpoints(fault):
    found = differences(inspected(fault), state_of(recorded(fault)))
    assert [d for d in found if "onfig" not in d.field] == []


@pytest.mark.parametrize("name", REMEDIATIONS)
def test_nothing_is_proposed_for_a_healthy_project(name):
    proposal = propose(recorded("healthy"), name)
    assert proposal.steps == () and proposal.refusals


# reconnect_endpoints


def test_a_lost_name_is_given_back_by_a_reconnection_without_a_restart():
    snapshot, state = recorded("reconnected_without_alias"), inspected("reconnected_without_alias")
    proposal = propose(snapshot, "reconnect_endpoints", state=state)
    name = lab("hcl-kb-service")
    assert told(proposal) == [f"disconnect {name} from {LAB_NETWORK}", f"connect {name} to {LAB_NETWORK}"]
    assert proposal.steps[1].args["endpoint"]["aliases"] == ["hcl-kb-service", name]
    assert proposal.patch == {} and proposal.recreated == () and "hcl-kb-service" in proposal.steps[0].cause


def test_a_reconnection_keeps_what_somebody_chose_and_refuses_to_lose_a_mac_address():
    snapshot, state = recorded("reconnected_without_alias"), inspected("reconnected_without_alias")
    name = lab("hcl-kb-service")
    (own,) = state.containers[name].endpoints.values()

    def seen(**fields):
        changed = replace(state.containers[name], endpoints={LAB_NETWORK: replace(own, **fields)})
        return propose(snapshot, "reconnect_endpoints", state=replace(state, containers={**state.containers, name: changed}))

    connected = seen(links=("a:b",), static_ipv4=own.address, gw_priority=2).steps[1].args["endpoint"]
    assert (connected["links"], connected["static_ipv4"], connected["gw_priority"]) == (["a:b"], own.address, 2)
    assert "MAC address" in seen(static_mac="02:42:aa:00:00:01").refusals[0]


def test_a_lost_endpoint_is_connected_with_the_configured_aliases_and_address():
    snapshot = recorded("network_disconnected_at_runtime")
    networks = {"vertice-network": {"aliases": ["kb"], "ipv4_address": "10.214.91.77"}}
    (finding,) = [c for c in snapshot.containers if not c.endpoints]
    proposal = propose(with_config(snapshot, finding.service, networks=networks), "reconnect_endpoints")
    (step,) = proposal.steps
    assert step.action.value == "connect" and step.args["endpoint"]["static_ipv4"] == "10.214.91.77"
    assert step.args["endpoint"]["aliases"] == sorted([finding.name, finding.service, "kb"])


def test_what_is_configured_apart_is_joined_at_once_and_in_the_configuration():
    snapshot, state = recorded("disjoint_networks"), inspected("disjoint_networks")
    proposal = propose(snapshot, "reconnect_endpoints", state=state)
    gateway = lab("api_gateway")
    assert told(proposal) == [
        f"connect {gateway} to {LAB_NETWORK}",
        "write_override compose.netfix.yml",
        "recreate api_gateway",
        f"wait_healthy {gateway}",
    ]
    # the network that it had stays named: without it Compose would take it away
    assert proposal.patch == {"services": {"api_gateway": {"networks": {"front": None, "vertice-network": None}}}}
    assert proposal.recreated == ("api_gateway",)


def test_a_link_gets_the_common_network_that_it_lacks():
    proposal = propose(recorded("links_to_other_network"), "reconnect_endpoints")
    assert told(proposal)[0] == f"connect {lab('users')} to netfix-unit_front"
    assert proposal.patch == {"services": {"users": {"networks": {"back": None, "front": None}}}}


def test_what_our_override_file_held_before_is_kept():
    present = {"services": {"api_gateway": {"labels": {"x": "y"}}, "redis": {"dns": ["9.9.9.9"]}}}
    proposal = propose(recorded("disjoint_networks"), "reconnect_endpoints", override=present)
    data = next(s for s in proposal.steps if s.action.value == "write_override").args["data"]
    assert data["services"]["redis"] == {"dns": ["9.9.9.9"]}
    assert set(data["services"]["api_gateway"]) == {"labels", "networks"}


# restore_resolver


def test_only_the_mounted_resolv_conf_is_taken_away():
    snapshot = recorded("resolv_conf_bind_mounted")
    (mounted,) = snapshot.config["services"]["api_gateway"]["volumes"]
    other = {"type": "volume", "source": "cache", "target": "/var/cache"}
    snapshot = with_config(snapshot, "api_gateway", volumes=[other, mounted])
    proposal = propose(snapshot, "restore_resolver", state=inspected("resolv_conf_bind_mounted"))
    assert proposal.patch == {"services": {"api_gateway": {"volumes": override([other])}}}
    assert told(proposal) == [
        "write_override compose.netfix.yml",
        "recreate api_gateway",
        f"wait_healthy {lab('api_gateway')}",
    ]


def test_the_only_mount_is_reset():
    proposal = propose(recorded("resolv_conf_bind_mounted"), "restore_resolver")
    assert proposal.patch["services"]["api_gateway"]["volumes"][TAG] == "reset"


@pytest.mark.parametrize(
    "entries", [["visual_cortex_service=10.214.91.250", "other=10.0.0.1"], ["visual_cortex_service:10.214.91.250", "other:10.0.0.1"]]
)
def test_only_the_stale_pin_is_taken_away(entries):
    snapshot = with_config(recorded("stale_extra_hosts"), "api_gateway", extra_hosts=entries)
    proposal = propose(snapshot, "restore_resolver")
    assert proposal.patch == {"services": {"api_gateway": {"extra_hosts": override(entries[1:])}}}


def test_a_mount_that_compose_did_not_make_is_refused():
    snapshot = with_config(recorded("resolv_conf_bind_mounted"), "api_gateway", volumes=None)
    (reason,) = propose(snapshot, "restore_resolver").refusals
    assert "'api_gateway'" in reason


def test_the_services_are_added_to_what_no_proxy_names():
    proposal = propose(recorded("http_proxy_without_no_proxy"), "restore_resolver")
    value = "localhost,127.0.0.1,10.0.0.0/8,users,orders"
    assert proposal.patch == {"services": {"gateway": {"environment": {"NO_PROXY": value, "no_proxy": value}}}}


# correct_upstreams


def test_a_misspelt_name_is_corrected_and_the_rest_of_the_variable_stays():
    snapshot = recorded("service_renamed_typo")
    was = snapshot.config["services"]["api_gateway"]["environment"]["ROUTES"]
    proposal = propose(snapshot, "correct_upstreams")
    routes = proposal.patch["services"]["api_gateway"]["environment"]["ROUTES"]
    assert routes == was.replace("visual-cortex-service", "visual_cortex_service") != was
    assert proposal.recreated == ("api_gateway",)


def test_an_empty_route_table_is_filled_with_the_declared_routes():
    proposal = propose(recorded("gateway_empty_route_table_404"), "correct_upstreams")
    routes = proposal.patch["services"]["api_gateway"]["environment"]["ROUTES"]
    assert routes.split(",")[1] == "/api/v1/visual=http://visual_cortex_service:8002"
    assert len(routes.split(",")) == 4


def test_a_dollar_sign_in_a_password_stays_as_compose_printed_it():
    # docker compose config prints a literal dollar sign doubled, as an override file must hold it
    snapshot = with_config(shop(), "api", environment={"DB_URL": "postgresql://u:pa$$word@dbb:5432/shop"})
    snapshot = replace(snapshot, dependencies=(call("api", "dbb", 5432, origin="environment DB_URL", key="DB_URL"),))
    proposal = propose(with_probes(snapshot, unresolved("shop-api-1", "dbb")), "correct_upstreams")
    assert proposal.patch["services"]["api"]["environment"] == {"DB_URL": "postgresql://u:pa$$word@db:5432/shop"}


def test_a_dollar_sign_in_a_declared_route_is_not_interpolated():
    snapshot = recorded("gateway_empty_route_table_404")
    routes = ({**snapshot.routes[0], "prefix": "/$x"},)
    proposal = propose(replace(snapshot, routes=routes), "correct_upstreams")
    assert proposal.patch["services"]["api_gateway"]["environment"]["ROUTES"].startswith("/$$x=")


def refused_on(snapshot, service, consumer, address, port, listening):
    """The snapshot with that consumer's call refused, because the provider listens on another port."""
    snapshot = with_config(snapshot, service, expose=[str(listening)])
    snapshot = with_container(snapshot, service, sockets=(listens("0.0.0.0", listening),))
    return with_probes(snapshot, tcp(f"shop-{consumer}-1", address, port, "ECONNREFUSED"))


def test_a_wrong_port_is_corrected_and_the_name_stays():
    proposal = propose(refused_on(shop(), "api", "web", "10.1.0.3", 8000, 9000), "correct_upstreams")
    assert proposal.patch["services"]["web"]["environment"] == {"API_URL": "http://api:9000"}


def test_two_wrong_ports_in_one_variable_are_both_corrected():
    snapshot = with_config(shop(), "web", environment={"ROUTES": "/a=http://api:8000,/d=http://db:5432"})
    where = {"origin": "environment ROUTES", "key": "ROUTES"}
    snapshot = replace(snapshot, dependencies=(call("web", "api", 8000, **where), call("web", "db", 5432, **where)))
    snapshot = with_probes(snapshot, resolved("shop-web-1", "db", "10.1.0.2"))
    snapshot = refused_on(snapshot, "api", "web", "10.1.0.3", 8000, 9000)
    proposal = propose(refused_on(snapshot, "db", "web", "10.1.0.2", 5432, 5433), "correct_upstreams")
    assert proposal.patch["services"]["web"]["environment"] == {"ROUTES": "/a=http://api:9000,/d=http://db:5433"}


# start_providers, refresh_upstreams


def test_a_stopped_provider_is_started_and_waited_for():
    proposal = propose(recorded("dependency_exited"), "start_providers")
    core = lab("maximus_core_service")
    assert told(proposal) == [f"start {core}", f"wait_healthy {core}"]
    assert proposal.restarted == (core,) and proposal.recreated == ()


def test_providers_start_before_those_that_wait_for_them():
    snapshot = with_config(shop(), "api", depends_on={"db": {"condition": "service_started"}})
    for service in ("api", "db"):
        snapshot = with_container(snapshot, service, state="exited", exit_code=1)
    started = [t for t in told(propose(snapshot, "start_providers")) if t.startswith("start")]
    assert started == ["start shop-db-1", "start shop-api-1"]


def test_nginx_is_reloaded_and_not_restarted():
    (step,) = propose(recorded("stale_ip_nginx_502"), "refresh_upstreams").steps
    assert (step.action.value, step.args["container"], step.args["signal"]) == ("signal", lab("edge"), "SIGHUP")


def test_a_gateway_that_made_its_routes_too_early_is_restarted():
    proposal = propose(recorded("gateway_discovery_drops_unresolved_404"), "refresh_upstreams")
    assert told(proposal) == [f"restart {lab('gateway')}", f"wait_healthy {lab('gateway')}"]
    assert "'users' and 'orders'" in proposal.steps[0].cause


# wait_until_ready


def starting(age_s=10, **fields):
    """The shop, whose api does not listen yet."""
    snapshot = shop(taken_at="2026-01-01T00:10:00Z", checks=())
    started = f"2026-01-01T00:{(600 - age_s) // 60:02}:{(600 - age_s) % 60:02}Z"
    snapshot = with_container(snapshot, "api", **{"sockets": (), "started_at": started, **fields})
    return with_probes(snapshot, tcp("shop-web-1", "10.1.0.3", 8000, "ECONNREFUSED"))


def test_a_provider_that_still_starts_is_waited_for_and_nothing_is_changed():
    proposal = propose(recorded("slow_start_race"), "wait_until_ready")
    assert told(proposal) == [f"wait_healthy {lab('users')}"]
    assert not proposal.changes and proposal.restarted == proposal.recreated == ()
    assert 0 < proposal.patience_s <= 60 and f"{proposal.patience_s:.0f} s more" in proposal.steps[0].cause


def test_a_healthchecks_start_period_is_waited_for_as_well():
    snapshot = starting(health="starting")
    state = state_of(snapshot)
    api = replace(state.containers["shop-api-1"], config={"Config": {"Healthcheck": {"StartPeriod": 120 * 10**9}}})
    state = replace(state, containers={**state.containers, "shop-api-1": api})
    proposal = propose(snapshot, "wait_until_ready", state=state)
    assert proposal.patience_s == proposal.steps[0].args["timeout_s"] == 60 + 120 - 10


def test_a_healthcheck_that_has_said_nothing_for_long_is_waited_for_all_the_same():
    proposal = propose(starting(age_s=500, health="starting"), "wait_until_ready")
    assert told(proposal) == ["wait_healthy shop-api-1"] and proposal.patience_s == 0


@pytest.mark.parametrize(
    "fields", [{"state": "exited"}, {"health": "unhealthy"}, {"health": "healthy"}, {"age_s": 61}], ids=str
)
def test_what_does_not_start_is_not_waited_for(fields):
    snapshot = starting(**fields)
    finding = replace(diagnose(starting()).findings[0], subject={"containers": ["shop-api-1"]})
    found = Situation(open_case(snapshot), (finding,), state_of(snapshot))
    assert "no provider that is still starting" in REMEDIATIONS["wait_until_ready"].propose(found).refusals[0]


# detach_intruders

ORPHAN = lab("users-old")
LAB_DEFAULT = "netfix-unit_default"


def test_an_orphan_loses_the_name_and_keeps_the_others_and_its_address():
    proposal = propose(recorded("orphan_holds_alias"), "detach_intruders")
    assert told(proposal) == [f"disconnect {ORPHAN} from {LAB_DEFAULT}", f"connect {ORPHAN} to {LAB_DEFAULT}"]
    endpoint = proposal.steps[1].args["endpoint"]
    assert endpoint["aliases"] == [ORPHAN, "users-old"] and endpoint["static_ipv4"] == "10.214.91.5"
    assert proposal.changes and proposal.patch == {} and proposal.restarted == proposal.recreated == ()


def test_an_orphan_whose_own_name_it_is_leaves_the_network():
    snapshot = with_container(recorded("orphan_holds_alias"), "users-old", hostname="Users")
    assert told(propose(snapshot, "detach_intruders")) == [f"disconnect {ORPHAN} from {LAB_DEFAULT}"]


def test_an_orphan_keeps_its_place_on_networks_where_it_has_another_name():
    snapshot = recorded("orphan_holds_alias")
    (orphan,) = [c for c in snapshot.containers if c.name == ORPHAN]
    more = (*orphan.endpoints, endpoint("netfix-unit_back", "10.1.0.9", ORPHAN, "users-old"))
    proposal = propose(with_container(snapshot, "users-old", endpoints=more), "detach_intruders")
    assert {s.args["network"] for s in proposal.steps} == {LAB_DEFAULT}


def test_a_name_that_is_called_with_its_networks_name_is_the_same_name():
    snapshot = recorded("orphan_holds_alias")
    (finding,) = diagnose(snapshot).findings
    finding = replace(finding, subject={**finding.subject, "hosts": [f"USERS.{LAB_DEFAULT}."]})
    proposal = REMEDIATIONS["detach_intruders"].propose(Situation(open_case(snapshot), (finding,), state_of(snapshot)))
    assert proposal.steps[1].args["endpoint"]["aliases"] == [ORPHAN, "users-old"]


def test_a_stranger_is_left_alone_even_if_the_remediation_is_forced():
    snapshot = recorded("duplicate_alias_two_projects")
    found = Situation(open_case(snapshot), diagnose(snapshot).findings, state_of(snapshot))
    proposal = REMEDIATIONS["detach_intruders"].propose(found)
    assert proposal.steps == () and "netfix-unit-other-users-1 is not this project's" in proposal.refusals[0]


# rebuild_network


def rebuilt(options=None, forced=False, **changes):
    snapshot = recorded("network_rebuilt_naively")
    state = inspected("network_rebuilt_naively")
    return propose(replace(snapshot, **changes), "rebuild_network", state=state, options=options, forced=forced)


def made(proposal):
    return next(s.args["network"] for s in proposal.steps if s.action.value == "create_network")


def seats(proposal):
    return next(s.args["endpoints"] for s in proposal.steps if s.action.value == "connect_all")


def test_a_rebuild_moves_everybody_once_and_attaches_in_the_order_of_addresses():
    steps = rebuilt().steps
    assert [s.action.value for s in steps] == ["disconnect_all", "remove_network", "create_network", "connect_all"]
    left, came = steps[0].args["containers"], list(steps[3].args["endpoints"])
    state = inspected("network_rebuilt_naively")
    addresses = [state.containers[c].endpoints[LAB_NETWORK].address for c in came]
    assert sorted(left) == sorted(came) and len(came) == 8
    assert addresses == sorted(addresses, key=lambda a: int(a.rsplit(".", 1)[1]))


def test_a_rebuild_gives_the_network_its_labels_and_subnet_and_the_services_their_names():
    proposal = rebuilt()
    labels = made(proposal)["labels"]
    assert labels["com.docker.compose.network"] == "vertice-network"
    assert labels["com.docker.compose.project"] == "netfix-unit"
    assert [s["subnet"] for s in made(proposal)["subnets"]] == ["10.214.91.0/24"]
    for name, seat in seats(proposal).items():
        service = inspected("network_rebuilt_naively").containers[name].service
        assert {service, name} <= set(seat["aliases"])


def test_a_rebuild_keeps_the_present_subnet_where_the_configured_one_is_taken():
    snapshot = recorded("network_rebuilt_naively")
    other = network("other", "", "10.214.91.128/25")
    proposal = rebuilt(networks=(*snapshot.networks, other))
    assert [s["subnet"] for s in made(proposal)["subnets"]] == ["10.214.91.0/25"]


def lab_network():
    return next(n for n in recorded("network_rebuilt_naively").networks if n.name == LAB_NETWORK)


def config(**spec):
    config = recorded("network_rebuilt_naively").config
    return {**config, "networks": {"vertice-network": {**config["networks"]["vertice-network"], **spec}}}


@pytest.mark.parametrize(
    "changes, why",
    [
        ({"strangers": (container("guest", "10.214.91.9", LAB_NETWORK),)}, "containers of others"),
        ({"firewall_rules": (f"-A DOCKER-USER -i br-{lab_network().id[:12]} -j DROP",)}, "firewall rule"),
        ({"firewall_rules": ("-A DOCKER-USER -s 10.214.91.0/25 -j DROP",)}, "firewall rule"),
        ({"networks": (replace(lab_network(), driver="macvlan"),)}, "driver macvlan"),
    ],
)
def test_a_network_that_others_rely_on_is_not_rebuilt(changes, why):
    proposal = rebuilt(**changes)
    assert proposal.steps == () and why in proposal.refusals[0]


def test_an_external_network_is_not_rebuilt():
    snapshot = shop()
    outside = {"networks": {"default": {"name": NETWORK, "external": True}}}
    snapshot = replace(snapshot, config={**snapshot.config, **outside}, networks=(network(key=""),))
    snapshot = with_container(snapshot, "api", endpoints=(endpoint(NETWORK, "10.1.0.3"),))
    proposal = propose(with_probes(snapshot, unresolved("shop-web-1", "api")), "rebuild_network")
    assert proposal.steps == () and "external" in proposal.refusals[0]


def test_a_rule_for_another_bridge_is_no_hindrance():
    assert rebuilt(firewall_rules=("-A DOCKER-USER -i br-0123456789ab -j DROP",)).steps


def test_a_rebuild_carries_chosen_addresses_over_only_where_they_fit():
    snapshot = shop(networks=(network(key="", subnet="10.1.0.0/16"),))
    own = endpoint(NETWORK, "10.1.9.9", "shop-api-1", static_ipv4="10.1.9.9")
    snapshot = with_container(snapshot, "api", endpoints=(own,))
    snapshot = with_container(snapshot, "db", endpoints=(endpoint(NETWORK, "10.1.0.2", static_ipv4="10.1.0.2"),))
    snapshot = with_probes(snapshot, unresolved("shop-web-1", "api"), unresolved("shop-api-1", "db"))
    ipam = {"config": [{"subnet": "10.1.0.0/24"}]}
    snapshot = replace(snapshot, config={**snapshot.config, "networks": {"default": {"name": NETWORK, "ipam": ipam}}})
    kept = seats(propose(snapshot, "rebuild_network"))
    assert kept["shop-api-1"]["static_ipv4"] == "" and kept["shop-db-1"]["static_ipv4"] == "10.1.0.2"


# all


@pytest.mark.parametrize("name", REMEDIATIONS)
@pytest.mark.parametrize("fault", ["resolv_conf_bind_mounted", "network_rebuilt_naively", "stale_extra_hosts"])
def test_every_step_says_what_it_is_for(fault, name):
    assert all(s.cause and s.object for s in propose(recorded(fault), name).steps)
