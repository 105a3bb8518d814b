# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts, where they stand in a text: URLs, connection strings, ``host:port`` and bare names.

One scanner serves the reader of dependencies, the redaction and the rewriting, so that what was read
is exactly what is masked or changed.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Optional

DEFAULT_PORTS = {
    "http": 80, "https": 443, "ws": 80, "wss": 443, "h2c": 80, "grpc": 80, "grpcs": 443, "ftp": 21, "ssh": 22,
    "sftp": 22, "smtp": 25, "smtps": 465, "ldap": 389, "ldaps": 636, "postgres": 5432, "postgresql": 5432,
    "timescaledb": 5432, "cockroachdb": 26257, "mysql": 3306, "mariadb": 3306, "mysqlx": 33060, "sqlserver": 1433,
    "mssql": 1433, "oracle": 1521, "mongodb": 27017, "redis": 6379, "rediss": 6379, "valkey": 6379, "amqp": 5672,
    "amqps": 5671, "kafka": 9092, "nats": 4222, "memcached": 11211, "memcache": 11211, "elasticsearch": 9200,
    "opensearch": 9200, "mqtt": 1883, "mqtts": 8883, "bolt": 7687, "neo4j": 7687, "clickhouse": 9000,
    "zookeeper": 2181, "zk": 2181, "etcd": 2379, "consul": 8500, "cassandra": 9042, "pulsar": 6650, "influxdb": 8086,
    "couchdb": 5984, "vault": 8200,
}  # fmt: skip
HTTP_SCHEMES = frozenset({"http", "https", "ws", "wss", "h2c", "grpc", "grpcs"})
_DATAGRAM_SCHEMES = frozenset({"udp", "statsd", "dtls", "coap", "coaps", "snmp", "ntp"})
PROTOCOLS = (
    frozenset(DEFAULT_PORTS)
    | _DATAGRAM_SCHEMES
    | {"mongodb+srv", "tcp", "tls", "ssl", "fastcgi", "fcgi", "uwsgi", "scgi"}
)
# NTP, SNMP, CoAP, Jaeger's agent, StatsD: nothing listens there on TCP.
_DATAGRAM_PORTS = frozenset({123, 161, 162, 5683, 5684, 6831, 6832, 8125})
# Their "authority" is a file, a bucket or an image, not a host that is called.
_NOT_NETWORK = frozenset(
    "file unix npipe fd data sqlite sqlite3 duckdb s3 s3a gs gcs az abfs abfss docker oci arn urn classpath jar "
    "vscode chrome-extension moz-extension app mem memory env secret swarm".split()
)

# A new token starts where no character stands that could belong to it.
_SCHEME = re.compile(r"(?<![A-Za-z0-9+.\-])((?:[A-Za-z][A-Za-z0-9+.\-]*:)+)@?//")
_URL_END = re.compile(r"[\s\"'`<>\\|]")
_HOST = r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_])?\.?)"
_AUTHORITY = re.compile(rf"({_HOST})(?::(\d{{1,5}})(?!\d))?")
_HOST_PORT = re.compile(rf"(?<![\w.:/$\-])({_HOST}):(\d{{1,5}})(?![\w.@(\-])")
_MYSQL_GO = re.compile(rf"@tcp\(({_HOST})(?::(\d{{1,5}}))?\)")
_ORACLE_THIN = re.compile(rf"(?i)jdbc:oracle:\w+:(?:[^\s@]*)@({_HOST}):(\d{{1,5}})")
_SOCAT = re.compile(r"(?i)\b(?:tcp|udp|ssl|openssl|inet)[46]?(?:-connect)?:(?=[A-Za-z0-9_\[])")
_SOCKET_WORD = re.compile(r"(?i)(tcp|udp|ssl|openssl|inet|unix|sctp)[46]?(-listen|-l|-connect|-recv\w*)?")
_PATH = re.compile(r"/[^\s\"'`<>\\|?#,;${}()\[\]]*")
_REST = re.compile(r"[^\s\"'`<>\\|,;]*")


@dataclass(frozen=True)
class Place:
    """One host in a text. ``text[start:end]`` is the host as written, with the brackets of an IPv6 address.

    ``port`` is the written one or the scheme's default, 0 where neither is known; ``port_start`` equals
    ``port_end`` where none is written. ``form`` is ``url``, ``host_port``, ``keyword`` or ``bare``.
    ``stop`` is where the whole URL ends.
    """

    host: str
    port: int
    start: int
    end: int
    scheme: str = ""
    path: str = ""
    port_start: int = 0
    port_end: int = 0
    form: str = "url"
    stop: int = 0

    def moved(self, by: int) -> Place:
        """The same place in a text that has so many characters before this one."""
        ports = (self.port_start + by, self.port_end + by) if self.port_end else (0, 0)
        return dataclasses.replace(
            self, start=self.start + by, end=self.end + by, port_start=ports[0], port_end=ports[1], stop=self.stop + by
        )


def is_host(text: str) -> bool:
    """Whether the text can be a host: a name (underscores are met in Compose projects) or an IP address."""
    if is_address(text):
        return True
    bare = text[:-1] if text.endswith(".") else text
    return bool(
        0 < len(bare) <= 253
        and re.fullmatch(_HOST, bare)
        and not bare.startswith("[")
        and ".." not in bare
        and re.search(r"[A-Za-z]", bare)
    )


def host_port(host: str, port: int) -> str:
    """``host:port`` as a URL has it, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def is_address(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address, without brackets."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether the host is the container itself: ``localhost``, 127.0.0.0/8 or ::1."""
    if host.lower().rstrip(".") in ("localhost", "localhost.localdomain", "ip6-localhost"):
        return True
    return is_address(host) and ipaddress.ip_address(host).is_loopback


def is_datagram(scheme: str, port: int) -> bool:
    """Whether this is spoken over UDP, so that a TCP connection shows nothing."""
    return scheme in _DATAGRAM_SCHEMES or port in _DATAGRAM_PORTS


def is_wildcard(host: str) -> bool:
    """Whether the host means "all addresses": something to listen on, never to call."""
    return is_address(host) and ipaddress.ip_address(host).is_unspecified


def scheme_of(chain: str) -> str:
    """The protocol in a scheme as written: ``jdbc:postgresql:`` and ``postgresql+asyncpg:`` give ``postgresql``."""
    parts = chain.strip(":").lower().split(":")
    scheme = parts[1] if parts[0] in ("jdbc", "r2dbc") and len(parts) > 1 else parts[-1]
    base, _unused, driver = scheme.partition("+")
    if driver in ("http", "https", "ssh"):
        return driver
    return scheme if driver == "srv" else base


def hosts_start(text: str, scheme: str, start: int, stop: int) -> int:
    """Where the first host of a URL begins: behind its userinfo, if it has one.

    A password may hold ``@``, and, unescaped as people write it, ``/``, ``?`` or ``#``.
    """
    slash = re.compile(r"[/?#;]").search(text, start, stop)
    authority_end = slash.start() if slash else stop
    plain = re.fullmatch(rf"(?:[^@]*@)?{_HOST}(?::\d{{0,5}})?(?:,.*)?", text[start:authority_end])
    if plain and scheme in HTTP_SCHEMES:
        end = authority_end  # "@" is usual in the path of a page, not in the name of a database
    elif plain:
        query = re.compile(r"[?;]").search(text, start, stop)
        end = query.start() if query else stop
    else:
        end = stop
    sign = _userinfo_sign(text, start, end)
    return sign + 1 if sign >= 0 else start


def find_urls(text: str) -> Iterator[Place]:
    """Every host of every URL in the text, in order; several for ``mongodb://a,b/x`` and the like."""
    matches = list(_SCHEME.finditer(text))
    for number, match in enumerate(matches):
        limit = matches[number + 1].start() if number + 1 < len(matches) else len(text)
        scheme = scheme_of(match.group(1))
        if scheme in _NOT_NETWORK or _inside_query(text, matches, number):
            continue
        end = _URL_END.search(text, match.end(), limit)
        yield from _hosts_of_url(text, scheme, match.end(), end.start() if end else limit)
    for match in _MYSQL_GO.finditer(text):
        yield _place(text, match, "mysql", "host_port")
    for match in _ORACLE_THIN.finditer(text):
        yield _place(text, match, "oracle", "host_port")


def find_host_ports(text: str) -> Iterator[Place]:
    """Every ``host:port`` of the text that is not part of a URL, with the path behind it if there is one."""
    rest = _blank(text, [(m.start(), m.end()) for m in _SOCAT.finditer(text)])
    rest = _blank(rest, [(_url_start(text, p), p.stop) for p in find_urls(text)])
    for match in _HOST_PORT.finditer(rest):
        host = match.group(1)
        if is_host(host.strip("[]")) and not _SOCKET_WORD.fullmatch(host) and 0 < int(match.group(2)) < 65536:
            yield _place(text, match, "", "host_port")


def find_bare_hosts(text: str) -> tuple[Place, ...]:
    """The hosts of a text that is nothing but a list of hosts (``db`` or ``es02,es03``), else nothing."""
    places: list[Place] = []
    for match in re.finditer(r"[^\s,;|\"'\[\]{}]+|\[[0-9A-Fa-f:.]+\]", text):
        host = match.group().strip("[]")
        if not is_host(host):
            return ()
        places.append(Place(host, 0, match.start(), match.end(), form="bare", stop=match.end()))
    return tuple(places)


def find_keyword_hosts(text: str) -> tuple[Place, ...]:
    """The host of a keyword connection string: libpq's ``host=db port=5432``, ADO.NET's ``Server=db,1433;...``."""
    key = re.search(r"(?i)(?:^|[\s;\"'])(?:host|hostaddr|server|data source|addr|address)\s*=\s*(?:tcp:)?", text)
    if not key or len(re.findall(r"(?<![=\w])[\w ]+?\s*=\s*[^=\s;]", text)) < 2:
        return ()
    places: list[Place] = []
    port = re.search(r"(?i)(?:^|[\s;])port\s*=\s*(\d{1,5})\b", text)
    default = 5432 if re.search(r"(?i)\b(dbname|sslmode)\s*=", text) else 0
    position = key.end()
    while True:
        match = re.compile(rf"['\"]?({_HOST})(?:[:,](\d{{1,5}})\b)?['\"]?").match(text, position)
        if not match or not is_host(match.group(1).strip("[]")):
            return tuple(places)
        written = (port.start(1), port.end(1)) if port else match.span(2) if match.group(2) else (0, 0)
        number = int(text[slice(*written)] or default)
        scheme = "postgresql" if default else ""
        host = match.group(1).strip("[]")
        places.append(Place(host, number, *match.span(1), scheme, "", *written, "keyword", match.end()))
        if text[match.end() : match.end() + 1] != ",":
            return tuple(places)
        position = match.end() + 1


def _inside_query(text: str, matches: list[re.Match[str]], number: int) -> bool:
    if not number:
        return False
    between = text[matches[number - 1].end() : matches[number].start()]
    return "?" in between and not re.search(r"[\s,;\"'|]", between)


def _userinfo_sign(text: str, start: int, end: int) -> int:
    """The ``@`` that ends the userinfo of the first host of a list, -1 where there is none."""
    pieces = text[start:end].split(",")
    if len(pieces) > 1 and "@" in pieces[0] and "@" in pieces[1]:
        end = start + len(pieces[0])
    return text.rfind("@", start, end)


def _hosts_of_url(text: str, scheme: str, start: int, stop: int) -> Iterator[Place]:
    found: list[tuple[str, int, int, int, int]] = []
    position = hosts_start(text, scheme, start, stop)
    while True:
        match = _AUTHORITY.match(text, position, stop)
        if not match or not _ends_well(text[match.end() : min(match.end() + 2, stop)]):
            break
        if found and not match.group(2) and scheme in HTTP_SCHEMES | {"tcp", "udp", ""}:
            break
        if not is_host(match.group(1).strip("[]")):
            break
        port = match.span(2) if match.group(2) else (0, 0)
        found.append((match.group(1), *match.span(1), *port))
        position = match.end()
        if text[position : position + 1] != "," or position + 1 >= stop:
            break
        position = _next_host(text, position + 1, stop)
    if not found:
        return
    last = max(found[-1][2], found[-1][4])
    path = _PATH.match(text, last, stop) if scheme in HTTP_SCHEMES else None
    rest = _REST.match(text, last, stop)
    for host, begin, end, port_start, port_end in found:
        variable = not port_end and text[end : end + 1] == ":" and text[end + 1 : end + 2] != "/"
        number = int(text[port_start:port_end] or (0 if variable else DEFAULT_PORTS.get(scheme, 0)))
        yield Place(
            host.strip("[]"), number if number < 65536 else 0, begin, end, scheme, path.group() if path else "",
            port_start, port_end, "url", rest.end() if rest else last,
        )  # fmt: skip


def _next_host(text: str, position: int, stop: int) -> int:
    userinfo = re.compile(r"[^\s,@/]*@").match(text, position, stop)
    return userinfo.end() if userinfo else position


def _ends_well(following: str) -> bool:
    """Whether a host may end here; ``users:$PORT`` and ``users:{port}`` are hosts with an unknown port."""
    return (
        not following
        or following[0] in "/?#,;)]}&"
        or following[0] == "$"
        or following[:2] in (":$", ":{", ":/")
        or (following[0] == ":" and (len(following) == 1 or following[1].isalpha()))
    )


def _place(text: str, match: re.Match[str], scheme: str, form: str) -> Place:
    written: Optional[str] = match.group(2)
    span = match.span(2) if written else (0, 0)
    path = _PATH.match(text, match.end()) if form == "host_port" and not scheme else None
    return Place(
        match.group(1).strip("[]"), int(written or DEFAULT_PORTS.get(scheme, 0)), *match.span(1), scheme,
        path.group() if path else "", *span, form, path.end() if path else match.end(),
    )  # fmt: skip


def _url_start(text: str, place: Place) -> int:
    """Where the URL that holds the place begins, so that its userinfo is not read as ``host:port``."""
    starts = [m.start() for m in _SCHEME.finditer(text, 0, place.start)]
    if place.form == "url" and starts:
        return starts[-1]
    space = max(text.rfind(c, 0, place.start) for c in " \t\n\"',;")
    return space + 1


def _blank(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text
