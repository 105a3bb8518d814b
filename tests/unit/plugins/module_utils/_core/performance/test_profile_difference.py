# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.profile import Frame, Function, functions
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.profile_difference import (
    difference,
    shares,
    without_numbers,
)

MAIN = Frame("main", "web.py", 10)
BURN = Frame("burn", "web.py", 3)
PROCESS = Frame('process 7:"python3 web.py"')


def test_the_largest_change_comes_first_and_says_which_way():
    before = functions({(MAIN, BURN): 60, (MAIN,): 30, (MAIN, Frame("old", "web.py", 20)): 10})
    after = functions({(MAIN, BURN): 10, (MAIN,): 30, (MAIN, Frame("new", "web.py", 30)): 60})
    told = difference(before, after)
    assert [(c.function, c.what) for c in told] == [("new", "new"), ("burn", "lost"), ("old", "gone"), ("main", "same")]
    assert told[1].own_change == -0.5 and told[1].total_before == 0.6
    assert [c.function for c in difference(before, after, top=1)] == ["new"]


def test_a_function_that_moved_to_another_line_is_the_same():
    def get(line, own):
        return Function("get", "views.py", line, own, own)

    told = difference([get(10, 0.5), get(40, 0.5)], [get(14, 0.5), get(44, 0.5)])
    assert [c.what for c in told] == ["same", "same"]


def test_stacks_of_two_moments_are_laid_over_each_other_without_processes_and_lines():
    assert without_numbers({(PROCESS, MAIN): 2, (Frame("process 9"), Frame("main", "web.py", 12)): 3}) == {
        (Frame("main", "web.py"),): 5
    }
    assert shares({}) == {} and shares({(MAIN,): 1, (BURN,): 3})[(BURN,)] == 0.75
