# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.comparison import RunSet
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.runs import (
    Run,
    Sample,
    by_endpoint,
    figures,
    pictured,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.load_plots import (
    PLOT_STYLES,
    as_file,
    render_distributions,
    render_percentiles,
    render_timeline,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.load_scales import (
    Scale,
    from_zero,
    logarithmic,
    milliseconds,
    number,
    ticks,
)


def side(name, factor=1.0, runs=4, endpoint="GET /"):
    made = []
    for run in range(runs):
        source = random.Random(f"{name}{run}")
        samples = [
            Sample(endpoint, n / 20, n / 20, n / 20 + 0.02 * factor * source.lognormvariate(0, 0.4), n % 50 > 0)
            for n in range(100)
        ]
        spreads, over_time = pictured(samples, 0.0, 5.0, scheduled=False)
        over_time = replace(over_time, cpu={"shop-api-1": tuple(0.4 * factor for _step in over_time.rps)})
        whole = figures(samples, 5.0, scheduled=False)
        endpoints = by_endpoint(samples, 5.0, scheduled=False)
        made.append(Run(run + 1, 0.0, 5.0, whole, endpoints, spreads=spreads, series=over_time))
    return RunSet(name, {}, tuple(made))


BEFORE, AFTER = side("before"), side("after", 0.5)
PLOTS = [render_distributions, render_percentiles, render_timeline]


def words(svg):
    return [e.text for e in ElementTree.fromstring(svg).iter() if e.tag.endswith("text")]


@pytest.mark.parametrize("render", PLOTS)
def test_both_sides_are_told_apart_by_name_and_by_style(render):
    svg = render(BEFORE, AFTER)
    told = words(svg)
    assert "before" in told and "after" in told
    for style in ("before", "after"):
        assert re.search(rf'class="(line|dot) {style}"', svg)
    assert "stroke-dasharray" in PLOT_STYLES.split(".line.before")[1].split("}")[0]


@pytest.mark.parametrize("render", PLOTS)
def test_one_side_alone_is_drawn_too(render):
    assert " before" not in render(AFTER) and "after" in words(render(AFTER))


@pytest.mark.parametrize("render", PLOTS)
def test_runs_without_anything_to_draw_give_nothing(render):
    empty = RunSet("before", {}, (Run(1, 0.0, 5.0, figures([], 5.0, scheduled=False)),))
    assert render(empty, empty) == ""


@pytest.mark.parametrize("render", PLOTS)
def test_no_two_words_overlap(render):
    svg = ElementTree.fromstring(render(side("x" * 60), side("y" * 60, 3.0)))
    boxes = []
    for word in svg.iter("text"):
        width = 7.4 * len(word.text)
        shift = {"end": 1.0, "middle": 0.5}.get((word.get("class") or "").split(" ")[-1], 0.0)
        left, base = float(word.get("x")) - width * shift, float(word.get("y"))
        boxes.append((left, base - 10, left + width, base + 2, word.text))
    for place, one in enumerate(boxes):
        assert one[0] >= -1 and one[2] <= 462, one
        for other in boxes[:place]:
            apart = one[0] >= other[2] or other[0] >= one[2] or one[1] >= other[3] or other[1] >= one[3]
            assert apart, (one, other)


@pytest.mark.parametrize("render", PLOTS)
def test_a_file_stands_alone_in_light_and_dark_and_loads_nothing(render):
    document = as_file(render(BEFORE, AFTER))
    root = ElementTree.fromstring(document)
    assert root.tag == "{http://www.w3.org/2000/svg}svg" and "prefers-color-scheme: dark" in document
    assert document.count("http") == 1 and "<script" not in document and "url(" not in document


def test_names_of_containers_and_sets_stay_text():
    hostile = '</svg><script>alert("x")</script>'
    named = side(hostile)
    over_time = replace(named.runs[0].series, cpu={hostile: (0.1,) * 10})
    named = replace(named, runs=(replace(named.runs[0], series=over_time),))
    for render in PLOTS:
        assert "<script" not in render(named) and ElementTree.fromstring(render(named)) is not None


def test_the_median_stands_beside_each_percentile():
    told = words(render_percentiles(BEFORE, AFTER))
    middle = sorted(run.whole.latency_ms["p95"] for run in AFTER.runs)
    assert milliseconds((middle[1] + middle[2]) / 2) in told


def test_an_endpoint_may_be_drawn_alone():
    assert "GET /" in render_distributions(BEFORE, AFTER, "GET /") and render_distributions(BEFORE, None, "GET /x") == ""


@pytest.mark.parametrize(
    ("scale", "most", "expected"),
    [
        (Scale(1, 100, 0, 400, logarithmic=True), 7, [1, 2, 5, 10, 20, 50, 100]),
        (Scale(0.1, 1000, 0, 400, logarithmic=True), 9, [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000]),
        (Scale(0.1, 1000, 0, 400, logarithmic=True), 6, [0.1, 1, 10, 100, 1000]),
        (Scale(31, 39, 0, 400, logarithmic=True), 6, [32, 34, 36, 38]),
        (Scale(0, 30, 0, 400), 7, [0, 5, 10, 15, 20, 25, 30]),
        (Scale(0, 0.5, 0, 80), 3, [0, 0.5]),
        (Scale(4, 4, 0, 80), 3, [4]),
    ],
)
def test_an_axis_tells_round_values(scale, most, expected):
    assert ticks(scale, most) == pytest.approx(expected)


def test_an_axis_holds_all_that_is_drawn():
    assert from_zero([3.2], 100, 0)(0) == 100 and from_zero([], 100, 0).high == 1
    scale = logarithmic([2.0, 50.0, 0.0], 0, 100)
    assert 0 < scale(2.0) < scale(10.0) < scale(50.0) < 100 and scale(1e9) == 100
    assert logarithmic([5.0], 0, 100)(5.0) == pytest.approx(50, abs=1)


def test_values_are_written_as_one_says_them():
    assert [milliseconds(v) for v in (0.5, 4.43, 12.345, 151.4, 999.6, 1500)] == [
        "0.5 ms",
        "4.43 ms",
        "12.3 ms",
        "151 ms",
        "1 s",
        "1.5 s",
    ]
    assert [number(v) for v in (0, 0.25, 35.0, 1200.4)] == ["0", "0.25", "35", "1,200"]
