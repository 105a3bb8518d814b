# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A TCP connection, with or without TLS, from a network namespace, driven by the probe loop."""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from collections.abc import Generator
from typing import Any

from ..netns import Namespace
from .loop import READ, WRITE, Ready

_CHUNK = 16 * 1024
_ABORT = struct.pack("ii", 1, 0)


class StreamError(Exception):
    """The connection failed; ``code`` is the probe's error code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Stream:
    """One connection. Every step must be done by the deadline, which is ``wait_s`` from now."""

    def __init__(self, namespace: Namespace, wait_s: float) -> None:
        self._namespace = namespace
        self.began = time.monotonic()
        self.deadline = self.began + wait_s
        self._socket: socket.socket | None = None
        self._rest = b""

    def connect(self, address: str, port: int, to_talk: bool = True) -> Generator[Any, Any, None]:
        """Connects. Raises StreamError with the errno's name, or ``timeout``.

        Where it is not to talk, the handshake's last ACK is held back until close() sends a RST instead: the server has
        nothing to accept, and is not even woken.
        """
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            opened = self._namespace.socket(family, socket.SOCK_STREAM)
            self._socket = opened
            if not to_talk:
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
            number = opened.connect_ex((address, port))
            if number == errno.EINPROGRESS:
                # on one host the handshake is over by now: the kernel does it all within connect(2)
                number = opened.connect_ex((address, port))
        except OSError as exc:
            raise StreamError(error_code(exc)) from exc
        if number in (errno.EALREADY, errno.EINPROGRESS):
            yield from self._wait(WRITE, "timeout")
            number = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise StreamError(errno.errorcode.get(number, os.strerror(number)))

    def start_tls(self, host: str) -> Generator[Any, Any, None]:
        """Goes on encrypted, whatever certificate the other side shows."""
        # only an https URL needs it, and importing it takes longer than most probes
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            wrapped = context.wrap_socket(self._open, server_hostname=host or None, do_handshake_on_connect=False)
            self._socket = wrapped
            yield from self._retried(wrapped.do_handshake)
        except ssl.SSLError as exc:
            raise StreamError("tls_error") from exc
        except OSError as exc:
            raise StreamError(error_code(exc)) from exc

    def send(self, data: bytes) -> Generator[Any, Any, None]:
        """Sends all of it."""
        view = memoryview(data)
        while view:
            view = view[(yield from self._retried(lambda v=view: self._open.send(v), WRITE)) :]

    def receive(self) -> Generator[Any, Any, bytes]:
        """The next octets, empty at the end of the stream."""
        if self._rest:
            data, self._rest = self._rest, b""
            return data
        received: bytes = yield from self._retried(lambda: self._open.recv(_CHUNK))
        return received

    def receive_exactly(self, count: int) -> Generator[Any, Any, bytes]:
        """So many octets. Raises StreamError ``closed`` where the stream ends before."""
        data = b""
        while len(data) < count:
            more = yield from self.receive()
            if not more:
                raise StreamError("closed")
            data += more
        self._rest = data[count:]
        return data[:count]

    def close(self) -> None:
        """Hangs up with a reset: a probe must leave no socket in TIME_WAIT and no neighbour entry in use behind."""
        if self._socket is not None:
            try:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT)
            except OSError:
                pass
            self._socket.close()
            self._socket = None

    @property
    def _open(self) -> socket.socket:
        if self._socket is None:
            raise StreamError("closed")
        return self._socket

    def _retried(self, call: Any, mask: int = READ) -> Generator[Any, Any, Any]:
        while True:
            try:
                return call()
            except BlockingIOError:
                yield from self._wait(mask, "no_response")
            except OSError as exc:
                # ssl.SSLWantReadError and SSLWantWriteError, without importing ssl for their sake
                wanted = {"SSLWantReadError": READ, "SSLWantWriteError": WRITE}.get(type(exc).__name__)
                if wanted is None:
                    if isinstance(exc, ConnectionError) or type(exc).__module__ != "ssl":
                        raise StreamError(error_code(exc)) from exc
                    raise StreamError("tls_error") from exc
                yield from self._wait(wanted, "no_response")

    def _wait(self, mask: int, code: str) -> Generator[Any, Any, None]:
        if not (yield Ready(self._open.fileno(), mask, self.deadline)):
            raise StreamError(code)


def error_code(exc: OSError) -> str:
    """The errno's name, the error's own words where it has none."""
    return errno.errorcode.get(exc.errno or 0, str(exc))
