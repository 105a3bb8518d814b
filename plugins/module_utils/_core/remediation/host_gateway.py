# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of the host itself, for services that call what listens there and not in a container."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .patch import appended, merge, service_patch
from .situation import Situation


def name_the_host(situation: Situation, patch: Mapping[str, Any], consumer: str, host: str) -> dict[str, Any]:
    """The patch with the name defined as the host's address, whatever that is when the container starts.

    Source of ``host-gateway``: https://docs.docker.com/reference/cli/docker/container/run/#add-host
    """
    before = (merge(situation.override, patch).get("services") or {}).get(consumer) or {}
    return merge(
        patch, service_patch(consumer, extra_hosts=appended(before.get("extra_hosts"), f"{host}=host-gateway"))
    )
