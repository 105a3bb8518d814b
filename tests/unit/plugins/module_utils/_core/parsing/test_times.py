# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.times import instant, seconds_between


@pytest.mark.parametrize(
    "start, end, seconds",
    [
        ("2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:10.123456789Z", 10),
        ("2026-01-01T00:00:00Z", "2026-01-01T01:00:05+01:00", 5),
        ("2026-01-01T00:00:01.5Z", "2026-01-01T00:00:01+00:00", -0.5),
    ],
)
def test_moments_of_the_engine_and_of_python_can_be_compared(start, end, seconds):
    assert seconds_between(start, end) == pytest.approx(seconds, abs=1e-3)


@pytest.mark.parametrize("text", ["", "0001-01-01T00:00:00Z", "yesterday", "2026-01-01"])
def test_what_is_no_time_is_not_known(text):
    assert instant(text) is None and seconds_between(text, "2026-01-01T00:00:00Z") is None
