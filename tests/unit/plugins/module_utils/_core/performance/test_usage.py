# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.cgroup import Reading
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.usage import (
    PerRequest,
    Usage,
    per_request,
    usage,
)

TIMES = [100.0, 101.0, 102.0, 103.0]
READINGS = [
    Reading(cpu_s=5.0, memory=10, sent=1000, received=100, throttled_periods=3, pids=2),
    Reading(cpu_s=5.2, memory=30, sent=3000, received=200, throttled_periods=3, pids=9),
    Reading(cpu_s=6.1, memory=20, sent=5000, received=300, throttled_periods=8, pids=4),
    Reading(cpu_s=6.2, memory=20, sent=6000, received=400, throttled_periods=8, pids=4),
]


def test_a_window_counts_what_happened_in_it():
    told = usage("web", TIMES, READINGS)
    assert (told.seconds, told.cpu_s) == (3.0, pytest.approx(1.2))
    assert told.cpu == pytest.approx(0.4) and told.cpu_peak == pytest.approx(0.9)
    assert (told.memory_peak, told.sent, told.received, told.throttled_periods, told.pids_peak) == (30, 5000, 300, 5, 9)


def test_the_warm_up_is_left_out():
    told = usage("web", TIMES, READINGS, begin=101.5, end=103.5)
    assert told.seconds == 1.0 and told.cpu_s == pytest.approx(0.1) and told.memory_peak == 20


def test_a_container_that_ended_is_told_with_what_is_known():
    told = usage("web", TIMES, [*READINGS[:2], None, None])
    assert told.ended and told.cpu_s == pytest.approx(0.2)
    assert usage("web", TIMES, [None] * 4) == Usage("web", ended=True)


def test_what_a_request_costs():
    assert per_request(usage("web", TIMES, READINGS), 100) == PerRequest(pytest.approx(12), 3.0, 50.0)
    assert per_request(Usage("web"), 0) is None
