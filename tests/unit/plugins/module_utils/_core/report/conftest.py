# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples and hostile data that the report tests share."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

JOURNALS = Path(__file__).parents[4] / "fixtures" / "journals"

# What a service name, a log line or an error of a hostile container may hold.
HOSTILE = (
    "a\x1b[2J\x1b]0;owned\x07\r\nb\u202ec\u2028d\x9b31m\udc80 | `x` ``y`` "
    "<script>alert(1)</script> ![i](http://e/) *b* _c_"
)


@pytest.fixture(params=sorted(path.stem for path in JOURNALS.glob("*.json")))
def sample(request):
    return load(request.param)


@pytest.fixture
def journal():
    """Gives a sample journal by its name."""
    return load


def load(name):
    return json.loads((JOURNALS / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def hostile():
    """The mended journal with every text in it made hostile, except where the schema has a closed set."""
    data = load("mended")
    data["hosts"] = [poison(host) for host in data["hosts"]]
    return data


CLOSED = {"status", "layer", "outcome", "severity", "confidence", "verdict", "reversible", "started_at", "run_id"}


def poison(value, key=""):
    if isinstance(value, dict):
        return {k: poison(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [poison(v, key) for v in value]
    return value + HOSTILE if isinstance(value, str) and key not in CLOSED else value


@pytest.fixture
def crowd():
    """A diagnosis of 60 dependencies: 45 fail for one reason, 5 for another, 3 are unknown, 7 work."""
    good = load("mended")["hosts"][0]
    walks = []
    for number in range(60):
        walk = copy.deepcopy(good["after"]["walks"][0])
        walk["dependency"].update(consumer=f"consumer-{number}", host="a-provider")
        if number < 45:
            walk.update(outcome="failed", layer="name", cause="name.alias_missing", detail="NXDOMAIN")
        elif number < 50:
            walk.update(outcome="failed", layer="port", cause="port.bind_loopback_only", detail="ECONNREFUSED")
        elif number < 53:
            walk.update(outcome="unknown", layer="name", cause="", detail="the container is restarting")
        walks.append(walk)
    finding = good["before"]["findings"][0]
    findings = [
        {**finding, "code": "port.bind_loopback_only", "breaks": ["x"] * 5},
        {**finding, "code": "name.alias_missing", "breaks": ["x"] * 45},
    ]
    diagnosis = {"healthy": False, "walks": walks, "findings": findings, "checks": [], "notes": [], "duration_ms": 900}
    return {"host": "db1", "project": "shop", "before": diagnosis}
