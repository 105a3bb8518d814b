# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.vertice.netfix.plugins.filter.profile_difference import FilterModule

profile_difference = FilterModule().filters()["profile_difference"]
FUNCTION = {"function": "burn", "file": "web.py", "line": 3, "own": 0.6, "total": 0.7}


def test_two_profiles_give_a_table():
    told = profile_difference({"functions": [FUNCTION]}, {"functions": [{**FUNCTION, "own": 0.1}]})
    assert told["functions"][0]["own_change"] == -0.5 and told["flamegraph"] == ""


def test_the_text_of_two_files_gives_a_flame_graph_as_well():
    told = profile_difference("main (a.py:1) 3", "main (a.py:1);burn (a.py:5) 4", title="kb")
    assert told["functions"][0]["what"] == "new" and told["flamegraph"].startswith("<svg") and "kb" in told["flamegraph"]


@pytest.mark.parametrize("sides", [({}, {}), ("", {}), ("a", "b"), (None, None)])
def test_anything_else_is_refused(sides):
    with pytest.raises(AnsibleFilterError, match="profile_difference"):
        profile_difference(*sides)
