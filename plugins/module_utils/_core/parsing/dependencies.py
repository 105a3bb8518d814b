# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the services of a project call, as their configuration says it."""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Optional, Union

from ..model import Dependency
from ..redact import redact_config, redact_text, words_of
from .command_line import read_command, split_command
from .config_files import config_files_to_read, is_config_file, is_used, mounted_files, read_config_text
from .declared import forms_of, read_declared, read_ignored
from .discovery import discovered_calls
from .environment import read_environment
from .names import Names, environment_of, links_of, mapping, names_of, names_of_services, sequence
from .products import says_who_is_called, usual_port
from .urls import HTTP_SCHEMES, PROTOCOLS, Place, is_address, is_datagram, is_loopback

__all__ = ["config_files_to_read", "mounted_texts", "names_of", "read_dependencies"]

# Endings that people put behind a service's name in vain; nothing else answers there.
_PRIVATE_ENDINGS = (
    ".local",
    ".internal",
    ".lan",
    ".localdomain",
    ".docker",
    ".svc",
    ".svc.cluster.local",
    ".home.arpa",
)
_RANK = {"call": 2, "loopback": 2, "external": 1, "order": 0}
# A reference to a variable of the environment, as nginx's templates, HAProxy, Caddy and OpenTelemetry write it.
_REFERENCE = re.compile(
    r"\$\{(?:env:)?(?P<a>\w+)(?::?-(?P<b>[^{}]*))?\}|\{\$(?P<c>\w+)(?::(?P<d>[^{}]*))?\}|\{env\.(?P<e>\w+)\}"
    r"|\$(?P<f>[A-Z][A-Z0-9_]+)\b"
)


def read_dependencies(
    config: Mapping[str, Any],
    files: Optional[Mapping[str, str]] = None,
    declared: Sequence[Union[Mapping[str, Any], str]] = (),
    ignore: Sequence[str] = (),
    project_dir: str = "",
) -> tuple[Dependency, ...]:
    """The dependencies of all services, one for each consumer, host and port.

    ``config`` is the effective configuration, ``files`` maps host paths of mounted configuration files to their texts
    (see ``config_files_to_read``). ``declared`` are what the operator lists: ``{consumer, host, port, scheme, path}``
    or ``consumer -> host:port/path``. ``ignore`` are left out: a host, ``host:port`` or ``consumer -> host[:port]``.
    Paths below ``project_dir`` are shown relative to it. Secrets are masked before anything is read.

    Left out: what a service listens on or tells browsers, its own names, and ``depends_on`` a job that completes.
    Raises ValueError for an entry of ``declared`` or ``ignore`` that cannot be understood.
    """
    services = mapping(config.get("services"))
    wanted = [read_declared(entry, services) for entry in declared]
    left_out = {read_ignored(entry) for entry in ignore}
    clean = redact_config(config)
    texts = {path: redact_text(text) for path, text in (files or {}).items()}
    named = names_of_services(clean)
    found: list[Dependency] = []
    for consumer, service in mapping(clean.get("services")).items():
        if isinstance(service, Mapping):
            names = names_of(clean, str(consumer), named)
            listed = _listed(clean, str(consumer), service, texts, names, project_dir)
            found.extend(d for d in (_classified(d, clean, names) for d in listed) if _can_be_asked(d))
    return tuple(d for d in _distinct(found, wanted, named) if not forms_of(d) & left_out)


def _listed(
    config: Mapping[str, Any],
    consumer: str,
    service: Mapping[str, Any],
    files: Mapping[str, str],
    names: Names,
    base: str,
) -> Iterator[Dependency]:
    environment = environment_of(service.get("environment"))
    from_files = list(_from_files(config, consumer, service, files, environment, names, base))
    placed = {d.key for d in from_files if d.port}
    for call in read_environment(environment, names):
        # Where a file puts the host in, the file also says the port: ES_PORT beside ES_HOST may be the published one.
        if call.place.form == "bare" and call.key in placed:
            continue
        if says_who_is_called(service, frozenset(words_of(call.key)), names.knows(call.place.host)):
            yield _dependency(consumer, call.place, f"environment {call.key}", call.key)
    for part in ("entrypoint", "command"):
        for place in read_command(service.get(part), names):
            yield _dependency(consumer, place, part, part)
    yield from from_files
    test = mapping(service.get("healthcheck")).get("test")
    words = split_command(test)
    for place in read_command(words[1:] if isinstance(test, (list, tuple)) else test, names):
        if names.knows(place.host) or (place.form == "url" and not is_loopback(place.host)):
            yield _dependency(consumer, place, "healthcheck", "healthcheck")
    for _unused, alias in links_of(service):
        yield Dependency(consumer, alias, kind="order", origin="links", key="links")
    for provider in _ordered(service.get("depends_on")):
        yield Dependency(consumer, provider, kind="order", origin="depends_on", key="depends_on")


def _from_files(
    config: Mapping[str, Any],
    consumer: str,
    service: Mapping[str, Any],
    files: Mapping[str, str],
    environment: Mapping[str, str],
    names: Names,
    base: str,
) -> Iterator[Dependency]:
    static: list[str] = []
    for source, target in mounted_files(config, service):
        for path, inside, text in mounted_texts(config, source, target, files):
            if re.search(r"/traefik\.(?:ya?ml|toml)$", inside):
                static.append(text)
            filled = _fill(text, environment)
            lines = text.splitlines()
            for call in read_config_text(filled, inside, names):
                variable = _variable_of(lines[call.line - 1], call.place.host, environment)
                if variable:
                    yield _dependency(consumer, call.place, f"environment {variable}", variable)
                else:
                    shown = f"{_shown(path, base)}:{call.line}"
                    yield dataclasses.replace(_dependency(consumer, call.place, shown, path), line=call.line)
    for found in discovered_calls(config, consumer, "\n".join(static)):
        what = "label" if "." in found.key else "environment"
        yield _dependency(consumer, found.place, f"{what} {found.key} of {found.service}", found.key)


def mounted_texts(
    config: Mapping[str, Any], source: str, target: str, files: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """Host path, path inside the container and text of a mounted file, or of each file of a mounted directory."""
    if source.startswith("configs."):
        entry = mapping(mapping(config.get("configs")).get(source[len("configs.") :]))
        yield source, target, str(entry.get("content") or "").replace("$$", "$")
        return
    root = source.rstrip("/")
    for path in sorted(files):
        if path == root:
            yield path, target, files[path]
        elif path.startswith(root + "/") and is_config_file(path) and is_used(path[len(root) :]):
            yield path, target.rstrip("/") + path[len(root) :], files[path]


def _fill(text: str, environment: Mapping[str, str]) -> str:
    """The text with the variables that are set put in, line for line; others keep their default or stay."""

    def value(match: re.Match[str]) -> str:
        default = match["b"] or match["d"]
        return environment.get(_name_of(match), match.group() if default is None else default).replace("\n", " ")

    return _REFERENCE.sub(value, text)


def _name_of(reference: re.Match[str]) -> str:
    return reference["a"] or reference["c"] or reference["e"] or reference["f"]


def _variable_of(line: str, host: str, environment: Mapping[str, str]) -> str:
    """The variable that gives the line its host, empty where none does."""
    used = (_name_of(m) for m in _REFERENCE.finditer(line))
    return next((v for v in used if host in environment.get(v, "")), "")


def _dependency(consumer: str, place: Place, origin: str, key: str) -> Dependency:
    path = place.path if place.scheme in HTTP_SCHEMES or not place.scheme else ""
    # Kafka's listener names (PLAINTEXT://kafka:9092) and the like are no protocols.
    scheme = place.scheme if place.scheme in PROTOCOLS else ""
    port = place.port
    if is_datagram(scheme, port) or {"STATSD", "DOGSTATSD", "UDP"} & set(words_of(key)):
        scheme, port = "udp", 0
    return Dependency(consumer, place.host, port, scheme, path, "call", origin, key)


def _classified(dependency: Dependency, config: Mapping[str, Any], names: Names) -> Dependency:
    """The dependency with its kind, and the port that its provider's image is known for where none is written."""
    if dependency.kind == "order":
        return dependency
    host = dependency.host.lower().rstrip(".")
    if is_loopback(host):
        return dataclasses.replace(dependency, kind="loopback")
    if _is_external(host, names):
        # The path of somebody else's service may be the secret itself (webhooks).
        return dataclasses.replace(dependency, kind="external", path="")
    if not dependency.port and dependency.scheme != "udp":
        return dataclasses.replace(dependency, port=usual_port(mapping(mapping(config.get("services")).get(host))))
    return dependency


def _can_be_asked(dependency: Dependency) -> bool:
    """Whether anything could show that it works: nothing does for a datagram that the container sends to itself."""
    return not (dependency.kind == "loopback" and dependency.scheme == "udp")


def _is_external(host: str, names: Names) -> bool:
    if host in names.known or "." not in host:
        return is_address(host) and ipaddress.ip_address(host).is_global
    if is_address(host):
        return ipaddress.ip_address(host).is_global
    first, _unused, _unused = host.partition(".")
    return not (first in names.known and host.endswith(_PRIVATE_ENDINGS))


def _distinct(
    found: Sequence[Dependency], declared: Sequence[Dependency], named: Mapping[str, frozenset[str]]
) -> list[Dependency]:
    best: dict[tuple[str, str, int], Dependency] = {}
    for dependency in found:
        key = (dependency.consumer, dependency.host, dependency.port)
        if key not in best or _detail(dependency) > _detail(best[key]):
            best[key] = dependency
    for wanted in declared:
        key = (wanted.consumer, wanted.host, wanted.port)
        known = best.get(key)
        best[key] = (
            dataclasses.replace(
                known, kind="call", scheme=wanted.scheme or known.scheme, path=wanted.path or known.path
            )
            if known
            else wanted
        )
    called = {(d.consumer, d.host.lower()) for d in best.values() if d.kind != "order"}
    with_port = {(d.consumer, d.host) for d in best.values() if d.port}
    return [
        d
        for d in best.values()
        if not (d.kind == "order" and called & {(d.consumer, n) for n in {d.host.lower(), *named.get(d.host, ())}})
        and not (d.kind != "order" and not d.port and (d.consumer, d.host) in with_port)
    ]


def _detail(dependency: Dependency) -> tuple[int, bool, bool]:
    return _RANK[dependency.kind], bool(dependency.scheme), bool(dependency.path)


def _ordered(value: Any) -> Iterator[str]:
    """The services that are waited for until they run. A job that must complete is not called."""
    for name, entry in mapping(value).items():
        if mapping(entry).get("condition") != "service_completed_successfully":
            yield str(name)
    yield from (str(name) for name in sequence(value))


def _shown(path: str, base: str) -> str:
    root = base.rstrip("/") + "/"
    return f"./{path[len(root) :]}" if base and path.startswith(root) else path
