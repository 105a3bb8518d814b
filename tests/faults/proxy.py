# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine's engine over TCP on loopback, as if it ran on another host."""

from __future__ import annotations

import socket
import threading

SOCKET = "/var/run/docker.sock"


class EngineProxy:
    """Passes connections on until it is closed; ``docker_host`` is its address."""

    def __init__(self):
        self._server = socket.create_server(("127.0.0.1", 0))
        self.docker_host = f"tcp://127.0.0.1:{self._server.getsockname()[1]}"
        serve_each(self._server, _pass_on)

    def close(self):
        self._server.close()


def serve_each(server, serve):
    """Call ``serve`` with every connection in a thread of its own, until the server is closed."""

    def accept():
        while True:
            try:
                near, _address = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(near,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()


def _pass_on(near):
    far = socket.socket(socket.AF_UNIX)
    far.connect(SOCKET)
    for one, other in ((near, far), (far, near)):
        threading.Thread(target=_pump, args=(one, other), daemon=True).start()


def _pump(one, other):
    try:
        while data := one.recv(65536):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        return
