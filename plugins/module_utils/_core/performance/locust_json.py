# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``locust --headless --json`` prints, as the few figures of a short load."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..redact import redact_text

# above 100 ms Locust rounds to two digits before it counts: its histogram's keys are the best that it keeps
PERCENTILES = {"p50_ms": 0.50, "p95_ms": 0.95}


def summarize(stdout: str, stderr: str, users: int, seconds: float) -> dict[str, Any]:
    """Requests, failures, rate and percentiles of all endpoints together; times in ms, ``rps`` over ``seconds``.

    ``outcome`` is ``ok``, ``failed`` (requests failed) or ``not_measured`` with the ``reason``: no request is no pass.
    """
    entries = last_json_list(stdout)
    if entries is None:
        return _not_measured(f"Locust gave no figures: {_last_line(stderr) or 'it printed nothing'}")
    requests = sum(int(e["num_requests"]) for e in entries)
    failures = sum(int(e["num_failures"]) for e in entries)
    if not requests:
        return _not_measured("Locust sent no request")
    histogram: dict[float, int] = {}
    for entry in entries:
        for time_ms, count in (entry.get("response_times") or {}).items():
            histogram[float(time_ms)] = histogram.get(float(time_ms), 0) + int(count)
    return {
        "outcome": "failed" if failures else "ok",
        "reason": f"{failures} of {requests} requests failed" if failures else "",
        "requests": requests,
        "failures": failures,
        "rps": round(requests / seconds, 2) if seconds else 0.0,
        **{name: percentile(histogram, share) for name, share in PERCENTILES.items()},
        "max_ms": round(max(float(e.get("max_response_time") or 0) for e in entries), 1),
        "errors": [
            {"name": redact_text(str(e["name"])), "count": int(e["num_failures"]), "error": "failed"}
            for e in entries
            if e["num_failures"]
        ],
        "duration_s": seconds,
        "users": users,
    }


def percentile(histogram: Mapping[float, int], share: float) -> float:
    """The nearest-rank percentile of a histogram value → count; 0 for an empty one."""
    rank = share * sum(histogram.values())
    seen = 0
    for value in sorted(histogram):
        seen += histogram[value]
        if seen >= rank:
            return value
    return 0.0


def last_json_list(text: str) -> Sequence[Mapping[str, Any]] | None:
    """The last JSON list in a text, None where there is none. With worker processes Locust prints one for each."""
    for match in reversed(list(re.finditer(r"^\[", text, re.MULTILINE))):
        try:
            found, _end = json.JSONDecoder().raw_decode(text[match.start() :])
        except ValueError:
            continue
        return found if isinstance(found, list) else None
    return None


def _not_measured(reason: str) -> dict[str, Any]:
    figures = {"requests": 0, "failures": 0, "rps": 0.0, "p50_ms": 0.0, "p95_ms": 0.0, "max_ms": 0.0}
    return {"outcome": "not_measured", "reason": reason, **figures, "errors": [], "duration_s": 0.0, "users": 0}


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return redact_text(lines[-1])[:300] if lines else ""
