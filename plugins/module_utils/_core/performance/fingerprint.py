# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The conditions under which was measured: what differs in them is another experiment."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..model import Container


def fingerprint(
    load: Mapping[str, Any],
    locustfile: bytes,
    host: Mapping[str, Any],
    containers: Iterable[Container],
    setting: str = "docker",
) -> dict[str, str]:
    """Condition → value, as comparison.CONDITIONS names them.

    ``load`` holds the options of the load, ``host`` what tells one machine from another. Contents are told as digests, so
    that no secret of a configuration is in it.
    """
    known = sorted(containers, key=lambda c: c.name)
    told = {key: _text(load[key]) for key in ("users", "spawn_rate", "arrival_rate", "seconds", "warm_up", "tags")}
    return {
        **told,
        "locustfile": _digest(
            locustfile.decode("utf-8", "replace"), load.get("endpoints") or [], load.get("environment") or {}
        ),
        "images": _digest(*((c.service, c.image_id) for c in known)),
        "configuration": _digest(*((c.service, c.config_hash) for c in known)),
        "host": ", ".join(f"{key} {_text(value)}" for key, value in sorted(host.items())),
        "setting": setting,
    }


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ",".join(map(str, value))
    return str(value)


def _digest(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]
