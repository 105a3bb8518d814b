# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 6: the packets arrive; who wrote the wrong answer?

The 404 rule follows section 1 of the fault table: a plain DNS failure never gave a 404 behind nginx, HAProxy,
Apache, Caddy or a gateway that resolves per request.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from ..model import CheckResult, Confidence, Container, Finding, Layer, LogEvent, Walk
from .case import Case
from .make import finding

ROUTE_VARIABLE = re.compile(r"(^|_)(ROUTES?|ROUTE_TABLE|UPSTREAMS?|BACKENDS?)$", re.I)


def explained_by_a_dependency(case: Case) -> list[Finding]:
    """No finding: what fails because a service behind it is already found broken is that finding's symptom."""
    for walk in case.open_walks(Layer.PROTOCOL):
        behind = case.downstream(case.provider(walk.dependency))
        if any(w.dependency.name in case.explained and w.dependency.consumer in behind for w in case.walks):
            case.explained.add(walk.dependency.name)
    for result in case.open_checks():
        service = checked_service(case, result)
        reach = case.downstream(service) if service else set()
        host = urlsplit(result.check.url).hostname or ""
        for walk in case.walks:
            called = walk.dependency.consumer == result.check.source and walk.dependency.host.lower() == host
            if walk.dependency.name in case.explained and (called or walk.dependency.consumer in reach):
                case.explained.add(result.check.name)
    return []


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
        symptoms = [
            r for r in case.open_checks() if r.status == 404 and service in case.downstream(checked_service(case, r))
        ]
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
            f"{result.check.method} {result.check.url}: 404 written by {result.server or 'the gateway'}: {_line(result.body)}"
        )
    evidence += [f"log of {service} at {e.time[:19]} ({e.count} times): {e.line}" for e in own_log[:1]]
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
        confirm=f"docker exec {container.name if container else service} printenv {variable}",
        advice=f"Set {variable} of service '{service}'"
        + (f" (declared routes: {wanted})." if declared else "; declare netfix_routes to have it done for you."),
        subject={"service": service, "variable": variable, "routes": declared},
        mendable=bool(declared),
    )


def stale_nginx_upstream(case: Case) -> list[Finding]:
    """nginx fails with an address that its upstream no longer has, while the name resolves and answers."""
    found = []
    for service in case.services():
        for container in case.containers_of(service):
            stale = [e for e in case.snapshot.log_events if e.container == container.name and _stale(case, e, service)]
            symptoms = [
                r
                for r in case.open_checks()
                if r.status in (502, 504)
                and service in case.downstream(checked_service(case, r))
                and "nginx" in r.server.lower()
            ]
            if not container.running or not stale or not symptoms or not _is_nginx(container):
                continue
            event = stale[-1]
            upstreams = [
                d for d in case.snapshot.dependencies if d.consumer == service and d.kind == "call" and case.provider(d)
            ]
            asking = [
                w.dependency.name for w in case.open_walks(Layer.PROTOCOL) if case.provider(w.dependency) == service
            ]
            holder = case.owner(event.address)
            now = sorted({a for d in upstreams for a in case.addresses(case.provider(d)) if ":" not in a})
            found.append(
                finding(
                    "protocol.stale_ip_nginx_502",
                    Confidence.CERTAIN,
                    f"nginx in '{service}' keeps sending to {event.address}, where its upstream no longer is",
                    [*(r.check.name for r in symptoms), *asking],
                    evidence=(
                        f"log of {service} at {event.time[:19]} ({event.count} times): {event.line}",
                        f"{event.address} "
                        + (f"belongs to container {holder.name}" if holder else "belongs to no container"),
                        f"{', '.join(d.host for d in upstreams)} is {', '.join(now)} now, and answers from inside {container.name}",
                        f"{symptoms[0].check.method} {symptoms[0].check.url}: {symptoms[0].status} written by {symptoms[0].server}",
                    ),
                    confirm=f"docker logs --tail 20 {container.name} 2>&1 | grep upstream:",
                    advice=f"Reload nginx: docker kill -s HUP {container.name}. To keep it from happening again, use "
                    "'resolver 127.0.0.11 valid=10s;' and a variable in proxy_pass.",
                    subject={"service": service, "container": container.name, "address": event.address},
                )
            )
    return found


def _stale(case: Case, event: LogEvent, service: str) -> bool:
    if event.kind not in ("refused", "timeout", "unreachable") or not event.address:
        return False
    upstreams = [
        d for d in case.snapshot.dependencies if d.consumer == service and d.kind == "call" and case.provider(d)
    ]
    current = {a for d in upstreams for a in case.addresses(case.provider(d))}
    return bool(current) and event.address not in current


def _is_nginx(container: Container) -> bool:
    return any("nginx" in word for word in (container.image, *container.entrypoint, *container.command))


def dependency_unexplained(case: Case) -> list[Finding]:
    """A provider that answers its consumers with an error that nothing explains: one finding for each provider."""
    grouped: dict[str, list[Walk]] = {}
    for walk in case.open_walks(Layer.PROTOCOL):
        grouped.setdefault(walk.dependency.target, []).append(walk)
    return [
        finding(
            "protocol.check_failed",
            Confidence.POSSIBLE,
            f"{target} answers '{walks[0].dependency.consumer}' with an error: {walks[0].detail.rpartition(': ')[2]}",
            [w.dependency.name for w in walks],
            evidence=tuple(f"from inside {w.dependency.consumer}: {w.detail}" for w in walks[:3]),
            confirm=f"docker exec {walks[0].container} curl -sv {walks[0].dependency.scheme or 'http'}://{target}/",
            subject={"service": case.provider(walks[0].dependency)},
        )
        for target, walks in grouped.items()
    ]


def check_unexplained(case: Case) -> list[Finding]:
    """A failed check that nothing explains: an honest finding for each service that it asks."""
    grouped: dict[str, list[CheckResult]] = {}
    for result in case.open_checks():
        grouped.setdefault(checked_service(case, result) or result.check.source, []).append(result)
    found = []
    for service, results in grouped.items():
        first = results[0]
        said = (
            f"HTTP {first.status} from {first.server or 'an unnamed server'}: {_line(first.body)}"
            if first.status
            else first.error
        )
        found.append(
            finding(
                "protocol.check_failed",
                Confidence.POSSIBLE,
                f"{len(results)} check{'s' if len(results) > 1 else ''} of '{service}' fail{'' if len(results) > 1 else 's'} with "
                + (f"HTTP {first.status}" if first.status else first.error),
                [r.check.name for r in results],
                evidence=tuple(
                    f"{r.check.method} {r.check.url}: " + (f"HTTP {r.status}" if r.status else r.error)
                    for r in results[:3]
                )
                + (f"the answer says {said}",),
                confirm=f"curl -sv -X {first.check.method} {first.check.url}",
                subject={"service": service},
            )
        )
    return found


def checked_service(case: Case, result: CheckResult) -> str:
    """The service that a check's URL first reaches: by published port from the host, by name from inside."""
    parts = urlsplit(result.check.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if result.check.source != "host":
        return case.service_named(parts.hostname or "")
    return next((c.service for c in case.snapshot.containers if any(p.host_port == port for p in c.ports)), "")


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()[:120]
