# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import re
import shlex

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.html_page import render_html
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.markdown import render_markdown
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.outline import commands
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.terminal import (
    render_attempt,
    render_diagnosis,
    render_plan,
    render_summary,
    render_validation,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.text import columns

SGR = re.compile("\033\\[[0-9;]*m")
# Commands stay in one piece so that they can be copied; they alone may be wider than the page.
COMMAND = re.compile(r"^\s*(docker|ansible-playbook|netfix:|cat|keep it with|undo it with|repair it with)")
REPORTS = {"report": "out/report.html", "journal": "out/journal.json"}


def everything(journal, width=100, colour=False):
    parts = []
    for host in journal["hosts"]:
        for moment in ("before", "after"):
            if host[moment]:
                parts.append(render_diagnosis(host, width, colour, moment))
        parts.append(render_plan(host["plan"], width, colour, "shop on db1"))
        parts += [render_attempt(attempt, width, colour, "shop on db1") for attempt in host["attempts"]]
        if host["validation"]:
            parts.append(render_validation(host["validation"], width, colour, "shop on db1"))
    return "\n".join([*parts, render_summary(journal, width, colour, REPORTS)])


@pytest.mark.parametrize("width", [80, 100, 120])
def test_no_line_is_wider_than_the_page(sample, width):
    wide = [line for line in everything(sample, width).splitlines() if columns(line) > width]
    assert [line for line in wide if not COMMAND.match(line)] == []


def test_colour_changes_nothing_but_the_colour(sample):
    assert SGR.sub("", everything(sample, colour=True)) == everything(sample)
    assert "\033" not in everything(sample)


def test_nothing_in_the_data_reaches_the_terminal_as_a_control_character(hostile):
    for colour in (False, True):
        text = SGR.sub("", everything(hostile, 100, colour))
        assert [character for character in text.replace("\n", "") if not character.isprintable()] == []
    text.encode("utf-8")


def test_a_missing_field_is_no_traceback():
    assert "nothing to apply" in render_plan({})
    assert "no check was run" in render_validation({})
    assert "attempt" in render_attempt({"remediation": "x", "verdict": "undone"}).lower()
    assert "no host was looked at" in render_summary({"run_id": "r", "hosts": []})
    assert render_summary({"hosts": []}).splitlines()[-1] == "netfix: failed (no host)"


class TestDiagnosis:
    def test_every_failed_dependency_stands_under_its_cause_and_the_rest_is_counted(self, journal):
        lines = render_diagnosis(journal("mended")["hosts"][0], 120).splitlines()
        cause = next(number for number, line in enumerate(lines) if line.startswith("✗ name.disjoint_networks "))
        rows = [line for line in lines[cause:] if " → " in line]
        assert re.match(r"  api_gateway → hcl-kb-service:8001 +name +NXDOMAIN from 127.0.0.11", rows[0])
        assert re.match(r"  maximus_core_service → hcl-kb-service:8001 +name +NXDOMAIN", rows[1])
        assert "✗ dependencies  8 ok, 2 failed" in lines

    def test_the_columns_are_aligned(self, journal):
        lines = render_diagnosis(journal("mended")["hosts"][0], 120).splitlines()
        rows = [line for line in lines if re.match(r"  \S+ → \S+ +name ", line)] + [
            line for line in lines if re.match("  query +check ", line)
        ]
        assert len(rows) == 3
        assert len({re.search("name |check ", row).start() for row in rows}) == 1
        assert len({re.search("NXDOMAIN|502", row).start() for row in rows}) == 1

    def test_without_room_for_a_column_what_was_seen_is_still_told_and_once(self, journal):
        text = render_diagnosis(journal("mended")["hosts"][0], 80)
        assert text.count("NXDOMAIN from 127.0.0.11 in 1 ms") == 1

    def test_what_every_replica_sees_alike_is_one_row(self, journal):
        host = journal("mended")["hosts"][0]
        host["before"]["walks"].append({**host["before"]["walks"][0], "container": "vertice-api_gateway-2"})
        text = render_diagnosis(host, 120)
        assert text.count("api_gateway → hcl-kb-service:8001") == 1
        assert "api_gateway → hcl-kb-service:8001 (×2)" in text

    def test_each_of_two_findings_with_one_code_has_its_own_dependencies(self, journal):
        host = journal("mended")["hosts"][0]
        first = {**host["before"]["findings"][0], "breaks": ["api_gateway → hcl-kb-service:8001"], "evidence": []}
        other = {**first, "summary": "another one", "breaks": ["maximus_core_service → hcl-kb-service:8001"]}
        host["before"]["findings"] = [first, other]
        text = render_diagnosis(host, 120)
        assert text.count("✗ name.disjoint_networks") == 2
        assert (
            text.index("  api_gateway → hcl") < text.index("another one") < text.index("  maximus_core_service → hcl")
        )

    def test_one_line_of_evidence_the_hand_check_and_the_remediation_are_told(self, journal):
        text = render_diagnosis(journal("mended")["hosts"][0], 120)
        assert "error · certain · breaks 3" in text
        assert "· vertice-hcl-kb-service-1 has one endpoint" in text
        assert "asks 127.0.0.11 for hcl-kb-service" not in text and "… 2 more with -v" in text
        assert "\n    docker inspect -f '{{json .NetworkSettings.Networks}}' vertice-hcl-kb-service-1 " in text
        assert "remediation:      reconnect_endpoints, rebuild_network" in text

    def test_with_details_nothing_is_left_out(self, journal, crowd):
        text = render_diagnosis(journal("mended")["hosts"][0], 120, details=True)
        assert "· vertice-api_gateway-1 asks 127.0.0.11 for hcl-kb-service: NXDOMAIN" in text
        assert "\n    POST http://127.0.0.1:8000/api/v1/consciousness/query\n" in text
        assert "with -v" not in text
        assert len(re.findall("^  consumer-", render_diagnosis(crowd, 120, details=True), re.MULTILINE)) == 51

    def test_a_hand_check_is_never_broken_into_lines(self, journal):
        host = journal("mended")["hosts"][0]
        assert host["before"]["findings"][0]["confirm"] in render_diagnosis(host, 60)

    def test_what_no_remediation_can_mend_comes_with_advice(self, journal):
        text = render_diagnosis(journal("not_mended")["hosts"][0], 120)
        assert "advice:           Bind to 0.0.0.0" in text
        assert "confirm by hand:  docker exec vertice-visual_cortex_service-1 cat /proc/net/tcp" in text
        assert "remediation:" not in text

    def test_what_was_not_probed_is_told_with_the_reason_and_is_not_counted_as_ok(self, journal):
        text = render_diagnosis(journal("not_mended")["hosts"][0], 120)
        assert "? 1 not probed: no process id: vertice-redis-1 is restarting\n  hcl-kb-service → redis:6379\n" in text
        assert "✗ dependencies  7 ok, 2 failed, 1 not probed" in text

    def test_what_was_not_probed_is_told_by_reason(self, crowd):
        crowd["before"]["walks"][-9]["detail"] = "root is needed"
        crowd["before"]["checks"] = [
            {"check": {"name": "front page", "url": "http://web/"}, "outcome": "unknown", "error": "root is needed"}
        ]
        text = render_diagnosis(crowd, 100)
        assert "? 2 not probed: root is needed\n  consumer-51 → a-provider:8001, front page\n" in text
        assert "? 2 not probed: the container is restarting\n  consumer-50 → " in text

    def test_a_check_that_could_not_be_run_keeps_a_project_from_being_called_well(self, journal):
        host = journal("healthy")["hosts"][0]
        host["before"]["checks"][0].update(outcome="unknown", error="root is needed")
        lines = render_diagnosis(host).splitlines()
        assert lines[1] == "? all 10 dependencies ok, but 1 of 5 checks could not be run"

    def test_a_warning_makes_no_healthy_project_look_broken(self, journal):
        host = journal("healthy")["hosts"][0]
        host["before"]["findings"] = [journal("not_mended")["hosts"][0]["before"]["findings"][1]]
        text = render_diagnosis(host, 100, colour=True)
        assert "✗" not in text and "\033[31m" not in text
        assert "\033[33m!\033[0m host.neighbour_table_nearly_full" in text
        counts = SGR.sub("", text).splitlines()[-3:]
        assert counts == ["✓ dependencies  10 ok", "✓ checks        5 ok", "! findings      1 warning"]

    def test_warnings_come_after_what_nothing_explains(self, journal):
        host = journal("not_mended")["hosts"][0]
        host["before"]["walks"][0].update(outcome="failed", cause="", detail="reset by peer")
        text = render_diagnosis(host, 100)
        order = ["✗ port.bind_loopback_only", "✗ fails as well, without a finding of its own", "! host.neighbour"]
        assert [text.index(head) for head in order] == sorted(text.index(head) for head in order)

    def test_only_unknown_is_never_shown_as_healthy(self, journal):
        host = journal("healthy")["hosts"][0]
        for walk in host["before"]["walks"]:
            walk.update(outcome="unknown", detail="")
        text = render_diagnosis(host)
        assert "? none of 10 dependencies could be probed" in text
        assert "✓ 0" not in text and "all 10" not in text

    def test_a_failure_that_no_rule_explains_is_shown_with_what_was_seen(self, journal):
        host = journal("mended")["hosts"][0]
        host["before"]["findings"] = []
        for walk in host["before"]["walks"]:
            walk["cause"] = ""
        text = render_diagnosis(host, 120)
        assert "✗ 2 of 10 dependencies fail, and no rule explains why" in text
        assert re.search(r"✗ no rule explains this\n  api_gateway → hcl-kb-service:8001 +name +NXDOMAIN", text)

    def test_a_healthy_project_needs_few_lines(self, journal):
        lines = render_diagnosis(journal("healthy")["hosts"][0]).splitlines()
        assert lines[1:] == ["✓ all 10 dependencies ok", "✓ checks: 5 ok"]

    def test_a_project_without_dependencies_says_how_to_name_them(self):
        assert "list them in netfix_dependencies" in render_diagnosis({"before": {"healthy": True, "walks": []}})

    def test_failing_checks_are_seen_although_every_dependency_works(self, journal):
        host = journal("mended")["hosts"][0]
        host["before"].update(walks=host["after"]["walks"], findings=[])
        text = render_diagnosis(host, 120)
        assert "✗ 2 of 5 checks fail, although no dependency was seen to fail" in text
        assert re.search(r"✗ no rule explains this\n  query +check +502 by uvicorn", text)

    def test_one_endless_line_of_data_does_not_bury_the_rest(self, journal):
        host = journal("mended")["hosts"][0]
        host["before"]["findings"][0].update(summary="x" * 100_000, evidence=["y" * 100_000] * 50, advice="z" * 100_000)
        host["before"]["walks"][0]["detail"] = "w" * 100_000
        host["before"]["checks"][2]["error"] = "v" * 100_000
        text = render_diagnosis(host, 80)
        assert "… 49 more with -v" in text
        assert len(text.splitlines()) < 100

    def test_many_failures_stay_readable_and_the_worst_cause_comes_first(self, crowd):
        text = render_diagnosis(crowd, 100)
        assert "✗ 50 of 60 dependencies fail: 2 root causes found" in text
        assert "… 37 more with -v" in text
        assert "✗ dependencies  7 ok, 50 failed, 3 not probed" in text
        assert (
            text.index("✗ name.alias_missing") < text.index("✗ port.bind_loopback_only") < text.index("? 3 not probed")
        )
        assert len(text.splitlines()) < 60


class TestAttempt:
    def test_steps_show_what_was_done_and_how_long_it_took(self, journal):
        lines = render_attempt(journal("mended")["hosts"][0]["attempts"][0], 100).splitlines()
        assert re.match(r"✓ connect vertice-hcl-kb-service-1 to vertice-network as hcl-kb-service +34 ms$", lines[2])
        assert "✓ gate: 1 of 1 promised finding mended, nothing regressed, after 1.2 s" in lines
        assert lines[-1] == "✓ kept: what it promised is mended and nothing regressed"

    def test_a_failed_undo_names_what_is_left(self, journal):
        text = render_attempt(journal("failed_on_one_of_four")["hosts"][1]["attempts"][1], 100)
        assert "✗ create network vertice-network 172.20.0.0/16" in text
        assert "Pool overlaps with other one on this address space" in text
        assert "· connect 7 endpoints to vertice-network (skipped)" in text
        assert "✗ undo: not complete, 2 differences from the checkpoint" in text
        assert "container vertice-edge-1: expected endpoint vertice-network 172.20.0.8, found none" in text

    def test_an_undo_counts_its_objects_and_names_those_that_failed(self, journal):
        attempt = journal("failed_on_one_of_four")["hosts"][1]["attempts"][1]
        kinds = [("network", "n", "restored", ""), ("container", "a", "unchanged", ""), ("endpoint", "a on n", "failed", "no")]
        keys = ("kind", "name", "outcome", "error")
        attempt["undo"]["objects"] = [dict(zip(keys, values)) for values in kinds]
        text = render_attempt(attempt, 120)
        assert "2 differences from the checkpoint (1 restored, 1 unchanged, 1 failed)" in text
        assert "\n    endpoint a on n: no\n" in text and "container a" not in text

    def test_a_gate_that_did_not_pass_says_why(self, journal):
        text = render_attempt(journal("failed_on_one_of_four")["hosts"][1]["attempts"][0], 100)
        assert "✗ gate: 0 of 1 promised finding mended, nothing regressed, 1 still broken, after 5.0 s" in text
        assert "still broken: edge → api_gateway:8000" in text
        assert "✓ undo: everything is as it was" in text


class TestPlan:
    def test_order_cost_reason_and_what_was_left_out_are_told(self, journal):
        text = render_plan(journal("planned")["hosts"][0]["plan"], 120, where="shop on db1")
        assert "2 remediations, least invasive first" in text
        assert re.search(r"1 reconnect_endpoints +invasiveness 1 · restarts nothing · fully reversible", text)
        assert "restarts api_gateway, maximus_core_service, edge · downtime about 2 s" in text
        assert re.search(r"left out\n +· no finding unlocks it: .*static_hosts", text)

    def test_an_order_that_the_operator_forced_is_not_called_least_invasive(self, journal):
        plan = journal("planned")["hosts"][0]["plan"]
        plan["items"].reverse()
        assert "in the order asked for" in render_plan(plan)


class TestValidation:
    @pytest.mark.parametrize("load", [{"requests": 0, "outcome": "ok"}, {"requests": 9, "outcome": "not_measured"}])
    def test_a_load_run_without_requests_is_not_a_pass(self, load):
        assert "? load: not measured" in render_validation({"checks": [], "load": load})

    def test_checks_that_passed_are_counted_and_with_details_told(self, journal):
        validation = journal("mended")["hosts"][0]["validation"]
        assert "http://" not in render_validation(validation, 120)
        assert "POST http://127.0.0.1:8000/api/v1/consciousness/query" in render_validation(
            validation, 120, details=True
        )

    def test_load_failures_are_named(self):
        load = {
            "requests": 98,
            "failures": 4,
            "rps": 9.84,
            "p50_ms": 7,
            "p95_ms": 21.4,
            "max_ms": 1044,
            "errors": [{"name": "GET /health", "count": 4, "error": "ConnectionRefusedError"}],
            "duration_s": 10,
            "users": 1,
            "outcome": "failed",
            "reason": "4 connection errors",
        }
        text = render_validation({"checks": [], "load": load}, 120)
        assert "✗ load: 98 requests, 4 failures, 9.8/s; p50 7 ms, p95 21 ms, max 1.0 s (1 user for 10 s)" in text
        assert "4 × GET /health: ConnectionRefusedError" in text


class TestSummary:
    def test_a_mended_project_tells_cause_and_cure_and_how_to_keep_or_undo_it(self, journal):
        text = render_summary(journal("mended"), 120, reports=REPORTS)
        assert "✓ mended  vertice on localhost" in text
        assert "what was wrong  name.disjoint_networks: hcl-kb-service is only in network vertice_back" in text
        assert "what helped     reconnect_endpoints (attempt 1) mended name.disjoint_networks" in text
        assert "8 of 10 dependencies were ok, now 10 of 10" in " ".join(text.split())
        assert "restarted       nothing" in text
        assert "at the end      dependencies 10 ok; checks 5 ok" in text
        assert "keep it with    docker compose -f compose.yml -f compose.netfix.yml up -d" in text
        assert "ansible-playbook playbooks/roll_back.yml -e netfix_run_id=20261122T132615-4f2a" in text
        assert "report          out/report.html\n  journal         out/journal.json" in text
        assert text.splitlines()[-1] == "netfix: mended (vertice on localhost) in 27.0 s"

    def test_the_undo_command_is_called_like_the_run_was(self, journal):
        text = render_summary(journal("failed_on_one_of_four"), 120)
        assert "ansible-playbook vertice.netfix.roll_back -e netfix_run_id=20261122T132615-4f2a" in text

    def test_a_run_that_changed_nothing_offers_no_undo(self, journal):
        for name in ("healthy", "planned", "not_mended"):
            text = render_summary(journal(name), 120)
            assert "undo it" not in text and "keep it" not in text

    def test_a_plan_says_how_to_carry_it_out(self, journal):
        text = render_summary(journal("planned"), 120)
        assert "repair it with  ansible-playbook playbooks/fix_network.yml -e netfix_project_src=/srv/vertice" in text

    def test_what_only_the_operator_can_mend_ends_with_what_to_do(self, journal):
        text = render_summary(journal("not_mended"), 120)
        assert "✗ not_mended  vertice on localhost: no remediation applies, and nothing was changed" in text
        assert "what to do      Bind to 0.0.0.0" in text

    def test_what_was_not_probed_is_told_even_when_the_rest_is_healthy(self, journal):
        data = journal("healthy")
        data["hosts"][0]["before"]["walks"][0].update(outcome="unknown", detail="")
        text = render_summary(data, 120)
        assert "nothing to do: 9 of 10 dependencies ok" in text
        assert "not probed      api_gateway → hcl-kb-service:8001: no reason given" in text

    def test_a_warning_is_worth_a_look_also_where_nothing_is_wrong(self, journal):
        data = journal("healthy")
        data["hosts"][0]["before"]["findings"] = [journal("not_mended")["hosts"][0]["before"]["findings"][1]]
        text = render_summary(data, 120)
        assert "worth a look    host.neighbour_table_nearly_full: The host's" in text
        assert "✗" not in text and "what was wrong" not in text

    def test_a_partial_repair_is_not_called_mended(self, journal):
        data = journal("mended")
        data["hosts"][0].update(status="not_mended", after=journal("not_mended")["hosts"][0]["before"])
        text = render_summary(data, 120)
        assert "part of it was repaired and is kept, the rest is still broken" in text
        assert "still wrong     port.bind_loopback_only" in text
        assert "undo it with" in text

    def test_what_only_waited_changed_nothing_and_helped_all_the_same(self, journal):
        data = journal("mended")
        data["hosts"][0]["attempts"][0].update(remediation="wait_until_ready", verdict="unchanged")
        text = render_summary(data, 120)
        assert "the project works again by itself, and nothing was changed" in text
        assert "what helped     wait_until_ready (attempt 1) outlasted name.disjoint_networks" in text
        assert "undo it" not in text and "keep it" not in text and "did not help" not in text

    def test_what_waited_in_vain_undid_nothing(self, journal):
        data = journal("mended")
        data["hosts"][0].update(status="not_mended", after=journal("not_mended")["hosts"][0]["before"])
        data["hosts"][0]["attempts"][0].update(verdict="unchanged", gate=None, reason="it stopped again")
        text = render_summary(data, 120)
        assert "nothing helped, and nothing was changed" in text
        assert "did not help    reconnect_endpoints (attempt 1): unchanged, it stopped again" in text

    def test_of_several_hosts_the_worst_comes_first_and_a_healthy_one_takes_one_line(self, journal):
        text = render_summary(journal("failed_on_one_of_four"), 120)
        places = [text.index(f"vertice on db{number}") for number in (2, 4, 1, 3)]
        assert places == sorted(places)
        assert "✗ failed  vertice on db4: unreachable: Failed to connect to the host via ssh" in text
        assert "✓ healthy  vertice on db3: nothing to do: 10 of 10 dependencies ok\n\n" in text
        assert text.splitlines()[-1] == (
            "netfix: failed (vertice on db2, vertice on db4), 1 mended, 1 healthy, in 1 min 43 s"
        )

    def test_an_undo_that_failed_says_what_is_left(self, journal):
        text = " ".join(render_summary(journal("failed_on_one_of_four"), 120).split())
        assert (
            "left behind by rebuild_network: network vertice-network: expected subnet 172.20.0.0/16, found none" in text
        )

    def test_a_roll_back_says_what_was_taken_back_not_that_it_did_not_help(self, journal):
        data = journal("mended")
        data["mode"] = "roll_back"
        attempt = {**data["hosts"][0]["attempts"][0], "verdict": "undone", "reason": "as asked"}
        data["hosts"][0].update(status="undone", attempts=[attempt], before=None, after=None, validation=None)
        text = render_summary(data, 120)
        assert "taken back      reconnect_endpoints (attempt 1): undone, as asked" in text
        assert "did not help" not in text and "undo it" not in text


def test_a_project_that_could_not_be_looked_at_is_not_called_healthy(journal):
    document = journal("healthy")
    host = document["hosts"][0]
    host["status"] = "diagnosed"
    for walk in host["before"]["walks"]:
        walk.update(outcome="unknown", detail="root is needed")
    text = render_summary(document, 120)
    assert "nothing broken was seen, but not everything could be looked at" in text
    assert "not probed" in text


def test_an_attempt_that_was_rolled_back_did_not_fail(journal):
    attempt = {**journal("mended")["hosts"][0]["attempts"][-1], "verdict": "undone", "reason": "rolled back"}
    last = render_attempt(attempt, 100).splitlines()[-1]
    assert last.strip() == "✓ rolled back"


CONFIRM = {"until": "2025-06-01T09:35:00.000+00:00", "timer": "systemd unit netfix-shop", "confirmed_at": ""}


@pytest.mark.parametrize("render", [render_summary, render_markdown, render_html])
def test_a_kept_change_that_nobody_has_confirmed_says_who_undoes_it_and_when(journal, render):
    data = journal("mended")
    data["hosts"][0]["attempts"][-1]["confirm"] = CONFIRM
    text = " ".join(render(data).split())
    assert "not confirmed: systemd unit netfix-shop undoes it by itself at 2025-06-01T09:35:00.000+00:00" in text


def test_a_change_that_is_confirmed_or_undone_waits_for_nobody(journal):
    attempt = journal("mended")["hosts"][0]["attempts"][-1]
    confirmed = {**attempt, "confirm": {**CONFIRM, "confirmed_at": "2025-06-01T09:31:00.000+00:00"}}
    assert "confirmed at 2025-06-01T09:31:00.000+00:00" in render_attempt(confirmed, 100)
    undone = render_attempt({**attempt, "confirm": CONFIRM, "verdict": "undone"}, 100)
    assert "not confirmed" in render_attempt({**attempt, "confirm": CONFIRM}, 100) and "not confirmed" not in undone


def test_a_command_to_copy_is_one_word_for_the_shell_and_no_template():
    folder = "/srv/it's $(touch x) {{ 7*7 }}"
    _undo, apply = commands({"playbook": "vertice.netfix.diagnose", "run_id": "r1", "hosts": [{"project_src": folder}]})
    *_command, flag, variable = shlex.split(apply)
    assert flag == "-e" and json.loads(variable) == {"netfix_project_src": {"__ansible_unsafe": folder}}
