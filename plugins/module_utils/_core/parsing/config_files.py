# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls in mounted configuration files of gateways and applications.

nginx is read by its directives, HAProxy, Apache, Caddy and Envoy by the lines that name a host to call, anything else
(Traefik, Kong, Prometheus, application settings) by the URLs and addresses that it holds.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .environment import SETTING, read_variable
from .names import Names, mapping, sequence
from .nginx_conf import nginx_upstreams
from .urls import Place, find_urls, is_address, is_host, is_loopback, is_wildcard

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
)
_NAMES = frozenset({"Caddyfile", "nginx.conf", "haproxy.cfg", "httpd.conf", ".env"})
_DIRECTORIES = (
    "/etc/nginx", "/usr/local/openresty/nginx/conf", "/opt/bitnami/nginx/conf", "/etc/traefik", "/etc/haproxy",
    "/usr/local/etc/haproxy", "/etc/envoy", "/etc/caddy", "/etc/kong", "/kong", "/etc/apache2",
    "/usr/local/apache2/conf", "/usr/share/logstash/pipeline", "/etc/httpd", "/etc/prometheus",
    "/etc/grafana/provisioning", "/etc/krakend", "/config",
)  # fmt: skip
_NEVER = (
    "/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/localtime", "/etc/nginx/mime.types",
    "/etc/nginx/certs", "/etc/nginx/ssl",
)  # fmt: skip
_DATA = ("/var/lib/", "/docker-entrypoint-initdb.d", "/var/log", "/proc", "/sys", "/dev", "/run/secrets")
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
_HAPROXY = re.compile(rf"^[ \t]*server[ \t]+\S+[ \t]+(?:ipv4@|ipv6@)?{_HOST}(?::(?P<port>\d+))?", re.MULTILINE)
_CADDY = re.compile(r"^[ \t]*(?:reverse_proxy|php_fastcgi|forward_auth|to)[ \t]+(?P<rest>[^\n{]+)", re.MULTILINE)
_CADDY_WORD = re.compile(rf"(?<!\S){_HOST}(?::(?P<port>\d+))?(?!\S)")
_APACHE = re.compile(
    r"^[ \t]*(?:ProxyPass|ProxyPassMatch|BalancerMember|RewriteRule|ProxyRemote)\b[^\n]*", re.MULTILINE | re.I
)
_SPLIT_PAIR = re.compile(
    rf"\b(?:address|host|hostname|server)[\"']?[ \t]*[:=][ \t]*[\"']?{_HOST}[\"']?[ \t]*,?\s*"
    r"[\"']?(?:port|port_value)[\"']?[ \t]*[:=][ \t]*[\"']?(?P<port>\d{1,5})\b"
)
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
    """The calls of a configuration file that the container sees as ``target``."""
    kind = _kind(text, target)
    if kind == "nginx":
        return tuple(FileCall(u.place, u.line) for u in nginx_upstreams(text) if not is_wildcard(u.place.host))
    clean = _COMMENT.sub(lambda m: " " * len(m.group()), text)
    if kind == "generic":
        places = [p for p in _generic(clean, names) if not is_loopback(p.host)]
    else:
        places = list(_READERS[kind](clean))
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
    if re.search(r"(?im)^[ \t]*(?:ProxyPass|BalancerMember)\b", text):
        return "apache"
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
        yield from (p.moved(line.start()) for p in find_urls(line.group()))


_READERS = {"haproxy": _haproxy, "caddy": _caddy, "apache": _apache}


def _generic(text: str, names: Names) -> Iterator[Place]:
    for match in _SPLIT_PAIR.finditer(text):
        if names.knows(match["host"]) or "port_value" in match.group() and is_host(match["host"].strip("[]")):
            yield dataclasses.replace(_matched(match), form="keyword")
    offset = 0
    for line in text.splitlines(keepends=True):
        setting = SETTING.match(line.rstrip("\r\n"))
        key, value, start = (setting["key"], setting["value"], setting.start("value")) if setting else ("", line, 0)
        for place in read_variable(key, value, names):
            # Most URLs of a settings file are links and examples: only those count that the project could answer.
            named = place.form == "url" and place.port_end and "." not in place.host
            if names.knows(place.host) or named or is_address(place.host) and place.port_end:
                yield place.moved(offset + start)
        offset += len(line)


def _matched(match: re.Match[str], default: int = 0) -> Place:
    port = match.span("port") if match["port"] else (0, 0)
    host = match["host"].strip("[]")
    return Place(host, int(match["port"] or default), *match.span("host"), "", "", *port, "host_port", match.end())


def _worth_reading(source: str, target: str) -> bool:
    name = posixpath.basename(target.rstrip("/"))
    if target in _NEVER or target.startswith(_DATA) or source.endswith(".sock") or name in _BUILD_FILES:
        return False
    directory = "." not in name or name.endswith(".d")
    return name in _NAMES or name.endswith(_READABLE) or (directory and any(_under(target, d) for d in _DIRECTORIES))


def _under(path: str, directory: str) -> bool:
    return path.rstrip("/") == directory or path.startswith(directory + "/")
