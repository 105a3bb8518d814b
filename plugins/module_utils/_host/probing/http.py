# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP exchange over a Stream: enough to tell which status came back and who sent it."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from .streams import Stream, StreamError

MAX_BODY = 2048
_MAX_HEAD = 64 * 1024
_AGENT = "vertice.netfix"


@dataclass(frozen=True)
class Url:
    """The parts of a URL that a request needs."""

    scheme: str
    host: str
    port: int
    target: str
    authority: str


@dataclass(frozen=True)
class Response:
    """Status, who says he sent it, and the head of the body."""

    status: int
    server: str
    body: str


def parse_url(url: str) -> Url:
    """Raises ValueError where it is no http or https URL with a host."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is not an http or https URL with a host")
    default = 443 if parts.scheme == "https" else 80
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Url(parts.scheme, parts.hostname, parts.port or default, target, parts.netloc.rpartition("@")[2])


def encode_request(method: str, url: Url, headers: Mapping[str, str], json_body: Any) -> bytes:
    """The request's octets. The operator's headers take precedence over ours."""
    ours: dict[str, str] = {"Host": url.authority, "User-Agent": _AGENT, "Accept": "*/*", "Connection": "close"}
    body = b""
    if json_body is not None:
        body = json.dumps(json_body).encode()
        ours["Content-Type"] = "application/json"
    if body or method not in ("GET", "HEAD"):
        ours["Content-Length"] = str(len(body))
    theirs = {name.lower() for name in headers}
    lines = [f"{method} {url.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in ours.items() if name.lower() not in theirs]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a method, URL or header contains a line break")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + body


def exchange(stream: Stream, method: str, request: bytes, most: int = MAX_BODY) -> Generator[Any, Any, Response]:
    """Sends the request and reads its answer, of the body so many octets. Raises StreamError."""
    yield from stream.send(request)
    data = b""
    while True:
        status, headers, rest = b"", b"", data
        while b"\r\n\r\n" not in rest and b"\n\n" not in rest:
            if len(rest) > _MAX_HEAD or (rest and not b"HTTP/".startswith(rest[:5])):
                raise StreamError("not_http")
            more = yield from stream.receive()
            if not more:
                raise StreamError("not_http" if rest else "closed")
            rest += more
        headers, rest = _split(rest)
        status, _newline, headers = headers.partition(b"\n")
        number = _status(status)
        if number >= 200 or number == 101:
            break
        data = rest
    fields = _fields(headers)
    body = b"" if method == "HEAD" or number in (101, 204, 304) else (yield from _body(stream, fields, rest, most))
    return Response(number, _server(fields), body[:most].decode("utf-8", "replace"))


def _split(data: bytes) -> tuple[bytes, bytes]:
    ends: list[tuple[int, int]] = [(data.find(mark), len(mark)) for mark in (b"\r\n\r\n", b"\n\n")]
    at, length = min(end for end in ends if end[0] >= 0)
    return data[:at], data[at + length :]


def _status(line: bytes) -> int:
    words = line.split(None, 2)
    if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
        raise StreamError("not_http")
    return int(words[1])


def _fields(head: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}
    for line in head.decode("latin-1").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    return fields


def _server(fields: Mapping[str, str]) -> str:
    """The Server header, with Via where a proxy stood between; Squid may say so in X-Cache only (``MISS from host``)."""
    cached = fields.get("x-cache", "").partition(" from ")[2]
    server, via = fields.get("server", ""), fields.get("via", "") or cached
    return f"{server} (via {via})".strip() if via else server


def _body(stream: Stream, fields: Mapping[str, str], data: bytes, most: int) -> Generator[Any, Any, bytes]:
    chunked = "chunked" in fields.get("transfer-encoding", "").lower()
    length = fields.get("content-length", "")
    wanted = most if chunked or not length.isdigit() else min(int(length), most)
    # chunk sizes take room of their own, in the worst case some 5 octets for each octet of the body
    enough = wanted * 6 if chunked else wanted
    while len(data) < enough and not (chunked and data.endswith(b"0\r\n\r\n")):
        try:
            more = yield from stream.receive()
        except StreamError:
            # the status is known; a body that ends early is still worth showing
            break
        if not more:
            break
        data += more
    return _unchunked(data, most) if chunked else data[:wanted]


def _unchunked(data: bytes, most: int) -> bytes:
    body = b""
    while len(body) < most:
        line, newline, data = data.partition(b"\r\n")
        try:
            size = int(line.split(b";")[0], 16)
        except ValueError:
            break
        if not newline or size == 0:
            break
        body += data[:size]
        data = data[size + 2 :]
    return body
