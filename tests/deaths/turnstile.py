# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker socket that lets changes through one by one, and can stop before any of them.

Between two changes nothing that outlives a process is written, so a process that dies before each change in turn dies
in every state that it can leave behind. Changes of files pass here too: module.py asks for leave as the SDK and
Compose do, with a request, which this socket answers itself.
"""

from __future__ import annotations

import re
import select
import socket
import threading
import time
from urllib.parse import unquote

from faults.proxy import SOCKET, serve_each

FILE = "/file/"
# what runs in a container without changing it, and what only waits
HARMLESS = re.compile(r"/exec\b|/(wait|resize|attach)\b|/session|/grpc|/auth")
LONGEST_S = 120.0


class Turnstile:
    """Listens at ``path``. ``passed`` are the changes since stop_before(), the one that it holds last."""

    def __init__(self, path):
        self.docker_host = f"unix://{path}"
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen(64)
        self._turn = threading.Lock()
        self._held = threading.Event()
        self._released = threading.Event()
        self.stop_before(0)
        serve_each(self._server, self._serve)

    def stop_before(self, number, kind=""):
        """Hold the change of that number among those that match the expression ``kind`` from now on; 0 holds none."""
        self.passed, self._counted = [], 0
        self._number, self._kind = number, kind
        self._held.clear()
        self._released.clear()

    def holds(self, process):
        """Wait until a change is held, or the process has ended; whether it is held."""
        end = time.monotonic() + LONGEST_S
        while not self._held.wait(0.01):
            if process.poll() is not None:
                return self._held.is_set()
            assert time.monotonic() < end, f"neither held nor at its end after {self.passed}"
        return True

    def release(self):
        """Let the held change go on, unless the one who asked for it is dead."""
        self._released.set()

    def close(self):
        self._server.close()

    def _may_pass(self, near, change):
        with self._turn:
            self.passed.append(change)
            self._counted += bool(re.search(self._kind, change))
            if self._counted == self._number != 0 and not self._held.is_set():
                self._held.set()
                self._released.wait()
        return not _gone(near)

    def _serve(self, near):
        far = socket.socket(socket.AF_UNIX)
        far.connect(SOCKET)
        with near, far, near.makefile("rb") as asked, far.makefile("rb") as answered:
            try:
                while self._exchange(near, far, asked, answered):
                    pass
            except OSError:
                return

    def _exchange(self, near, far, asked, answered):
        """Pass on one request and its answer; whether another may follow."""
        head, body, fields = _message(asked)
        if not head:
            return False
        method, path = head.split(b" ", 2)[:2]
        path = path.decode()
        if method != b"GET" and method != b"HEAD" and not HARMLESS.search(path):
            name = re.sub(r"^/v[\d.]+", "", path)
            change = unquote(name.removeprefix(FILE)) if name.startswith(FILE) else f"{method.decode()} {name}"
            if not self._may_pass(near, change):
                return False
        if path.startswith(FILE):
            near.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
            return True
        far.sendall(head)
        for part in body:
            far.sendall(part)
        if b"upgrade" in fields or re.search(r"/(exec/.*/start|attach|session|grpc)\b", path):
            _pass_both_ways(near, far)
            return False
        # a caller that dies takes its connection along
        while far not in select.select([near, far], [], [])[0]:
            if _gone(near):
                return False
        head, body, fields = _message(answered, of=method)
        near.sendall(head)
        for part in body:
            near.sendall(part)
        return bool(head) and fields.get(b"connection", b"").lower() != b"close"


def _gone(connection):
    """Whether the other side has closed the connection."""
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _message(stream, of=b""):
    """Head, parts of the body and fields of one HTTP message; ``of`` is the method that an answer answers."""
    lines = []
    while line := stream.readline():
        lines.append(line)
        if line == b"\r\n":
            break
    head = b"".join(lines)
    fields = {k.strip().lower(): v.strip() for k, _colon, v in (line.partition(b":") for line in lines[1:-1])}
    is_answer = head.startswith(b"HTTP/")
    if of == b"HEAD" or (is_answer and head.split(None, 2)[1] in (b"204", b"304")):
        return head, (), fields
    if fields.get(b"transfer-encoding", b"").lower() == b"chunked":
        return head, _chunks(stream), fields
    if b"content-length" in fields:
        return head, (stream.read(int(fields[b"content-length"])),), fields
    return head, (iter(lambda: stream.read1(65536), b"") if is_answer else ()), fields


def _chunks(stream):
    while True:
        size = stream.readline()
        chunk = stream.read(int(size.partition(b";")[0], 16) + 2)
        yield size + chunk
        if chunk == b"\r\n":
            return


def _pass_both_ways(near, far):
    other = {near: far, far: near}
    while True:
        for one in select.select(list(other), [], [])[0]:
            data = one.recv(65536)
            if not data:
                return
            other[one].sendall(data)
