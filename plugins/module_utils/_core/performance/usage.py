# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers used in a window of time, told by request, from counters read many times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

from ..parsing.cgroup import Reading


@dataclass(frozen=True)
class Usage:
    """One container over a window. ``cpu`` is in cores; bytes and counts are those of the window; ``ended`` if it died in it."""

    name: str
    seconds: float = 0.0
    cpu_s: float = 0.0
    cpu: float = 0.0
    cpu_peak: float = 0.0
    memory_peak: int = 0
    throttled_periods: int = 0
    throttled_s: float = 0.0
    pids_peak: int = 0
    read: int = 0
    written: int = 0
    received: int = 0
    sent: int = 0
    ended: bool = False


@dataclass(frozen=True)
class PerRequest:
    """What one request cost a container."""

    cpu_ms: float
    received: float
    sent: float


def usage(
    name: str,
    times: Sequence[float],
    readings: Sequence[Optional[Reading]],
    begin: float = 0.0,
    end: float = float("inf"),
) -> Usage:
    """The usage between two moments, from the readings that lie within them; nothing where there are not two."""
    known = [(t, r) for t, r in zip(times, readings) if r is not None and begin <= t <= end]
    ended = any(r is None for r in readings)
    if len(known) < 2:
        return Usage(name, ended=ended)
    (first_at, first), (last_at, last) = known[0], known[-1]
    seconds = last_at - first_at
    rates = [(b.cpu_s - a.cpu_s) / (u - t) for (t, a), (u, b) in zip(known, known[1:]) if u > t]
    return Usage(
        name=name,
        seconds=seconds,
        cpu_s=last.cpu_s - first.cpu_s,
        cpu=(last.cpu_s - first.cpu_s) / seconds if seconds else 0.0,
        cpu_peak=max(rates, default=0.0),
        memory_peak=max(r.memory for _t, r in known),
        throttled_periods=last.throttled_periods - first.throttled_periods,
        throttled_s=last.throttled_s - first.throttled_s,
        pids_peak=max(r.pids for _t, r in known),
        read=last.read - first.read,
        written=last.written - first.written,
        received=last.received - first.received,
        sent=last.sent - first.sent,
        ended=ended,
    )


def per_request(used: Usage, requests: int) -> Optional[PerRequest]:
    """What one of so many requests cost; None for no request."""
    if not requests:
        return None
    return PerRequest(used.cpu_s * 1000 / requests, used.received / requests, used.sent / requests)
