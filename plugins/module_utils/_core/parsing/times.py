# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moments as the engine and the logs write them: RFC 3339, to the nanosecond."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Optional

# fromisoformat() takes neither nine digits nor "Z" before Python 3.11
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,6})?\d*(Z|[+-]\d\d:\d\d)")


def instant(text: str) -> Optional[float]:
    """Seconds since 1970; None for what is no time, and for the engine's zero time (year 1)."""
    found = _RFC3339.fullmatch(text)
    if not found or text.startswith("0001-"):
        return None
    day_and_time, fraction, zone = found.groups()
    offset = "+00:00" if zone == "Z" else zone
    return datetime.fromisoformat(day_and_time + offset).timestamp() + float(fraction or 0)


def seconds_between(start: str, end: str) -> Optional[float]:
    """How long it took from one moment to another, None where one of them is not known."""
    began, ended = instant(start), instant(end)
    return None if began is None or ended is None else ended - began
