# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
from xml.etree import ElementTree

from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.profile import Frame
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.flame_graph import (
    WIDTH,
    render_flame_difference,
    render_flame_graph,
)

SVG = "{http://www.w3.org/2000/svg}"
MAIN = Frame("main", "/srv/app/web.py", 10)
BURN = Frame("burn", "/srv/app/web.py", 3)
LIGHT = Frame("<lambda>", "/usr/lib/python3.13/json/decoder.py", 7)


def boxes(svg):
    """Title, class and width of each box."""
    found = []
    for group in ElementTree.fromstring(svg).iter(f"{SVG}g"):
        box = group.find(f"{SVG}rect")
        found.append((group.findtext(f"{SVG}title"), box.get("class"), float(box.get("width"))))
    return found


def test_a_box_is_as_wide_as_its_share_and_says_so_in_its_title():
    told = {
        title.split(" ")[0]: (title, tone, width)
        for title, tone, width in boxes(render_flame_graph({(MAIN, BURN): 3, (MAIN, LIGHT): 1}, "web"))
    }
    whole = told["all:"][2]
    assert told["burn"][2] == round(whole * 0.75, 1) and told["main"][2] == whole
    assert told["burn"][0] == "burn (/srv/app/web.py:3): 75.0% of the samples (3), 75.0% in itself"
    assert told["burn"][1] == "own" and told["<lambda>"][1] == "python"


def test_data_stays_data():
    svg = render_flame_graph({(Frame("<script>alert(1)</script>", "a&b.py", 1),): 1}, "a <b> & c")
    assert "<script" not in svg and "a &lt;b&gt; &amp; c" in svg
    ElementTree.fromstring(svg)


def test_no_samples_are_told_as_such():
    svg = render_flame_graph({}, "web")
    assert "There are no samples." in svg
    ElementTree.fromstring(svg)


def test_a_box_that_nobody_could_see_is_not_drawn():
    assert len(boxes(render_flame_graph({(MAIN, BURN): 9999, (MAIN, LIGHT): 1}, "web"))) == 3


def test_the_difference_shows_what_is_gone_and_what_is_new():
    svg = render_flame_difference({(MAIN, BURN): 90, (MAIN, LIGHT): 10}, {(MAIN, LIGHT): 10}, "web")
    told = {title.split(" ")[0]: (tone, title) for title, tone, _width in boxes(svg)}
    assert told["burn"][0] == "less3" and "90.0% of the samples before, 0.0% after (-90.0 points)" in told["burn"][1]
    assert told["<lambda>"][0] == "more3" and told["main"][0] == "same"


def test_a_stack_deeper_than_our_own_may_be_is_drawn():
    deep = tuple(Frame(f"f{number}", "deep.py", number) for number in range(3000))
    svg = render_flame_graph({deep: 1}, "web")
    assert len(boxes(svg)) == 3001 and f'viewBox="0 0 {WIDTH:g} ' in svg and not re.search(r"<script|href", svg)
