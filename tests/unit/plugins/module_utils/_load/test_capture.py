# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a worker hands to its master, without Locust."""

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._host.locust import read_parts
from ansible_collections.vertice.netfix.plugins.module_utils._load.capture import Part


def measure(part, count):
    """So many requests more."""
    part.endpoints[:] = ["GET /"]
    for number in range(count):
        for name, value in (("endpoint", 0), ("scheduled_s", number), ("sent_s", number), ("took_s", 0.5), ("ok", True)):
            part.columns[name].append(value)
    part.lags.append(0.001)
    part.busy.append(0.25)


@pytest.fixture
def sender():
    return Part()


@pytest.fixture
def master():
    return Part()


def test_what_is_handed_over_piece_by_piece_is_what_was_measured(sender, master, tmp_path):
    for count in (3, 0, 2):
        measure(sender, count)
        master.take(sender.news())
    sender.whole = True
    master.take(sender.news())
    master.write(str(tmp_path), "0", scheduled=True)
    (part,) = read_parts(str(tmp_path))
    assert part.whole and len(list(part.samples(part.began))) == 5
    assert part.cpu == 0.25 and part.late_p99_ms == pytest.approx(1.0)


def test_a_piece_that_is_lost_leaves_the_part_unfinished(sender, master):
    measure(sender, 3)
    sender.news()
    sender.whole = True
    master.take(sender.news())
    assert not master.whole


def test_the_clock_of_another_machine_is_put_right_by_the_fastest_message(sender, master):
    began = master.began
    sender.began = began - 1000.0
    for late in (0.5, 0.0, 0.2):
        told = sender.news()
        told["now"] -= 1000.0 + late
        master.take(told)
    assert master.began == pytest.approx(began, abs=0.4)
