# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's neighbour (ARP) table, which all network namespaces share, and which a mesh of probes can overflow.

A full table (``net.ipv4.neigh.default.gc_thresh3``, 1024 by default) makes the whole host drop packets: guard.py keeps
the prober from it.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from ..netns import Namespace

_THRESHOLD_FILE = "/proc/sys/net/ipv4/neigh/default/gc_thresh3"
_COUNTERS_FILE = "/proc/net/stat/arp_cache"
_DEFAULT_THRESHOLD = 1024

_RTM_NEWADDR, _RTM_GETADDR = 20, 22
_RTM_NEWNEIGH, _RTM_DELNEIGH, _RTM_GETNEIGH = 28, 29, 30
_NLM_F_REQUEST, _NLM_F_DUMP, _NLM_F_CREATE = 0x1, 0x300, 0x400
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_BUFFER = 64 * 1024
_SOL_NETLINK, _NETLINK_NO_ENOBUFS = 270, 5
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_NDA_DST, _NDA_LLADDR = 1, 2
_UNRESOLVED = 0x01 | 0x20
_STALE = 0x04
# the one entry of all loopback traffic, of questions to the embedded DNS for example
_LOOPBACK = "0.0.0.0"
_HEADER = struct.Struct("=IHHII")
_NEIGHBOUR = struct.Struct("=BBHiHBB")
_ADDRESS = struct.Struct("=BBBBi")
_ATTRIBUTE = struct.Struct("=HH")

Entry = tuple[int, str]


@dataclass(frozen=True)
class TableUse:
    """How full the host's table is; ``overflows`` counts since boot how often it was full."""

    entries: int = 0
    threshold: int = _DEFAULT_THRESHOLD
    overflows: int = 0


def table_use() -> TableUse:
    """What the kernel says; zero entries where it does not say."""
    try:
        with open(_THRESHOLD_FILE, encoding="ascii") as file:
            threshold = int(file.read())
    except (OSError, ValueError):
        threshold = _DEFAULT_THRESHOLD
    try:
        with open(_COUNTERS_FILE, encoding="ascii") as file:
            names, *rows = [line.split() for line in file]
        overflows = sum(int(row[names.index("table_fulls")], 16) for row in rows) if "table_fulls" in names else 0
        return TableUse(int(rows[0][0], 16), threshold, overflows)
    except (OSError, ValueError, IndexError):
        return TableUse(threshold=threshold)


class Neighbours:
    """The neighbour entries of one namespace, through a netlink socket made in it (rtnetlink(7)). IPv4 only."""

    def __init__(self, namespace: Namespace) -> None:
        self._socket = namespace.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        # refusals of our deletions pile up unread, and must not stop us
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_NO_ENOBUFS, 1)
        self._sequence = 0
        self._outbox: list[bytes] = []
        self._beside: dict[str, tuple[int, str]] = {}
        self._networks = list(self._addresses())
        self.own = {own for _index, own, _network, _mask in self._networks}
        self.before: set[Entry] = {(index, address) for index, address, _state, _hardware in self.entries()}

    def entries(self) -> Iterator[tuple[int, str, int, bytes]]:
        """Interface index, address, state and hardware address (empty while unknown) of every entry now."""
        for body in self._dump(_RTM_GETNEIGH, _RTM_NEWNEIGH, _NEIGHBOUR.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0)):
            _family, _pad, _pad2, index, state, _flags, _kind = _NEIGHBOUR.unpack_from(body)
            found = _attributes(body, _NEIGHBOUR.size)
            destination = found.get(_NDA_DST, b"")
            if len(destination) == 4:
                yield index, socket.inet_ntoa(destination), state, found.get(_NDA_LLADDR, b"")

    def beside(self, address: str) -> tuple[int, str]:
        """The interface on which that address is a neighbour, and the own address there.

        0 and an empty text where it is none, or the namespace's own.
        """
        found = self._beside.get(address)
        if found is None:
            found = self._beside[address] = self._find(address)
        return found

    def _find(self, address: str) -> tuple[int, str]:
        if ":" in address or address in self.own:
            return 0, ""
        wanted = int.from_bytes(socket.inet_aton(address), "big")
        found = ((index, own) for index, own, network, mask in self._networks if wanted & mask == network)
        return next(found, (0, ""))

    def unresolved(self, address: str) -> bool:
        """Whether the kernel asked for that neighbour and nobody answered (yet)."""
        return any(entry == address and state & _UNRESOLVED for _index, entry, state, _hardware in self.entries())

    def learnt(self) -> dict[str, bytes]:
        """Hardware addresses by address, from the entries that were not there before us."""
        return {
            address: hardware
            for index, address, state, hardware in self.entries()
            if hardware and not state & _UNRESOLVED and (index, address) not in self.before
        }

    def introduce(self, address: str, hardware: bytes) -> None:
        """Adds an entry at the next flush(), where there is none: the kernel checks it as any that it knows from before."""
        entry = self.beside(address)[0], address
        self._change(_RTM_NEWNEIGH, _NLM_F_CREATE, _STALE, entry, _attribute(_NDA_LLADDR, hardware))

    def give_back(self, address: str) -> None:
        """Has the entry deleted at the next flush(), unless it was there before us."""
        self._change(_RTM_DELNEIGH, 0, 0, (self.beside(address)[0], address))

    def flush(self) -> None:
        """Makes the changes."""
        if self._outbox:
            self._socket.send(b"".join(self._outbox))
            self._outbox.clear()

    def sweep(self, addresses: set[str]) -> None:
        """Deletes those entries that are (still, or again) there, except those that were there before us."""
        for index, address, _state, _hardware in self.entries():
            if address in addresses or address == _LOOPBACK:
                self._change(_RTM_DELNEIGH, 0, 0, (index, address))
        self.flush()

    def close(self) -> None:
        """Closes the netlink socket."""
        self._socket.close()

    def _addresses(self) -> Iterator[tuple[int, str, int, int]]:
        """Interface index, own address, network and mask (as numbers) of every address but loopback ones."""
        for body in self._dump(_RTM_GETADDR, _RTM_NEWADDR, _ADDRESS.pack(socket.AF_INET, 0, 0, 0, 0)):
            _family, prefix, _flags, _scope, index = _ADDRESS.unpack_from(body)
            found = _attributes(body, _ADDRESS.size)
            address = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
            if address is not None and len(address) == 4 and address[0] != 127:
                mask = (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF
                yield index, socket.inet_ntoa(address), int.from_bytes(address, "big") & mask, mask

    def _change(self, kind: int, flags: int, state: int, entry: Entry, more: bytes = b"") -> None:
        index, address = entry
        if index and entry not in self.before:
            body = _NEIGHBOUR.pack(socket.AF_INET, 0, 0, index, state, 0, 0)
            body += _attribute(_NDA_DST, socket.inet_aton(address)) + more
            self._outbox.append(self._message(kind, flags, body))

    def _message(self, kind: int, flags: int, body: bytes) -> bytes:
        self._sequence += 1
        return _HEADER.pack(_HEADER.size + len(body), kind, _NLM_F_REQUEST | flags, self._sequence, 0) + body

    def _dump(self, request: int, expected: int, body: bytes) -> list[bytes]:
        self._drain()
        self._socket.send(self._message(request, _NLM_F_DUMP, body))
        bodies: list[bytes] = []
        while True:
            # the kernel has each part of its answer ready, or none is coming
            data = self._socket.recv(_BUFFER)
            offset = 0
            while offset + _HEADER.size <= len(data):
                length, kind, _flags, sequence, _port = _HEADER.unpack_from(data, offset)
                if sequence == self._sequence:
                    if kind in (_NLMSG_DONE, _NLMSG_ERROR):
                        return bodies
                    if kind == expected:
                        bodies.append(data[offset + _HEADER.size : offset + length])
                offset += max(_HEADER.size, (length + 3) & ~3)

    def _drain(self) -> None:
        try:
            while self._socket.recv(_BUFFER):
                pass
        except BlockingIOError:
            pass


def _attribute(kind: int, value: bytes) -> bytes:
    """One rtattr, padded."""
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(value), kind) + value + bytes(-len(value) % 4)


def _attributes(data: bytes, offset: int) -> dict[int, bytes]:
    """The rtattr list of a message: kind → value."""
    found = {}
    while offset + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < _ATTRIBUTE.size:
            break
        found[kind] = data[offset + _ATTRIBUTE.size : offset + length]
        offset += (length + 3) & ~3
    return found
