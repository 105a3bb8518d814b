# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MAC addresses that somebody chose, and engines that would lose them when an endpoint is connected anew."""

from __future__ import annotations

import ipaddress
import re

from ..model import Endpoint
from .situation import Situation

# Engines 25 to 29.2 take a MAC address only when a container is made: https://github.com/moby/moby/issues/48192.
# Older ones know the container's own, and give it to it whenever it is connected to its first network.
_IGNORED_SINCE, _IGNORED_UNTIL = (25, 0), (29, 3)
# up to this one the engine made it from the IPv4 address, later by chance
_DERIVED_UNTIL = (28, 0)


def lost_mac(situation: Situation, container: str, endpoint: Endpoint) -> str:
    """Why connecting an endpoint anew would lose its MAC address; empty where it would not."""
    version = _version(situation.case.snapshot.engine.version)
    chosen = endpoint.static_mac or (endpoint.mac if version < _DERIVED_UNTIL and not _derived(endpoint) else "")
    if not chosen or not _IGNORED_SINCE <= version < _IGNORED_UNTIL:
        return ""
    return (
        f"{container} has the MAC address {chosen} on network '{endpoint.network}', and engine "
        f"{situation.case.snapshot.engine.version} only takes one when a container is made (moby/moby#48192)"
    )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", text)[:2])


def _derived(endpoint: Endpoint) -> bool:
    if not endpoint.mac or not endpoint.address:
        return True
    octets = ipaddress.ip_address(endpoint.address).packed
    return endpoint.mac.lower() == ":".join(f"{n:02x}" for n in (0x02, 0x42, *octets[-4:]))
