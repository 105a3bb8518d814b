# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the operator says about dependencies: which there are besides those found, and which do not count."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Union

from ..model import Dependency
from ..redact import redact_text
from .urls import Place, find_host_ports, find_urls, is_host


def read_declared(entry: Union[Mapping[str, Any], str], services: Mapping[str, Any]) -> Dependency:
    """The dependency that one entry declares. Raises ValueError, naming the entry, where it makes none."""
    shape = "expected 'consumer -> host:port/path' or {consumer, host, port, scheme, path}"
    if isinstance(entry, str):
        consumer, arrow, target = (part.strip() for part in entry.replace("→", "->").partition("->"))
        places = list(find_urls(target)) or list(find_host_ports(target))
        host, slash, path = target.partition("/")
        if not places and is_host(host):
            places = [Place(host, 0, 0, len(host), path=slash + path)]
        if not arrow or len(places) != 1:
            raise ValueError(f"Dependency {redact_text(entry)!r}: {shape}")
        place = places[0]
        values: dict[str, Any] = {"host": place.host, "port": place.port, "scheme": place.scheme, "path": place.path}
    elif isinstance(entry, Mapping):
        unknown = sorted(set(entry) - {"consumer", "host", "port", "scheme", "path"})
        if unknown:
            raise ValueError(f"Dependency {dict(entry)!r}: unknown {', '.join(map(str, unknown))}; {shape}")
        consumer = str(entry.get("consumer") or "")
        values = {k: v for k, v in entry.items() if k != "consumer" and v is not None}
    else:
        raise ValueError(f"Dependency {entry!r}: {shape}")
    if not consumer or not is_host(str(values.get("host") or "")):
        raise ValueError(f"Dependency {entry!r}: no consumer or no host; {shape}")
    if services and consumer not in services:
        raise ValueError(f"Dependency {entry!r}: no service {consumer!r}; there are {', '.join(sorted(services))}")
    port = str(values.get("port") or 0)
    if not port.isdigit() or int(port) > 65535:
        raise ValueError(f"Dependency {entry!r}: port {port!r} is not a number from 1 to 65535")
    path = str(values.get("path") or "")
    if path and not path.startswith("/"):
        raise ValueError(f"Dependency {entry!r}: path {path!r} does not begin with '/'")
    return Dependency(
        consumer, str(values["host"]), int(port), str(values.get("scheme") or ""), path, "call", "declared", "declared"
    )


def read_separation(entry: str, services: Mapping[str, Any]) -> Dependency:
    """The pair that must stay apart which one entry declares. Raises ValueError as read_declared() does."""
    pair = read_declared(entry, services)
    if not pair.port:
        raise ValueError(f"Separation {entry!r}: a port is needed, as in 'consumer -> host:port'")
    return replace(pair, kind="separation", origin="declared separate")


def read_ignored(entry: Any) -> str:
    """The entry in the form that forms_of() gives. Raises ValueError, naming the entry, where it is none."""
    text = re.sub(r"\s*(?:→|->)\s*", " -> ", entry.strip()).lower() if isinstance(entry, str) else ""
    if not re.fullmatch(r"(?:\S+ -> )?[^\s>]+", text) or text.endswith("->"):
        raise ValueError(f"Ignored dependency {entry!r}: expected 'host', 'host:port' or 'consumer -> host[:port]'")
    return text


def forms_of(dependency: Dependency) -> set[str]:
    """All that an operator may write to leave this dependency out."""
    targets = {dependency.host, dependency.target}
    return {f.lower() for t in targets for f in (t, f"{dependency.consumer} -> {t}")}
