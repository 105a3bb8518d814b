# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A gateway that can be configured to err in the ways in which gateways err. Standard library only.

ROUTES=/prefix=http://host:port,...   where requests go; the longest prefix wins
DISCOVERY=                            empty: look the name up for every request; "startup": once, and keep the address;
                                      "drop-unresolved": once, and leave out the routes whose name does not resolve
MAP_ERRORS_TO=404                     answer this instead of 502 and 504
STRIP=1                               take the prefix away before passing the request on
USE_ENV_PROXY=1                       pass requests through HTTP_PROXY, unless NO_PROXY names the host
TIMEOUT=2                             seconds to wait for an upstream
RESOLVE_TIMEOUT=3                     seconds to wait for a name; unset: as long as the libc does
"""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import socket
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

TIMEOUT_S = float(os.environ.get("TIMEOUT", "2"))
RESOLVE_TIMEOUT_S = float(os.environ.get("RESOLVE_TIMEOUT", "0"))
DISCOVERY = os.environ.get("DISCOVERY", "")
MAP_ERRORS_TO = int(os.environ.get("MAP_ERRORS_TO", "0"))
STRIP = bool(os.environ.get("STRIP"))
USE_ENV_PROXY = bool(os.environ.get("USE_ENV_PROXY"))


def parse_routes(text: str) -> dict[str, str]:
    """Path prefix → upstream URL, the longest prefix first."""
    pairs = [item.strip().split("=", 1) for item in text.split(",") if item.strip()]
    return dict(sorted(pairs, key=lambda pair: len(pair[0]), reverse=True))


def discover(routes: dict[str, str]) -> dict[str, str]:
    """The same with addresses instead of names, as gateways do that read their routes from a discovery at start."""
    found = {}
    for prefix, url in routes.items():
        parts = urlsplit(url)
        try:
            address = socket.gethostbyname(parts.hostname or "")
        except OSError as exc:
            print(f"WARN route {prefix} NOT registered: {parts.hostname}: {exc}", flush=True)
            if DISCOVERY != "drop-unresolved":
                found[prefix] = url
            continue
        print(f"route {prefix} -> {address}:{parts.port}", flush=True)
        found[prefix] = f"{parts.scheme}://{address}:{parts.port}"
    return found


def resolve_in_time(host: str) -> None:
    """Raises TimeoutError where the name takes longer than RESOLVE_TIMEOUT. The libc itself cannot be hurried."""
    pool = concurrent.futures.ThreadPoolExecutor(1)
    try:
        pool.submit(socket.getaddrinfo, host, None, socket.AF_INET).result(RESOLVE_TIMEOUT_S)
    except concurrent.futures.TimeoutError as exc:
        raise TimeoutError(f"{host}: no answer from DNS in {RESOLVE_TIMEOUT_S} s") from exc
    finally:
        pool.shutdown(wait=False)


def pass_on(url: str, path: str, host: str) -> tuple[int, dict[str, str], bytes]:
    """Status, who says he wrote or passed on the upstream's answer, and its body. Raises OSError."""
    parts = urlsplit(url)
    if RESOLVE_TIMEOUT_S:
        resolve_in_time(parts.hostname or "")
    proxy = urllib.request.getproxies().get("http") if USE_ENV_PROXY else None
    if proxy and not urllib.request.proxy_bypass(parts.hostname or ""):
        by = urlsplit(proxy)
        connection = http.client.HTTPConnection(by.hostname or "", by.port or 3128, timeout=TIMEOUT_S)
        path = f"http://{parts.netloc}{path}"
    else:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Host": parts.netloc if host == "" else host})
        answer = connection.getresponse()
        by = {"Via": answer.getheader("Via"), "X-Upstream": answer.getheader("Server")}
        return answer.status, {name: value for name, value in by.items() if value}, answer.read()
    finally:
        connection.close()


class Handler(BaseHTTPRequestHandler):
    """Answers /health itself, 404 where no route matches, and passes everything else on."""

    server_version = "netfix-gateway"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path == "/health":
            return self.answer(200, {"service": "gateway"})
        prefix = next((p for p in ROUTES if self.path == p or self.path.startswith(p + "/")), None)
        if prefix is None:
            return self.answer(404, {"detail": "no route", "path": self.path})
        url = ROUTES[prefix]
        path = (self.path[len(prefix) :] or "/") if STRIP else self.path
        try:
            status, by, body = pass_on(url, path, "")
        except TimeoutError as exc:
            return self.fail(504, url, exc)
        except (OSError, UnicodeError, http.client.HTTPException) as exc:
            return self.fail(502, url, exc)
        self.send_response(status)
        for name, value in by.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def fail(self, status: int, url: str, exc: Exception) -> None:
        print(f"ERROR {status} GET {self.path} upstream {url}: {exc}", flush=True)
        self.answer(MAP_ERRORS_TO or status, {"detail": "upstream failed", "upstream": url, "error": str(exc)})

    def answer(self, status: int, data: dict[str, str]) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ROUTES = parse_routes(os.environ.get("ROUTES", ""))
if DISCOVERY:
    ROUTES = discover(ROUTES)

if __name__ == "__main__":
    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer(("0.0.0.0", int(os.environ.get("PORT", "8080"))), Handler).serve_forever()
