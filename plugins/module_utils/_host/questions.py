# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which probes a diagnosis asks for, and the operator's checks: names, then ports, then HTTP."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from .._core.diagnosis.case import EMBEDDED_DNS, NO_EMBEDDED_DNS, Case, hyphened
from .._core.errors import NetfixError
from .._core.model import Check, CheckResult, Container, Dependency, Outcome, Probe
from .._core.parsing.urls import host_port, is_address
from .prober import HttpJob, Job, NameJob, Prober, TcpJob
from .wanted import Wanted

# kinds of dependencies whose names and ports are asked
PROBED = ("call", "loopback", "separation")
# the engine asks up to three forwarders, one after another, for four seconds each
EXTERNAL_TIMEOUT_S = 13.0
HTTP_SCHEMES = ("http", "https")
# an answer with one of these comes from somebody who could not or would not pass the request on
BAD_STATUSES = frozenset((400, 421, 502, 503, 504))
LIVING_STATUSES = tuple(s for s in range(100, 600) if s not in BAD_STATUSES)


def ask(prober: Prober, case: Case, wanted: Wanted) -> list[Probe]:
    """Names first, then the ports of what they resolved to and of the providers' own addresses, then HTTP."""
    pairs = _pairs(case, PROBED)
    names = _names(prober, pairs, wanted)
    jobs: dict[tuple[str, str, int], Job] = {}
    for dependency, container in pairs:
        probe = names.get((container.name, dependency.host))
        if dependency.port and probe is not None:
            addresses = {*probe.answers, *_direct(case, dependency, container)}
            for address in sorted(addresses):
                jobs[container.name, address, dependency.port] = TcpJob(
                    container.name, container.pid, address, dependency.port
                )
    ports = prober.run(list(jobs.values()), timeout_s=wanted.timeout_s, attempts=wanted.attempts)
    is_open = {(p.container, p.host, p.port) for p in ports if p.outcome is Outcome.OK}
    requests: dict[tuple[str, str, int], HttpJob] = {}
    for dependency, container in pairs:
        probe = names.get((container.name, dependency.host))
        address = (
            next((a for a in probe.answers if (container.name, a, dependency.port) in is_open), "") if probe else ""
        )
        if dependency.scheme not in HTTP_SCHEMES or dependency.kind == "loopback":
            continue
        # a provider whose name does not lead to it is asked by its address
        others = () if probe is None or address else _direct(case, dependency, container)
        for host, connect in [(dependency.host, address)] if address else [(a, a) for a in others]:
            url = f"{dependency.scheme}://{host_port(host, dependency.port)}{_quiet_path(case, dependency)}"
            if (container.name, connect, dependency.port) in is_open:
                requests[container.name, host, dependency.port] = HttpJob(
                    container.name, container.pid, url, connect=connect, statuses=LIVING_STATUSES
                )
    answers = prober.run(list(requests.values()), timeout_s=max(wanted.timeout_s, 2.0), attempts=1)
    answers += _with_hyphens(prober, requests.values(), answers, wanted)
    found = [*names.values(), *_embedded(prober, pairs, names, wanted), *ports, *answers]
    return found + _external(prober, case) if wanted.probe_external else found


def _pairs(case: Case, kinds: Sequence[str]) -> list[tuple[Dependency, Container]]:
    """The dependencies of those kinds, with every container that can be asked for them."""
    return [
        (dependency, container)
        for dependency in case.snapshot.dependencies
        if dependency.kind in kinds
        for container in case.containers_of(dependency.consumer)
        if container.running
    ]


def _names(
    prober: Prober, pairs: Sequence[tuple[Dependency, Container]], wanted: Wanted
) -> dict[tuple[str, str], Probe]:
    jobs = {(c.name, d.host): NameJob(c.name, c.pid, d.host) for d, c in pairs}
    return dict(zip(jobs, prober.run(list(jobs.values()), timeout_s=wanted.timeout_s, attempts=wanted.attempts)))


def _with_hyphens(
    prober: Prober, requests: Iterable[HttpJob], answers: Sequence[Probe], wanted: Wanted
) -> list[Probe]:
    """What was answered 400, once more without the underscores in its Host: are these what is rejected?"""
    again = []
    for job, probe in zip(requests, answers):
        parts = urlsplit(job.url)
        if probe.status == 400 and "_" in parts.netloc:
            again.append(replace(job, url=parts._replace(netloc=hyphened(parts.netloc)).geturl()))
    return prober.run(again, timeout_s=max(wanted.timeout_s, 2.0), attempts=1)


def _external(prober: Prober, case: Case) -> list[Probe]:
    """Names outside the project: resolved, never connected to; patiently enough to tell a slow answer from none."""
    pairs = _pairs(case, ("external",))
    jobs: list[Job] = [NameJob(c.name, c.pid, d.host) for d, c in pairs if not is_address(d.host)]
    return prober.run(list(dict.fromkeys(jobs)), timeout_s=EXTERNAL_TIMEOUT_S, attempts=1)


def _embedded(
    prober: Prober,
    pairs: Sequence[tuple[Dependency, Container]],
    names: Mapping[tuple[str, str], Probe],
    wanted: Wanted,
) -> list[Probe]:
    """What the embedded DNS says where the container's own resolver failed, or asked somebody or something else."""
    jobs: dict[tuple[str, str], Job] = {}
    for dependency, container in pairs:
        own = names.get((container.name, dependency.host))
        if own is None or dependency.kind == "loopback" or own.outcome is Outcome.UNKNOWN:
            continue
        has_embedded = any(e.network not in NO_EMBEDDED_DNS for e in container.endpoints)
        if has_embedded and (own.via != EMBEDDED_DNS or own.resolved_name):
            jobs[container.name, dependency.host] = NameJob(
                container.name, container.pid, dependency.host, EMBEDDED_DNS
            )
    asked = prober.run(list(jobs.values()), timeout_s=wanted.timeout_s, attempts=wanted.attempts)
    return [replace(p, nameserver=EMBEDDED_DNS) for p in asked]


def _direct(case: Case, dependency: Dependency, consumer: Container) -> list[str]:
    """The provider's own addresses on networks that the consumer shares."""
    found = []
    for provider in case.containers_of(case.provider(dependency)):
        for network in case.shared_networks(consumer, provider):
            endpoint = provider.endpoint(network)
            if provider.running and endpoint and endpoint.address:
                found.append(endpoint.address)
    return found


def _quiet_path(case: Case, dependency: Dependency) -> str:
    """A path that is safe to ask: the one that the provider's own healthcheck asks, else the root."""
    config = (case.snapshot.config.get("services") or {}).get(case.provider(dependency)) or {}
    test = (config.get("healthcheck") or {}).get("test") or []
    for word in (
        " ".join([test] if isinstance(test, str) else [str(w) for w in test])
        .replace("'", " ")
        .replace('"', " ")
        .split()
    ):
        parts = urlsplit(word)
        if parts.scheme in HTTP_SCHEMES and parts.path:
            return parts.path
    return "/"


def check(prober: Prober, case: Case, wanted: Wanted) -> list[CheckResult]:
    """How the operator's checks go, in their order; unknown where there is no service to ask from."""
    jobs, sources = [], []
    for one in wanted.checks:
        container = next((c for c in case.containers_of(one.source) if c.running), None)
        sources.append(container)
        jobs.append(
            HttpJob(
                container.name if container else "",
                container.pid if container else 0,
                one.url,
                method=one.method,
                headers=one.headers,
                json_body=one.json_body,
                statuses=one.statuses,
                timeout_s=max(10.0, wanted.timeout_s),
            )
        )
    runnable = [j for j, c, k in zip(jobs, sources, wanted.checks) if c or k.source == "host"]
    probes = iter(prober.run(runnable, timeout_s=wanted.timeout_s, attempts=1))
    results: list[CheckResult] = []
    for one, container in zip(wanted.checks, sources):
        if container is None and one.source != "host":
            known = one.source in case.services()
            reason = (
                f"service '{one.source}' does not run"
                if known
                else f"there is no service '{one.source}' to ask from"
            )
            results.append(CheckResult(one, Outcome.FAILED if known else Outcome.UNKNOWN, error=reason))
            continue
        probe = next(probes)
        # the status says it all where there is one, and an answer that passed is nobody's evidence
        error = "" if probe.status else probe.error
        body = "" if probe.outcome is Outcome.OK else probe.body[:300]
        results.append(CheckResult(one, probe.outcome, probe.status, error, probe.server, body, probe.latency_ms))
    return results


def parse_checks(entries: Iterable[Mapping[str, Any]]) -> list[Check]:
    """Checks from what the operator wrote. Raises NetfixError naming the entry that is wrong."""
    checks = []
    for entry in entries:
        url = str(entry.get("url") or "")
        parts = urlsplit(url)
        if parts.scheme not in HTTP_SCHEMES or not parts.hostname:
            raise NetfixError(f"The check {entry.get('name') or entry!r} needs an http or https url; found {url!r}.")
        statuses = entry.get("statuses") or ()
        checks.append(
            Check(
                name=str(entry.get("name") or f"{entry.get('method') or 'GET'} {url}"),
                url=url,
                method=str(entry.get("method") or "GET").upper(),
                source=str(entry.get("source") or "host"),
                headers={str(k): str(v) for k, v in (entry.get("headers") or {}).items()},
                json_body=entry.get("json"),
                statuses=tuple(int(s) for s in (statuses if isinstance(statuses, (list, tuple)) else [statuses])),
            )
        )
    return checks
