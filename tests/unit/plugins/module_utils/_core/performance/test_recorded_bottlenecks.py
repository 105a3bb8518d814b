# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bottlenecks in what was recorded of the lab with them switched on; each file says when, and how busy the machine was.

All but ``busy`` are what the role tune gathers on a quiet machine (scripts/capture-bottlenecks). On the machine of ``busy``
the load generator was held up in every run.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ansible_collections.vertice.netfix.plugins.filter.bottlenecks import bottlenecks

ROOT = Path(__file__).parents[6]
FOLDER = ROOT / "tests/unit/fixtures/bottlenecks"
RECORDED = {
    (path.parent.name, path.stem): json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*/*.json"))
}
SWITCHES = {
    folder.name: yaml.safe_load((folder / "bottleneck.yml").read_text(encoding="utf-8"))
    for folder in sorted((ROOT / "lab/bottlenecks").iterdir())
}
# where only waiting without a cause is to be seen, a busy machine cannot be told from it
HIDDEN = (("busy", "sleeping_dependency"), ("busy", "healthy"))
GATHERED = ("profiles", "datastores", "datastores_before", "activity", "topology")


def found(which):
    told = {key: RECORDED[which][key] for key in GATHERED if key in RECORDED[which]}
    return bottlenecks(RECORDED[which]["load"], **told)


def codes(which):
    return [item["code"] for item in found(which)["items"]]


@pytest.mark.parametrize("which", [w for w in RECORDED if w[1] in SWITCHES and w not in HIDDEN], ids="-".join)
def test_the_bottleneck_that_was_switched_on_is_named_first(which):
    first = found(which)["items"][0]
    assert first["code"] == SWITCHES[which[1]]["finding"]
    assert first["endpoint"].endswith(SWITCHES[which[1]]["endpoint"])


@pytest.mark.parametrize("which", HIDDEN, ids="-".join)
def test_what_a_busy_machine_hides_is_told_to_be_unseen_and_not_guessed(which):
    result = found(which)
    assert result["items"] == [] and "unexplained waits" in [one["source"] for one in result["unseen"]]


@pytest.mark.parametrize("which", [w for w in RECORDED if w[1] == "healthy" and w not in HIDDEN], ids="-".join)
def test_a_lab_without_bottlenecks_has_none(which):
    assert codes(which) == []


@pytest.mark.parametrize("which", [w for w in RECORDED if len(RECORDED[w]["bottlenecks"]) > 1], ids="-".join)
def test_of_several_at_once_only_what_is_there_is_named(which):
    injected = {SWITCHES[name]["finding"] for name in RECORDED[which]["bottlenecks"]}
    assert len(codes(which)) >= 2 and {*codes(which)} <= injected


@pytest.mark.parametrize("which", [w for w in RECORDED if w[0] != "busy"], ids="-".join)
def test_connections_were_seen_while_the_load_ran(which):
    assert "connections of postgres" not in [one["source"] for one in found(which)["unseen"]]
