# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and ports changed inside a value or a configuration file, everything else kept byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from .config_files import read_config_text
from .environment import json_pairs, paired_port, port_variable, read_variable
from .names import Names
from .urls import Place, find_bare_hosts, find_host_ports, find_keyword_hosts, find_urls

# https://nginx.org/en/docs/http/ngx_http_core_module.html#resolver
_RESOLVER = re.compile(r"(?m)^[^#\n]*?(?<![\w$])resolver\s+(?P<words>[^;{}]+?)\s*;")
_PASSES = re.compile(r"(?m)^[^#\n]*\b(?:proxy|fastcgi|uwsgi|grpc|scgi)_pass\b")
_HTTP_BLOCK = re.compile(r"(?m)^[ \t]*http[ \t]*\{")
_MAIN_BLOCK = re.compile(r"(?m)^[ \t]*(?:events|stream|mail)[ \t]*\{")


def rewrite_host(value: str, old_host: str, new_host: str, old_port: int = 0, new_port: int = 0) -> str:
    """The value of a variable or the word of a command with one host changed, wherever it stands in it.

    With ``old_port`` only those places change whose port is this one (or unknown: it stands in another variable).
    With ``new_port`` the port changes too; one that is not written is added, except behind a host that stands alone.
    A value that does not name the host comes back as it is.
    """
    places: list[Place] = [*find_urls(value), *find_host_ports(value), *find_keyword_hosts(value), *json_pairs(value)]
    return _rewrite(value, places or find_bare_hosts(value), old_host, new_host, old_port, new_port)


def rewrite_text_hosts(
    text: str, old_host: str, new_host: str, old_port: int = 0, new_port: int = 0, target: str = "/etc/nginx/nginx.conf"
) -> str:
    """The text of a configuration file, seen by its container as ``target``, with the host of its calls changed.

    Only places that are calls change: not ``server_name``, not comments, not log formats. Where nginx takes host and
    port from two variables, the port stays: read the result again to see whether it now says what it should.
    """
    calls = read_config_text(text, target, Names(known=frozenset({old_host.lower()})))
    return _rewrite(text, [c.place for c in calls], old_host, new_host, old_port, new_port)


def rewrite_nginx_resolver(text: str, nameserver: str) -> str:
    """The text of an nginx file whose names are asked of that nameserver: every ``resolver``, or a new one for all of it.

    The directive's parameters (``valid=10s``) stay. Where the file has no http block, it is included into one.
    """
    found = list(_RESOLVER.finditer(text))
    for match in reversed(found):
        parameters = [word for word in match["words"].split() if "=" in word]
        text = f"{text[: match.start('words')]}{' '.join([nameserver, *parameters])}{text[match.end('words') :]}"
    block = _HTTP_BLOCK.search(text)
    if found or not _PASSES.search(text) or (not block and _MAIN_BLOCK.search(text)):
        return text
    at = block.end() if block else 0
    return f"{text[:at]}{chr(10) if block else ''}resolver {nameserver} valid=10s;{'' if block else chr(10)}{text[at:]}"


def rewrite_environment(
    environment: Mapping[str, Any], old_host: str, new_host: str, old_port: int = 0, new_port: int = 0
) -> dict[str, str]:
    """The variables that must change so that the service calls the new host and port: their new values.

    Only variables that name the old host as a call change, and the ``*_PORT`` variable that belongs to one.
    """
    names = Names(known=frozenset({old_host.lower()}))
    changed: dict[str, str] = {}
    for key, value in environment.items():
        if not isinstance(value, str):
            continue
        places = read_variable(str(key), value, names, paired_port(str(key), environment))
        new_value = _rewrite(value, places, old_host, new_host, old_port, new_port)
        if new_value != value:
            changed[str(key)] = new_value
        beside = port_variable(str(key), environment)
        alone = [p for p in places if p.host == old_host and p.form == "bare" and old_port in (0, p.port)]
        if new_port and beside and alone and str(environment[beside]) != str(new_port):
            changed[beside] = str(new_port)
    return changed


def _rewrite(text: str, places: Iterable[Place], old_host: str, new_host: str, old_port: int, new_port: int) -> str:
    edits = set()
    for place in places:
        if place.host != old_host or (old_port and place.port and place.port != old_port):
            continue
        combined = place.form in ("url", "host_port")
        edits.add((place.start, place.end, f"[{new_host}]" if ":" in new_host and combined else new_host))
        if not new_port or new_port == place.port:
            continue
        if place.port_end:
            edits.add((place.port_start, place.port_end, str(new_port)))
        elif combined and text[place.end : place.end + 1] != ":":
            edits.add((place.end, place.end, f":{new_port}"))
    for start, end, replacement in sorted(edits, reverse=True):
        text = text[:start] + replacement + text[end:]
    return text
