# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the logs of the services say about names that do not resolve and connections that fail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from ..model import LogEvent
from ..redact import redact_text
from .times import instant
from .urls import is_address, is_host

LINE_LIMIT = 300
_MOST_PATHS = 50  # scanners ask for thousands of paths that do not exist

_TIME = re.compile(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))\s")
_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

# The first that matches decides. What kept a service from starting comes before the reason that it shares with others.
_KINDS = (
    (
        "start",
        r"\[emerg\]|\[ALERT\].*(?:could not resolve|config|parsing|[Ff]atal|[Cc]annot bind)|[Aa]ddress already in use|"
        r"EADDRINUSE|exec format error|executable file not found|exec .*no such file or directory|"
        r"ModuleNotFoundError: |Cannot find module '|Could not find or load main class",
    ),
    (
        "resolution",
        r"getaddrinfo|ENOTFOUND|EAI_AGAIN|EAI_NONAME|Name or service not known|Temporary failure in name resolution|"
        r"nodename nor servname|No address associated with hostname|no such host|server misbehaving|"
        r"lookup \S+ on \S+:53: |UnknownHost|could not be resolved|no resolver defined|host not found|"
        r"[Cc]ould not (?:translate host name|resolve)|[Uu]nable to resolve|Unknown MySQL server host|bad address '|"
        r"DNS lookup failure|DNS resolution failed|Failed to resolve|NameResolutionError|nxdomain|NXDOMAIN|"
        r"failed to lookup address|Could not find address for|Couldn't resolve|gaierror|EAI_FAIL|No such host is known",
    ),
    ("exhausted", r"[Cc]annot assign requested address|EADDRNOTAVAIL|\b(?:Errno|os error) 99\b"),
    (
        "unreachable",
        r"No route to host|EHOSTUNREACH|ENETUNREACH|Network is unreachable|\b(?:Errno|os error) (?:101|113)\b|"
        r"no live upstreams|no server available|NoRouteToHost|Host is unreachable|network is unreachable|"
        r"no route to host|No available server|no healthy upstream",
    ),
    (
        "refused",
        r"[Cc]onnection refused|ECONNREFUSED|\b(?:Errno|Error|os error) 111\b|Connection to \S+ refused|"
        r"Can't connect to (?:MySQL )?server on .*\((?:111|61)|Connect call failed|actively refused|"
        r"ConnectionRefused|Failed to connect to \S+ port \d+",
    ),
    (
        "timeout",
        r"upstream timed out|dial tcp.*(?:i/o timeout|deadline exceeded)|ETIMEDOUT|"
        r"[Cc]onnect(?:ion)?(?: attempt)? timed out|ConnectTimeout|connect timeout|Operation timed out|"
        r"\b(?:Errno|os error) 110\b|Can't connect to .*\(110|"
        r"Connection timeout|timed out while connecting",
    ),
    (
        "not_found",
        r"\"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) \S+(?: HTTP/[\d.]+)?\" 404\b|"
        r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) /\S* 404\b|\|\s*404\s*\|.*\| +(?:GET|POST|PUT|PATCH|DELETE) ",
    ),
)
_KIND_PATTERNS = tuple((kind, re.compile(pattern)) for kind, pattern in _KINDS)

_H = r"(?P<host>[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])"
_P = r"(?P<port>\d{1,5})"
_Q = "\\\\?[\"'\u2018\u2019\u201c\u201d`]"
# Each may name a host, an address, a port or a path; the first that names one wins.
_TARGETS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"upstream: \"(?:\w+://)?{_H}(?::{_P})?(?P<path>/[^\"\s]*)?\"",
        rf"host not found in \w+ \"{_H}(?::{_P})?",
        rf"{_H} could not be resolved",
        rf"no resolver defined to resolve {_H}",
        rf"(?:ENOTFOUND|EAI_AGAIN|EAI_FAIL|EAI_NONAME) {_H}(?::{_P})?",
        rf"lookup {_H}\.?(?: on [\d.:\[\]a-f]+)?: ",
        rf"could not translate host name {_Q}{_H}{_Q}",
        rf"server at {_Q}{_H}{_Q}(?: \((?P<address>[0-9A-Fa-f.:]+)\))?, port {_P}",
        rf"on host {_Q}{_H}{_Q}(?: \((?P<address>[0-9A-Fa-f.:]+)\))?.* port {_P}",
        rf"Unknown MySQL server host {_Q}{_H}{_Q}",
        rf"(?:MySQL )?server on {_Q}{_H}(?::{_P})?{_Q}",
        rf"UnknownHost\w*: (?:https?://)?{_H}(?=[:\s,;)/]|$)",
        rf"host={_Q}{_H}{_Q}, port={_P}(?:.*?with url: (?P<path>/[^\s?]*))?",
        rf"Failed to resolve {_Q}?{_H}",
        rf"[Cc]onnect to (?:host )?{_H}(?::| port ){_P}",
        rf"[Cc]onnecting to {_H}:{_P}",
        rf"Connection to {_H}:{_P}",
        rf"TCP connection to {_H}:{_P}",
        rf"(?:could not resolve|unable to resolve|bad address|[Cc]ould not resolve host|Could not find address for|"
        rf"unable to resolve host address|Couldn't resolve server)(?: address| host)?:? {_Q}?{_H}(?::{_P})?",
        rf"DNS lookup failure for: {_H}",
        rf"attempt to connect to (?P<address>[\d.]+):{_P}(?: \({_H}(?::\d+)?\))?",
        rf"Connection refused: (?:no further information: )?{_H}?/(?P<address>[\d.]+):{_P}",
        rf"(?:Name or service not known|[Cc]onnection refused|No such host is known\.) \({_H}:{_P}\)",
        rf"getaddrinfo for {_H} failed",
        rf"{_H}:{_P}: \[Errno -?\d+\]",
        rf"(?<![\w.\-:/])(?!\S*[Ee]rror: ){_H}: \[Errno -\d+\]",
        rf"ECONNREFUSED (?:connect )?{_H}:{_P}",
        rf"(?:ETIMEDOUT|EHOSTUNREACH|ENETUNREACH) {_H}:{_P}",
        rf"dial (?:tcp|udp)[46]? {_H}:{_P}",
        rf"Connect call failed \({_Q}(?P<address>[0-9A-Fa-f.:]+){_Q}, {_P}",
        rf"\b(?:Get|Post|Put|Patch|Delete|Head) {_Q}https?://(?:[^@\s/\"]*@)?{_H}(?::{_P})?(?P<path>/[^\"\\\s?]*)?",
        rf"(?:Failed to connect to|connect to|connecting to|No route to host:?) {_H}(?::| port ){_P}",
        rf"bind on address \({_Q}(?P<address>[0-9A-Fa-f.:]*){_Q}, {_P}\)",
        rf"(?:[Aa]ddress already in use|EADDRINUSE)\D*?(?:(?P<address>[\d.]+)|\[?::\]?|\*)?:{_P}\b",
        rf"listen tcp[46]? (?P<address>[\d.]*):{_P}",
        r"\"(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?P<path>/[^\s?\"]*)[^\"]*\" 404\b",
        r"\b(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) (?P<path>/[^\s?]*)\S* 404\b",
        r"\|\s*404\s*\|.*\| +(?:GET|POST|PUT|PATCH|DELETE) +\"?(?P<path>/[^\s?\"]*)",
        rf"https?://(?:[^@\s/\"]*@)?{_H}(?::{_P})?(?P<path>/[^\"'\\\s?,)]*)?",
    )
)
_ACCESS = tuple(p for p in _TARGETS if " 404" in p.pattern or "404" in p.pattern)


def read_events(service: str, container: str, lines: Iterable[str]) -> tuple[LogEvent, ...]:
    """The failures that the log lines tell of, in the order in which each was first seen.

    Lines of the same kind and target are one event with their count and the last line, at most 300 characters of it,
    without control characters and secrets. A time of RFC 3339 before a line (``docker logs --timestamps``) is the
    event's time.
    """
    events: dict[tuple[str, str, str, int, str], LogEvent] = {}
    for event in _events(service, container, lines):
        key = (event.kind, event.host, event.address, event.port, event.path)
        if key in events:
            events[key] = replace(event, count=events[key].count + 1, time=event.time or events[key].time)
        elif event.kind != "not_found" or sum(k[0] == "not_found" for k in events) < _MOST_PATHS:
            events[key] = event
    return tuple(events.values())


def last_words(service: str, container: str, lines: Iterable[str], before: str = "") -> tuple[LogEvent, ...]:
    """The last line that says something, as an event of kind ``end``; of those before a moment where one is given."""
    until = instant(before)
    for raw in reversed(list(lines)):
        time, line = _cleaned(raw)
        said = instant(time)
        if line and (until is None or (said is not None and said < until)):
            return (LogEvent(service, container, "end", _shown(line), time),)
    return ()


def _events(service: str, container: str, lines: Iterable[str]) -> Iterator[LogEvent]:
    for raw in lines:
        time, line = _cleaned(raw)
        kind = next((k for k, pattern in _KIND_PATTERNS if pattern.search(line)), "")
        if kind:
            yield LogEvent(service, container, kind, _shown(line), time, *_target(kind, line))


def _cleaned(raw: str) -> tuple[str, str]:
    """The time before a line, empty where there is none, and the line without control characters."""
    line = _CONTROL.sub("", re.sub(r"[\t\r\n]", " ", _ANSI.sub("", raw[: 8 * LINE_LIMIT]))).strip()
    stamp = _TIME.match(line)
    return (stamp.group(1), line[stamp.end() :].strip()) if stamp else ("", line)


def _shown(line: str) -> str:
    shown = redact_text(line)
    return shown if len(shown) <= LINE_LIMIT else shown[: LINE_LIMIT - 1] + "…"


def _target(kind: str, line: str) -> tuple[str, str, int, str]:
    found = {"host": "", "address": "", "port": "", "path": ""}
    for pattern in _ACCESS if kind == "not_found" else _TARGETS:
        match = pattern.search(line)
        if not match:
            continue
        values = {k: (v or "").strip("[]") for k, v in match.groupdict().items() if k in found}
        host = values.pop("host", "").rstrip(".")
        if is_address(host):
            values["address"] = values.get("address") or host
        elif is_host(host):
            values["host"] = host
        if kind == "start" and "already in use" not in line and "EADDRINUSE" not in line and not host:
            continue
        if found["host"] and values.get("host") and values["host"] != found["host"]:
            continue  # another host of the same line: the request's own, or a referrer
        for key, value in values.items():
            found[key] = found[key] or value
    port = int(found["port"] or 0)
    return found["host"], found["address"], port if port < 65536 else 0, redact_text(found["path"])
