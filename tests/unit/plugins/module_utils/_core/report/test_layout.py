# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import itertools
import random

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.layout import (
    BEND_PITCH,
    NODE_PITCH,
    Arc,
    lay_out,
    spread,
)


def arcs(*pairs):
    return [Arc(*pair) for pair in pairs]


def lay(*pairs):
    links = arcs(*pairs)
    return lay_out(sorted({name for link in links for name in (link.source, link.target)}), links)


def columns(layout):
    return {name: spot.column for name, spot in layout.spots.items()}


def random_graph(seed, size=40):
    numbers = random.Random(seed)
    names = [f"s{number}" for number in range(size)]
    pairs = {(numbers.choice(names), numbers.choice(names)) for _unused in range(size * 2)}
    return names, sorted(Arc(source, target, numbers.choice(["ok", "failed"])) for source, target in pairs)


def test_who_calls_stands_left_of_who_is_called():
    assert columns(lay("we", "wd", "ea", "ad")) == {"w": 0, "e": 1, "a": 2, "d": 3}


def test_who_is_called_by_nobody_stands_next_to_whom_he_calls():
    assert columns(lay("we", "ea", "ad", "jd"))["j"] == 2


def test_a_cycle_is_drawn_with_one_arc_going_back():
    layout = lay("ab", "bc", "ca", "xa")
    assert columns(layout) == {"x": 0, "a": 1, "b": 2, "c": 3}
    assert layout.backward == {Arc("c", "a")}
    assert [spot.column for spot in layout.routes[Arc("c", "a")]] == [1, 2, 3]


def test_a_service_that_calls_itself_has_a_place_and_one_without_arcs_has_none():
    layout = lay_out(["a", "b"], arcs("aa"))
    assert (list(layout.spots), layout.routes, layout.loose) == (["a"], {}, ("b",))


def test_nothing_gives_an_empty_layout():
    layout = lay_out([], [])
    assert (layout.spots, layout.columns, layout.height) == ({}, 0, 0.0)


def test_lines_that_need_not_cross_do_not():
    layout = lay("ax", "by", "cz", "xp", "yq", "zr")
    for left, right in (("abc", "xyz"), ("xyz", "pqr")):
        order = sorted(left, key=lambda name: layout.spots[name].height)
        following = sorted(right, key=lambda name: layout.spots[name].height)
        assert [left.index(name) for name in order] == [right.index(name) for name in following]


def test_a_hundred_services_behind_one_gateway_are_no_endless_column():
    layout = lay(*[("gateway", f"service-{number}") for number in range(99)])
    heights = [sum(spot.column == column for spot in layout.spots.values()) for column in range(layout.columns)]
    assert max(heights) <= 22 and layout.columns <= 7


@pytest.mark.parametrize("seed", range(8))
def test_whatever_the_graph_nothing_overlaps_and_every_arc_goes_from_column_to_column(seed):
    names, links = random_graph(seed)
    layout = lay_out(names, links)
    assert set(layout.spots) | set(layout.loose) == set(names)
    for column in range(layout.columns):
        heights = sorted(spot.height for spot in layout.spots.values() if spot.column == column)
        assert all(other - one >= NODE_PITCH - 1e-6 for one, other in itertools.pairwise(heights))
        assert not heights or (heights[0] >= NODE_PITCH / 2 - 1e-6 and heights[-1] <= layout.height - NODE_PITCH / 2 + 1e-6)
    for link, route in layout.routes.items():
        ends = (link.target, link.source) if link in layout.backward else (link.source, link.target)
        assert (route[0], route[-1]) == tuple(layout.spots[name] for name in ends)
        assert [spot.column for spot in route] == list(range(route[0].column, route[-1].column + 1))
        nodes = set(layout.spots.values())
        for spot in route[1:-1]:
            near = [abs(spot.height - other.height) for other in nodes if other.column == spot.column]
            assert min(near) >= (NODE_PITCH + BEND_PITCH) / 2 - 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_the_same_graph_gives_the_same_layout(seed):
    names, links = random_graph(seed)
    assert lay_out(names, links) == lay_out(names, list(links))


def test_spread_moves_no_more_than_it_must():
    assert spread([1.0, 5.0, 5.0], [0.0, 1.0, 1.0], [1.0] * 3) == pytest.approx([1.0, 4.5, 5.5])
    assert spread([], [], []) == []
