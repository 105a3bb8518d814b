# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One nameserver asked from one network namespace: a single UDP socket for all questions, TCP for long answers."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Generator
from typing import Any, Protocol, Union

from ..._core.parsing.dns_message import DnsMessageError, Message, decode_response, encode_query
from ..netns import Namespace
from .loop import Loop
from .streams import Stream, StreamError, error_code

_DNS_PORT = 53
_MAX_UDP = 4096

Answer = Union[Message, str]


class Asker(Protocol):
    """Who asks: ``name`` in lower case and ``type`` are the question."""

    name: str
    type: str

    def take(self, answer: Answer, server: Nameserver) -> None:
        """Called with the answer when it comes."""


class Nameserver:
    """The server at one address. An answer is a Message, or the error's code where there was none."""

    def __init__(self, loop: Loop, namespace: Namespace, address: str) -> None:
        self.address = address
        self._loop = loop
        self._namespace = namespace
        self._pending: dict[int, Asker] = {}
        self._socket: socket.socket | None = None
        self._next_id = int.from_bytes(os.urandom(2), "big")

    def ask(self, asker: Asker) -> int:
        """Sends the question once and gives its message id. Raises OSError.

        The answer is taken whenever it comes, also late, while another server is being asked; forget() ends that.
        """
        message_id = self._new_id()
        try:
            self._open().send(encode_query(message_id, asker.name, asker.type))
        except OSError as exc:
            # ECONNREFUSED here is the ICMP answer to an earlier question on the same socket, which hears of it no more
            self._fail(exc)
            raise
        self._pending[message_id] = asker
        return message_id

    def forget(self, message_id: int) -> None:
        """No longer expects an answer to that message."""
        self._pending.pop(message_id, None)

    def ask_by_tcp(self, asker: Asker, wait_s: float) -> Generator[Any, Any, Message | None]:
        """Asks over TCP, as libc does when an answer came truncated; None where that fails."""
        message_id = self._new_id()
        stream = Stream(self._namespace, wait_s)
        try:
            yield from stream.connect(self.address, _DNS_PORT)
            query = encode_query(message_id, asker.name, asker.type)
            yield from stream.send(struct.pack("!H", len(query)) + query)
            (length,) = struct.unpack("!H", (yield from stream.receive_exactly(2)))
            message = decode_response((yield from stream.receive_exactly(length)))
            return message if message.id == message_id else None
        except (StreamError, DnsMessageError):
            return None
        finally:
            stream.close()

    def close(self) -> None:
        """Closes the socket."""
        if self._socket is not None:
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _new_id(self) -> int:
        while True:
            self._next_id = (self._next_id + 1) & 0xFFFF
            if self._next_id not in self._pending:
                return self._next_id

    def _open(self) -> socket.socket:
        if self._socket is None:
            family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
            opened = self._namespace.socket(family, socket.SOCK_DGRAM)
            try:
                opened.connect((self.address, _DNS_PORT))
            except OSError:
                opened.close()
                raise
            self._socket = opened
            self._loop.watch(opened.fileno(), self._receive)
        return self._socket

    def _receive(self) -> None:
        while self._socket is not None:
            try:
                data = self._socket.recv(_MAX_UDP)
            except BlockingIOError:
                return
            except OSError as exc:
                self._fail(exc)
                return
            self._take(data)
            if not self._pending:
                return

    def _fail(self, error: OSError) -> None:
        pending, self._pending = self._pending, {}
        for asker in pending.values():
            asker.take(error_code(error), self)

    def _take(self, data: bytes) -> None:
        try:
            message = decode_response(data)
        except DnsMessageError:
            return
        asker = self._pending.get(message.id)
        if asker is None or (message.question and (message.question, message.type) != (asker.name, asker.type)):
            return
        del self._pending[message.id]
        asker.take(message, self)
