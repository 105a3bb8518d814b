# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import LogEvent, Severity
from unit.builders import call, check, codes, listens, shop, tcp, unresolved, with_config, with_container, with_probes

NOW = "2026-01-01T00:10:00+00:00"
SECONDS_AGO, MINUTES_AGO = "2026-01-01T00:09:56Z", "2026-01-01T00:05:00Z"


def gone(service="db", consumer="api", taken_at=NOW, **fields):
    """The shop with one container in that state, and its name with it gone from the DNS."""
    snapshot = with_container(shop(taken_at=taken_at, checks=()), service, **fields)
    return with_probes(snapshot, unresolved(f"shop-{consumer}-1", service))


# again and again


@pytest.mark.parametrize(
    "fields",
    [
        {"state": "restarting", "restart_count": 7, "exit_code": 1},
        {"state": "restarting", "restart_count": 1, "exit_code": 1},
        {"state": "running", "restart_count": 7, "started_at": SECONDS_AGO},
    ],
)
def test_a_crash_loop_is_found_whatever_the_moment(fields):
    assert codes(gone(**fields)) == ["container.dependency_crash_loop"]


def test_a_crash_loop_is_found_in_a_moment_in_which_all_works():
    snapshot = with_container(shop(taken_at=NOW), "db", restart_count=7, started_at=SECONDS_AGO)
    (finding,) = diagnose(snapshot).findings
    assert finding.code == "container.dependency_crash_loop" and finding.breaks == ("api → db:5432",)


@pytest.mark.parametrize(
    "fields",
    [
        {"restart_count": 7, "started_at": MINUTES_AGO},
        {"restart_count": 1, "started_at": SECONDS_AGO},
        {"restart_count": 0, "started_at": SECONDS_AGO},
    ],
)
def test_a_container_that_recovered_or_was_just_started_does_not_loop(fields):
    assert codes(with_container(shop(taken_at=NOW), "db", **fields)) == []


def test_a_job_that_is_restarted_for_ever_is_told_so():
    (finding,) = diagnose(gone(state="restarting", restart_count=9, exit_code=0)).findings
    assert "needs no restart policy" in finding.advice


def test_what_crashes_because_its_provider_is_down_is_a_symptom():
    snapshot = with_container(
        gone(state="exited", exit_code=1), "api", state="restarting", restart_count=5, exit_code=1
    )
    diagnosis = diagnose(with_probes(snapshot, unresolved("shop-web-1", "api")))
    assert [f.code for f in diagnosis.findings] == ["container.dependency_exited"]
    assert diagnosis.findings[0].subject["service"] == "db"


def test_two_that_crash_and_need_each_other_are_both_named():
    snapshot = gone(state="restarting", restart_count=5, exit_code=1)
    snapshot = with_container(snapshot, "api", state="restarting", restart_count=5, exit_code=1)
    snapshot = replace(snapshot, dependencies=(*snapshot.dependencies, call("db", "api", 8000)))
    assert codes(snapshot) == ["container.dependency_crash_loop", "container.dependency_crash_loop"]


def test_a_job_that_is_done_is_no_reason_to_crash():
    snapshot = with_container(gone(state="restarting", restart_count=5, exit_code=1), "web", state="exited", ports=())
    snapshot = replace(snapshot, dependencies=(*snapshot.dependencies, call("db", "web", kind="order")))
    assert "container.dependency_crash_loop" in codes(snapshot)


def test_what_a_container_said_last_is_evidence():
    said = LogEvent("db", "shop-db-1", "end", "FATAL: no space left on device", SECONDS_AGO)
    for fields in ({"state": "restarting", "restart_count": 9}, {"state": "exited"}):
        (finding,) = diagnose(replace(gone(**fields, exit_code=1), log_events=(said,))).findings
        assert "log of db ended at 2026-01-01T00:09:56 with: FATAL: no space left on device" in finding.evidence


# memory


def test_a_service_that_was_killed_for_memory_is_told_with_its_limit():
    snapshot = with_config(gone(state="exited", exit_code=137, oom_killed=True), "db", mem_limit="33554432")
    (finding,) = diagnose(snapshot).findings
    assert finding.code == "container.dependency_oom_killed" and "32 MiB" in finding.summary
    assert finding.remediations == ()


def test_exit_code_137_alone_is_not_called_a_lack_of_memory():
    assert codes(gone(state="exited", exit_code=137)) == ["container.dependency_exited"]


def test_a_container_that_survived_the_death_of_a_child_is_not_down():
    assert codes(with_container(shop(), "db", oom_killed=True)) == []


# paused


def test_a_paused_service_is_named():
    (finding,) = diagnose(with_container(shop(), "db", state="paused")).findings
    assert finding.code == "container.dependency_paused" and finding.advice == "docker unpause shop-db-1"
    assert finding.breaks == ("api → db:5432",)


def test_a_paused_consumer_is_named():
    snapshot = with_container(shop(checks=(check(status=0, error="timeout"),)), "web", state="paused")
    assert codes(snapshot) == ["container.dependency_paused"]


def test_a_paused_container_that_has_to_do_with_nobody_is_left_alone():
    snapshot = with_container(shop(), "db", state="paused")
    assert codes(replace(snapshot, dependencies=snapshot.dependencies[:1])) == []


# nginx

EMERG = '[emerg] 1#1: host not found in upstream "api" in /etc/nginx/conf.d/default.conf:3'


def without_nginx(host="api", time=SECONDS_AGO, **fields):
    values = {"state": "exited", "exit_code": 1, "started_at": SECONDS_AGO, "finished_at": SECONDS_AGO}
    snapshot = with_container(shop(taken_at=NOW), "web", **{**values, **fields})
    event = LogEvent("web", "shop-web-1", "start", EMERG.replace('"api"', f'"{host}"'), time, host)
    failing = check(status=0, error="ECONNREFUSED")
    return replace(snapshot, log_events=(event,), checks=(failing,))


def test_nginx_that_did_not_find_a_name_that_resolves_now_is_started_again():
    (finding,) = diagnose(without_nginx()).findings
    assert finding.code == "container.nginx_host_not_found_at_start"
    assert finding.remediations == ("start_providers",) and finding.subject["containers"] == ["shop-web-1"]


def test_nginx_that_calls_a_name_that_nobody_has_is_not_started_again():
    (finding,) = diagnose(without_nginx("apis")).findings
    assert finding.code == "container.nginx_host_not_found_at_start" and finding.remediations == ()
    assert "'api' may be meant" in finding.advice


def test_nginx_that_shares_no_network_with_its_upstream_is_not_started_again():
    (finding,) = diagnose(without_nginx(endpoints=())).findings
    assert finding.remediations == () and "common network" in finding.advice


def test_an_upstream_that_is_down_is_the_cause():
    snapshot = with_container(without_nginx(), "api", state="exited", exit_code=1)
    assert set(codes(snapshot)) == {"container.dependency_exited"}


@pytest.mark.parametrize(
    "fields", [{"time": MINUTES_AGO, "exit_code": 1}, {"exit_code": 0}], ids=["of an earlier run", "stopped by hand"]
)
def test_an_nginx_that_ended_for_another_reason_is_not_said_to_lack_a_name(fields):
    assert codes(without_nginx(**fields)) == ["container.dependency_exited"]


# healthchecks


def blocked(health="unhealthy", condition="service_healthy"):
    snapshot = with_config(shop(), "web", depends_on={"api": {"condition": condition}})
    snapshot = with_container(snapshot, "web", state="created", pid=0)
    output = 'exec: "wget": executable file not found in $PATH'
    snapshot = with_container(snapshot, "api", health=health, health_output=output)
    return replace(snapshot, checks=(check(status=0, error="ECONNREFUSED"),))


def test_a_healthcheck_that_blocks_another_service_is_named_with_what_it_says():
    (finding,) = diagnose(blocked()).findings
    assert finding.code == "container.depends_on_unhealthy_blocks_gateway"
    assert "executable file not found" in " ".join(finding.evidence) and finding.subject["provider"] == "api"


@pytest.mark.parametrize("fields", [{"health": "starting"}, {"condition": "service_started"}])
def test_a_service_that_was_not_started_for_another_reason_is_not_blocked(fields):
    assert "container.depends_on_unhealthy_blocks_gateway" not in codes(blocked(**fields))


def test_an_unhealthy_service_that_is_reached_is_a_warning():
    diagnosis = diagnose(with_container(shop(), "api", health="unhealthy"))
    assert [(f.code, f.severity) for f in diagnosis.findings] == [
        ("container.unhealthy_still_in_dns", Severity.WARNING)
    ]


def test_an_unhealthy_service_that_is_not_reached_is_told_as_what_stops_its_callers():
    snapshot = with_container(shop(checks=()), "api", health="unhealthy", sockets=(listens("127.0.0.1", 8000),))
    assert codes(with_probes(snapshot, tcp("shop-web-1", "10.1.0.3", 8000, "ECONNREFUSED"))) == [
        "port.bind_loopback_only"
    ]
