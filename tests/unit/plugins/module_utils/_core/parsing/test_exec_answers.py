# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tools print in containers; texts of glibc 2.41, BIND 9.20, bash 5.2, curl 8.14, Python 3.13, BusyBox 1.37."""

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.exec_answers import (
    Answer,
    Response,
    addresses,
    error,
    parse_answers,
    response,
)

GETENT = "10.1.0.4    STREAM users\n10.1.0.4    DGRAM  \n10.1.0.4    RAW    \n10.1.0.9    STREAM "
BIND = "Server:\t\t127.0.0.11\nAddress:\t127.0.0.11#53\n\nNon-authoritative answer:\nName:\tusers\nAddress: 10.1.0.4\n"
BUSYBOX = "Server:\t\t127.0.0.11\nAddress:\t127.0.0.11:53\n\nNon-authoritative answer:\n\nName:\tusers\nAddress: 10.1.0.4\n"
NXDOMAIN = "Server:\t\t127.0.0.11\nAddress:\t127.0.0.11#53\n\n** server can't find userz: NXDOMAIN\n"
REFUSED = ";; communications error to 127.0.0.11#53: connection refused\n;; no servers could be reached\n"


def test_answers_are_told_apart_by_their_numbers_whatever_their_order():
    text = "\x021 bash 0\n\n\x020 getent 2\n\n\x022 curl 0\nHTTP/1.0 200 OK\n\nhello\n\n"
    assert parse_answers(text) == {
        0: Answer("getent", 2, ""),
        1: Answer("bash", 0, ""),
        2: Answer("curl", 0, "HTTP/1.0 200 OK\n\nhello"),
    }


@pytest.mark.parametrize(
    "answer, found",
    [
        (Answer("getent", 0, GETENT), ("10.1.0.4", "10.1.0.9")),
        (Answer("python3", 0, "10.1.0.4\n10.1.0.9"), ("10.1.0.4", "10.1.0.9")),
        (Answer("nslookup", 0, BIND), ("10.1.0.4",)),
        (Answer("nslookup", 1, BUSYBOX + "\n** server can't find users: NXDOMAIN"), ("10.1.0.4",)),
        (Answer("nslookup", 1, NXDOMAIN), ()),
        (Answer("nslookup", 1, REFUSED), ()),
        (Answer("getent", 2, ""), ()),
        (Answer("python3", 1, "socket.gaierror: [Errno -2] Name or service not known"), ()),
    ],
)
def test_addresses_of_a_name(answer, found):
    assert addresses(answer) == found


@pytest.mark.parametrize(
    "answer, code",
    [
        (Answer("bash", 0, ""), ""),
        (Answer("bash", 124, ""), "timeout"),
        (Answer("nc", 143, "Terminated"), "timeout"),
        (Answer("bash", 1, "10.1.0.4: connect: Connection refused"), "ECONNREFUSED"),
        (Answer("nc", 1, "nc: 10.1.0.4 (10.1.0.4:9): Connection refused"), "ECONNREFUSED"),
        (Answer("bash", 1, "10.1.0.9: connect: No route to host"), "EHOSTUNREACH"),
        (Answer("bash", 1, "10.9.9.9: connect: Network is unreachable"), "ENETUNREACH"),
        (Answer("python3", 1, "TimeoutError: timed out"), "timeout"),
        (Answer("getent", 2, ""), "NXDOMAIN"),
        (Answer("nslookup", 1, NXDOMAIN), "NXDOMAIN"),
        (Answer("nslookup", 1, REFUSED), "ECONNREFUSED"),
        (Answer("nslookup", 1, ";; connection timed out; no servers could be reached"), "timeout"),
        (Answer("python3", 1, "socket.gaierror: [Errno -3] Temporary failure in name resolution"), "SERVFAIL"),
        (Answer("nc", 1, "nc: invalid option -- 'z'\nUsage: nc [-iN] [-wN]\n  -w SEC  Connect timeout"), None),
        (Answer("nc", 1, "nc: timed out"), "timeout"),
        (Answer("nc", 1, "nc: can't connect to remote host (10.1.0.4): Connection refused"), "ECONNREFUSED"),
        (Answer("curl", 7, "curl: (7) Failed to connect: Could not connect to server"), None),
    ],
)
def test_the_code_of_a_failure_is_the_probers_and_unknown_where_nothing_tells(answer, code):
    assert error(answer) == code


@pytest.mark.parametrize(
    "text, found",
    [
        ("HTTP/1.0 200 OK\r\nServer: netfix-users \r\nDate: x\r\n\r\n{}", Response(200, "netfix-users", "{}")),
        ("HTTP/1.1 100 Continue\n\nHTTP/1.1 502 Bad Gateway\nserver: nginx\n\n<html>", Response(502, "nginx", "<html>")),
        ("HTTP/2 404 \n\n", Response(404, "", "")),
        ("curl: (52) Empty reply from server", Response()),
    ],
)
def test_the_last_http_answer_counts(text, found):
    assert response(Answer("curl", 0, text)) == found
