# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arithmetic of subnets: which overlap, which is free, how many containers fit into one."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any, Optional

from ..model import Subnet

# where the engine takes subnets from unless its default-address-pools say otherwise, as ``base size``
# Source: https://github.com/moby/moby/blob/v26.1.5/libnetwork/ipamutils/utils.go
DEFAULT_POOLS = (*(f"172.{n}.0.0/16 16" for n in range(17, 32)), "192.168.0.0/16 20")
PRIVATE = ("192.168.0.0/16", "172.16.0.0/12", "10.0.0.0/8")


def parsed(text: str, address: bool = False) -> Optional[Any]:
    """The subnet, or the address, as a number; None where it is none."""
    try:
        return ipaddress.ip_address(text) if address else ipaddress.ip_network(text)
    except ValueError:
        return None


def overlap(one: str, other: str) -> bool:
    """Whether two subnets, or an address and a subnet, have addresses in common; what is none has not."""
    try:
        first, second = ipaddress.ip_network(one, strict=False), ipaddress.ip_network(other, strict=False)
    except ValueError:
        return False
    return first.version == second.version and first.overlaps(second)


def same_family(one: str, other: str) -> bool:
    """Whether both are of IPv4, or both of IPv6."""
    return (":" in one) == (":" in other)


def wider(one: str, other: str) -> bool:
    """Whether the first subnet holds all of the second, and more."""
    first, second = parsed(one), parsed(other)
    return bool(
        first and second and first.version == second.version and first != second and first.supernet_of(second)
    )


def free_subnet(like: str, taken: Iterable[str], pools: Sequence[str] = ()) -> str:
    """A subnet of the engine's pools that overlaps nothing, as large as the one given where the pool allows it.

    Empty where there is none, and for IPv6, of which the engine has no pools before 27.
    """
    wanted = ipaddress.ip_network(like)
    others = list(taken)
    for pool in pools or DEFAULT_POOLS:
        base = ipaddress.ip_network(pool.partition(" ")[0])
        if base.version != wanted.version or wanted.version != 4:
            continue
        for candidate in base.subnets(new_prefix=max(wanted.prefixlen, base.prefixlen)):
            if not any(overlap(str(candidate), other) for other in others):
                return str(candidate)
    return ""


def last_free(taken: Iterable[str], size: int = 24) -> str:
    """A private subnet that overlaps nothing, from the top, where neither the engine nor anybody's home begins.

    Empty where there is none. The default route, which is everywhere, takes nothing; what is no subnet of IPv4 neither.
    """
    others = [n for n in map(parsed, taken) if n and n.version == 4 and n.prefixlen]
    for private in map(ipaddress.IPv4Network, PRIVATE):
        near = [other for other in others if other.overlaps(private)]
        if not any(other.supernet_of(private) for other in near):
            for candidate in reversed(list(private.subnets(new_prefix=size))):
                if not any(other.overlaps(candidate) for other in near):
                    return str(candidate)
    return ""


def room(pool: Subnet) -> int:
    """How many containers a pool has addresses for: not the network's, the gateway's, the reserved and the broadcast one."""
    subnet = ipaddress.ip_network(pool.subnet)
    given = ipaddress.ip_network(pool.ip_range) if pool.ip_range else subnet
    ends = (subnet.network_address, subnet.broadcast_address) if subnet.version == 4 else (subnet.network_address,)
    gateway = ipaddress.ip_address(pool.gateway) if pool.gateway else None
    reserved = {ipaddress.ip_address(a) for a in pool.aux_addresses.values()}
    return given.num_addresses - len({a for a in (*ends, *reserved) if a in given}) - (gateway is None or gateway in given)
