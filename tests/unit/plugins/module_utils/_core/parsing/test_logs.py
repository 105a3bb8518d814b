# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.logs import (
    LINE_LIMIT,
    last_words,
    read_events,
)

NGINX = '2024/01/01 10:00:00 [error] 7#7: *1 {}, client: 172.18.0.1, request: "GET /u HTTP/1.1", {}host: "edge:8080"'
UPSTREAM = 'upstream: "http://172.18.0.3:8000/x", '

# Line → kind, host, address, port, path.
LINES = {
    "socket.gaierror: [Errno -2] Name or service not known": ("resolution", "", "", 0, ""),
    "httpx.ConnectError: [Errno -3] Temporary failure in name resolution": ("resolution", "", "", 0, ""),
    "WARN route /users NOT registered: users: [Errno -2] Name or service not known": ("resolution", "users", "", 0, ""),
    "requests: HTTPConnectionPool(host='users', port=8000): Max retries exceeded with url: /x (Caused by "
    "NameResolutionError(\"<c>: Failed to resolve 'users' ([Errno -2] Name or service not known)\"))": (
        "resolution", "users", "", 8000, "/x"),
    "aiohttp.ClientConnectorError: Cannot connect to host users:8000 ssl:default [Name or service not known]": (
        "resolution", "users", "", 8000, ""),
    "redis.exceptions.ConnectionError: Error -2 connecting to redis:6379. Name or service not known.": (
        "resolution", "redis", "", 6379, ""),
    "redis.exceptions.ConnectionError: Error 111 connecting to redis:6379. Connection refused.": (
        "refused", "redis", "", 6379, ""),
    "pymongo.errors.ServerSelectionTimeoutError: mongo:27017: [Errno -2] Name or service not known": (
        "resolution", "mongo", "", 27017, ""),
    'psycopg.OperationalError: could not translate host name "db" to address: Name or service not known': (
        "resolution", "db", "", 0, ""),
    'connection to server at "db" (172.18.0.2), port 5432 failed: Connection refused': (
        "refused", "db", "172.18.0.2", 5432, ""),
    "OSError: Multiple exceptions: [Errno 111] Connect call failed ('172.18.0.2', 5432)": (
        "refused", "", "172.18.0.2", 5432, ""),
    'Get "http://users:8000/x": dial tcp: lookup users on 127.0.0.11:53: no such host': (
        "resolution", "users", "", 8000, "/x"),
    "dial tcp: lookup users on 127.0.0.11:53: server misbehaving": ("resolution", "users", "", 0, ""),
    'Get "http://users:8000/x": dial tcp 172.18.0.3:8000: connect: connection refused': (
        "refused", "users", "172.18.0.3", 8000, "/x"),
    "dial tcp 10.0.0.2:5432: i/o timeout": ("timeout", "", "10.0.0.2", 5432, ""),
    "Error: getaddrinfo ENOTFOUND users": ("resolution", "users", "", 0, ""),
    "Error: getaddrinfo EAI_AGAIN users": ("resolution", "users", "", 0, ""),
    "Error: connect ECONNREFUSED 10.0.0.2:5432": ("refused", "", "10.0.0.2", 5432, ""),
    "Error: connect EHOSTUNREACH 172.18.0.9:8000": ("unreachable", "", "172.18.0.9", 8000, ""),
    "Error: connect ETIMEDOUT 172.18.0.9:8000": ("timeout", "", "172.18.0.9", 8000, ""),
    "OSError: [Errno 113] No route to host": ("unreachable", "", "", 0, ""),
    "java.net.UnknownHostException: users: Name or service not known": ("resolution", "users", "", 0, ""),
    "java.net.ConnectException: Connection refused: users/172.18.0.3:8000": (
        "refused", "users", "172.18.0.3", 8000, ""),
    "org.postgresql.util.PSQLException: Connection to db:5432 refused.": ("refused", "db", "", 5432, ""),
    "Couldn't resolve server kafka:9092 from bootstrap.servers as DNS resolution failed for kafka": (
        "resolution", "kafka", "", 9092, ""),
    'nginx: [emerg] host not found in upstream "users:8000" in /etc/nginx/conf.d/a.conf:4': (
        "start", "users", "", 8000, ""),
    NGINX.format("users could not be resolved (3: Host not found)", ""): ("resolution", "users", "", 0, ""),
    NGINX.format("no resolver defined to resolve users", ""): ("resolution", "users", "", 0, ""),
    NGINX.format("connect() failed (111: Connection refused) while connecting to upstream", UPSTREAM): (
        "refused", "", "172.18.0.3", 8000, "/x"),
    NGINX.format("upstream timed out (110: Connection timed out) while connecting to upstream", UPSTREAM): (
        "timeout", "", "172.18.0.3", 8000, "/x"),
    NGINX.format("connect() failed (113: No route to host) while connecting to upstream", UPSTREAM): (
        "unreachable", "", "172.18.0.3", 8000, "/x"),
    NGINX.format("no live upstreams while connecting to upstream", 'upstream: "http://users_up/x", '): (
        "unreachable", "users_up", "", 0, "/x"),
    "[ALERT]    (1) : config : [haproxy.cfg:12] : 'server users/u1' : could not resolve address 'users'.": (
        "start", "users", "", 0, ""),
    'Server users/u1 is DOWN, reason: Layer4 connection problem, info: "Connection refused"': (
        "refused", "", "", 0, ""),
    "[proxy:error] (111)Connection refused: AH00957: HTTP: attempt to connect to 172.18.0.3:8000 (users:8000) failed": (
        "refused", "users", "172.18.0.3", 8000, ""),
    "DNS lookup failure for: users returned by /x": ("resolution", "users", "", 0, ""),
    "curl: (6) Could not resolve host: users": ("resolution", "users", "", 0, ""),
    "curl: (7) Failed to connect to users port 8000 after 0 ms: Couldn't connect to server": (
        "refused", "users", "", 8000, ""),
    "wget: bad address 'users:8000'": ("resolution", "users", "", 8000, ""),
    "php_network_getaddresses: getaddrinfo for db failed: Name or service not known": ("resolution", "db", "", 0, ""),
    "ERROR 2005 (HY000): Unknown MySQL server host 'db' (-2)": ("resolution", "db", "", 0, ""),
    "ERROR 2003 (HY000): Can't connect to MySQL server on 'db:3306' (111)": ("refused", "db", "", 3306, ""),
    "Failed to open TCP connection to users:8000 (getaddrinfo: Name or service not known)": (
        "resolution", "users", "", 8000, ""),
    "Name or service not known (users:8000)": ("resolution", "users", "", 8000, ""),
    "Error: listen EADDRINUSE: address already in use :::8000": ("start", "", "", 8000, ""),
    "[Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): address already in use": (
        "start", "", "0.0.0.0", 8000, ""),
    'INFO:     172.18.0.1:5000 - "GET /x?token=abc HTTP/1.1" 404 Not Found': ("not_found", "", "", 0, "/x"),
    '172.18.0.1 - - [01/Jan/2024:10:00:00 +0000] "GET /y HTTP/1.1" 404 153 "-" "curl/7"': (
        "not_found", "", "", 0, "/y"),
    "GET /foo 404 1.2 ms": ("not_found", "", "", 0, "/foo"),
    '[GIN] 2024/01/01 - 10:00:00 | 404 |      1.2µs | 172.18.0.1 | GET      "/foo"': ("not_found", "", "", 0, "/foo"),
    '{"err":"Get \\"http://users:8000/x\\": dial tcp: lookup users on 127.0.0.11:53: no such host"}': (
        "resolution", "users", "", 8000, "/x"),
}  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_line_tells_kind_and_target(line):
    found = [(e.kind, e.host, e.address, e.port, e.path) for e in read_events("edge", "edge-1", [line])]
    assert found == [LINES[line]]


@pytest.mark.parametrize(
    "line",
    [
        "INFO: Started server process [1]",
        '"GET /x HTTP/1.1" 200',
        "lookup table users: loaded",
        "",
        "404 things",
        "port 404",
    ],
)
def test_ordinary_line_is_no_event(line):
    assert read_events("a", "a-1", [line]) == ()


def test_same_failure_is_one_event_with_the_last_time():
    lines = [f"2024-01-01T00:00:0{n}.123456789Z Error: getaddrinfo ENOTFOUND users #{n}" for n in range(3)]
    (event,) = read_events("edge", "edge-1", [*lines, "ok"])
    assert (event.count, event.time, event.line) == (
        3,
        "2024-01-01T00:00:02.123456789Z",
        "Error: getaddrinfo ENOTFOUND users #2",
    )
    assert (event.service, event.container) == ("edge", "edge-1")


def test_line_is_short_plain_and_without_secrets():
    lookup = "dial tcp: lookup users on 127.0.0.11:53: no such host"
    line = '\x1b[31mGet\t"http://u:s3cret@users:8000/x": \x00' + lookup + "\x1b[0m\n"
    (event,) = read_events("a", "a-1", [line + "x" * 1000])
    assert event.line.startswith('Get "http://***@users:8000/x": dial tcp: lookup users')
    assert len(event.line) == LINE_LIMIT
    assert not any(ord(c) < 32 for c in event.line)


def test_paths_of_a_scanner_do_not_fill_the_report():
    lines = [f'"GET /{n} HTTP/1.1" 404' for n in range(1000)] + ["Error: getaddrinfo ENOTFOUND users"]
    events = read_events("a", "a-1", lines)
    assert len(events) == 51
    assert events[-1].host == "users"


RUN_TWICE = (
    "2026-01-01T00:00:01.000000001Z connected",
    "2026-01-01T00:00:02Z FATAL: password=hunter2 is wrong",
    "2026-01-01T00:00:03Z",
    "2026-01-01T00:00:05Z connected",
)


@pytest.mark.parametrize(
    "before, line",
    [("", "connected"), ("2026-01-01T00:00:04.5Z", "FATAL: password=*** is wrong"), ("2025-01-01T00:00:00Z", "")],
    ids=["of all", "of the run before", "of none"],
)
def test_the_last_words_of_a_container_are_an_event(before, line):
    events = last_words("api", "shop-api-1", RUN_TWICE, before)
    assert [e.line for e in events] == ([line] if line else []) and {e.kind for e in events} <= {"end"}


def test_a_port_that_cannot_be_taken_to_start_from_is_told_with_who_was_called():
    line = "2026-01-01T00:00:01Z ERROR GET /users/1 upstream http://users:8000: [Errno 99] Cannot assign requested address"
    (event,) = read_events("gateway", "shop-gateway-1", [line])
    assert (event.kind, event.host, event.port) == ("exhausted", "users", 8000)
