# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many requests a service answers at most: a few connections that are kept and ask again as soon as they are answered.

As a program it takes address, port, path, connections and seconds, and writes the answers per second. It parses nothing
and takes a tenth of a core for a Python service's thousands of requests, so that the service is the limit.
"""

from __future__ import annotations

import selectors
import socket
import subprocess
import sys
import time


def ceiling(address: str, port: int, path: str, connections: int, seconds: float) -> float:
    """Answers per second, asked by a process of its own."""
    command = [sys.executable, "-I", __file__, address, str(port), path, str(connections), str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 60)
    return float(done.stdout)


def ask(address: str, port: int, path: str, connections: int, seconds: float) -> float:
    """The same in this process. Raises ConnectionError where the service ends a connection."""
    request = f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode()
    selector = selectors.DefaultSelector()
    for _number in range(connections):
        connection = socket.create_connection((address, port), timeout=10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(request)
        selector.register(connection, selectors.EVENT_READ, connection)
    answers = 0
    began = time.monotonic()
    while time.monotonic() < began + seconds:
        for key, _events in selector.select(0.1):
            if not key.data.recv(65536):
                raise ConnectionError("the service ended a connection")
            answers += 1
            key.data.sendall(request)
    return answers / (time.monotonic() - began)


if __name__ == "__main__":
    print(ask(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]), float(sys.argv[5])))
