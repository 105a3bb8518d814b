# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 6, proxies for the outer world that get to see requests between services."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from ..model import CheckResult, Confidence, Container, Dependency, Finding, Outcome
from .answers import (
    PROXY,
    answering,
    asking,
    author,
    checked_service,
    is_recent,
    open_behind,
    request,
    told_directly,
)
from .case import Case
from .make import finding, listed, log_line
from .nginx import is_nginx

_SUSPECT = (0, 400, 403, 404, 407, 500, 502, 503, 504)


def proxy_captures_internal_names(case: Case) -> list[Finding]:
    """A consumer whose environment sends its calls to other services through a proxy, which cannot answer for them."""
    found = []
    for service in case.services():
        symptoms = open_behind(case, service, *_SUSPECT)
        for container in case.containers_of(service) if symptoms else ():
            calls = _captured(case, container) if container.running and not is_nginx(case, container) else {}
            seen = _seen(case, container, calls, symptoms) if calls else ()
            # not every program follows these variables: without a trace of the proxy, the direct answer must be another
            blamed = [
                r
                for r in symptoms
                if seen or (author(case, r).kind == "" and _providers(case, calls) & answering(case, r).keys())
            ]
            if blamed:
                found.append(_finding(case, container, calls, seen, blamed))
    return found


def _finding(
    case: Case,
    container: Container,
    calls: Mapping[Dependency, str],
    seen: tuple[str, ...],
    symptoms: list[CheckResult],
) -> Finding:
    service, hosts = container.service, list(dict.fromkeys(d.host for d in calls))
    variables = sorted(set(calls.values()))
    configured = ((case.snapshot.config.get("services") or {}).get(service) or {}).get("environment") or {}
    injected = not {v.lower() for v in variables} & {str(k).lower() for k in configured}
    past = _no_proxy(container.environment)
    direct = [(r, p) for r in symptoms for h, p in answering(case, r).items() if h in _providers(case, calls)]
    missing = f"NO_PROXY of {container.name} names {', '.join(past)}" if past else f"{container.name} has no NO_PROXY"
    return finding(
        "protocol.docker_cli_config_proxies_injected" if injected else "protocol.http_proxy_without_no_proxy",
        Confidence.LIKELY if injected or not seen else Confidence.CERTAIN,
        f"Service '{service}' sends its calls to {listed(hosts)} through the proxy {_place(container, variables[0])}",
        [*(r.check.name for r in symptoms), *asking(case, service)],
        evidence=(
            f"{container.name} has {', '.join(variables)}" + (", which no Compose file sets" if injected else ""),
            f"{missing}, but not {listed(hosts)}" if past else missing,
            *seen,
            request(symptoms[0]),
            *(told_directly(case, r, p) for r, p in direct[:2]),
        ),
        confirm=f"docker inspect -f '{{{{range .Config.Env}}}}{{{{println .}}}}{{{{end}}}}' {container.name} | grep -i _proxy",
        advice=(
            "The Docker client of whoever ran 'docker compose up' put them there: see proxies in ~/.docker/config.json of that user. "
            f"Add noProxy there, or set NO_PROXY and no_proxy of service '{service}' to "
            if injected
            else f"Set NO_PROXY and no_proxy of service '{service}' to "
        )
        + ",".join([*past, *hosts])
        + ", and recreate it.",
        subject={"service": service, "container": container.name, "no_proxy": [*past, *hosts]},
    )


def _captured(case: Case, container: Container) -> dict[Dependency, str]:
    """The container's calls to other services that the environment sends to a proxy, and the variable that does."""
    past = _no_proxy(container.environment)
    found = {}
    for dependency in case.snapshot.dependencies:
        if dependency.consumer != container.service or dependency.kind != "call" or not case.provider(dependency):
            continue
        names = (f"{dependency.scheme}_proxy", "all_proxy") if dependency.scheme in ("http", "https") else ()
        variable = next((k for n in names for k, v in container.environment.items() if k.lower() == n and v), "")
        reached = any(
            w.dependency == dependency and w.container == container.name and w.outcome is Outcome.OK for w in case.walks
        )
        if variable and reached and not dependency.key.lower().endswith("_proxy") and not _goes_past(dependency, past):
            found[dependency] = variable
    return found


def _no_proxy(environment: Mapping[str, str]) -> list[str]:
    """The entries of NO_PROXY in either spelling: programs differ in which they read."""
    values = [v for k, v in environment.items() if k.lower() == "no_proxy"]
    return list(dict.fromkeys(e.strip() for v in values for e in v.split(",") if e.strip()))


def _goes_past(dependency: Dependency, entries: list[str]) -> bool:
    """Whether NO_PROXY keeps the proxy away from that host: a name, a suffix with or without its dot, or ``*``.

    Networks (10.0.0.0/8) are meant for addresses, and match no name.
    """
    host = dependency.host.lower().rstrip(".")
    for entry in entries:
        name = entry.lower().removesuffix(f":{dependency.port}").lstrip("*").lstrip(".").rstrip(".")
        if entry == "*" or (name and (host == name or host.endswith(f".{name}"))):
            return True
    return False


def _seen(
    case: Case, container: Container, calls: Mapping[Dependency, str], symptoms: list[CheckResult]
) -> tuple[str, ...]:
    """What shows that the container really talks to the proxy."""
    parts = [urlsplit(_with_scheme(container.environment[v])) for v in set(calls.values())]
    hosts = {p.hostname for p in parts if p.hostname}
    ports = {p.port or 80 for p in parts}
    addresses = {a for h in hosts if (probe := case.name_probe(container.name, h)) for a in probe.answers} | hosts
    own = [r for r in symptoms if checked_service(case, r) == container.service]
    by = [author(case, r) for r in own]
    logs = [e for e in case.snapshot.log_events if e.container == container.name and is_recent(case, e)]
    sockets = [s for s in container.sockets or () if s.remote in addresses and s.remote_port in ports]
    return (
        *dict.fromkeys(line for a in by if a.kind == PROXY for line in a.evidence),
        *(log_line(e) for e in [e for e in logs if e.host in hosts or e.address in addresses][-1:]),
        *(
            f"in the network namespace of {container.name}: {s.state} to {s.remote}:{s.remote_port}, the proxy"
            for s in sockets[:1]
        ),
    )


def _place(container: Container, variable: str) -> str:
    """Host and port of the proxy; its URL may hold a password."""
    return urlsplit(_with_scheme(container.environment[variable])).netloc.rpartition("@")[2]


def _with_scheme(url: str) -> str:
    return url if "://" in url else f"http://{url}"


def _providers(case: Case, calls: Mapping[Dependency, str]) -> set[str]:
    return {case.provider(d) for d in calls}
