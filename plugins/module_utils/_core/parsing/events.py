# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine's events: https://docs.docker.com/reference/api/engine/version/v1.45/#tag/System/operation/SystemEvents"""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping
from typing import Any


def told_to_end(events: Iterable[Mapping[str, Any]], stop_signals: Mapping[str, str]) -> dict[str, float]:
    """Since when containers are ending: seconds since the epoch, by their ids.

    ``events`` are containers' events, oldest first. ``stop_signals`` says which signal ends a container, by its id; for
    an empty one, and for those that are not in it, that is SIGTERM. Any other signal is a reload or the like.
    """
    ending: dict[str, float] = {}
    for event in events:
        actor = event.get("Actor") or {}
        container = str(actor.get("ID") or "")
        if event.get("Action") in ("die", "start"):
            ending.pop(container, None)
        elif event.get("Action") == "kill":
            sent = str((actor.get("Attributes") or {}).get("signal") or "")
            if sent in (_number(stop_signals.get(container) or "SIGTERM"), _number("SIGKILL")):
                ending[container] = float(event.get("timeNano") or 0) / 1e9
    return ending


def _number(name: str) -> str:
    """``15`` for ``SIGTERM``, ``TERM`` and ``15``; what is no signal stays as it is."""
    full = f"SIG{name.upper().removeprefix('SIG')}"
    return str(signal.Signals[full].value) if full in signal.Signals.__members__ else name
