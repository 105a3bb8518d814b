# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a failed check is compared with: its request again, sent where and how it shows who wrote the answer.

Only reading requests are sent, and only to what the project itself would send them to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from .._core.diagnosis.answers import checked_service, via_of
from .._core.diagnosis.case import Case
from .._core.model import CheckResult, Container, Nginx, Outcome, Probe
from .._core.parsing.urls import host_port
from .nginx_files import read_nginx
from .prober import HttpJob, Prober
from .questions import HTTP_SCHEMES
from .wanted import Wanted

# nobody has it: a server's answer to it is its own answer to what it does not know
UNKNOWN_PATH = "/netfix-no-such-path"
_READING = ("GET", "HEAD")
_MOST_PROVIDERS = 10
_MOST_NAMES = 5
_MOST_BODY = 300


def nginx_behind(case: Case) -> tuple[Nginx, ...]:
    """What every nginx reads that a failed check's request may pass through."""
    services = {s for r in case.open_checks() for s in case.downstream(checked_service(case, r))}
    containers = [c for s in case.services() if s in services for c in case.containers_of(s) if c.running and c.pid]
    return tuple(found for c in containers if (found := read_nginx(c)))


def compare(prober: Prober, case: Case, wanted: Wanted) -> tuple[CheckResult, ...]:
    """The results of the case's checks, the failed ones with what is told by the same request sent otherwise.

    The case's snapshot must hold the probes of names and ports: only ports that are open are asked.
    """
    jobs: dict[str, list[tuple[str, str, HttpJob]]] = {}
    for result in case.open_checks():
        if result.status >= 400 or result.error == "timeout":
            jobs[result.check.name] = list(_jobs(case, result))
    asked = [job for found in jobs.values() for _unused, _unused, job in found]
    answers = dict(zip(asked, prober.run(asked, timeout_s=max(wanted.timeout_s, 2.0), attempts=1)))
    results = []
    for result in case.snapshot.checks:
        found: dict[str, list[Probe]] = {}
        for kind, label, job in jobs.get(result.check.name, ()) if result.outcome is Outcome.FAILED else ():
            probe = answers[job]
            # what a good answer says is nobody's business
            body = probe.body[:_MOST_BODY] if probe.status >= 400 else ""
            found.setdefault(kind, []).append(replace(probe, host=label or probe.host, body=body))
        results.append(
            replace(
                result,
                unknown_path=next(iter(found.get("unknown_path", ())), None),
                direct=tuple(found.get("direct", ())),
                named=tuple(found.get("named", ())),
            )
        )
    return tuple(results)


def _jobs(case: Case, result: CheckResult) -> Iterator[tuple[str, str, HttpJob]]:
    """The field of the result that the answer belongs to, the host to show for it where that is another, and the job."""
    check, parts = result.check, urlsplit(result.check.url)
    source = next((c for c in case.containers_of(check.source) if c.running), None)
    place = (source.name, source.pid) if source else ("", 0)
    # what a gateway answers itself, and whether all that it says comes through a proxy
    if result.status == 404 or via_of(result):
        yield (
            "unknown_path",
            "",
            HttpJob(*place, f"{parts.scheme}://{parts.netloc}{UNKNOWN_PATH}", headers=check.headers),
        )
    if check.method not in _READING:
        return
    gateway = next((c for c in case.containers_of(checked_service(case, result)) if c.running and c.pid), None)
    if gateway:
        for url, address in _providers(case, gateway, parts.path or "/"):
            yield "direct", "", HttpJob(gateway.name, gateway.pid, url, check.method, connect=address)
    asked = {parts.hostname, _header(check.headers, "host").partition(":")[0]}
    for name in _names(case, gateway) if gateway and result.status else ():
        if name not in asked:
            headers = {**{k: v for k, v in check.headers.items() if k.lower() != "host"}, "Host": name}
            yield "named", name, HttpJob(*place, check.url, check.method, headers=headers)


def _providers(case: Case, gateway: Container, path: str) -> list[tuple[str, str]]:
    """URL and address of each HTTP provider of the gateway whose port is open, with that path.

    The operator's headers are not sent along: they are meant for the gateway.
    """
    found: dict[str, str] = {}
    for dependency in case.snapshot.dependencies:
        if dependency.consumer != gateway.service or dependency.kind != "call" or dependency.scheme not in HTTP_SCHEMES:
            continue
        ports = case.port_probes(gateway.name, dependency.host, dependency.port)
        address = next((p.host for p in ports if p.outcome is Outcome.OK), "")
        if address:
            found.setdefault(f"{dependency.scheme}://{host_port(dependency.host, dependency.port)}{path}", address)
    return list(found.items())[:_MOST_PROVIDERS]


def _names(case: Case, gateway: Container) -> list[str]:
    """The host names of those servers of the gateway's nginx that pass requests on."""
    nginx = next((n for n in case.snapshot.nginx if n.container == gateway.name), None)
    passing = [s for s in nginx.servers if any(p.passes for p in s.locations)] if nginx else []
    names = dict.fromkeys(n for s in passing for n in s.names if n != "_" and n and n[0] not in "~*.")
    return list(names)[:_MOST_NAMES]


def _header(headers: dict[str, str], name: str) -> str:
    return next((v for k, v in headers.items() if k.lower() == name), "")
