# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import ProfileError
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.profile import (
    Frame,
    Function,
    functions,
    parse_collapsed,
    read_speedscope,
    render_collapsed,
    speedscope_stacks,
    top_functions,
    without_waits,
)

# tests/adapters/spin.py in a container with docker-init, py-spy 0.4.3 started inside its namespaces at 50 Hz for 3 s
FIXTURES = Path(__file__).parents[4] / "fixtures" / "profiles"
RECORDED = FIXTURES / "py-spy-0.4.3-python-3.13.5-two-threads-and-child"
MAIN = Frame("main", "/srv/app/web.py", 10)
BURN = Frame("burn", "/srv/app/web.py", 3)
STACKS = {(MAIN,): 1, (MAIN, BURN): 5, (MAIN, BURN, MAIN, BURN): 2, (MAIN, Frame("light", "/srv/app/web.py", 7)): 2}


def recorded_speedscope():
    return read_speedscope(RECORDED.with_suffix(RECORDED.suffix + ".speedscope.json").read_text())


def recorded_collapsed():
    return RECORDED.with_suffix(RECORDED.suffix + ".collapsed").read_text()


def test_own_samples_are_those_of_the_innermost_function_and_a_recursion_counts_once():
    burn, light, main = functions(STACKS, rate_hz=10)
    assert burn == Function("burn", "/srv/app/web.py", 3, 0.7, 0.7, 0.7, 0.7, 7, 7)
    assert (light.own_samples, light.total_samples) == (2, 2)
    assert (main.own, main.total, main.total_samples) == (0.1, 1.0, 10)


def test_what_py_spy_recorded_names_the_function_that_burns():
    for stacks in (speedscope_stacks(recorded_speedscope()), parse_collapsed(recorded_collapsed())):
        found = functions(without_waits(stacks))
        assert {f.function for f in found[:3]} == {"burn", "burn.<locals>.<genexpr>", "main"}
        assert next(f for f in found if f.function == "burn").total > 0.5
        assert all(f.file == "/srv/t/spin.py" for f in found)
        assert next(f for f in found if f.function == "main").total == 1.0


def test_a_thread_that_waits_for_another_is_left_out():
    stacks = parse_collapsed(recorded_collapsed())
    left_out = {stack[-1].function for stack in stacks} - {stack[-1].function for stack in without_waits(stacks)}
    assert left_out == {"Condition.wait"}
    waits = Frame("wait", "/srv/app/bus.py", 4)
    assert without_waits({(waits,): 3}) == {(waits,): 3}, "a wait of the application itself is its own business"


def test_the_command_line_of_a_process_is_no_function_and_tells_no_secret():
    text = 'process 7:"python3 app.py --password hunter2; --x";main (/srv/app.py:1) 3\n'
    (stack,) = list(parse_collapsed(text))
    process, main = stack
    assert "hunter2" not in process.function and process.function.startswith('process 7:"python3 app.py')
    assert [f.function for f in functions({(process, main): 3})] == ["main"]
    told = {"name": "py-spy record", "shared": {"frames": [{"name": 'process 7:"x --token abc123"'}]}, "profiles": []}
    assert "abc123" not in json.dumps(read_speedscope(json.dumps(told)))


def test_collapsed_stacks_survive_being_written_and_read():
    assert parse_collapsed(render_collapsed(STACKS)) == STACKS
    stacks = parse_collapsed(recorded_collapsed())
    assert parse_collapsed(render_collapsed(stacks)) == stacks


@pytest.mark.parametrize(
    ("read", "text"),
    [
        (parse_collapsed, "main (app.py:1) many"),
        (parse_collapsed, "17"),
        (read_speedscope, ""),
        (read_speedscope, '{"shared": {"frames": []}, "profiles": [{"type": "evented"}]}'),
        (read_speedscope, '{"shared": {"frames": []}, "profiles": [{"type": "sampled", "samples": [[0]]}]}'),
    ],
)
def test_what_is_no_profile_is_refused(read, text):
    with pytest.raises(ProfileError):
        read(text)


def test_no_samples_are_no_functions():
    assert functions({}) == [] and top_functions([], 3) == ()


def test_the_top_holds_those_with_the_most_own_and_those_with_the_most_total_time():
    found = functions({(MAIN, BURN): 8, (MAIN, Frame("a", "a.py", 1)): 1, (MAIN, Frame("b", "b.py", 1)): 1})
    assert [f.function for f in top_functions(found, 1)] == ["burn", "main"]
