# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets out of what is printed, written to a report or carried to another host.

Hosts, ports and paths stay readable: the dependencies of a redacted configuration are those of the original.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Optional

from .model import Check, CheckResult, Container, Dependency, Finding, Network, Nginx, Probe, Snapshot, Walk
from .parsing.urls import DEFAULT_PORTS, Place, find_urls, hosts_start, scheme_of

MASK = "***"

_STRONG = frozenset(
    "PASSWORD PASSWORDS PASSWD PASSPHRASE PASS PWD PW SECRET SECRETS TOKEN TOKENS CREDENTIAL CREDENTIALS CREDS APIKEY "
    "BASICAUTH REQUIREPASS MASTERAUTH WEBHOOK WEBHOOKS BEARER JWT COOKIE".split()
)
_WEAK = frozenset("KEY KEYS AUTH AUTHORIZATION PRIVATE SALT SIGNATURE".split())
_ENDINGS = ("PASSWORD", "PASSWD", "PASSPHRASE", "SECRET", "TOKEN", "APIKEY", "ACCESSKEY", "SECRETKEY")
# A name that ends so says where or how, not what: AUTH_SERVICE_URL, TOKEN_TTL, PRIVATE_KEY_PATH, HOST_AUTH_METHOD.
_HARMLESS = frozenset(
    "HOST HOSTS HOSTNAME PORT PORTS URL URLS URI URIS ADDR ADDRS ADDRESS ADDRESSES SERVER SERVERS SERVICE SERVICES "
    "ENDPOINT ENDPOINTS UPSTREAM UPSTREAMS BACKEND BACKENDS ROUTE ROUTES FILE PATH DIR ENABLED DISABLED ENABLE DISABLE "
    "TYPE METHOD MODE NAME USER USERNAME TTL EXPIRY EXPIRES EXPIRATION LENGTH SIZE ALGORITHM ISSUER REQUIRED TIMEOUT "
    "REALM PREFIX POLICY".split()
)
_PLAIN_VALUES = frozenset({"", "true", "false", "yes", "no", "on", "off", "none", "null", "0", "1", MASK})

_SCHEME = re.compile(r"(?<![A-Za-z0-9+.\-])((?:[A-Za-z][A-Za-z0-9+.\-]*:)+)@?//")
_URL_END = re.compile(r"[\s\"'`<>]")
_LOGIN = re.compile(r"(?<![\w/@*])(?<!jdbc:)(?<!oracle:)(?!jdbc:)[^\s:@/,;\"'=()]+:[^\s@/\"',;]+@(?=[A-Za-z0-9_\[])")
_ORACLE = re.compile(r"(?i)(jdbc:oracle:\w+:)[^\s@\"']+@")
_PAIR = re.compile(
    r"(?P<head>(?<![\w/.\-$@])(?P<dashes>-{0,2})(?P<name>[A-Za-z_][\w.\-]*)[\"']?"
    r"(?P<separator>[ \t]*=[ \t]*|[ \t]*:[ \t]*(?!//)|[ \t]+))"
    r"(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s;&\"']+)"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)[ \t]+[A-Za-z0-9._~+/\-]{8,}=*")
_HOST_PORT = re.compile(r"(?:[A-Za-z0-9_.\-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}(?:/.*|,.*)?")
_PRIVATE_BLOCK = re.compile(r"(-----BEGIN [A-Z ]*PRIVATE KEY-----).*?(-----END [A-Z ]*PRIVATE KEY-----)", re.DOTALL)


def words_of(name: str) -> tuple[str, ...]:
    """The words of a variable, flag or label in capitals: ``dbHost``, ``DB_HOST`` and ``--db-host`` give DB, HOST."""
    return tuple(w.upper() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", name))


def is_secret_name(name: str) -> bool:
    """Whether a variable, flag, label or header of this name holds a secret."""
    words = words_of(name)
    if not words or words == ("PWD",) or words == ("OLDPWD",):
        return False
    if {"WEBHOOK", "WEBHOOKS"} & set(words):
        return True
    return words[-1] not in _HARMLESS and (_is_strong(words) or bool(_WEAK & set(words)))


def redact_text(text: str) -> str:
    """The text with the userinfo of URLs and the values of ``password=...``-like pairs masked."""
    text = _PRIVATE_BLOCK.sub(rf"\1{MASK}\2", text)
    text = _BEARER.sub(lambda m: f"{m.group(1)} {MASK}", text)
    text = "\n".join(_mask_userinfo(line) for line in text.split("\n"))
    text = _LOGIN.sub(f"{MASK}@", _ORACLE.sub(rf"\1{MASK}@", text))
    return _mask_pairs(text)


def redact_value(name: str, value: Any) -> Any:
    """The value of the variable of that name, masked; of a secret only the hosts of its URLs stay."""
    if not isinstance(value, str):
        return MASK if is_secret_name(name) and not isinstance(value, (bool, type(None))) else value
    if not is_secret_name(name):
        return redact_text(value)
    if value.lower() in _PLAIN_VALUES:
        return value
    return ",".join(_without_path(place) for place in find_urls(value)) or MASK


def redact_options(options: Any) -> Any:
    """Options or variables of any depth without their secrets: userinfo in URLs, headers and values of telling names."""
    return _redact_json("", options)


def redact_environment(environment: Mapping[str, Any]) -> dict[str, Any]:
    """The variables with their secrets masked, in the same order."""
    return {str(k): redact_value(str(k), v) for k, v in environment.items()}


def redact_words(words: Sequence[Any]) -> list[Any]:
    """The words of a command with their secrets masked, those after ``--password`` and the like included."""
    masked: list[Any] = []
    secret = False
    for word in words:
        if not isinstance(word, str):
            masked.append(word)
        elif secret and not word.startswith("-"):
            masked.append(redact_value("SECRET", word))
        else:
            masked.append(redact_text(word))
        secret = isinstance(word, str) and bool(re.fullmatch(r"--?[\w.\-]+", word)) and is_secret_name(word)
    return masked


def redact_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The effective Compose configuration without its secrets."""
    clean: dict[str, Any] = {k: _redact_tree(str(k), v) for k, v in config.items() if k not in _SECTIONS}
    for section in _SECTIONS:
        if section in config:
            entries = config[section]
            clean[section] = _redact_section(section, entries) if isinstance(entries, Mapping) else entries
    return {k: clean[k] for k in config}


def secrets_in_config(config: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """For each place in a Compose configuration that holds secrets (``services.web.environment.TOKEN``) its secrets."""
    return dict(_differing("", config, redact_config(config)))


def _differing(place: str, data: Any, clean: Any) -> Iterator[tuple[str, tuple[str, ...]]]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            yield from _differing(f"{place}.{key}".lstrip("."), value, clean[key])
    elif isinstance(data, (list, tuple)):
        for number, (value, masked) in enumerate(zip(data, clean)):
            yield from _differing(f"{place}[{number}]", value, masked)
    elif data != clean:
        yield place, _masked_parts(str(data), str(clean))


def _masked_parts(text: str, clean: str) -> tuple[str, ...]:
    """What the masks of ``clean`` stand for in ``text``; all of it where that cannot be told."""
    found = re.fullmatch("(.*?)".join(re.escape(part) for part in clean.split(MASK)), text, re.DOTALL)
    return tuple(filter(None, found.groups())) if found and found.groups() else (text,)


def redact_inspect(data: Any) -> Any:
    """What the Engine API's inspect calls answer, without its secrets."""
    return _redact_tree("", data)


def redact_snapshot(snapshot: Snapshot) -> Snapshot:
    """The snapshot without its secrets, fit to leave the host. Addresses, names and hosts stay as they are."""
    return dataclasses.replace(
        snapshot,
        config=redact_config(snapshot.config),
        config_warnings=tuple(redact_text(w) for w in snapshot.config_warnings),
        containers=tuple(_redact_container(c) for c in snapshot.containers),
        strangers=tuple(_redact_container(c) for c in snapshot.strangers),
        bystanders=tuple(_redact_container(c) for c in snapshot.bystanders),
        networks=tuple(map(redact_network, snapshot.networks)),
        dependencies=tuple(map(redact_dependency, snapshot.dependencies)),
        nginx=tuple(map(_redact_nginx, snapshot.nginx)),
        probes=tuple(dataclasses.replace(p, body=redact_text(p.body)) for p in snapshot.probes),
        checks=tuple(_redact_check(c) for c in snapshot.checks),
        log_events=tuple(dataclasses.replace(e, line=redact_text(e.line)) for e in snapshot.log_events),
        notes=tuple(redact_text(n) for n in snapshot.notes),
        unread={what: redact_text(why) for what, why in snapshot.unread.items()},
    )


def redact_network(network: Network) -> Network:
    """The network without the secrets that somebody put into its labels and options."""
    return dataclasses.replace(
        network,
        labels=redact_environment(network.labels),
        options=redact_environment(network.options),
        ipam_options=redact_environment(network.ipam_options),
    )


def redact_dependency(dependency: Dependency) -> Dependency:
    """The dependency without the secrets of its path: a token in the query."""
    return dataclasses.replace(dependency, path=redact_text(dependency.path))


def redact_walk(walk: Walk) -> Walk:
    """The walk without the secrets of what was called and of what came back."""
    return dataclasses.replace(walk, dependency=redact_dependency(walk.dependency), detail=redact_text(walk.detail))


def redact_finding(finding: Finding) -> Finding:
    """The finding without the secrets that its evidence may quote: the URL of a check, the text of an answer."""
    return dataclasses.replace(
        finding,
        summary=redact_text(finding.summary),
        evidence=tuple(redact_text(e) for e in finding.evidence),
        confirm=redact_text(finding.confirm),
        advice=redact_text(finding.advice),
    )


_SECTIONS = ("services", "secrets", "configs")
# as the Compose configuration spells them, and as the Engine API does
_WORD_KEYS = frozenset({"command", "entrypoint", "test", "Cmd", "Entrypoint", "Test", "Args"})
_PAIR_KEYS = frozenset(
    {"environment", "labels", "args", "annotations", "driver_opts", "options", "Env", "Labels", "Annotations", "Options"}
)


def _is_strong(words: tuple[str, ...]) -> bool:
    return any(w in _STRONG or w.endswith(_ENDINGS) for w in words)


def _mask_userinfo(line: str) -> str:
    pieces: list[str] = []
    done = 0
    matches = list(_SCHEME.finditer(line))
    for number, match in enumerate(matches):
        limit = matches[number + 1].start() if number + 1 < len(matches) else len(line)
        end = _URL_END.search(line, match.end(), limit)
        stop = end.start() if end else limit
        position = hosts_start(line, scheme_of(match.group(1)), match.end(), stop)
        pieces.append(line[done : match.end()] + (f"{MASK}@" if position > match.end() else ""))
        done = position
        # The other hosts of a list may have a userinfo of their own.
        tail = re.sub(r",[^\s,@/]*:[^\s,@/]*@", f",{MASK}@", line[done:stop])
        pieces.append(tail)
        done = stop
    return "".join(pieces) + line[done:]


def _mask_pairs(text: str) -> str:
    pieces: list[str] = []
    position = done = 0
    while True:
        match = _PAIR.search(text, position)
        if not match:
            return "".join(pieces) + text[done:]
        if _masks(match):
            value = match.group("value")
            quote = value[0] if value[0] in "\"'" else ""
            pieces.append(text[done : match.start("value")] + quote + MASK + quote)
            done = position = match.end()
        else:
            # The value may itself begin a pair: "--set password=x".
            position = match.start("value")


def _masks(match: re.Match[str]) -> bool:
    name, value, separator = match.group("name"), match.group("value").strip("\"'"), match.group("separator")
    if not is_secret_name(name) or value.lower() in _PLAIN_VALUES or _SCHEME.match(value):
        return False
    strong = _is_strong(words_of(name))
    if not separator.strip():
        return bool(match.group("dashes")) and not value.startswith("-") and (strong or not _HOST_PORT.fullmatch(value))
    if separator == ":" and re.fullmatch(r"\d{1,5}(?:\D.*)?", value) and not strong:
        return False  # a service called "auth" and its port
    if not strong and ("=" not in separator and len(words_of(name)) == 1 or _HOST_PORT.fullmatch(value)):
        return False
    return not value.startswith(("$", "{{", "<", "[", "{")) or strong


def _without_path(place: Place) -> str:
    host = f"[{place.host}]" if ":" in place.host else place.host
    port = f":{place.port}" if place.port != DEFAULT_PORTS.get(place.scheme, 0) else ""
    return f"{place.scheme or 'tcp'}://{host}{port}"


def _redact_tree(key: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        if key in _PAIR_KEYS:
            return redact_environment(value)
        return {k: _redact_tree(str(k), v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        if key in _WORD_KEYS:
            return redact_words(value)
        if key in _PAIR_KEYS:
            return [_redact_assignment(v) for v in value]
        return [_redact_tree("", v) for v in value]
    return redact_text(value) if isinstance(value, str) else value


def _redact_assignment(value: Any) -> Any:
    if not isinstance(value, str) or "=" not in value:
        return value
    name, _unused, rest = value.partition("=")
    return f"{name}={redact_value(name, rest)}"


def _redact_section(section: str, entries: Mapping[str, Any]) -> dict[str, Any]:
    if section == "services":
        return {name: _redact_tree("", entry) for name, entry in entries.items()}
    return {name: _redact_file(section, entry) for name, entry in entries.items()}


def _redact_file(section: str, entry: Any) -> Any:
    if not isinstance(entry, Mapping):
        return entry
    clean = dict(entry)
    if isinstance(clean.get("content"), str):
        clean["content"] = MASK if section == "secrets" else redact_text(clean["content"])
    return clean


def _redact_container(container: Container) -> Container:
    return dataclasses.replace(
        container,
        environment=redact_environment(container.environment),
        labels=redact_environment(container.labels),
        command=tuple(redact_words(container.command)),
        entrypoint=tuple(redact_words(container.entrypoint)),
        health_output=redact_text(container.health_output),
        error=redact_text(container.error),
    )


def _redact_nginx(nginx: Nginx) -> Nginx:
    servers = tuple(
        dataclasses.replace(
            server,
            locations=tuple(dataclasses.replace(one, passes=redact_text(one.passes)) for one in server.locations),
        )
        for server in nginx.servers
    )
    return dataclasses.replace(nginx, servers=servers)


def _redact_check(result: CheckResult) -> CheckResult:
    check: Check = dataclasses.replace(
        result.check,
        url=redact_text(result.check.url),
        headers=redact_environment(result.check.headers),
        json_body=_redact_json("", result.check.json_body),
    )
    return dataclasses.replace(
        result,
        check=check,
        body=redact_text(result.body),
        unknown_path=_redact_answer(result.unknown_path) if result.unknown_path else None,
        direct=tuple(map(_redact_answer, result.direct)),
        named=tuple(map(_redact_answer, result.named)),
    )


def _redact_answer(probe: Probe) -> Probe:
    return dataclasses.replace(probe, host=redact_text(probe.host), body=redact_text(probe.body))


def _redact_json(name: str, value: Any) -> Optional[Any]:
    if isinstance(value, Mapping):
        return {k: _redact_json(str(k), v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redact_json(name, v) for v in value]
    return redact_value(name, value)
