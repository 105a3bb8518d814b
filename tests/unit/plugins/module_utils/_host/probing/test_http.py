# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.http import (
    MAX_BODY,
    Response,
    encode_request,
    exchange,
    parse_url,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.loop import Steps
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.streams import StreamError


class Replay:
    """A stream that gives the answer in pieces of one size."""

    def __init__(self, answer: bytes, size: int) -> None:
        self.pieces = [answer[i : i + size] for i in range(0, len(answer), size)]
        self.sent = b""

    def send(self, data: bytes) -> Steps:
        self.sent += data
        return
        yield

    def receive(self) -> Steps:
        return self.pieces.pop(0) if self.pieces else b""
        yield


def answered(answer: bytes, method: str = "GET", size: int = 1 << 20) -> Response:
    steps = exchange(Replay(answer, size), method, b"")  # type: ignore[arg-type]
    with pytest.raises(StopIteration) as stop:
        next(steps)
    return stop.value.value  # type: ignore[no-any-return]


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            b"HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nContent-Length: 2\r\n\r\nokmore",
            Response(200, "nginx/1.22.1", "ok"),
        ),
        (b"HTTP/1.0 404 Not Found\n\nbody\n", Response(404, "", "body\n")),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Response(204, "", "")),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", Response(200, "", "x")),
        (
            b"HTTP/1.1 503 x\r\nTransfer-Encoding: chunked\r\nVia: 1.1 corpproxy\r\n\r\n"
            b"3\r\nabc\r\n2;ext\r\nde\r\n0\r\n\r\n",
            Response(503, "(via 1.1 corpproxy)", "abcde"),
        ),
        (b"HTTP/1.1 503 x\r\nServer: a\r\nX-Cache: MISS from squid\r\n\r\n", Response(503, "a (via squid)", "")),
        (b"HTTP/1.1 503 x\r\nServer: nginx\r\nX-Cache: MISS\r\n\r\n", Response(503, "nginx", "")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", Response(200, "", "short")),
    ],
)
def test_answer_is_read_whatever_its_pieces(answer: bytes, expected: Response, size: int) -> None:
    assert answered(answer, size=size) == expected


def test_body_is_cut_and_none_is_read_for_head() -> None:
    assert len(answered(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10000).body) == MAX_BODY
    assert answered(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "HEAD").body == ""


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"", "closed"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "not_http"),
        (b"HTTP/1.1 nonsense\r\n\r\n", "not_http"),
        (b"HTT", "not_http"),
    ],
)
def test_what_is_no_http_is_told(answer: bytes, code: str) -> None:
    with pytest.raises(StreamError) as caught:
        next(exchange(Replay(answer, 5), "GET", b""))  # type: ignore[arg-type]
    assert caught.value.code == code


def test_request_has_host_and_json_and_the_operators_headers_win() -> None:
    url = parse_url("http://user:secret@Users:8000/query?x=1#part")
    request = encode_request("POST", url, {"host": "shop.example"}, {"a": 1}).decode()
    head, _blank, body = request.partition("\r\n\r\n")
    assert head.splitlines()[0] == "POST /query?x=1 HTTP/1.1"
    assert "host: shop.example" in head and "Host: Users:8000" not in head and "secret" not in head
    assert f"Content-Length: {len(body)}" in head
    assert body == '{"a": 1}'


@pytest.mark.parametrize("url", ["users:8000", "ftp://users/", "http:///path", "http://users:port/"])
def test_wrong_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        parse_url(url)


def test_header_cannot_smuggle_a_line() -> None:
    with pytest.raises(ValueError, match="line break"):
        encode_request("GET", parse_url("http://users/"), {"X": "a\r\nY: b"}, None)
