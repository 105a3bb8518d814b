# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The way in from the host's loopback to published ports, and the answers to the services' questions for names.

One process, one epoll loop. Its listeners were made in the host's network, and it connects from the project's own.
"""

from __future__ import annotations

import errno
import select
import socket
import struct
from collections.abc import Mapping, Sequence
from typing import Callable

_CHUNK = 1 << 16
_FULL = 1 << 20
_TTL_S = 5
_A = 1


class Side:
    """One end of a connection: what still has to be written to it, and whether more can come from it."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.pending = bytearray()
        self.ended = False  # it sends no more
        self.shut = False  # it was told that nothing more comes
        self.events = 0
        self.other: Side = self


class Relay:
    """Carries bytes until the process is killed."""

    def __init__(
        self,
        listeners: Sequence[tuple[socket.socket, tuple[str, int]]],
        nameservers: Sequence[socket.socket],
        names: Mapping[str, str],
    ) -> None:
        self._epoll = select.epoll()
        self._sides: dict[int, Side] = {}
        self._doors: dict[int, Callable[[], None]] = {}
        self._names = {name.lower(): socket.inet_aton(address) for name, address in names.items()}
        for listener, target in listeners:
            listener.setblocking(False)
            self._doors[listener.fileno()] = lambda door=listener, to=target: self._accept(door, to)  # type: ignore[misc]
        for nameserver in nameservers:
            nameserver.setblocking(False)
            self._doors[nameserver.fileno()] = lambda door=nameserver: self._answer(door)  # type: ignore[misc]
        for fd in self._doors:
            self._epoll.register(fd, select.EPOLLIN)

    def run(self) -> None:
        """Serve, and never return."""
        while True:
            for fd, events in self._epoll.poll():
                if fd in self._doors:
                    self._doors[fd]()
                elif fd in self._sides:
                    self._move(self._sides[fd], events)

    def _accept(self, door: socket.socket, target: tuple[str, int]) -> None:
        try:
            sock, _peer = door.accept()
        except OSError:
            return
        there = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        near, far = Side(sock), Side(there)
        near.other, far.other = far, near
        for side in (near, far):
            side.sock.setblocking(False)
            side.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._sides[side.sock.fileno()] = side
            self._epoll.register(side.sock.fileno(), 0)
        failed = there.connect_ex(target)
        if failed not in (0, errno.EINPROGRESS):
            self._close(near)
            return
        far.events = select.EPOLLOUT | select.EPOLLIN
        self._epoll.modify(there.fileno(), far.events)
        self._watch(near)

    def _move(self, side: Side, events: int) -> None:
        try:
            if events & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) and not side.ended:
                data = side.sock.recv(_CHUNK)
                side.ended = not data
                side.other.pending += data
                self._write(side.other)
            if events & select.EPOLLOUT:
                self._write(side)
            if events & select.EPOLLERR and side.ended:
                raise OSError
        except BlockingIOError:
            pass
        except OSError:
            self._close(side)
            return
        if side.shut and side.other.shut:
            self._close(side)
            return
        self._watch(side)
        self._watch(side.other)

    def _write(self, side: Side) -> None:
        if side.pending:
            try:
                sent = side.sock.send(side.pending)
            except BlockingIOError:
                return
            except OSError as exc:
                if exc.errno == errno.ENOTCONN:  # not connected yet
                    return
                raise
            del side.pending[:sent]
        if side.other.ended and not side.pending and not side.shut:
            side.shut = True
            side.sock.shutdown(socket.SHUT_WR)

    def _watch(self, side: Side) -> None:
        events = 0
        if not side.ended and len(side.other.pending) < _FULL:
            events |= select.EPOLLIN
        if side.pending or (side.other.ended and not side.shut):
            events |= select.EPOLLOUT
        if events != side.events:
            side.events = events
            self._epoll.modify(side.sock.fileno(), events)

    def _close(self, side: Side) -> None:
        for one in (side, side.other):
            if self._sides.pop(one.sock.fileno(), None):
                one.sock.close()

    def _answer(self, door: socket.socket) -> None:
        try:
            question, peer = door.recvfrom(4096)
            door.sendto(answer(question, self._names), peer)
        except (OSError, ValueError, IndexError, struct.error):
            return


def answer(question: bytes, names: Mapping[str, bytes]) -> bytes:
    """The answer to one DNS question: the address of a name of the project, or that there is no such name.

    Raises ValueError, IndexError or struct.error for what is no question.
    """
    head = struct.unpack_from("!6H", question)
    if head[1] & 0x8000 or head[2] != 1:
        raise ValueError("no question")
    labels, at = [], 12
    while question[at]:
        labels.append(question[at + 1 : at + 1 + question[at]].decode("ascii", "replace"))
        at += question[at] + 1
    (kind,) = struct.unpack_from("!H", question, at + 1)
    address = names.get(".".join(labels).lower())
    records = [address] if address and kind == _A else []
    # authoritative, recursion available; NXDOMAIN where nobody has the name
    flags = 0x8480 | (head[1] & 0x0100) | (0 if address else 3)
    body = struct.pack("!6H", head[0], flags, 1, len(records), 0, 0) + question[12 : at + 5]
    return body + b"".join(struct.pack("!HHHIH", 0xC00C, _A, 1, _TTL_S, 4) + record for record in records)
