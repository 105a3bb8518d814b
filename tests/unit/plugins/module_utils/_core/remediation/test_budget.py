# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.budget import out_of_time, reserve_s

START = "2026-11-30T12:00:00.000Z"
LONG = {"remediation": "rebuild_network", "duration_s": 90.0, "undo": {"duration_s": 30.0}}
SHORT = {"remediation": "reconnect_endpoints", "duration_s": 1.5, "undo": None}


def stopped(budget, now, attempts=()):
    return out_of_time(budget, START, f"2026-11-30T{now}Z", 20.0, list(attempts))


def test_an_attempt_begins_where_there_is_time_to_undo_it():
    assert stopped(7200, "13:59:19") == {}


def test_no_attempt_begins_that_might_not_be_undone_in_time():
    found = stopped(7200, "13:59:21", [SHORT])
    assert found["seconds"] == 7200 and found["spent_s"] == 7161.0
    assert "may need 40 s" in found["reason"] and "Tried: reconnect_endpoints" in found["reason"]


def test_the_next_may_take_as_long_as_the_longest_with_its_undo():
    assert reserve_s(20.0, [SHORT, LONG]) == 120.0
    assert stopped(200, "12:01:10", [SHORT]) == {}
    assert "may need 120 s" in stopped(180, "12:01:10", [SHORT, LONG])["reason"]


def test_a_later_attempt_is_refused_after_an_earlier_one_took_the_time():
    assert stopped(150, "12:00:05") == {}
    assert stopped(150, "12:02:05", [LONG])


def test_without_a_budget_there_is_no_end():
    assert stopped(0, "23:00:00") == {}
