# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's neighbour (ARP) table, which all network namespaces share, and which a mesh of probes can overflow.

A full table (``net.ipv4.neigh.default.gc_thresh3``, 1024 by default) makes the whole host drop packets. So the prober
takes room before it talks to a new neighbour, gives the entries back as soon as it has hung up, and a probe waits
where there is no room. Every conversation costs two entries: the neighbour's in the prober's namespace, and the
prober's in the neighbour's.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..netns import Namespace
from .loop import Loop, Room, Steps

_THRESHOLD_FILE = "/proc/sys/net/ipv4/neigh/default/gc_thresh3"
_COUNTERS_FILE = "/proc/net/stat/arp_cache"
_DEFAULT_THRESHOLD = 1024
_SHARE = 0.9
_ENTRIES_PER_PAIR = 2
# Where the table is nearly full already, probes still go on, one pair at a time.
_LEAST = _ENTRIES_PER_PAIR

_RTM_NEWADDR, _RTM_GETADDR = 20, 22
_RTM_NEWNEIGH, _RTM_DELNEIGH, _RTM_GETNEIGH = 28, 29, 30
_NLM_F_REQUEST, _NLM_F_DUMP = 0x1, 0x300
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_BUFFER = 64 * 1024
_SOL_NETLINK, _NETLINK_NO_ENOBUFS = 270, 5
_IFA_ADDRESS, _IFA_LOCAL = 1, 2
_NDA_DST = 1
_UNRESOLVED = 0x01 | 0x20
_HEADER = struct.Struct("=IHHII")
_NEIGHBOUR = struct.Struct("=BBHiHBB")
_ADDRESS = struct.Struct("=BBBBi")

Entry = tuple[int, str]
Talk = tuple[Any, str]


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
        self._interfaces: dict[str, int] = {}
        self._networks = list(self._addresses())
        self.own = {own for _index, own, _network, _mask in self._networks}
        self.before: set[Entry] = {(index, address) for index, address, _state in self.entries()}

    def entries(self) -> Iterator[tuple[int, str, int]]:
        """Interface index, address and state of every entry now."""
        for body in self._dump(_RTM_GETNEIGH, _RTM_NEWNEIGH, _NEIGHBOUR.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0)):
            _family, _pad, _pad2, index, state, _flags, _kind = _NEIGHBOUR.unpack_from(body)
            destination = _attributes(body[_NEIGHBOUR.size :]).get(_NDA_DST)
            if destination is not None and len(destination) == 4:
                yield index, socket.inet_ntoa(destination), state

    def interface(self, address: str) -> int:
        """The interface on which that address is a neighbour, 0 where it is none (or the namespace's own)."""
        if address not in self._interfaces:
            wanted = int.from_bytes(socket.inet_aton(address), "big")
            found = (index for index, _own, network, mask in self._networks if wanted & mask == network)
            self._interfaces[address] = 0 if address in self.own else next(found, 0)
        return self._interfaces[address]

    def unresolved(self, address: str) -> bool:
        """Whether the kernel asked for that neighbour and nobody answered (yet)."""
        return any(entry == address and state & _UNRESOLVED for _index, entry, state in self.entries())

    def give_back(self, address: str) -> None:
        """Deletes the entry, unless it was there before us."""
        index = self.interface(address)
        if not index or (index, address) in self.before:
            return
        attribute = struct.pack("=HH", 8, _NDA_DST) + socket.inet_aton(address)
        self._send(_RTM_DELNEIGH, 0, _NEIGHBOUR.pack(socket.AF_INET, 0, 0, index, 0, 0, 0) + attribute)

    def close(self) -> None:
        """Closes the netlink socket."""
        self._socket.close()

    def _addresses(self) -> Iterator[tuple[int, str, int, int]]:
        """Interface index, own address, network and mask (as numbers) of every address but loopback ones."""
        for body in self._dump(_RTM_GETADDR, _RTM_NEWADDR, _ADDRESS.pack(socket.AF_INET, 0, 0, 0, 0)):
            _family, prefix, _flags, _scope, index = _ADDRESS.unpack_from(body)
            found = _attributes(body[_ADDRESS.size :])
            address = found.get(_IFA_LOCAL) or found.get(_IFA_ADDRESS)
            if address is not None and len(address) == 4 and address[0] != 127:
                mask = (0xFFFFFFFF << (32 - prefix)) & 0xFFFFFFFF
                yield index, socket.inet_ntoa(address), int.from_bytes(address, "big") & mask, mask

    def _send(self, kind: int, flags: int, body: bytes) -> None:
        self._sequence += 1
        header = _HEADER.pack(_HEADER.size + len(body), kind, _NLM_F_REQUEST | flags, self._sequence, 0)
        self._socket.send(header + body)

    def _dump(self, request: int, expected: int, body: bytes) -> list[bytes]:
        self._drain()
        self._send(request, _NLM_F_DUMP, body)
        bodies: list[bytes] = []
        while True:
            # the kernel has each part of its answer ready, or none is coming
            data = self._socket.recv(_BUFFER)
            while len(data) >= _HEADER.size:
                length, kind, _flags, sequence, _port = _HEADER.unpack_from(data)
                if sequence == self._sequence:
                    if kind in (_NLMSG_DONE, _NLMSG_ERROR):
                        return bodies
                    if kind == expected:
                        bodies.append(data[_HEADER.size : length])
                data = data[max(_HEADER.size, (length + 3) & ~3) :]

    def _drain(self) -> None:
        try:
            while self._socket.recv(_BUFFER):
                pass
        except BlockingIOError:
            pass


def _attributes(data: bytes) -> dict[int, bytes]:
    """The rtattr list of a message: kind → value."""
    found = {}
    while len(data) >= 4:
        length, kind = struct.unpack_from("=HH", data)
        if length < 4:
            break
        found[kind] = data[4:length]
        data = data[(length + 3) & ~3 :]
    return found


class NeighbourGuard:
    """Keeps a run of probes within the host's neighbour table, and takes away the entries that it created."""

    def __init__(self, loop: Loop, namespaces: Iterable[Namespace]) -> None:
        use = table_use()
        self._room = Room(loop, max(_LEAST, int(_SHARE * use.threshold) - use.entries))
        self._tables: dict[Any, Neighbours] = {}
        self._holders: dict[str, list[Neighbours]] = {}
        self._talks: dict[Talk, int] = {}
        self._used: set[Talk] = set()
        for namespace in namespaces:
            self._add(namespace)

    def enter(self, namespace: Namespace, address: str) -> Steps:
        """Takes room for a conversation with that address; waits while there is none."""
        talk = self._talk(namespace, address)
        if talk is None:
            return
        if talk not in self._talks:
            yield from self._room.take(_ENTRIES_PER_PAIR)
            if talk in self._talks:
                self._room.give(_ENTRIES_PER_PAIR)
        self._talks[talk] = self._talks.get(talk, 0) + 1
        self._used.add(talk)

    def leave(self, namespace: Namespace, address: str) -> None:
        """The conversation is over: gives its entries back and lets the next one in."""
        talk = self._talk(namespace, address)
        if talk is None:
            return
        self._talks[talk] -= 1
        if not self._talks[talk]:
            del self._talks[talk]
            self._delete(talk)
            self._room.give(_ENTRIES_PER_PAIR)

    def unresolved(self, namespace: Namespace, address: str) -> bool:
        """Whether nobody on that network owns the address, as far as the kernel knows by now."""
        table = self._tables.get(namespace.key)
        try:
            return table is not None and ":" not in address and table.unresolved(address)
        except OSError:
            return False

    def close(self) -> None:
        """Sweeps what came back after it was given back, and closes the sockets."""
        for talk in self._used:
            self._delete(talk)
        tables, self._tables = self._tables, {}
        for table in tables.values():
            table.close()

    def _add(self, namespace: Namespace) -> None:
        if namespace.key in self._tables:
            return
        try:
            table = Neighbours(namespace)
        except OSError:
            # without netlink the probes go on; the entries age by themselves
            return
        self._tables[namespace.key] = table
        for address in table.own:
            self._holders.setdefault(address, []).append(table)

    def _talk(self, namespace: Namespace, address: str) -> Talk | None:
        table = self._tables.get(namespace.key)
        if table is None or ":" in address or not table.interface(address):
            return None
        return namespace.key, address

    def _delete(self, talk: Talk) -> None:
        table = self._tables[talk[0]]
        table.give_back(talk[1])
        for other in self._holders.get(talk[1], ()):
            for own in table.own:
                other.give_back(own)
