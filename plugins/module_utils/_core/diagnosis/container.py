# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 1: does the provider run at all?"""

from __future__ import annotations

from ..model import Confidence, Container, Finding, Layer
from .case import Case
from .make import compose_command, finding, last_words


def provider_not_running(case: Case) -> list[Finding]:
    """A provider that stopped, or cannot run: one finding for each provider."""
    broken: dict[str, list[str]] = {}
    for walk in case.open_walks(Layer.CONTAINER):
        service = case.provider(walk.dependency)
        if not service or any(c.running for c in case.containers_of(service)):
            service = walk.dependency.consumer
        names = broken.setdefault(service, [])
        # a consumer that only waits for the provider is broken by it as well, but says nothing new
        if walk.dependency.name not in names:
            names.append(walk.dependency.name)
    return [_finding(case, service, tuple(breaks)) for service, breaks in broken.items()]


def _finding(case: Case, service: str, breaks: tuple[str, ...]) -> Finding:
    containers = case.containers_of(service)
    if not containers:
        return finding(
            "container.not_running",
            Confidence.CERTAIN,
            f"Service '{service}' has no container",
            breaks,
            evidence=(f"the configuration names '{service}', the engine has no container for it",),
            confirm=compose_command(case, f"ps --all {service}"),
            advice=f"Create it: docker compose -p {case.snapshot.project} up -d {service}",
            subject={"service": service},
        )
    stopped = [c for c in containers if not c.running]
    evidence = (*(_tell(c) for c in stopped), *(line for c in stopped[:2] for line in last_words(case, c)))
    confirm = (
        f"docker inspect -f '{{{{.State.Status}}}} {{{{.State.ExitCode}}}} {{{{.State.Error}}}}' {stopped[0].name}"
    )
    if all(_can_be_started(c) for c in stopped):
        return finding(
            "container.dependency_exited",
            Confidence.CERTAIN,
            f"Service '{service}' is not running ({stopped[0].state}, exit code {stopped[0].exit_code})",
            breaks,
            evidence=evidence,
            confirm=confirm,
            advice=f"Read why it stopped: docker logs --tail 50 {stopped[0].name}",
            subject={"service": service, "containers": [c.name for c in stopped]},
        )
    return finding(
        "container.not_running",
        Confidence.CERTAIN,
        f"Service '{service}' cannot run ({stopped[0].state})",
        breaks,
        evidence=evidence,
        confirm=confirm,
        advice=f"Read its log and mend the program or its configuration: docker logs --tail 50 {stopped[0].name}",
        subject={"service": service},
    )


def _can_be_started(container: Container) -> bool:
    return container.state == "exited" and not container.error and not container.oom_killed


def _tell(container: Container) -> str:
    parts = [f"container {container.name}: {container.state}, exit code {container.exit_code}"]
    if container.finished_at and not container.finished_at.startswith("0001"):
        parts.append(f"stopped at {container.finished_at[:19]}Z")
    if container.oom_killed:
        parts.append("killed for memory")
    if container.restart_count:
        parts.append(f"restarted {container.restart_count} times")
    if container.error:
        parts.append(container.error)
    return ", ".join(parts)
