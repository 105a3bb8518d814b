# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls in mounted configuration files of gateways and applications.

nginx is read by its directives, HAProxy, Apache, Caddy and Envoy by the lines that name a host to call, anything else
(Traefik, Kong, Prometheus, application settings) by the URLs and addresses that stand under a fitting key.
"""

from __future__ import annotations

import bisect
import dataclasses
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..redact import words_of
from .environment import LOCATIONS, read_variable
from .names import Names, mapping, sequence
from .nginx_conf import nginx_upstreams
from .settings import Setting, settings
from .urls import HTTP_SCHEMES, Place, find_urls, is_address, is_host, is_loopback, is_wildcard

_READABLE = (
    ".conf",
    ".cfg",
    ".cnf",
    ".ini",
    ".yml",
    ".yaml",
    ".toml",
    ".json",
    ".properties",
    ".template",
    ".tmpl",
    ".env",
    ".config",
    ".hjson",
    ".cf",
    ".xml",
    ".alloy",
)
_NAMES = frozenset({"Caddyfile", "nginx.conf", "haproxy.cfg", "httpd.conf", ".env"})
_DIRECTORIES = (
    "/etc", "/usr/local/etc", "/usr/local/openresty/nginx/conf", "/opt/bitnami/nginx/conf", "/usr/local/apache2/conf",
    "/usr/share/logstash/pipeline", "/kong",
)  # fmt: skip
_NEVER = (
    "/etc", "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/localtime", "/etc/timezone", "/etc/passwd",
    "/etc/group", "/etc/nginx/mime.types", "/etc/nginx/certs", "/etc/nginx/ssl",
)  # fmt: skip
_DATA = (
    "/var/lib/", "/docker-entrypoint-initdb.d", "/var/log", "/proc", "/sys", "/dev", "/run/secrets", "/etc/ssl",
    "/etc/letsencrypt", "/etc/pki", "/etc/ssh",
)  # fmt: skip
_BUILD_FILES = frozenset(
    {
        "package.json",
        "package-lock.json",
        "tsconfig.json",
        "composer.json",
        "pyproject.toml",
        "Cargo.toml",
        "angular.json",
    }
)

_HOST = r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.\-]*[A-Za-z0-9_])?)"
_HAPROXY = re.compile(
    rf"^[ \t]*(?:server[ \t]+\S+|server-template[ \t]+\S+[ \t]+[\d\-]+)[ \t]+\"?(?:ipv4@|ipv6@)?{_HOST}"
    r"(?:\"?:(?P<port>\d+))?(?![\w@/])",
    re.MULTILINE,
)
_CADDY = re.compile(r"^[ \t]*(?:reverse_proxy|php_fastcgi|forward_auth|to)[ \t]+(?P<rest>[^\n{]+)", re.MULTILINE)
_CADDY_WORD = re.compile(rf"(?<!\S){_HOST}(?::(?P<port>\d+))?(?!\S)")
_APACHE = re.compile(
    r"^[ \t]*(?:ProxyPass|ProxyPassMatch|BalancerMember|RewriteRule|ProxyRemote|SetHandler)\b[^\n]*",
    re.MULTILINE | re.I,
)
_SPLIT_PAIR = re.compile(
    rf"(?i)\b(?:address|host|hostname|server)[\"']?[ \t]*(?:=>|[:=])[ \t]*[\"']?{_HOST}[\"']?[ \t]*,?\s*"
    r"[\"']?(?:port|port_value)[\"']?[ \t]*(?:=>|[:=])[ \t]*[\"']?(?P<port>\d{1,5})\b"
)
_REVERSED_PAIR = re.compile(
    rf"\bport_value[\"']?[ \t]*:[ \t]*(?P<port>\d{{1,5}})[ \t]*,?\s*[\"']?address[\"']?[ \t]*:[ \t]*[\"']?{_HOST}"
)
_XML_PAIR = re.compile(rf"<(?:host|hostname|server)>{_HOST}</\w+>\s*<port>(?P<port>\d{{1,5}})</port>")
# Settings in the language of the program: sentry.conf.py, config.php.
_CODE = re.compile(r"(?i)(?:.*[._\-])?(?:conf|config|settings)\.(?:py|php|rb|js|cjs|mjs|ts)")
_COMPOSE_FILE = re.compile(r"(?i)(?:docker-)?compose[\w.\-]*\.ya?ml")
# What stands under these keys is where a gateway passes requests to, or what a monitor asks.
_ROUTING = frozenset(
    "UPSTREAM UPSTREAMS BACKEND BACKENDS SERVERS SERVICES TARGET TARGETS ROUTE ROUTES PROXY BALANCER FORWARD".split()
)
# What stands under these keys listens or is told to others.
_LISTENING = frozenset({"LISTENERS", "LISTENER", "LISTEN", "BIND", "ADMIN", "CORS", "ADVERTISE"})
_COMMENT = re.compile(r"^[ \t]*(?:#|//|;).*$|(?<=\s)#.*$", re.MULTILINE)


@dataclass(frozen=True)
class FileCall:
    """One host that a configuration file calls: its place in the text and its line."""

    place: Place
    line: int


def config_files_to_read(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Host paths of the mounted configuration files worth reading; a directory stands for the files inside it."""
    paths = [
        path
        for service in mapping(config.get("services")).values()
        for path, _unused in mounted_files(config, mapping(service))
    ]
    return tuple(dict.fromkeys(p for p in paths if not p.startswith("configs.")))


def is_config_file(path: str) -> bool:
    """Whether a file of this name may say whom a service calls. Compose files and build files do not."""
    name = posixpath.basename(path)
    if name in _BUILD_FILES or _COMPOSE_FILE.fullmatch(name):
        return False
    return name in _NAMES or name.endswith(_READABLE) or bool(_CODE.fullmatch(name))


def is_used(name: str) -> bool:
    """Whether a file that is mounted with its directory is in use, and no example or backup."""
    return not re.search(r"(?i)(?:^|[._\-])(?:example|sample|bak|backup|old|orig|disabled)(?:[._\-]|$)", name)


def mounted_files(config: Mapping[str, Any], service: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Pairs of host path and path inside the container; ``configs.<name>`` for a config whose text is inline."""
    found: list[tuple[str, str]] = []
    for volume in sequence(service.get("volumes")):
        if isinstance(volume, Mapping) and volume.get("type", "bind") == "bind":
            source, target = str(volume.get("source") or ""), str(volume.get("target") or "")
            if source and target and _worth_reading(source, target):
                found.append((source, target))
    defined = config.get("configs")
    for use in sequence(service.get("configs")):
        name = str(use.get("source") or "") if isinstance(use, Mapping) else str(use)
        target = str(use.get("target") or f"/{name}") if isinstance(use, Mapping) else f"/{name}"
        entry = defined.get(name) if isinstance(defined, Mapping) else None
        if isinstance(entry, Mapping) and isinstance(entry.get("content"), str):
            found.append((f"configs.{name}", target))
        elif isinstance(entry, Mapping) and isinstance(entry.get("file"), str):
            found.append((entry["file"], target))
    return tuple(found)


def read_config_text(text: str, target: str, names: Names) -> tuple[FileCall, ...]:
    """The calls of a configuration file that the container sees as ``target``.

    In a gateway's file its own names count too: one that passes requests to itself is a fault worth finding.
    """
    kind = _kind(text, target)
    if kind == "nginx":
        return tuple(FileCall(u.place, u.line) for u in nginx_upstreams(text) if not is_wildcard(u.place.host))
    clean = _COMMENT.sub(lambda m: " " * len(m.group()), text)
    places = list(_READERS[kind](clean) if kind in _READERS else _generic(clean, names))
    first = {p.start: p for p in reversed(places) if not is_wildcard(p.host)}
    return tuple(FileCall(p, text.count("\n", 0, p.start) + 1) for _unused, p in sorted(first.items()))


def _kind(text: str, target: str) -> str:
    name = posixpath.basename(target)
    if re.search(r"\b(?:proxy|fastcgi|uwsgi|grpc|scgi)_pass\b|^[ \t]*upstream\s+\S+\s*\{", text, re.MULTILINE):
        return "nginx"
    if "haproxy" in target or re.search(r"(?m)^(?:backend|listen|frontend)[ \t]+\S+[ \t]*$", text):
        return "haproxy"
    if name.startswith("Caddyfile") or "/caddy/" in target:
        return "caddy"
    if re.search(r"(?im)^[ \t]*(?:ProxyPass|BalancerMember|<VirtualHost)\b", text):
        return "apache"
    if re.search(r"\b(?:static_resources|socket_address)\b", text):
        return "envoy"
    return "generic"


def _haproxy(text: str) -> Iterator[Place]:
    for match in _HAPROXY.finditer(text):
        if is_host(match["host"].strip("[]")):
            yield _matched(match)


def _caddy(text: str) -> Iterator[Place]:
    for line in _CADDY.finditer(text):
        start = line.start("rest")
        yield from (p.moved(start) for p in find_urls(line["rest"]))
        for match in _CADDY_WORD.finditer(line["rest"]):
            if is_host(match["host"].strip("[]")):
                yield _matched(match, 80).moved(start)


def _apache(text: str) -> Iterator[Place]:
    for line in _APACHE.finditer(text):
        # A rewrite to a URL without the flag P sends the browser there.
        rewrites = re.match(r"(?i)\s*RewriteRule\b", line.group())
        if not rewrites or re.search(r"\[(?:[^\]]*,)?P[,\]]", line.group()):
            yield from (p.moved(line.start()) for p in find_urls(line.group()))


def _envoy(text: str) -> Iterator[Place]:
    lines = list(settings(text))
    starts = [line.start for line in lines]
    for pattern in (_SPLIT_PAIR, _REVERSED_PAIR):
        for match in pattern.finditer(text):
            line = lines[max(bisect.bisect(starts, match.start("host")) - 1, 0)]
            if "port_value" in match.group() and is_host(match["host"].strip("[]")) and not _listens(line):
                yield dataclasses.replace(_matched(match), form="keyword")
    for line in lines:
        if line.key == "uri" and not _listens(line):
            yield from (p.moved(line.start) for p in find_urls(line.value) if "." not in p.host)


_READERS = {"haproxy": _haproxy, "caddy": _caddy, "apache": _apache, "envoy": _envoy}


def _generic(text: str, names: Names) -> Iterator[Place]:
    for pattern in (_SPLIT_PAIR, _XML_PAIR):
        for match in pattern.finditer(text):
            if names.knows(match["host"]):
                yield dataclasses.replace(_matched(match), form="keyword")
    for line in settings(text):
        places = read_variable(".".join(line.path[-2:]), line.value, names)
        if places and not _listens(line):
            yield from (p.moved(line.start) for p in places if _is_meant(p, line, names))


def _listens(line: Setting) -> bool:
    words = {word for key in line.path for word in words_of(key)}
    # OpenTelemetry: receivers listen with "protocols", and ask where they have none.
    return bool(words & _LISTENING) or {"RECEIVERS", "PROTOCOLS"} <= words or {"ENTRY", "POINTS"} <= words


def _is_meant(place: Place, line: Setting, names: Names) -> bool:
    """Most hosts of a settings file are links, defaults and examples: those count that the project could answer.

    A host that the project does not know counts where the file passes requests on, or names a database.
    """
    key = words_of(line.key)
    if names.knows(place.host):
        return bool(place.port or key and key[-1] in LOCATIONS)
    if is_address(place.host) or is_loopback(place.host):
        return bool(place.port_end) and (place.form == "url" or not is_loopback(place.host))
    if "." in place.host or not set(key) & LOCATIONS:
        return False
    if place.form == "url" and place.scheme not in HTTP_SCHEMES:
        return True
    routes = any(word in _ROUTING for k in line.path for word in words_of(k))
    return routes and (place.form == "url" or (place.form == "host_port" and "TARGETS" in key))


def _matched(match: re.Match[str], default: int = 0) -> Place:
    port = match.span("port") if match["port"] else (0, 0)
    host = match["host"].strip("[]")
    return Place(host, int(match["port"] or default), *match.span("host"), "", "", *port, "host_port", match.end())


def _worth_reading(source: str, target: str) -> bool:
    name = posixpath.basename(target.rstrip("/"))
    if target in _NEVER or target.startswith(_DATA) or source.endswith(".sock"):
        return False
    directory = "." not in name or name.endswith(".d")
    named_so = name in ("conf", "config", "configs", "conf.d")
    return is_config_file(name) or (directory and (named_so or any(_under(target, d) for d in _DIRECTORIES)))


def _under(path: str, directory: str) -> bool:
    return path.rstrip("/") == directory or path.startswith(directory + "/")
