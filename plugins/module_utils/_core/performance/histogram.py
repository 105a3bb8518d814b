# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A compact latency histogram: three significant digits, as an HdrHistogram keeps them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from .runs import Sample

DIGITS = 3


def bucket_us(seconds: float) -> int:
    """A time in microseconds, rounded to three significant digits."""
    value = round(seconds * 1e6)
    if value < 10**DIGITS:
        return max(value, 0)
    step = 10 ** (math.floor(math.log10(value)) + 1 - DIGITS)
    return int(round(value / step) * step)


def histogram(samples: Iterable[Sample]) -> dict[str, Any]:
    """For each endpoint how many answers took how long, in microseconds: ``latency`` and ``schedule``, failures left out.

    ``{"GET /": {"latency": {"1230": 4, …}, "schedule": {…}}}``, in ascending order.
    """
    counts: dict[str, dict[str, dict[int, int]]] = {}
    for sample in samples:
        if not sample.ok:
            continue
        endpoint = counts.setdefault(sample.endpoint, {"latency": {}, "schedule": {}})
        for kind, since in (("latency", sample.sent_s), ("schedule", sample.scheduled_s)):
            bucket = bucket_us(sample.answered_s - since)
            endpoint[kind][bucket] = endpoint[kind].get(bucket, 0) + 1
    return {
        name: {kind: {str(b): n for b, n in sorted(found.items())} for kind, found in kinds.items()}
        for name, kinds in sorted(counts.items())
    }
