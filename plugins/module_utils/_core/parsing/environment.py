# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls in environment variables: which of the hosts that they name does the service really call?"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Optional

from ..redact import is_secret_name, words_of
from .names import Names
from .products import PRODUCTS
from .settings import settings
from .urls import (
    PROTOCOLS,
    Place,
    find_bare_hosts,
    find_host_ports,
    find_keyword_hosts,
    find_urls,
    is_address,
    is_host,
    is_loopback,
    is_wildcard,
)

# What a service tells others about itself, or lets in: never a call.
_NOT_CALLS = frozenset(
    "BIND LISTEN LISTENER LISTENERS LISTENING ADVERTISE ADVERTISED PUBLIC EXTERNAL CALLBACK REDIRECT REDIRECTS CORS "
    "ORIGIN ORIGINS ALLOW ALLOWED TRUSTED VIRTUAL LETSENCRYPT WHITELIST REFERER REFERRER CANONICAL CERTBOT".split()
)
# "redis:7" and "app:1000" in these are no host and port.
_NOT_ADDRESSES = frozenset("IMAGE IMAGES TAG TAGS VERSION USER USERS UID GID OWNER TIME TIMEZONE LEVEL FORMAT".split())
_RESOLVERS = frozenset({"DNS", "NAMESERVER", "NAMESERVERS", "RESOLVER", "RESOLVERS"})
_BROWSER = (
    ("REACT", "APP"),
    ("VITE",),
    ("NEXT", "PUBLIC"),
    ("NUXT",),
    ("VUE", "APP"),
    ("GATSBY",),
    ("EXPO",),
    ("NG", "APP"),
)
_HOST_WORDS = frozenset({"HOST", "HOSTS", "HOSTNAME", "HOSTNAMES", "HOSTADDR"})
# What follows such a word is an address, even if it is one word that the project does not know.
LOCATIONS = _HOST_WORDS | frozenset(
    "URL URLS URI URIS ADDR ADDRS ADDRESS ADDRESSES SERVER SERVERS ENDPOINT ENDPOINTS UPSTREAM UPSTREAMS BROKER "
    "BROKERS BOOTSTRAP DSN SEED SEEDS PEERS TARGET TARGETS SENTINEL SENTINELS DIAL".split()
)
# Such a word is followed by an address, or by the name of a driver, class or kind.
ADDRESS_WORDS = LOCATIONS | frozenset(
    "BACKEND BACKENDS CONNECT CONNECTION NODE NODES ROUTE ROUTES PROXY SERVICE SERVICES CLUSTER VOTERS MASTER REPLICA "
    "REPLICAS WAIT".split()
)
_UPSTREAM_WORDS = frozenset("UPSTREAM UPSTREAMS BACKEND BACKENDS ROUTE ROUTES TARGET TARGETS PASS PROXY".split())
_OWN_WORDS = frozenset(
    "APP APPLICATION BASE FULL SITE ROOT FRONTEND WEB WEBSITE HOME CLIENT UI DOMAIN ISSUER SELF SERVER HEALTH "
    "HEALTHCHECK METRICS SWAGGER DOCS INSTANCE WWW HTTP HTTPS DASHBOARD ADMIN LOGIN LOGOUT SUCCESS ERROR RETURN MEDIA "
    "STATIC ASSET ASSETS CDN IP MY LOCAL SERVE DEBUG NEXTAUTH".split()
)
# CLUSTER_HOSTNAME=node1 is what the service calls itself, unless a service has that name.
_OWN_PLACES = frozenset({"CLUSTER", "NODE", "POD", "CONTAINER"})
# What a database or a queue is used for: CACHE_REDIS_HOST and REDIS_CACHE_HOST are both Redis.
_ROLES = frozenset("DB DATABASE CACHE QUEUE SESSION SESSIONS STORE PRIMARY MAIN DEFAULT INTERNAL READ WRITE".split())
_PROVIDERS = frozenset(PRODUCTS) | frozenset(
    "DB DATABASE CACHE QUEUE BROKER SMTP MAIL LDAP SEARCH STORAGE MINIO S3".split()
)
_NOT_HOSTS = frozenset(
    "true false yes no y n on off none null auto default any all local production development test".split()
)
_ANSWERS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
# PGHOST, SMTPPORT; but no GHOST and no EXPORT.
_JOINED = re.compile(
    r"(?!(?:G|LOCAL|V|VIRTUAL)HOST|(?:EX|IM|RE|SUP|TRANS|PASS|VIEW|AIR|TELE)PORT)([A-Z]{2,}?)(HOSTADDR|HOST|PORT)"
)


@dataclass(frozen=True)
class Call:
    """One host that is called: where it stands in the value of ``key``."""

    place: Place
    key: str


def read_environment(environment: Mapping[str, Any], names: Names) -> Iterator[Call]:
    """The calls of a service's environment, with the ports that stand in variables of their own (``DB_PORT``).

    Variables of what is switched off (``RABBITMQ_ENABLED=false`` beside ``RABBITMQ_URI``) are left out.
    """
    switches = _switches(environment)
    for key, value in environment.items():
        if isinstance(value, str) and _is_on(_key_words(str(key)), switches):
            for place in read_variable(str(key), value, names, paired_port(str(key), environment)):
                yield Call(place, str(key))


def _switches(environment: Mapping[str, Any]) -> dict[tuple[str, ...], bool]:
    """Which parts of the service are switched on or off, by the beginning that the names of their variables share."""
    found: dict[tuple[str, ...], bool] = {}
    for key, value in environment.items():
        *subject, last = _key_words(str(key)) or ("",)
        says = _ANSWERS.get(str(value).lower())
        if subject and says is not None and last in ("ENABLED", "ENABLE", "DISABLED", "DISABLE"):
            found[tuple(subject)] = says == last.startswith("ENABLE")
    return found


def _is_on(words: tuple[str, ...], switches: Mapping[tuple[str, ...], bool]) -> bool:
    return next((switches[words[:n]] for n in range(len(words), 0, -1) if words[:n] in switches), True)


def read_variable(key: str, value: str, names: Names, port: int = 0) -> tuple[Place, ...]:
    """The hosts that the value of one variable, flag or setting says will be called.

    ``port`` is what the variable beside it says (``DB_PORT`` beside ``DB_HOST``), 0 where there is none.
    """
    if "\n" in value.strip() and value.lstrip()[:1] not in ("{", "["):
        return tuple(_read_lines(key, value, names))
    words = _key_words(key)
    silent = set(words) & _NOT_CALLS and not set(words) & {"UPSTREAM", "UPSTREAMS"}
    if silent or words[-2:] in (("NO", "PROXY"), ("ROOT", "URL")):
        return ()
    places = [_with_paired(p, words, port) for p in find_urls(value) if _is_called(p, words, names)]
    if not is_secret_name(key) and not _is_no_address(words):
        places += [p for p in _addresses(value, words, names, port) if _is_called(p, words, names)]
    places += [p for p in json_pairs(value) if _is_called(p, words, names)]
    return tuple(sorted(places, key=lambda p: p.start))


def _read_lines(name: str, text: str, names: Names) -> Iterator[Place]:
    """The hosts of a value that is itself a file of settings, one a line (``FLINK_PROPERTIES``)."""
    for setting in settings(text):
        yield from (p.moved(setting.start) for p in read_variable(setting.key or name, setting.value.rstrip(), names))


def paired_port(key: str, environment: Mapping[str, Any]) -> int:
    """The number in the ``*_PORT`` variable of the same prefix as a ``*_HOST`` variable, 0 where there is none."""
    name = port_variable(key, environment)
    return min(int(str(environment[name])), 65535) if name else 0


def port_variable(key: str, environment: Mapping[str, Any]) -> str:
    """The variable that holds the port of the host in ``key``, empty where there is none: ``PGHOST`` has ``PGPORT``."""
    words = _key_words(key)
    if words and words[-1] in ADDRESS_WORDS:
        wanted = {
            words[:-1] + ("PORT",),
            words[:-1] + ("TCP", "PORT"),
            words[:-1] + ("PORT", "NUMBER"),
            words + ("PORT",),
        }
        for other, value in environment.items():
            if other != key and _key_words(str(other)) in wanted and re.fullmatch(r"[1-9]\d{0,4}", str(value)):
                return str(other)
    return ""


def _key_words(key: str) -> tuple[str, ...]:
    words: list[str] = []
    for word in words_of(key):
        joined = _JOINED.fullmatch(word)
        words.extend(joined.groups() if joined else (word,))
    return (*words[:-2], "HOSTNAME") if words[-2:] == ["HOST", "NAME"] else tuple(words)


def _is_no_address(words: tuple[str, ...]) -> bool:
    return bool(_RESOLVERS & set(words) or (_NOT_ADDRESSES & set(words) and words[-1] not in LOCATIONS))


def _addresses(text: str, words: tuple[str, ...], names: Names, port: int) -> tuple[Place, ...]:
    keyword = find_keyword_hosts(text)
    if keyword:
        return keyword
    pairs = tuple(find_host_ports(text))
    if pairs:
        addressed = bool(set(words) & ADDRESS_WORDS) or _is_list_of(text, pairs)
        return tuple(p for p in pairs if names.knows(p.host) or (addressed and (p.port >= 20 or is_address(p.host))))
    if not words or words[-1] not in ADDRESS_WORDS or text.lower() in _NOT_HOSTS:
        return ()
    return tuple(_with_port(p, words, port) for p in find_bare_hosts(text) if _may_be_bare(p.host, words, names, port))


def _may_be_bare(host: str, words: tuple[str, ...], names: Names, port: int) -> bool:
    """Whether a word alone is a host: ``DB_HOST=db`` surely, ``WEB_SERVER=nginx`` only if ``nginx`` is a service."""
    if names.knows(host):
        return words[-1] != "CONNECTION"  # Laravel's DB_CONNECTION names a driver
    if is_address(host) or is_loopback(host):
        own = set(words) & {"IP", "IPV"}
        return bool(port) or not own and words[-1] in _HOST_WORDS | {"ADDR", "ADDRESS", "SERVER", "SERVERS"}
    if host.lower() in _NOT_HOSTS or set(words[:-1]) <= _OWN_WORDS | _OWN_PLACES or words[-1] not in LOCATIONS:
        return False
    return words[-1] in _HOST_WORDS or "." in host or bool(port)


def _is_called(place: Place, words: tuple[str, ...], names: Names) -> bool:
    host = place.host.lower().rstrip(".")
    if is_wildcard(host) or host in names.own:
        return False
    if place.form == "url" and not place.port and place.scheme not in PROTOCOLS and "." not in host:
        return names.knows(host)  # "local://localhost", "sms://mock": the name of a driver
    if any(words[: len(prefix)] == prefix for prefix in _BROWSER):
        return names.knows(host)
    return not is_loopback(host) or _names_another(place, words, names)


def _names_another(place: Place, words: tuple[str, ...], names: Names) -> bool:
    """Whether a variable that says ``localhost`` means another service, so that ``localhost`` is a mistake."""
    if set(words) & _UPSTREAM_WORDS:
        return True
    if "BROWSER" in words:
        return False
    subject = [w for w in words if w not in ADDRESS_WORDS]
    own = {w for name in names.own for w in words_of(name)} - _PROVIDERS
    if not set(subject) - _OWN_WORDS - own or place.port in names.own_ports:
        return False
    if place.form == "bare":
        others = {w for name in names.known - names.own for w in words_of(name)}
        return bool(set(subject) & (_PROVIDERS | others - _OWN_WORDS))
    return True


def _with_paired(place: Place, words: tuple[str, ...], port: int) -> Place:
    """``http://clickhouse`` in CLICKHOUSE_HOST with the port of CLICKHOUSE_PORT."""
    if port and not place.port_end and words[-1] in _HOST_WORDS:
        return dataclasses.replace(place, port=port)
    return place


def _with_port(place: Place, words: tuple[str, ...], port: int) -> Place:
    subject = [w for w in words if w not in ADDRESS_WORDS | _ROLES]
    number = port or (PRODUCTS.get(subject[-1], 0) if subject and "SENTINEL" not in words else 0)
    return Place(place.host, number, place.start, place.end, "", "", 0, 0, "bare", place.stop)


def _is_list_of(text: str, places: tuple[Place, ...]) -> bool:
    """Whether the text is nothing but these ``host:port``, with names, userinfo and separators between them."""
    rest = text
    for place in reversed(places):
        rest = rest[: place.start] + rest[max(place.stop, place.port_end) :]
    return bool(re.fullmatch(r"(?:[\s,;|\"'\[\]{}]|[\w.\-/]*[=@])*", rest))


def json_pairs(text: str) -> Iterator[Place]:
    """Hosts and ports that stand in members of their own: ``{"host": "db", "port": 5432}``."""
    if text.lstrip()[:1] not in ("{", "["):
        return
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return
    stack: list[Any] = [data]
    while stack:
        node = stack.pop()
        if isinstance(node, list):
            stack.extend(reversed(node))
        elif isinstance(node, dict):
            stack.extend(reversed(list(node.values())))
            place = _json_pair(text, {str(k).lower(): v for k, v in node.items()})
            if place:
                yield place


def _json_pair(text: str, node: Mapping[str, Any]) -> Optional[Place]:
    host = next((node[k] for k in ("host", "hostname", "address", "server") if isinstance(node.get(k), str)), "")
    port = str(node.get("port", ""))
    if not is_host(host) or not re.fullmatch(r"[1-9]\d{0,4}", port):
        return None
    quoted = re.search(rf"\"{re.escape(host)}\"", text)
    digits = re.search(rf"(?i)\"port\"\s*:\s*\"?({port})\b", text)
    if not quoted or not digits:
        return None
    return Place(
        host,
        min(int(port), 65535),
        quoted.start() + 1,
        quoted.end() - 1,
        "",
        "",
        *digits.span(1),
        "keyword",
        quoted.end(),
    )
