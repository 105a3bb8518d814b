# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A proxy that knows no host, and says so as Squid does."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """503 to everything."""

    server_version = "corpproxy"
    sys_version = ""

    def do_GET(self) -> None:
        body = b"Unable to determine IP address from host name"
        self.send_response(503)
        self.send_header("Via", "1.1 corpproxy")
        self.send_header("X-Cache", "MISS from corpproxy")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("0.0.0.0", 3128), Handler).serve_forever()
