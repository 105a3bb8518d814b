# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What keeps Compose from creating and starting containers, and services that have none."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import (
    Confidence,
    LogEvent,
    Port,
    Severity,
    Snapshot,
)
from unit.builders import (
    NETWORK,
    PROJECT,
    call,
    check,
    codes,
    container,
    endpoint,
    network,
    only,
    shop,
    unresolved,
    with_config,
    with_container,
    with_probes,
)

REFUSED = check(status=0, error="ECONNREFUSED")


def without(snapshot, *services, checks=(REFUSED,)):
    """The snapshot as if those services had never been created; ``web`` publishes 8080 by configuration."""
    left = tuple(c for c in snapshot.containers if c.service not in services)
    names = {c.name for c in left}
    snapshot = with_config(snapshot, "web", ports=[{"target": 80, "published": "8080"}])
    probes = tuple(p for p in snapshot.probes if p.container in names)
    return replace(snapshot, containers=left, probes=probes, checks=checks)


def with_network(snapshot, **spec):
    return replace(snapshot, config={**snapshot.config, "networks": {"default": {"name": NETWORK, **spec}}})


def nothing_started():
    return replace(without(shop(), "web", "api", "db"), networks=())


# services without a container


def test_a_project_without_any_container_is_one_finding():
    found = only(nothing_started())
    assert found.code == "container.not_running" and found.severity is Severity.ERROR
    assert "No service of project 'shop' has a container" in found.summary
    assert set(found.breaks) == {"web → api:8000", "api → db:5432", "front page"}


def test_a_project_of_jobs_that_are_only_run_by_hand_is_no_error():
    snapshot = Snapshot(project=PROJECT, config={"services": {"migrate": {}, "seed": {}}})
    assert only(snapshot).severity is Severity.WARNING


def test_a_missing_service_that_nobody_calls_is_a_warning():
    snapshot = with_config(with_config(shop(), "worker"), "mailer")
    found = only(snapshot)
    assert (found.code, found.severity) == ("container.not_running", Severity.WARNING)
    assert "'worker' and 'mailer'" in found.summary and diagnose(snapshot).healthy


def test_a_missing_entrance_is_an_error_where_a_check_asks_for_it():
    found = only(without(shop(), "web"))
    assert (found.code, found.severity) == ("container.not_running", Severity.ERROR)
    assert found.breaks == ("front page",) and "'web'" in found.summary


def test_a_missing_provider_is_told_once():
    snapshot = without(shop(), "db", checks=(check(),))
    assert codes(with_probes(snapshot, unresolved("shop-api-1", "db"))) == ["container.not_running"]


@pytest.mark.parametrize("spec", [{"deploy": {"replicas": 0}}, {"scale": 0}, {"provider": {"type": "awesomecloud"}}])
def test_a_service_that_is_to_have_no_container_is_not_missed(spec):
    assert codes(with_config(shop(), "worker", **spec)) == []


def test_a_service_that_is_run_by_hand_is_not_missed():
    run = replace(container("tool", "", endpoints=(), one_off=True, state="exited", pid=0), name="shop-tool-run-f00")
    snapshot = with_config(shop(), "tool")
    assert codes(replace(snapshot, containers=(*snapshot.containers, run))) == []


def test_a_job_whose_container_was_taken_away_is_not_missed():
    snapshot = with_config(shop(), "migrate")
    waiting = {"migrate": {"condition": "service_completed_successfully"}}
    assert codes(with_config(snapshot, "api", depends_on=waiting)) == []


# networks that Compose cannot use


def test_a_missing_external_network_explains_everything_that_was_not_started():
    found = only(with_network(nothing_started(), external=True))
    assert found.code == "container.external_network_missing" and found.severity is Severity.ERROR
    assert set(found.breaks) == {"web → api:8000", "api → db:5432", "front page"}
    assert found.confirm == f"docker network inspect {NETWORK}"


@pytest.mark.parametrize("name", ["host", "bridge"])
def test_the_engines_own_networks_are_never_missing(name):
    snapshot = replace(nothing_started(), checks=())
    config = {**snapshot.config, "networks": {"default": {"name": name, "external": True}}}
    assert codes(replace(snapshot, config=config)) == ["container.not_running"]


def test_a_missing_external_network_of_a_service_that_nobody_started_is_a_warning():
    snapshot = with_config(shop(), "worker", networks={"far": None})
    config = {**snapshot.config, "networks": {**snapshot.config["networks"], "far": {"name": "far", "external": True}}}
    found = only(replace(snapshot, config=config))
    assert (found.code, found.severity) == ("container.external_network_missing", Severity.WARNING)


def test_a_healthy_project_on_a_network_of_somebody_else_gives_no_finding():
    snapshot = with_network(replace(shop(), networks=(network(key="", project=""),)), external=True)
    assert codes(snapshot) == []


def test_a_network_that_compose_did_not_make_keeps_everything_from_starting():
    found = only(replace(nothing_started(), networks=(network(key=""),)))
    assert found.code == "container.network_wrong_label" and found.severity is Severity.ERROR
    assert f"docker network rm {NETWORK}" in found.advice


def test_nobody_is_told_to_remove_a_network_that_is_in_use():
    found = only(replace(nothing_started(), networks=(network(key="", attached=("somebody",)),)))
    assert "docker network rm" not in found.advice and "somebody" in found.evidence[1]


def test_a_network_with_the_wrong_label_below_a_running_project_is_a_warning():
    found = only(replace(shop(), networks=(network(key="", attached=("shop-api-1",)),)))
    assert (found.code, found.severity) == ("container.network_wrong_label", Severity.WARNING)


def test_a_network_that_was_rebuilt_without_names_is_told_as_that():
    snapshot = replace(shop(), networks=(network(key="", attached=("shop-api-1",)),))
    snapshot = with_container(snapshot, "api", endpoints=(endpoint(NETWORK, "10.1.0.3", "shop-api-1"),))
    assert codes(with_probes(snapshot, unresolved("shop-web-1", "api"))) == ["name.network_rebuilt_naively"]


# names


@pytest.mark.parametrize("spec, name", [({"container_name": "accounts"}, "accounts"), ({}, "shop-api-1")])
def test_a_taken_container_name_is_found_with_its_holder(spec, name):
    holder = replace(container("other", "10.9.0.2"), name=name, project="old", service="api")
    snapshot = with_config(replace(without(shop(), "api", "web"), bystanders=(holder,)), "api", **spec)
    found = only(snapshot)
    assert found.code == "container.container_name_conflict"
    assert found.subject == {"service": "api", "name": name} and "project 'old'" in found.summary
    assert {"web → api:8000", "front page"} <= set(found.breaks)


def test_a_container_name_that_the_service_itself_has_is_no_conflict():
    snapshot = with_config(shop(), "api", container_name="accounts")
    assert codes(with_container(snapshot, "api", name="accounts")) == []


# ports

PORT_TAKEN = "driver failed programming external connectivity on endpoint shop-web-1 (f00): "


def web_refused(error, **fields):
    snapshot = with_container(shop(), "web", state="created", pid=0, error=error, endpoints=())
    probes = tuple(p for p in snapshot.probes if p.container != "shop-web-1")
    return replace(snapshot, probes=probes, checks=(check(status=404, server="other"),), **fields)


@pytest.mark.parametrize("published, held", [("127.0.0.1", True), ("0.0.0.0", True), ("10.0.0.1", False)])
def test_the_container_that_has_the_port_is_named(published, held):
    holder = replace(container("x", ""), name="squatter", project="", published=(Port(80, "tcp", published, 8080),))
    error = PORT_TAKEN + "Bind for 127.0.0.1:8080 failed: port is already allocated"
    found = only(web_refused(error, bystanders=(holder,)))
    assert found.code == "port.host_port_already_allocated"
    assert found.subject["holder"] == ("squatter" if held else "")
    assert set(found.breaks) == {"web → api:8000", "front page"}


@pytest.mark.parametrize(
    "error",
    [
        "Error starting userland proxy: listen tcp4 127.0.0.1:8080: bind: address already in use",
        "failed to bind host port for 127.0.0.1:8080:10.1.0.4:80/tcp: address already in use",
    ],
)
def test_a_port_of_a_process_of_the_host_is_found(error):
    found = only(web_refused(PORT_TAKEN + error))
    assert found.code == "port.host_port_already_allocated" and found.subject["port"] == 8080
    assert found.confirm == "ss -ltnp 'sport = :8080'"


def test_an_address_that_the_host_does_not_have_is_no_taken_port():
    error = "Error starting userland proxy: listen tcp4 10.9.9.9:8080: bind: cannot assign requested address"
    assert codes(web_refused(PORT_TAKEN + error)) == ["container.not_running"]


# profiles


def of_profile(**fields):
    snapshot = replace(
        shop(),
        dependencies=(*shop().dependencies, call("api", "tracer", 4318)),
        disabled={"tracer": ("debug",)},
        **fields,
    )
    return with_probes(snapshot, unresolved("shop-api-1", "tracer"))


def test_a_service_of_a_profile_is_told_from_a_misspelt_name():
    found = only(of_profile(checks=(check(status=502),)))
    assert (found.code, found.severity) == ("container.profile_not_enabled", Severity.ERROR)
    assert "--profile debug up -d tracer" in found.advice


def test_a_service_of_a_profile_that_nobody_misses_is_a_warning():
    found = only(of_profile())
    assert (found.code, found.severity) == ("container.profile_not_enabled", Severity.WARNING)


def test_a_log_that_tells_of_it_makes_it_an_error():
    line = LogEvent("api", "shop-api-1", "resolution", "cannot resolve tracer", host="tracer")
    assert only(of_profile(log_events=(line,))).severity is Severity.ERROR


def test_a_service_of_a_profile_that_was_enabled_once_and_runs_is_no_finding():
    tracer = container("tracer", "10.1.0.9")
    snapshot = of_profile()
    assert "container.profile_not_enabled" not in codes(replace(snapshot, containers=(*snapshot.containers, tracer)))


# several at once


def test_what_compose_never_started_waits_for_the_one_cause():
    error = "Bind for 0.0.0.0:5432 failed: port is already allocated"
    snapshot = with_container(without(shop(), "web"), "db", state="created", pid=0, error=error)
    snapshot = with_container(snapshot, "api", state="created", pid=0, endpoints=(endpoint(NETWORK, ""),))
    found = only(replace(snapshot, probes=()))
    assert found.code == "port.host_port_already_allocated" and found.confidence is Confidence.CERTAIN
    assert set(found.breaks) == {"api → db:5432", "web → api:8000", "front page"}
