# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a project's effective configuration is still the one that an attempt was kept with, without its values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SECTIONS = ("services", "networks", "volumes", "configs", "secrets")


def fingerprint(config: Mapping[str, Any]) -> dict[str, str]:
    """A digest of each service, network, volume, config and secret of a ``docker compose config``, as ``service api``."""
    return {
        f"{section[:-1]} {name}": hashlib.sha256(json.dumps(part, sort_keys=True).encode()).hexdigest()
        for section in SECTIONS
        for name, part in sorted((config.get(section) or {}).items())
    }


def changed_parts(was: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """What two such mappings do not have in common, one sentence each."""
    return [
        f"{name} {'was removed' if name not in found else 'was added' if name not in was else 'was edited'}"
        for name in dict.fromkeys((*was, *found))
        if was.get(name) != found.get(name)
    ]
