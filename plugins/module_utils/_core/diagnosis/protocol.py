# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 6: the packets arrive, and the answer is wrong. What is a symptom of something else, and what is left over?

The causes that are known have files of their own: gateways.py, nginx.py, proxies.py.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from ..model import CheckResult, Confidence, Finding, Layer, Walk
from .answers import checked_service, one_line, written_by
from .case import Case
from .make import finding


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
                confirm=f"curl -sv -X {first.check.method} {first.check.url}",
                subject={"service": service},
            )
        )
    return found
