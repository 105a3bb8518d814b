# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.events import told_to_end


def happened(*actions, container="c1"):
    """Events of one container, one a second; a number is the signal that it was sent."""
    return [
        {
            "Action": "kill" if isinstance(what, int) else what,
            "Actor": {"ID": container, "Attributes": {"signal": str(what), "name": "shop-api-1"}},
            "timeNano": second * 10**9,
        }
        for second, what in enumerate(actions, 1)
    ]


@pytest.mark.parametrize("actions, since", [((15,), 1.0), (("start", 15), 2.0), ((15, 9), 2.0), ((1, 15, 1), 2.0)])
def test_a_container_that_was_told_to_end_is_ending(actions, since):
    assert told_to_end(happened(*actions), {}) == {"c1": since}


@pytest.mark.parametrize("actions", [(), ("start",), (15, "die"), (15, "die", "stop"), (15, "die", "start"), (1,)])
def test_one_that_has_ended_or_runs_again_or_reloads_is_not(actions):
    assert told_to_end(happened(*actions), {}) == {}


@pytest.mark.parametrize("name, number", [("SIGINT", 2), ("QUIT", 3), ("15", 15), ("", 15), ("SIGRTMIN+3", 9)])
def test_the_signal_that_ends_it_is_its_own(name, number):
    assert told_to_end(happened(number), {"c1": name}) == {"c1": 1.0}
    assert told_to_end(happened(1), {"c1": name}) == {}


def test_each_container_for_itself():
    events = happened(15, "die") + happened(15, container="c2")
    assert told_to_end(events, {}) == {"c2": 1.0}
