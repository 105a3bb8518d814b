# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bottlenecks in what was recorded of the lab with each of them switched on; each file says when and how busy the machine was.

It was very busy: the load generator was held up in every run.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from ansible_collections.vertice.netfix.plugins.filter.bottlenecks import bottlenecks

ROOT = Path(__file__).parents[6]
RECORDED = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((ROOT / "tests/unit/fixtures/bottlenecks/recorded").glob("*.json"))
}
SWITCHES = {
    folder.name: yaml.safe_load((folder / "bottleneck.yml").read_text(encoding="utf-8"))
    for folder in sorted((ROOT / "lab/bottlenecks").iterdir())
}


# where only waiting without a cause is to be seen, such a machine cannot be told from it
HIDDEN = ("sleeping_dependency", "healthy")


def found(name):
    told = {key: RECORDED[name][key] for key in ("profiles", "datastores", "topology")}
    return bottlenecks(RECORDED[name]["load"], **told)


@pytest.mark.parametrize("name", [name for name in RECORDED if name in SWITCHES and name not in HIDDEN])
def test_the_bottleneck_that_was_switched_on_is_named_first(name):
    first = found(name)["items"][0]
    assert first["code"] == SWITCHES[name]["finding"]
    assert first["endpoint"].endswith(SWITCHES[name]["endpoint"])


@pytest.mark.parametrize("name", HIDDEN)
def test_what_a_busy_machine_hides_is_told_to_be_unseen_and_not_guessed(name):
    result = found(name)
    assert result["items"] == [] and "unexplained waits" in [one["source"] for one in result["unseen"]]
