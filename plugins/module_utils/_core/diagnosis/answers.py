# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who wrote the answer that a check got: the gateway itself, something behind it, or a proxy on the way?

docs/symptoms.md tells what each status means behind which gateway; these are its questions, asked of the snapshot.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Union
from urllib.parse import urlsplit

from ..model import CheckResult, Dependency, Layer, LogEvent, Probe
from ..parsing.logs import read_events
from ..parsing.times import instant
from .case import Case
from .make import log_line

GATEWAY, UPSTREAM, PROXY = "gateway", "upstream", "proxy"
# what a program says of its names and routes when it starts, it says within so many seconds
START_S = 120
FAILURES = ("resolution", "refused", "timeout", "unreachable")
# answers with these say that the path exists, whatever else is wrong with the request
_KNOWN_PATH = (401, 403, 405, 422)
# what differs between two answers that are otherwise the same: times, ids
_VOLATILE = re.compile(r"[0-9a-f]{8,}|\d+", re.IGNORECASE)
_VIA = re.compile(r"\(via (.*)\)$")
_ADDRESS = re.compile(r"(?<![\w.])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)")


@dataclass(frozen=True)
class Author:
    """Who wrote an answer: ``kind`` is GATEWAY, UPSTREAM, PROXY, or empty where the answers do not tell.

    ``name`` is the service, or what the proxy calls itself; ``evidence`` what it rests on.
    """

    kind: str = ""
    name: str = ""
    evidence: tuple[str, ...] = ()


def author(case: Case, result: CheckResult) -> Author:
    """Who wrote the answer of a failed check."""
    service, own, via = checked_service(case, result), result.unknown_path, via_of(result)
    if via and not (own and via_of(own) == via):
        return Author(PROXY, via, (f"the {result.status} came through a proxy that calls itself '{via}'",))
    if result.check.method == "HEAD":
        return Author()
    itself = bool(own and own.status == result.status and _alike(result, own))
    same = next((p for p in result.direct if p.status == result.status and _alike(result, p)), None)
    if itself and same:
        return Author(evidence=(f"'{service}' answers every unknown path so, and so does {_told(same)}",))
    if itself:
        line = f"'{service or 'the server'}' answers a path that nobody has in the same way: it wrote the {result.status} itself"
        return Author(GATEWAY, service, (line,))
    if same:
        return Author(
            UPSTREAM, case.service_named(same.host), (f"the same answer comes from behind it: {_told(same)}",)
        )
    told = complaints(case, service, result)
    if told and result.status >= 500:
        line = f"'{service}' wrote the {result.status} itself: it could not reach what is behind it"
        return Author(GATEWAY, service, (line, *told))
    if own and own.status and result.status == 404:
        line = f"'{service}' answers a path that nobody has otherwise ({_shown(own)}): what is behind it wrote the 404"
        return Author(UPSTREAM, "", (line,))
    return Author()


def written_by(case: Case, result: CheckResult) -> tuple[str, ...]:
    """Evidence of who wrote the answer, and what the providers say to the same path when they are asked directly."""
    return (*author(case, result).evidence, *(told_directly(case, result, p) for p in result.direct[:3]))


def knows_path(probe: Probe) -> bool:
    """Whether whoever answered has that path."""
    return 0 < probe.status < 400 or probe.status in _KNOWN_PATH


def answering(case: Case, result: CheckResult) -> dict[str, Probe]:
    """The providers that have the path which the check asked for, with their direct answers."""
    found: dict[str, Probe] = {}
    for probe in result.direct:
        if knows_path(probe):
            found.setdefault(case.service_named(probe.host) or probe.host, probe)
    return found


def answered_instead(case: Case, result: CheckResult) -> str:
    """The provider that wrote the 404 where another one has the path; empty where that is not so."""
    by, knowing = author(case, result), answering(case, result)
    return by.name if by.kind == UPSTREAM and knowing and by.name not in knowing else ""


def told_directly(case: Case, result: CheckResult, probe: Probe) -> str:
    """One direct answer as evidence."""
    return f"asked from inside {checked_service(case, result)} itself, {_told(probe)}"


def complaints(case: Case, service: str, result: CheckResult) -> tuple[str, ...]:
    """What the answer's body, or the service's log since the snapshot began, says about names and connections."""
    said = read_events(service, "", [result.body])
    body = [f"the answer says: {one_line(result.body)}"] if said and said[0].kind in FAILURES else []
    logs = [e for e in case.snapshot.log_events if e.service == service and e.kind in FAILURES and is_recent(case, e)]
    return (*body, *(log_line(e) for e in logs[-2:]))


def is_recent(case: Case, event: LogEvent) -> bool:
    """Whether the log says it since the snapshot began, so that this run's own requests are what it tells of."""
    said, began = instant(event.time), instant(case.snapshot.taken_at)
    return said is None or began is None or said >= began


def named_addresses(text: str) -> list[str]:
    """The IPv4 addresses in a text."""
    return list(dict.fromkeys(_ADDRESS.findall(text)))


def open_behind(case: Case, service: str, *statuses: int) -> list[CheckResult]:
    """Open checks with one of those statuses whose request may pass through the service, 0 for those that timed out."""
    found = [r for r in case.open_checks() if r.status in statuses and (r.status or r.error == "timeout")]
    return [r for r in found if service in case.downstream(checked_service(case, r))]


def open_at(case: Case, *statuses: int) -> dict[str, list[CheckResult]]:
    """Open checks with one of those statuses, by the service that their request reaches first."""
    found: dict[str, list[CheckResult]] = {}
    for result in case.open_checks():
        if result.status in statuses and checked_service(case, result):
            found.setdefault(checked_service(case, result), []).append(result)
    return found


def asking(case: Case, service: str) -> list[str]:
    """The dependencies that the service answers with a gateway's error."""
    return [w.dependency.name for w in case.open_walks(Layer.PROTOCOL) if case.provider(w.dependency) == service]


def calls_of(case: Case, service: str) -> list[Dependency]:
    """What the service calls within the project."""
    return [d for d in case.snapshot.dependencies if d.consumer == service and d.kind == "call" and case.provider(d)]


def checked_service(case: Case, result: CheckResult) -> str:
    """The service that a check's URL first reaches: by published port from the host, by name from inside."""
    parts = urlsplit(result.check.url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if result.check.source != "host":
        return case.service_named(parts.hostname or "")
    published = (c.service for c in case.snapshot.containers if any(p.host_port == port for p in c.ports))
    # a service without a container publishes nothing, but should
    configured = (
        name
        for name, spec in (case.snapshot.config.get("services") or {}).items()
        if any(str(p.get("published") or "") == str(port) for p in (spec or {}).get("ports") or ())
    )
    return next(published, "") or next(configured, "")


def path_of(result: CheckResult) -> str:
    """The path of the check's URL."""
    return urlsplit(result.check.url).path or "/"


def request(result: CheckResult) -> str:
    """The check's request and the answer to it, as evidence."""
    said = f"{result.status} from {result.server or 'an unnamed server'}" if result.status else result.error
    body = f": {one_line(result.body)}" if result.status and result.body.strip() else ""
    return f"{result.check.method} {result.check.url}: {said}{body}"


def one_line(text: str) -> str:
    """The beginning of a text, on one line."""
    return re.sub(r"\s+", " ", text).strip()[:120]


def via_of(answer: Union[CheckResult, Probe]) -> str:
    """What a proxy that the answer came through calls itself."""
    found = _VIA.search(answer.server)
    return found.group(1) if found else ""


def _alike(result: CheckResult, probe: Probe) -> bool:
    """Whether two answers are the same but for the path that was asked for, and for times and ids."""
    if not result.body.strip() and result.server != probe.server:
        return False
    return _plain(result.body, path_of(result)) == _plain(probe.body, probe.path)


def _plain(body: str, path: str) -> str:
    text = body[:300].replace(path, "") if path != "/" else body[:300]
    return _VOLATILE.sub("#", re.sub(r"\s+", " ", text)).strip()[:150]


def _told(probe: Probe) -> str:
    return f"{probe.host}:{probe.port}{probe.path} answers {_shown(probe)}"


def _shown(probe: Probe) -> str:
    body = f": {one_line(probe.body)}" if probe.body.strip() and probe.status >= 400 else ""
    return f"{probe.status or probe.error}{body}"
