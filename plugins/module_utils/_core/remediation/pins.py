# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Broken dependencies whose provider is known and on a common network: what pins and direct routes can help."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from ..model import Dependency, Layer, Outcome
from .situation import Situation


@dataclass(frozen=True)
class Broken:
    """One broken dependency, its provider's address, and whether that address answered on the port."""

    dependency: Dependency
    provider: str
    network: str
    address: str
    answered: bool


def broken_dependencies(situation: Situation) -> tuple[list[Broken], list[str]]:
    """Broken dependencies with a direct address, and the reasons why others have none."""
    found: list[Broken] = []
    reasons: list[str] = []
    case = situation.case
    for walk in case.walks:
        if walk.outcome is not Outcome.FAILED or walk.dependency.kind != "call":
            continue
        provider = case.provider(walk.dependency)
        consumer = case.container(walk.container)
        running = [c for c in case.containers_of(provider) if c.running] if provider else []
        if consumer is None or not running:
            reasons.append(f"{walk.dependency.name}: no running service is known to provide it")
            continue
        shared = case.shared_networks(consumer, running[0])
        if not shared:
            reasons.append(
                f"{walk.dependency.name}: '{consumer.service}' and '{provider}' share no network; an address would only time out"
            )
            continue
        if len(running) > 1:
            reasons.append(
                f"{walk.dependency.name}: '{provider}' has {len(running)} replicas, and an address would pin one of them"
            )
            continue
        endpoint = running[0].endpoint(shared[0])
        address = endpoint.address if endpoint else ""
        answered = any(
            p.layer is Layer.PORT
            and p.container == consumer.name
            and p.host == address
            and p.port == walk.dependency.port
            and p.outcome is Outcome.OK
            for p in case.snapshot.probes
        )
        found.append(Broken(walk.dependency, provider, shared[0], address, answered))
    return found, list(dict.fromkeys(reasons))


def fixed_address(situation: Situation, broken: Broken) -> tuple[dict[str, Any], str]:
    """Network settings that fix the provider's present address, or the reason why it cannot be fixed.

    The engine takes a chosen address only on networks whose subnet was chosen as well.
    """
    key = situation.network_key(broken.network)
    spec = (situation.config.get("networks") or {}).get(key) or {}
    pools = [p.get("subnet") for p in (spec.get("ipam") or {}).get("config") or () if p.get("subnet")]
    if not key or not any(_within(broken.address, str(p)) for p in pools):
        return {}, (
            f"'{broken.provider}' cannot have a fixed address on '{broken.network}': its subnet is not set in the Compose file, "
            "and a pin to a moving address goes stale"
        )
    present = situation.service(broken.provider).get("networks") or {}
    return {**{k: None for k in present}, key: {"ipv4_address": broken.address}}, ""


def _within(address: str, pool: str) -> bool:
    try:
        return ipaddress.ip_address(address) in ipaddress.ip_network(pool, strict=False)
    except ValueError:
        return False
