# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 6, gateways of any kind: routes that are missing, paths that are cut, a status that misleads.

A plain DNS failure never gave a 404 behind nginx, HAProxy, Apache, Caddy or a gateway that resolves for every
request. It does behind one that made its routes when it started: docs/symptoms.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from shlex import quote
from typing import Any, Optional

from ..model import CheckResult, Confidence, Container, Finding, LogEvent, Outcome
from ..parsing.times import seconds_between
from .answers import (
    GATEWAY,
    PROXY,
    START_S,
    UPSTREAM,
    answered_instead,
    answering,
    asking,
    author,
    calls_of,
    checked_service,
    complaints,
    is_recent,
    one_line,
    open_at,
    open_behind,
    path_of,
    request,
    told_directly,
)
from .case import Case
from .make import finding, listed, log_line
from .nginx import nginx_of

ROUTE_VARIABLE = re.compile(r"(^|_)(ROUTES?|ROUTE_TABLE|UPSTREAMS?|BACKENDS?)$", re.I)
# what a gateway says that leaves a route out, in words of several
_DROPPED = re.compile(r"regist|rout|skip|drop|ignor|discover|disabl|remov", re.I)


def gateway_without_routes(case: Case) -> list[Finding]:
    """A gateway that writes 404 itself and whose route table is empty, or lacks declared routes."""
    found = []
    for service in case.services():
        environment = ((case.snapshot.config.get("services") or {}).get(service) or {}).get("environment") or {}
        declared = [r for r in case.snapshot.routes if r.get("gateway") == service]
        variables = sorted({str(r["variable"]) for r in declared if r.get("variable")})
        empty = [
            k
            for k, v in environment.items()
            if not str(v or "").strip() and (k in variables or ROUTE_VARIABLE.search(k))
        ]
        symptoms = [r for r in open_behind(case, service, 404) if author(case, r).kind != UPSTREAM]
        own_log = [e for e in case.snapshot.log_events if e.service == service and e.kind == "not_found"]
        if not empty or not (symptoms or own_log):
            continue
        found.append(_no_routes(case, service, empty[0], declared, symptoms, own_log))
    return found


def _no_routes(
    case: Case,
    service: str,
    variable: str,
    declared: list[dict[str, Any]],
    symptoms: list[CheckResult],
    own_log: list[LogEvent],
) -> Finding:
    evidence = [f"environment {variable} of '{service}' is empty"]
    evidence += [f"Compose says: {w}" for w in case.snapshot.config_warnings if "variable is not set" in w][:1]
    for result in symptoms[:2]:
        evidence.append(
            f"{result.check.method} {result.check.url}: 404 written by {result.server or 'the gateway'}: {one_line(result.body)}"
        )
    evidence += [log_line(e) for e in own_log[:1]]
    reachable = [w for w in case.walks if w.dependency.consumer == service and w.outcome.value == "failed"]
    evidence.append(
        "no dependency of the gateway fails: names, addresses and ports are not the cause" if not reachable else ""
    )
    container = next(iter(case.containers_of(service)), None)
    wanted = ", ".join(str(r.get("prefix")) for r in declared)
    return finding(
        "protocol.gateway_empty_route_table_404",
        Confidence.CERTAIN if symptoms else Confidence.LIKELY,
        f"Gateway '{service}' has no routes: {variable} is empty",
        [r.check.name for r in symptoms] or [service],
        [e for e in evidence if e],
        confirm=f"docker exec {container.name if container else service} printenv {quote(variable)}",
        advice=f"Set {variable} of service '{service}'"
        + (f" (declared routes: {wanted})." if declared else "; declare netfix_routes to have it done for you."),
        subject={"service": service, "variable": variable, "routes": declared},
        mendable=bool(declared),
    )


def routes_dropped_at_start(case: Case) -> list[Finding]:
    """A gateway's own 404, names that did not resolve when it started, and providers that answer by now."""
    found = []
    for service, results in open_at(case, 404).items():
        own = [r for r in results if author(case, r).kind in (GATEWAY, "")]
        for container in case.containers_of(service):
            lost = _unresolved_at_start(case, container) if container.running else {}
            symptoms = [r for r in own if lost.keys() & answering(case, r).keys()]
            if not symptoms:
                continue
            providers = [p for p in lost if any(p in answering(case, r) for r in symptoms)]
            events = list(dict.fromkeys(lost[p] for p in providers))
            answers = [(r, p, answering(case, r)[p]) for r in symptoms for p in providers if p in answering(case, r)]
            said = [e for e in events if _DROPPED.search(e.line)]
            found.append(
                finding(
                    "protocol.gateway_discovery_drops_unresolved_404",
                    Confidence.CERTAIN if said else Confidence.LIKELY,
                    f"Gateway '{service}' has no routes to {listed(providers)}: the names did not resolve when it started",
                    [*(r.check.name for r in symptoms), *asking(case, service)],
                    evidence=(
                        f"'{service}' started at {container.started_at[:19]}; {log_line(events[0])}",
                        *(log_line(e) for e in events[1:2]),
                        *author(case, symptoms[0]).evidence,
                        *(told_directly(case, r, probe) for r, _unused, probe in answers[:2]),
                    ),
                    confirm=f"docker logs {container.name} 2>&1 | grep -F {quote(events[0].host or providers[0])}",
                    advice=f"Restart it: docker restart {container.name}. To keep it from happening again, let '{service}' wait "
                    f"(depends_on with condition: service_healthy) for {listed(providers)}.",
                    subject={
                        "service": service,
                        "container": container.name,
                        "restart": f"'{service}' made its routes before {listed(providers)} could be found",
                    },
                )
            )
    return found


def _unresolved_at_start(case: Case, container: Container) -> dict[str, LogEvent]:
    """The providers whose names the container could not resolve when it started, and what its log says of each."""
    told = [
        e
        for e in case.snapshot.log_events
        if e.container == container.name
        and e.kind == "resolution"
        and (after := seconds_between(container.started_at, e.time)) is not None
        # the engine notes the start a moment after the program began to speak
        and after >= -2
        and (after <= START_S or _DROPPED.search(e.line))
    ]
    found: dict[str, LogEvent] = {}
    for dependency in calls_of(case, container.service):
        host = dependency.host.lower()
        event = next((e for e in told if e.host.lower() == host or _says(e.line, host)), None)
        if event:
            found.setdefault(case.provider(dependency), event)
    return found


def _says(line: str, word: str) -> bool:
    return bool(re.search(rf"(?<![\w./\-]){re.escape(word)}(?![\w.\-]*\w)", line, re.IGNORECASE))


@dataclass(frozen=True)
class _Cut:
    """What shows that a provider which has the path was asked for another; ``where`` nginx says so, empty elsewhere."""

    evidence: tuple[str, ...]
    certain: bool = True
    where: str = ""


def prefix_lost(case: Case) -> list[Finding]:
    """A provider's 404 to a path that it has: the gateway asks it for another one. One finding for each gateway."""
    found = []
    for service, results in open_at(case, 404).items():
        container = next((c for c in case.containers_of(service) if c.running), None)
        cuts = {r.check.name: cut for r in results if container and (cut := _cut(case, container, r))}
        if not container or not cuts:
            continue
        symptoms = [r for r in results if r.check.name in cuts]
        provider, probe = next(iter(answering(case, symptoms[0]).items()))
        where = ", ".join(dict.fromkeys(c.where for c in cuts.values() if c.where))
        address = next(iter(probe.answers), probe.host)
        found.append(
            finding(
                "protocol.nginx_proxy_pass_trailing_slash_404" if where else "protocol.gateway_prefix_stripped_404",
                Confidence.CERTAIN if any(c.certain for c in cuts.values()) else Confidence.LIKELY,
                f"nginx in '{service}' replaces a part of the path that '{provider}' needs: {where}"
                if where
                else f"Gateway '{service}' does not pass the whole path on to '{provider}'",
                [r.check.name for r in symptoms],
                evidence=(
                    *(line for c in cuts.values() for line in c.evidence),
                    request(symptoms[0]),
                    told_directly(case, symptoms[0], probe),
                ),
                confirm=f"nsenter -t {container.pid} -n curl -si {quote(f'http://{address}:{probe.port}{probe.path}')}",
                advice=f"Take what follows the port out of proxy_pass ({where}), so that nginx passes the path on as it came."
                if where
                else f"Let '{service}' pass the path on unchanged, or let '{provider}' answer without the prefix.",
                subject={"service": service, "container": container.name},
            )
        )
    return found


def _cut(case: Case, container: Container, result: CheckResult) -> Optional[_Cut]:
    knowing, by, path = answering(case, result), author(case, result), path_of(result)
    if not knowing or by.kind == PROXY or answered_instead(case, result):
        return None
    nginx = nginx_of(case, container)
    for location in (p for s in nginx.servers for p in s.locations) if nginx else ():
        prefix = location.path[3:] if location.path.startswith("^~ ") else location.path
        uri = re.match(r"\w+://[^/$]+(/[^$]*)$", location.passes)
        sent = uri.group(1) + path[len(prefix) :] if uri and path.startswith(prefix) else path
        if sent != path and any(case.service_named(h) in knowing for h in location.hosts):
            said = f"{location.where}: location {location.path}, proxy_pass {location.passes}: nginx makes {sent} of {path}"
            return _Cut((said,), where=location.where)
    asked = [
        e
        for e in case.snapshot.log_events
        if e.service in knowing
        and e.kind == "not_found"
        and is_recent(case, e)
        and e.path not in ("", "/", path)
        and path.endswith("/" + e.path.strip("/"))
    ]
    if asked:
        return _Cut((log_line(asked[-1]), *by.evidence))
    return _Cut(by.evidence, certain=False) if by.kind == UPSTREAM else None


def errors_mapped_to_404(case: Case) -> list[Finding]:
    """A warning: a gateway that says 404 where it could not reach what is behind it, and so misleads everybody."""
    found = []
    for service in case.services():
        failed = [r for r in case.snapshot.checks if r.outcome is Outcome.FAILED and r.status == 404]
        own = [r for r in failed if checked_service(case, r) == service and _complains(case, service, r)]
        if own:
            found.append(
                finding(
                    "protocol.gateway_maps_upstream_errors_to_404",
                    Confidence.CERTAIN,
                    f"Gateway '{service}' answers 404 where it cannot reach what is behind it",
                    [r.check.name for r in own],
                    evidence=(request(own[0]), *(line for r in own for line in _complains(case, service, r))),
                    confirm=f"curl -si {quote(own[0].check.url)}",
                    advice=f"Let '{service}' answer 502 or 504 for a failed upstream: a 404 says that nobody has the path.",
                    subject={"service": service},
                )
            )
    return found


def _complains(case: Case, service: str, result: CheckResult) -> tuple[str, ...]:
    """Lines about a failed upstream that belong to this very answer."""
    path = path_of(result)
    lines = complaints(case, service, result)
    return tuple(
        line for line in lines if line.startswith("the answer says") or (path != "/" and f"{path} " in f"{line} ")
    )
