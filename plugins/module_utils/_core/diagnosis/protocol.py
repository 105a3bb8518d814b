# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 6: the packets arrive, and the answer is wrong. What is a symptom of something else, and what is left over?

The causes that are known have files of their own: gateways.py, nginx.py, proxies.py.
"""

from __future__ import annotations

import re
from shlex import quote
from urllib.parse import urlsplit

from ..model import CheckResult, Confidence, Finding, Layer, Walk
from .answers import FAILURES, checked_service, complaints, one_line, written_by
from .case import Case
from .make import finding


def explained_by_a_dependency(case: Case) -> list[Finding]:
    """No finding: what fails because a service behind it is already found broken is that finding's symptom."""
    for walk in case.open_walks(Layer.PROTOCOL):
        behind = case.downstream(case.provider(walk.dependency))
        for broken in _broken(case):
            if broken.dependency.consumer in behind:
                case.attribute(walk.dependency.name, broken.dependency.name)
    for result in case.open_checks():
        for broken in _broken(case):
            if _may_break(case, broken, result):
                case.attribute(result.check.name, broken.dependency.name)
    return []


def _broken(case: Case) -> list[Walk]:
    """The walks that a finding speaks of."""
    return [w for w in case.walks if w.dependency.name in case.explained]


def _may_break(case: Case, broken: Walk, result: CheckResult) -> bool:
    """Whether a broken dependency may be why a check fails.

    It must lie on the check's way. Where the answer names the upstream that failed, only what lies behind that one
    counts; and a 404 is blamed on a name or an address only where somebody says so (docs/symptoms.md).
    """
    dependency = broken.dependency
    if dependency.consumer == result.check.source and dependency.host.lower() == urlsplit(result.check.url).hostname:
        return True
    service = checked_service(case, result)
    if not service or dependency.consumer not in case.downstream(service):
        return False
    own = [d for d in case.snapshot.dependencies if d.consumer == service and d.kind == "call"]
    named = [d for d in own if _names(result.body, d.host)]
    if named and dependency.consumer == service and dependency.host not in [d.host for d in named]:
        return False
    if result.status == 404 and broken.layer is not Layer.CONTAINER and not _led_elsewhere(case, broken):
        told = (e.host.lower() for e in case.snapshot.log_events if e.service == service and e.kind in FAILURES)
        return bool(named or complaints(case, service, result)) or any(h in ("", dependency.host.lower()) for h in told)
    return True


def _led_elsewhere(case: Case, walk: Walk) -> bool:
    """Whether the name resolves, so that the request went to somebody who may well answer 404."""
    probe = case.name_probe(walk.container, walk.dependency.host)
    return bool(probe and probe.answers) and walk.layer in (Layer.NAME, Layer.RESOLVER)


def _names(text: str, host: str) -> bool:
    return re.search(rf"(?<![\w.-]){re.escape(host)}(?![\w-])", text, re.IGNORECASE) is not None


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
            f"HTTP {first.status} from {first.server or 'an unnamed server'}: {one_line(first.body)}"
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
                + (f"the answer says {said}", *written_by(case, first)),
                confirm=f"curl -sv -X {quote(first.check.method)} {quote(first.check.url)}",
                subject={"service": service},
            )
        )
    return found
