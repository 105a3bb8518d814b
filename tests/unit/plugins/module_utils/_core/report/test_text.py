# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.text import (
    clip,
    columns,
    count,
    duration,
    listed,
    plain,
    wrap,
)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("shop_db-1", "shop_db-1"),
        ("größe 服务", "größe 服务"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("two\nlines\r\tand a tab", "two\\nlines\\r\\tand a tab"),
        ("admin\u202egnp.exe", "admin\\u202egnp.exe"),
        ("a\u200bb\u2028c", "a\\u200bb\\u2028c"),
        ("half\udc80", "half\\udc80"),
        ("  trimmed \n", "trimmed"),
        (None, ""),
        (8001, "8001"),
    ],
)
def test_plain_shows_control_characters_instead_of_sending_them(given, shown):
    assert plain(given) == shown


def test_wide_characters_count_two_columns_and_combining_marks_none():
    assert (columns("服务"), columns("e\u0301"), columns("→ ✓")) == (4, 1, 3)


def test_clip_marks_what_was_cut_and_respects_wide_characters():
    assert (clip("gateway", 7), clip("gateway", 5), clip("服务服务", 5)) == ("gateway", "gate…", "服务…")


def test_wrap_keeps_every_character_and_every_line_within_the_width():
    lines = wrap("name resolves to " + "x" * 25 + " 服务服务服务服务服务服务", 10)
    assert all(columns(line) <= 10 for line in lines)
    assert "".join(lines).replace(" ", "") == "nameresolvesto" + "x" * 25 + "服务" * 6


def test_wrap_of_nothing_is_one_empty_line():
    assert wrap("", 10) == [""]


@pytest.mark.parametrize(
    ("milliseconds", "shown"),
    [(0.4, "0 ms"), (31.2, "31 ms"), (999.6, "1.0 s"), (2140, "2.1 s"), (59960, "1 min 00 s"), (185000, "3 min 05 s")],
)
def test_duration_has_the_unit_a_person_would_use(milliseconds, shown):
    assert duration(milliseconds) == shown


def test_count_and_listed_speak_proper_english():
    assert (count(1, "dependency"), count(2, "dependency"), count(0, "attempt")) == (
        "1 dependency",
        "2 dependencies",
        "0 attempts",
    )
    assert (listed(["a", "b"]), listed(list("abcdefgh"), 3)) == ("a, b", "a, b, c, … 5 more")
