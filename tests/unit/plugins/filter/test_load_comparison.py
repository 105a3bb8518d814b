# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.vertice.netfix.plugins.filter.load_comparison import load_comparison


def side(name, *p50s, users="10"):
    """A set of runs as the module returns them."""

    def figures(p50):
        return {"requests": 500, "failures": 0, "rps": 50.0, "latency_ms": {"p50": p50, "p95": p50 * 2, "p99": p50 * 3}}

    runs = [
        {"number": n, "measured_from": 0.0, "seconds": 10.0, "whole": figures(p), "endpoints": {"GET /": figures(p)}}
        for n, p in enumerate(p50s, 1)
    ]
    return {"name": name, "fingerprint": {"users": users}, "runs": runs}


BEFORE = side("before", 100.0, 102.0, 98.0, 101.0, 99.0)


def test_what_modules_return_can_be_compared():
    told = load_comparison(BEFORE, side("after", 50.0, 51.0, 49.0, 52.0, 48.0))
    assert told["verdict"] == "improved" and told["primary"]["after"] == 50.0
    assert told["primary"]["effect"]["high"] < 0.6
    assert json.loads(json.dumps(told)) == told


def test_other_users_are_another_experiment():
    assert (
        load_comparison(BEFORE, side("after", 50.0, 51.0, 49.0, 52.0, 48.0, users="20"))["verdict"] == "not comparable"
    )


def test_a_metric_that_there_is_not_is_an_error():
    with pytest.raises(AnsibleFilterError, match="no metric 'p59'. Metrics: requests"):
        load_comparison(BEFORE, BEFORE, primary="p59")
