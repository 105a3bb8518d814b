# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The walk and the order of the rules, on small projects made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import (
    CheckResult,
    Layer,
    Outcome,
    Snapshot,
)
from unit.builders import (
    NETWORK,
    call,
    check,
    codes,
    container,
    endpoint,
    recorded,
    resolved,
    shop,
    tcp,
    unknown,
    unresolved,
    with_config,
    with_container,
    with_probes,
)


def walks(snapshot):
    return {(w.dependency.name, w.container): w for w in diagnose(snapshot).walks}


def only_walk(snapshot, name):
    return next(w for w in diagnose(snapshot).walks if w.dependency.name == name)


def test_the_healthy_shop_gives_no_finding():
    diagnosis = diagnose(shop())
    assert diagnosis.healthy and diagnosis.findings == () and diagnosis.unknown == 0


def test_an_empty_project_is_no_error():
    diagnosis = diagnose(Snapshot(project="empty"))
    assert diagnosis.findings == () and diagnosis.walks == ()


def test_two_faults_at_once_give_two_findings():
    snapshot = with_container(shop(), "db", state="exited", exit_code=137)
    snapshot = with_container(snapshot, "api", endpoints=(endpoint(NETWORK, "10.1.0.3", "shop-api-1"),))
    snapshot = with_probes(snapshot, unresolved("shop-web-1", "api"), unresolved("shop-api-1", "db"))
    assert codes(snapshot) == ["container.dependency_exited", "name.reconnected_without_alias"]


def test_findings_stand_in_the_order_of_the_layers():
    faulty = with_probes(shop(), tcp("shop-web-1", "10.1.0.3", 8000, "timeout"), unresolved("shop-api-1", "db"))
    found = diagnose(faulty).findings
    assert [f.layer for f in found] == [Layer.NAME, Layer.PORT]


def test_two_recorded_faults_on_different_services_are_both_found():
    # the knowledge base lost its name, and the core was stopped
    snapshot = recorded("reconnected_without_alias")
    stopped = tuple(
        replace(c, state="exited", pid=0) if c.service == "maximus_core_service" else c for c in snapshot.containers
    )
    assert set(codes(replace(snapshot, containers=stopped))) == {
        "container.dependency_exited",
        "name.reconnected_without_alias",
    }


def test_a_404_is_not_taken_for_a_symptom_of_a_name_that_does_not_resolve():
    snapshot = with_probes(shop(checks=(check(status=404, body="no route"),)), unresolved("shop-api-1", "db"))
    assert codes(snapshot) == ["name.unresolved", "protocol.check_failed"]


def test_an_answer_that_names_its_upstream_is_no_symptom_of_another_one():
    broken = with_probes(
        shop(dependencies=(*shop().dependencies, call("web", "cache", 6379))),
        unresolved("shop-web-1", "cache"),
    )
    about_api = replace(broken, checks=(check(status=502, body='{"upstream": "http://api:8000", "error": "reset"}'),))
    assert codes(about_api) == ["name.unresolved", "protocol.check_failed"]
    about_cache = replace(broken, checks=(check(status=502, body='{"upstream": "redis://cache:6379"}'),))
    assert codes(about_cache) == ["name.unresolved"]


def test_what_fails_as_a_consequence_is_told_with_its_cause():
    snapshot = with_container(shop(checks=(check(status=502),)), "db", state="exited", exit_code=137)
    (finding,) = diagnose(with_probes(snapshot, unresolved("shop-api-1", "db"))).findings
    assert finding.breaks == ("api → db:5432",) and finding.symptoms == ("front page",)


# unknown


@pytest.mark.parametrize(
    "probe, layer",
    [
        (unknown("shop-web-1", Layer.NAME, "api"), Layer.NAME),
        (unknown("shop-web-1", Layer.PORT, "10.1.0.3", 8000), Layer.PORT),
    ],
)
def test_what_could_not_be_probed_is_unknown_and_not_healthy(probe, layer):
    diagnosis = diagnose(with_probes(shop(), probe))
    walk = next(w for w in diagnosis.walks if w.dependency.name == "web → api:8000")
    assert (walk.layer, walk.outcome, walk.detail) == (layer, Outcome.UNKNOWN, "root is needed")
    assert diagnosis.unknown == 1 and diagnosis.findings == ()


def test_what_was_never_probed_is_unknown():
    diagnosis = diagnose(replace(shop(), probes=()))
    assert {w.outcome for w in diagnosis.walks} == {Outcome.UNKNOWN}
    assert diagnosis.unknown == 2


def test_a_check_that_could_not_be_sent_is_counted_as_unknown():
    sent = check()
    snapshot = replace(shop(), checks=(CheckResult(sent.check, Outcome.UNKNOWN, error="no service 'x' to ask from"),))
    diagnosis = diagnose(snapshot)
    assert diagnosis.unknown == 1 and diagnosis.findings == ()


# one-shot jobs, replicas, external names


def test_a_job_that_did_its_work_raises_no_alarm():
    snapshot = shop()
    job = container("migrate", "", endpoints=(), state="exited", exit_code=0, pid=0)
    snapshot = replace(
        snapshot,
        containers=(*snapshot.containers, job),
        dependencies=(*snapshot.dependencies, call("api", "migrate", kind="order"), call("migrate", "db", 5432)),
    )
    snapshot = with_config(snapshot, "migrate", networks={"default": None})
    diagnosis = diagnose(snapshot)
    assert diagnosis.findings == () and diagnosis.unknown == 0


def test_a_job_that_failed_is_reported():
    snapshot = shop()
    job = container("migrate", "", endpoints=(), state="exited", exit_code=1, pid=0)
    snapshot = replace(
        snapshot,
        containers=(*snapshot.containers, job),
        dependencies=(*snapshot.dependencies, call("api", "migrate", kind="order")),
    )
    assert codes(with_config(snapshot, "migrate", networks={"default": None})) == ["container.dependency_exited"]


@pytest.mark.parametrize(
    "fields", [{"health": "healthy"}, {"restart_policy": "always"}, {"ports": shop().containers[0].ports}]
)
def test_a_server_that_was_stopped_cleanly_is_no_finished_job(fields):
    snapshot = with_container(shop(), "api", state="exited", exit_code=0, **fields)
    assert "container.dependency_exited" in codes(with_probes(snapshot, unresolved("shop-web-1", "api")))


def two_apis(**second):
    snapshot = shop()
    other = container("api", "10.1.0.9", number=2, **second)
    snapshot = replace(snapshot, containers=(*snapshot.containers, other))
    return with_probes(
        snapshot,
        resolved("shop-web-1", "api", "10.1.0.3", "10.1.0.9"),
        tcp("shop-web-1", "10.1.0.9", 8000),
        resolved("shop-api-2", "db", "10.1.0.2"),
        tcp("shop-api-2", "10.1.0.2", 5432),
    )


def test_every_replica_of_a_consumer_is_walked():
    found = walks(two_apis())
    assert ("api → db:5432", "shop-api-1") in found and ("api → db:5432", "shop-api-2") in found
    assert all(w.outcome is Outcome.OK for w in found.values())


def test_a_replica_that_refuses_is_found_although_the_other_one_answers():
    snapshot = with_probes(two_apis(), tcp("shop-web-1", "10.1.0.9", 8000, "ECONNREFUSED"))
    assert codes(snapshot) == ["port.refused"]


def test_a_fault_of_one_replica_of_the_consumer_gives_one_finding():
    snapshot = with_probes(two_apis(), unresolved("shop-api-2", "db"))
    assert codes(snapshot) == ["name.unresolved"]


def test_one_stopped_replica_is_no_outage_of_the_provider():
    snapshot = with_probes(two_apis(state="exited", exit_code=0), resolved("shop-web-1", "api", "10.1.0.3"))
    assert only_walk(snapshot, "web → api:8000").outcome is Outcome.OK


def test_a_name_outside_the_project_is_not_walked():
    snapshot = replace(shop(), dependencies=(call("web", "payments.example.com", 443, kind="external"),), checks=())
    assert diagnose(snapshot).walks == ()


def test_ipv6_that_is_closed_does_not_matter_where_ipv4_is_open():
    snapshot = with_container(
        shop(), "api", endpoints=(endpoint(NETWORK, "10.1.0.3", "shop-api-1", "api", address6="fd00::3"),)
    )
    snapshot = with_probes(
        snapshot,
        resolved("shop-web-1", "api", "10.1.0.3", "fd00::3"),
        tcp("shop-web-1", "fd00::3", 8000, "ECONNREFUSED"),
    )
    assert codes(snapshot) == []


# container


@pytest.mark.parametrize(
    "fields, code",
    [
        ({"state": "restarting"}, "container.dependency_crash_loop"),
        ({"state": "paused"}, "container.dependency_paused"),
        ({"state": "exited", "oom_killed": True}, "container.dependency_oom_killed"),
        ({"state": "dead"}, "container.not_running"),
    ],
)
def test_a_provider_that_a_start_would_not_mend_gets_advice_only(fields, code):
    snapshot = with_probes(with_container(shop(), "db", **fields), unresolved("shop-api-1", "db"))
    (finding,) = diagnose(snapshot).findings
    assert finding.code == code and finding.remediations == () and finding.advice


def test_a_provider_without_a_container_is_named_and_not_called_misspelt():
    snapshot = shop()
    snapshot = replace(snapshot, containers=tuple(c for c in snapshot.containers if c.service != "db"))
    (finding,) = diagnose(with_probes(snapshot, unresolved("shop-api-1", "db"))).findings
    assert finding.code == "container.not_running" and "'db' has no container" in finding.summary


def test_a_stopped_provider_is_one_finding_however_many_call_it():
    snapshot = with_container(shop(), "db", state="exited", exit_code=1)
    snapshot = replace(snapshot, dependencies=(*snapshot.dependencies, call("web", "db", 5432)))
    snapshot = with_probes(snapshot, unresolved("shop-web-1", "db"), unresolved("shop-api-1", "db"))
    (finding,) = diagnose(snapshot).findings
    assert finding.breaks == ("api → db:5432", "web → db:5432")
