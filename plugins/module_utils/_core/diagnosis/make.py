# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One way to make a finding: the registry gives what belongs to its kind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from shlex import quote
from typing import Any, Optional

from ..model import Confidence, Container, Finding, LogEvent, Severity, Walk
from .case import Case
from .registry import KINDS


def finding(
    code: str,
    confidence: Confidence,
    summary: str,
    breaks: Iterable[str],
    evidence: Iterable[str] = (),
    confirm: str = "",
    advice: str = "",
    subject: Optional[Mapping[str, Any]] = None,
    mendable: bool = True,
    severity: Optional[Severity] = None,
) -> Finding:
    """A finding of a registered kind. ``mendable`` False keeps the kind's remediations away: advice only.

    ``severity`` is the kind's where none is given.
    """
    kind = KINDS[code]
    return Finding(
        code=code,
        severity=severity or kind.severity,
        confidence=confidence,
        summary=summary,
        breaks=tuple(dict.fromkeys(breaks)),
        evidence=tuple(dict.fromkeys(evidence)),
        confirm=confirm,
        remediations=kind.remediations if mendable else (),
        advice=advice or kind.why_none,
        subject=dict(subject or {}),
    )


def log_evidence(case: Case, service: str, hosts: Iterable[str]) -> tuple[str, ...]:
    """What the service's own log says about those hosts or addresses: one line each, with its time."""
    wanted = {h.lower() for h in hosts if h}
    found = []
    for event in case.snapshot.log_events:
        if event.service == service and (event.host.lower() in wanted or event.address in wanted):
            found.append(log_line(event))
    return tuple(found[:2])


def log_line(event: LogEvent) -> str:
    """One log event as evidence."""
    times = f" ({event.count} times)" if event.count > 1 else ""
    return f"log of {event.service} at {event.time[:19] or '?'}{times}: {event.line}"


def probe_lines(case: Case, walks: Sequence[Walk]) -> list[str]:
    """What the first names resolved to from inside their consumers: one line each."""
    lines = []
    for walk in walks[:3]:
        probe = case.name_probe(walk.container, walk.dependency.host)
        if probe:
            lines.append(
                f"from inside {walk.dependency.consumer}: '{walk.dependency.host}' is {probe.error or 'unknown'} (asked {probe.via or '?'})"
            )
    return lines


def listed(names: Iterable[str]) -> str:
    """The names as a sentence has them: ``'a', 'b' and 'c'``."""
    quoted = [f"'{n}'" for n in names]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted) or "nobody"


def compose_command(case: Case, words: str) -> str:
    """A command of Compose for the project that works in any folder."""
    files = "".join(f" -f {quote(f)}" for f in case.snapshot.config_files)
    return f"docker compose -p {case.snapshot.project}{files} {words}"


def last_words(case: Case, container: Container) -> tuple[str, ...]:
    """What the container's log ended with, one line; empty where it did not end or said nothing."""
    events = [e for e in case.snapshot.log_events if e.container == container.name and e.kind == "end"]
    return tuple(f"log of {container.service} ended at {e.time[:19] or '?'} with: {e.line}" for e in events)


def getent(container: Container, host: str) -> str:
    """The command that resolves a name as the application in that container does."""
    return f"docker exec {container.name} getent hosts {host}"
