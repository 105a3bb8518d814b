# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Container
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.comparison import CONDITIONS
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.fingerprint import fingerprint

LOAD = {
    "users": 10, "spawn_rate": 2.0, "arrival_rate": 0.0, "seconds": 60.0, "warm_up": 5.0, "tags": ["read"],
    "environment": {"TOKEN": "hunter2"},
}  # fmt: skip
MACHINE = {"cores": 2, "kernel": "6.18"}
WEB = Container(name="shop-web-1", id="1", service="web", image_id="sha256:1", config_hash="aa")
DB = Container(name="shop-db-1", id="2", service="db", image_id="sha256:2", config_hash="bb")


def told(load=None, locustfile=b"one", machine=None, containers=(WEB, DB)):
    return fingerprint(load or LOAD, locustfile, machine or MACHINE, containers)


def test_it_names_every_condition_that_is_compared():
    assert set(told()) == set(CONDITIONS)


def test_the_same_is_the_same_in_whatever_order():
    assert told() == told(containers=(DB, replace(WEB, id="3")))


@pytest.mark.parametrize(
    ("condition", "other"),
    [
        ("users", told(load={**LOAD, "users": 11})),
        ("tags", told(load={**LOAD, "tags": []})),
        ("locustfile", told(locustfile=b"two")),
        ("locustfile", told(load={**LOAD, "environment": {"TOKEN": "other"}})),
        ("images", told(containers=(replace(WEB, image_id="sha256:3"), DB))),
        ("configuration", told(containers=(replace(WEB, config_hash="cc"), DB))),
        ("host", told(machine={**MACHINE, "cores": 4})),
    ],
)
def test_what_changes_one_condition_changes_no_other(condition, other):
    assert {c for c in CONDITIONS if told()[c] != other[c]} == {condition}


def test_no_secret_is_in_it():
    assert "hunter2" not in str(told())
