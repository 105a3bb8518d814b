# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.patch import (
    appended,
    escape,
    merge,
    override,
    reset,
    without_unused_configs,
)

CASES = [
    ({}, {"a": 1}, {"a": 1}),
    ({"a": 1}, {}, {"a": 1}),
    ({"a": {"x": 1}}, {"a": {"y": 2}}, {"a": {"x": 1, "y": 2}}),
    ({"a": {"x": 1}}, {"a": None}, {"a": {"x": 1}}),
    ({"a": None}, {"a": {"y": 2}}, {"a": {"y": 2}}),
    ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
    ({"a": [1]}, {"a": override([2])}, {"a": override([2])}),
    ({"a": override([1])}, {"a": [2]}, {"a": [2]}),
    ({"a": override({"x": 1})}, {"a": {"y": 2}}, {"a": {"y": 2}}),
    ({"a": {"x": 1}}, {"a": reset()}, {"a": reset()}),
]


@pytest.mark.parametrize("base, patch, result", CASES)
def test_a_patch_is_laid_over_the_present_data(base, patch, result):
    assert merge(base, patch) == result


@pytest.mark.parametrize("base, patch, _result", CASES)
def test_a_patch_laid_over_twice_changes_nothing_more(base, patch, _result):
    once = merge(base, patch)
    assert merge(once, patch) == once


def test_merging_leaves_its_arguments_alone():
    base, patch = {"a": {"x": 1}}, {"a": {"y": 2}}
    merge(base, patch)["a"]["z"] = 3
    assert (base, patch) == ({"a": {"x": 1}}, {"a": {"y": 2}})


@pytest.mark.parametrize(
    "present, result",
    [
        (None, ["x"]),
        (["a"], ["a", "x"]),
        (["x"], ["x"]),
        (override(["a"]), override(["a", "x"])),
        (reset(), override(["x"])),
    ],
)
def test_an_entry_is_added_once_and_a_tag_stays(present, result):
    assert appended(present, "x") == result


def test_dollar_signs_are_doubled():
    assert escape("pa$word${X}") == "pa$$word$${X}"


def test_inline_configs_of_ours_that_nobody_uses_any_more_are_dropped():
    configs = {"netfix-1": {"content": "old"}, "netfix-2": {"content": "new"}, "theirs": {"file": "./x"}}
    services = {"web": {"configs": override([{"source": "netfix-2", "target": "/x"}])}}
    data = without_unused_configs({"services": services, "configs": configs})
    assert set(data["configs"]) == {"netfix-2", "theirs"} and data["services"] == services
    assert "configs" not in without_unused_configs({"services": {}, "configs": {"netfix-1": {"content": "old"}}})
