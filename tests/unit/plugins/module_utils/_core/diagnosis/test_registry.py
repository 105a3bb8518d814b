# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts that must stay in step: kinds of findings, the lab's faults, fixtures, remediations, roles, docs."""

from __future__ import annotations

import re

import pytest
import yaml
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.registry import KINDS
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Layer
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.planning import REMEDIATIONS
from unit.builders import RECORDED, ROOT

LAB_FAULTS = sorted(p.name for p in (ROOT / "lab" / "faults").iterdir() if p.is_dir())
RULES = ROOT / "plugins" / "module_utils" / "_core" / "diagnosis"


def fault(name):
    return yaml.safe_load((ROOT / "lab" / "faults" / name / "fault.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", LAB_FAULTS)
def test_every_fault_of_the_lab_is_a_registered_kind(name):
    # another symptom of a cause that has a fault of its own says so
    code, cause = fault(name)["finding"], fault(name).get("same_cause_as", name)
    assert code in KINDS and KINDS[code].fault == cause


@pytest.mark.parametrize("name", LAB_FAULTS)
def test_every_fault_of_the_lab_was_recorded(name):
    assert name in RECORDED


@pytest.mark.parametrize("name", LAB_FAULTS)
def test_the_lab_and_the_registry_name_the_same_first_remediation(name):
    remediations = KINDS[fault(name)["finding"]].remediations
    assert (remediations[0] if remediations else None) == fault(name)["remediation"]


@pytest.mark.parametrize("code", [c for c, k in KINDS.items() if k.fault])
def test_the_fault_that_a_kind_names_is_in_the_lab(code):
    assert KINDS[code].fault in LAB_FAULTS


@pytest.mark.parametrize("code", KINDS)
def test_a_kind_has_remediations_or_says_why_not(code):
    kind = KINDS[code]
    assert set(kind.remediations) <= set(REMEDIATIONS)
    assert bool(kind.remediations) != bool(kind.why_none)


@pytest.mark.parametrize("code", KINDS)
def test_a_code_begins_with_its_layer_and_ends_with_its_fault(code):
    layer, _dot, cause = code.partition(".")
    assert layer in [one.value for one in Layer]
    assert KINDS[code].fault in ("", cause)


@pytest.mark.parametrize("code", KINDS)
def test_the_remediations_of_a_kind_stand_in_the_order_in_which_they_are_tried(code):
    levels = [REMEDIATIONS[r].invasiveness for r in KINDS[code].remediations]
    assert levels == sorted(levels)


def test_every_code_that_a_rule_writes_is_registered_and_every_registered_code_is_written():
    layers = "|".join(one.value for one in Layer)
    pattern = rf'"((?:{layers})\.[a-z0-9_]+)"'
    written = {m for p in RULES.glob("*.py") for m in re.findall(pattern, p.read_text())}
    assert written == set(KINDS)


@pytest.mark.parametrize("name", REMEDIATIONS)
def test_a_remediation_is_unlocked_by_some_kind(name):
    assert any(name in kind.remediations for kind in KINDS.values())


@pytest.mark.parametrize("name", REMEDIATIONS)
def test_a_remediation_has_a_role_with_all_doors(name):
    role = ROOT / "roles" / f"fix_{name}"
    doors = [*(f"tasks/{t}.yml" for t in ("main", "preflight", "rollback"))]
    wanted = [*doors, "defaults/main.yml", "meta/main.yml", "meta/argument_specs.yml", "README.md"]
    assert [w for w in wanted if not (role / w).is_file()] == []


@pytest.mark.parametrize("name", REMEDIATIONS)
def test_a_role_has_an_argument_spec_for_every_door(name):
    spec = yaml.safe_load((ROOT / "roles" / f"fix_{name}" / "meta" / "argument_specs.yml").read_text())
    assert {"main", "preflight", "rollback"} <= set(spec["argument_specs"])


@pytest.mark.parametrize("name", REMEDIATIONS)
def test_the_remediation_module_documents_every_remediation(name):
    documentation = (ROOT / "plugins" / "modules" / "remediation.py").read_text()
    assert f"      - {name}\n" in documentation


@pytest.mark.parametrize("file, words", [("remediations.md", REMEDIATIONS), ("findings.md", KINDS)])
def test_the_docs_have_a_section_for_each(file, words):
    path = ROOT / "docs" / file
    if not path.exists():
        pytest.skip(f"docs/{file} is not written yet")
    text = path.read_text(encoding="utf-8")
    assert [w for w in words if w not in text] == []


def test_the_symptoms_lead_to_findings_that_exist():
    text = (ROOT / "docs" / "symptoms.md").read_text(encoding="utf-8")
    links = re.findall(r"\[`([a-z_.0-9]+)`\]\(findings\.md#([a-z_0-9]+)\)", text)
    assert {code for code, _anchor in links} <= set(KINDS)
    assert [code for code, anchor in links if anchor != code.replace(".", "")] == []
    assert {c for c in KINDS if c.startswith("protocol.")} <= {code for code, _anchor in links}
