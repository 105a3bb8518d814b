# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.vertice.netfix.plugins.module_utils._core.optimization.answers import (
    answer,
    differing,
    together,
)


def ask(*bodies, status=200, ignore=(), patterns=()):
    return together([answer("q", status, "", body, ignore, patterns) for body in bodies])


def how(before, after):
    return [d.how for d in differing([before], [after])]


def test_the_order_of_keys_and_blanks_is_no_difference():
    assert how(ask('{"a": 1, "b": [2]}'), ask('{"b":[2],"a":1}')) == []


def test_a_difference_is_told_by_its_place():
    assert how(ask('{"items": [{"t": "x"}]}'), ask('{"items": [{"t": "y"}]}')) == ["the body differs in $.items[0].t"]
    assert how(ask('{"a": 1}'), ask("a page")) == ["the body differs in $.a, body"]


def test_another_status_is_a_difference():
    assert how(ask("{}"), ask("{}", status=502)) == ["status 200 before, status 502 now"]


def test_a_cache_that_forgets_something_on_the_second_request_is_caught():
    assert how(ask('{"a": 1}', '{"a": 1}'), ask('{"a": 1}', '{"a": null}')) == ["the body differs in $.a"]


def test_what_is_volatile_without_the_change_is_not_compared():
    assert how(ask('{"at": 1, "x": 2}', '{"at": 3, "x": 2}'), ask('{"at": 9, "x": 2}', '{"at": 8, "x": 2}')) == []


def test_ignored_values_and_patterns_are_not_compared():
    assert how(ask('{"cached": false}', ignore=["cached"]), ask('{"cached": true}', ignore=["cached"])) == []
    assert how(ask('{"a": {"b": 1}}', ignore=["$.a.b"]), ask('{"a": {"b": 2}}', ignore=["$.a.b"])) == []
    assert how(ask("at 12:30 ok", patterns=[r"\d\d:\d\d"]), ask("at 12:31 ok", patterns=[r"\d\d:\d\d"])) == []


def test_bodies_are_told_as_digests():
    assert "secret" not in str(ask('{"password": "secret"}'))


def test_a_request_that_is_answered_now_so_and_now_so_is_no_answer():
    now = together([answer("q", 200, "", "{}", (), ()), answer("q", 502, "", "{}", (), ())])
    assert how(ask("{}"), now) == ["status 200 before, now status 200, now status 502 now"]
