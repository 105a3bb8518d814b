# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One ICMP echo from a network namespace."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Generator
from typing import Any

from ..netns import Namespace
from .loop import READ, Ready
from .streams import error_code

_ECHO = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}
_PAYLOAD = b"vertice.netfix"
_IPV4_HEADER, _ICMP_HEADER = 20, 8
# linux/in.h: set "don't fragment", and believe the interface's MTU alone, not what was learned of the path
_IP_MTU_DISCOVER, _IP_PMTUDISC_PROBE = 10, 3


def ping(namespace: Namespace, address: str, deadline: float, size: int = 0) -> Generator[Any, Any, str]:
    """The error's code, empty when the echo came back. An IPv4 packet of a given ``size`` is never cut up."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    request, reply = _ECHO[family]
    try:
        opened = _socket(namespace, family)
    except OSError as exc:
        return error_code(exc)
    try:
        raw = opened.type == socket.SOCK_RAW
        identity = struct.unpack("!H", os.urandom(2))[0]
        if size and family == socket.AF_INET:
            opened.setsockopt(socket.IPPROTO_IP, _IP_MTU_DISCOVER, _IP_PMTUDISC_PROBE)
        opened.connect((address, 0))
        opened.send(_echo(request, identity, size - _IPV4_HEADER - _ICMP_HEADER))
        while (yield Ready(opened.fileno(), READ, deadline)):
            data = opened.recv(65536)
            if raw and family == socket.AF_INET:
                data = data[(data[0] & 0x0F) * 4 :]
            # the kernel gives a datagram socket an identity of its own and only its own replies
            if len(data) >= 8 and data[0] == reply and (not raw or data[4:6] == struct.pack("!H", identity)):
                return ""
        return "timeout"
    except OSError as exc:
        return error_code(exc)
    finally:
        opened.close()


def _socket(namespace: Namespace, family: int) -> socket.socket:
    protocol = socket.IPPROTO_ICMPV6 if family == socket.AF_INET6 else socket.IPPROTO_ICMP
    try:
        return namespace.socket(family, socket.SOCK_DGRAM, protocol)
    except PermissionError:
        # net.ipv4.ping_group_range leaves root out by default
        return namespace.socket(family, socket.SOCK_RAW, protocol)


def _echo(kind: int, identity: int, length: int = 0) -> bytes:
    payload = _PAYLOAD.ljust(length - length % 2, b".")
    unsummed = struct.pack("!BBHHH", kind, 0, 0, identity, 1) + payload
    total = sum(struct.unpack(f"!{len(unsummed) // 2}H", unsummed))
    total = (total >> 16) + (total & 0xFFFF)
    total += total >> 16
    return struct.pack("!BBHHH", kind, 0, ~total & 0xFFFF, identity, 1) + payload
