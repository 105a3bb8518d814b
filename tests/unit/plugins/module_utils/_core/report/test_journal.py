# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import dataclasses
import json
import typing

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core import model
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation import outcomes
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.journal import (
    MODES,
    STATUSES,
    VERDICTS,
    diagnosis_problems,
    elapsed_s,
    host_problems,
    make_journal,
    overall_status,
)
from unit.journal_schema import journal_schema, undescribed


@pytest.mark.parametrize("better", range(1, len(STATUSES)))
def test_the_worst_host_decides_the_status_of_the_run(better):
    worse = STATUSES[better - 1]
    assert overall_status([{"status": STATUSES[better]}, {"status": worse}]) == worse


def test_unreachable_and_erring_hosts_count_as_failed():
    assert overall_status([{"status": "healthy"}, {"status": "unreachable"}]) == "failed"
    assert overall_status([{"status": "healthy", "error": "no such project"}]) == "failed"
    assert overall_status([{}]) == "failed"


def test_a_run_that_looked_at_no_host_is_no_success():
    assert overall_status([]) == "failed"


def test_samples_are_journals_and_survive_json(sample):
    assert [problem for host in sample["hosts"] for problem in host_problems(host, "host")] == []
    made = make_journal(
        **{
            key: sample[key]
            for key in ("run_id", "mode", "hosts", "started_at", "finished_at", "playbook", "collection", "versions")
        }
    )
    assert json.loads(json.dumps(made)) == sample


def test_an_unreachable_host_is_recorded_as_failed_with_the_reason():
    made = make_journal("r1", "apply", [{"host": "db1", "status": "unreachable"}], "", "")
    assert (made["hosts"][0]["status"], made["hosts"][0]["error"]) == ("failed", "unreachable")


def test_problems_name_the_entry_and_what_was_expected(journal):
    host = journal("mended")["hosts"][0]
    host["before"]["walks"][1]["layer"] = "nowhere"
    host["attempts"][0]["verdict"] = "perhaps"
    del host["plan"]["items"][0]["remediation"]
    problems = "\n".join(host_problems(host, "hosts[0]"))
    assert "hosts[0].before.walks[1] is 'nowhere' is not a valid Layer" in problems
    assert "hosts[0].attempts[0].verdict is 'perhaps'; expected one of kept, undone" in problems
    assert "hosts[0].plan.items[0] has no 'remediation'" in problems


@pytest.mark.parametrize("data", [None, "text", [], 3])
def test_what_is_no_host_is_a_problem_and_no_traceback(data):
    assert host_problems(data, "hosts[0]")


def test_elapsed_time_needs_two_readable_times():
    assert elapsed_s("2026-11-22T13:26:15Z", "2026-11-22T13:26:42.5+00:00") == 27.5
    assert elapsed_s("", "2026-11-22T13:26:42Z") is None
    assert elapsed_s("2026-11-22T13:26:15Z", "2026-11-22T13:26:42") is None


@pytest.mark.parametrize(
    ("topology", "problem"),
    [
        ([], ""),
        ({"services": [], "networks": []}, ""),
        ({"services": [{"state": "running"}], "networks": []}, "d.topology.services[0] has no 'name'"),
        ({"services": []}, "d.topology.networks must be a list, got nothing"),
        ({"services": [{"name": "web", "replicas": "many"}], "networks": []}, "numbers of service 'web'"),
        ("all", "d.topology must be a dictionary with 'services', got text"),
    ],
)
def test_a_topology_that_cannot_be_drawn_is_a_problem(topology, problem):
    problems = "\n".join(diagnosis_problems({"healthy": True, "walks": [], "findings": [], "topology": topology}, "d"))
    assert problem in problems and bool(problem) == bool(problems)


class TestSchema:
    """docs/journal.schema.json, which others read, and what the code writes."""

    SCHEMA = journal_schema()

    @pytest.fixture
    def validator(self):
        jsonschema = pytest.importorskip("jsonschema")
        jsonschema.Draft202012Validator.check_schema(self.SCHEMA)
        return jsonschema.Draft202012Validator

    def test_every_journal_fits_and_holds_nothing_that_is_not_described(self, sample):
        assert undescribed(sample) == []

    def test_a_reader_that_meets_a_new_key_is_not_told_that_it_is_wrong(self, validator, journal):
        data = journal("mended")
        data["hosts"][0]["new"] = data["new"] = 1
        assert validator(self.SCHEMA).is_valid(data)

    @pytest.mark.parametrize("part", ["status", "verdict", "outcome"])
    def test_a_word_that_is_not_in_its_closed_set_is_an_error(self, validator, journal, part):
        data = journal("mended")
        host = data["hosts"][0]
        {"status": host, "verdict": host["attempts"][0], "outcome": host["before"]["walks"][0]}[part][part] = "perhaps"
        assert not validator(self.SCHEMA).is_valid(data)

    @pytest.mark.parametrize(
        ("name", "cls"),
        [
            ("walk", model.Walk),
            ("dependency", model.Dependency),
            ("finding", model.Finding),
            ("check", model.Check),
            ("check_result", model.CheckResult),
            ("probe", model.Probe),
            ("engine", model.Engine),
            ("restored_object", outcomes.Outcome),
        ],
    )
    def test_every_field_of_the_model_is_described_and_none_besides(self, name, cls):
        described = self.SCHEMA["$defs"][name]["properties"]
        assert set(described) == {field.name for field in dataclasses.fields(cls)}, "change docs/journal.schema.json"
        hints = typing.get_type_hints(cls)
        sets = {field: set(entry["enum"]) for field, entry in described.items() if isinstance(hints[field], type(model.Layer))}
        assert sets == {field: {word.value for word in hints[field]} for field in sets}

    def test_the_closed_sets_are_those_of_the_code(self):
        properties, definitions = self.SCHEMA["properties"], self.SCHEMA["$defs"]
        assert tuple(properties["mode"]["enum"]) == MODES
        assert tuple(properties["status"]["enum"]) == STATUSES == tuple(definitions["host"]["properties"]["status"]["enum"])
        assert tuple(definitions["attempt"]["properties"]["verdict"]["enum"]) == VERDICTS
        words = (outcomes.RESTORED, outcomes.UNCHANGED, outcomes.FAILED)
        assert tuple(definitions["restored_object"]["properties"]["outcome"]["enum"]) == words
