# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A service that answers /health and everything below /NAME, and can be configured to err. Standard library only.

NAME=users            what it is called, and the path that it answers; everything else is 404
PORT=8000 BIND=0.0.0.0 where it listens; an IPv6 address makes it an IPv6 listener, V6ONLY=1 an IPv6-only one
DELAY_START=12        seconds until it begins to listen
EXIT_AFTER=0.4        seconds after which it fails
KEEP_ALIVE=1          leave it to clients to close connections
REJECT_UNDERSCORE=1   answer 400 to a Host that is no valid host name, as Django does
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = os.environ.get("NAME", "backend")
BIND = os.environ.get("BIND", "0.0.0.0")
PORT = int(os.environ.get("PORT", "8000"))
REJECT_UNDERSCORE = bool(os.environ.get("REJECT_UNDERSCORE"))


class Handler(BaseHTTPRequestHandler):
    """200 with a little JSON, or with as many bytes as ?bytes= asks for."""

    protocol_version = "HTTP/1.1" if os.environ.get("KEEP_ALIVE") else "HTTP/1.0"
    server_version = f"netfix-{NAME}"
    sys_version = ""

    def do_GET(self) -> None:
        path, _sep, query = self.path.partition("?")
        if REJECT_UNDERSCORE and "_" in self.headers.get("Host", ""):
            return self.answer(400, {"service": NAME, "error": "Invalid HTTP_HOST header"})
        if path == "/health" or path == f"/{NAME}" or path.startswith(f"/{NAME}/"):
            padding = int(query.partition("bytes=")[2] or 0)
            return self.answer(200, {"service": NAME, "path": path, "padding": "x" * min(padding, 1_000_000)})
        return self.answer(404, {"service": NAME, "error": "no such path", "path": path})

    do_POST = do_GET

    def answer(self, status: int, data: dict[str, str]) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """IPv6 where the address to bind is one."""

    daemon_threads = True
    # as programs have that are meant for more than one user
    request_queue_size = 128
    address_family = socket.AF_INET6 if ":" in BIND else socket.AF_INET

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(bool(os.environ.get("V6ONLY"))))
        super().server_bind()


def fail_later(seconds: float) -> None:
    time.sleep(seconds)
    print("FATAL: giving up", file=sys.stderr, flush=True)
    os._exit(1)


if __name__ == "__main__":
    time.sleep(float(os.environ.get("DELAY_START", "0")))
    if os.environ.get("EXIT_AFTER"):
        threading.Thread(target=fail_later, args=(float(os.environ["EXIT_AFTER"]),), daemon=True).start()
    Server((BIND, PORT), Handler).serve_forever()
