# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 1, why a container does not serve: paused, killed for memory, crashing, or never let start.

The state that was seen is one moment's: a container that crashes again and again is found by how often it was
restarted as well, whatever it was doing when it was looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Callable, Optional

from ..model import Confidence, Container, Finding, LogEvent, Outcome
from ..parsing.times import instant, seconds_between
from .case import Case, finished_well
from .make import finding, last_words
from .name import likely_service
from .ways import heard

# the engine itself takes a run of ten seconds for a success, and forgets the crashes before it
# https://docs.docker.com/engine/containers/start-containers-automatically/
STABLE_S = 10
CRASHES = 3
_OWN_WORDS = 160

Explanation = Callable[[Case, Container], Optional[Finding]]


def not_serving(case: Case) -> list[Finding]:
    """One finding for each service with a container whose own state tells why it does not serve."""
    found = []
    for service in case.services():
        containers = case.containers_of(service)
        explained = (e(case, c) for c in containers for e in _EXPLANATIONS)
        one = next((f for f in explained if f is not None), None)
        if one is not None:
            found.append(one)
    return found


def crash_is_a_symptom(case: Case) -> list[Finding]:
    """No finding: what crashes while a service that it calls is down, and is restarted, comes back by itself."""
    for service in case.services():
        crashing = any(_crashing(case, c) for c in case.containers_of(service))
        if not crashing or not _held_up(case, service):
            continue
        for walk in case.open_walks():
            provider = case.provider(walk.dependency)
            if provider == service or (walk.dependency.consumer == service and _runs(case, provider)):
                case.explained.add(walk.dependency.name)
    return []


def unhealthy_but_reached(case: Case) -> list[Finding]:
    """A healthcheck fails, and whoever calls the service reaches it: the check is wrong, or a failure is coming."""
    found = []
    for service in case.services():
        sick = [c for c in case.containers_of(service) if c.running and c.health == "unhealthy"]
        if not sick:
            continue
        calls = [w for w in case.walks if case.provider(w.dependency) == service and w.dependency.kind == "call"]
        if any(w.outcome is not Outcome.OK for w in calls) or _waiting_for(case, service):
            continue
        found.append(
            finding(
                "container.unhealthy_still_in_dns",
                Confidence.CERTAIN,
                f"The healthcheck of '{service}' fails, although its callers reach it",
                [service],
                evidence=(
                    *(_check_says(case, c) for c in sick[:2]),
                    *(f"'{w.dependency.consumer}' reaches {w.dependency.target}: {w.detail}" for w in calls[:2]),
                    heard(sick[0]),
                ),
                confirm=_health_log(sick[0]),
                advice=f"Run the healthcheck by hand in {sick[0].name}. If the service does its work, mend the check; "
                "what waits for it with condition: service_healthy does not start.",
                subject={"service": service, "containers": [c.name for c in sick]},
            )
        )
    return found


def _paused(case: Case, container: Container) -> Optional[Finding]:
    if container.state != "paused":
        return None
    if not any(container.service in (d.consumer, case.provider(d)) for d in case.snapshot.dependencies):
        return None
    return finding(
        "container.dependency_paused",
        Confidence.CERTAIN,
        f"Service '{container.service}' is paused: it accepts connections, and answers nobody",
        _breaks(case, container.service),
        evidence=(
            f"container {container.name}: {container.state}",
            *(f"{r.check.url}: HTTP {r.status or r.error}" for r in case.open_checks()[:2]),
        ),
        confirm=f"docker inspect -f '{{{{.State.Status}}}}' {container.name}",
        advice=f"docker unpause {container.name}",
        subject={"service": container.service, "containers": [container.name]},
    )


def _out_of_memory(case: Case, container: Container) -> Optional[Finding]:
    broken = _open(case, container.service) if container.oom_killed and not container.running else []
    if not broken:
        return None
    limit = _memory_limit(case, container.service)
    return finding(
        "container.dependency_oom_killed",
        Confidence.CERTAIN,
        f"Service '{container.service}' was killed because it used more memory than it may"
        + (f" ({limit})" if limit else ""),
        broken,
        evidence=(
            f"container {container.name}: {container.state}, exit code {container.exit_code}, OOMKilled true, "
            f"stopped at {container.finished_at[:19]}Z",
            *(
                [f"the configuration limits it to {limit}"]
                if limit
                else ["the configuration sets no limit: the host itself ran out"]
            ),
            *_restarts(container),
        ),
        confirm=f"docker inspect -f '{{{{.State.OOMKilled}}}} {{{{.State.ExitCode}}}} {{{{.HostConfig.Memory}}}}' {container.name}",
        advice=f"Raise mem_limit (or deploy.resources.limits.memory) of service '{container.service}', or make its "
        "program need less.",
        subject={"service": container.service, "containers": [container.name]},
    )


def _nginx_without_upstream(case: Case, container: Container) -> Optional[Finding]:
    event = None if container.running else _not_found(case, container)
    if event is None:
        return None
    host = event.host
    provider = case.service_named(host)
    if provider and not _runs(case, provider):
        # that is the cause, and found as such
        return None
    known = any(
        host.lower() in {n.lower() for n in e.dns_names}
        for other in case.snapshot.containers
        if other.running
        for network in case.shared_networks(container, other)
        if (e := other.endpoint(network))
    )
    meant = likely_service(case, host, event.port) if not provider else ""
    if known:
        advice = (
            f"Start it: docker start {container.name}. So that it does not happen again, give it a restart policy or "
            f"depends_on '{provider}' with condition: service_healthy, or use 'resolver 127.0.0.11' and a variable."
        )
    elif provider:
        advice = f"Put '{container.service}' and '{provider}' on a common network, then start '{container.service}'."
    else:
        advice = (
            f"No service is named '{host}'" + (f"; '{meant}' may be meant" if meant else "") + ". Correct it in nginx."
        )
    return finding(
        "container.nginx_host_not_found_at_start",
        Confidence.CERTAIN,
        f"nginx in '{container.service}' did not start, because '{host}' did not resolve at that moment",
        _breaks(case, container.service),
        evidence=(
            f"log of {container.service} at {event.time[:19]}: {event.line}",
            f"container {container.name}: {container.state}, exit code {container.exit_code}, "
            f"stopped at {container.finished_at[:19]}Z",
            f"'{host}' resolves on its network now"
            if known
            else f"nobody on its networks goes by the name '{host}' now",
        ),
        confirm=f"docker logs --tail 5 {container.name}",
        advice=advice,
        subject={"service": container.service, "containers": [container.name], "host": host},
        mendable=known and container.state == "exited",
    )


def _not_found(case: Case, container: Container) -> Optional[LogEvent]:
    """What the last run of a container ended with, where it is nginx that did not find an upstream."""
    began = instant(container.started_at)
    events = [
        e
        for e in case.snapshot.log_events
        if e.container == container.name and e.kind == "start" and e.host and "host not found" in e.line
    ]
    last = events[-1] if events and container.exit_code else None
    said = instant(last.time) if last else None
    return last if last and (began is None or said is None or said >= began) else None


def _blocked_by_healthcheck(case: Case, container: Container) -> Optional[Finding]:
    if container.state != "created" or container.error:
        return None
    waited_for = [
        c
        for s in case.services()
        if container.service in _waiting_for(case, s)
        for c in case.containers_of(s)
        if c.running and c.health == "unhealthy"
    ]
    if not waited_for:
        return None
    sick = waited_for[0]
    return finding(
        "container.depends_on_unhealthy_blocks_gateway",
        Confidence.CERTAIN,
        f"Service '{container.service}' was never started: the healthcheck of '{sick.service}', which it waits for, fails",
        _breaks(case, container.service),
        evidence=(
            f"container {container.name} was created and never started",
            f"depends_on of '{container.service}' wants '{sick.service}' to be healthy",
            _check_says(case, sick),
            heard(sick),
        ),
        confirm=_health_log(sick),
        advice=f"Mend the healthcheck of service '{sick.service}': it runs inside the container, with the programs of "
        f"its image. Until then: docker compose -p {case.snapshot.project} up -d --no-deps {container.service}",
        subject={"service": container.service, "provider": sick.service, "containers": [sick.name]},
    )


def _crash_loop(case: Case, container: Container) -> Optional[Finding]:
    if not _crashing(case, container) or _held_up(case, container.service):
        return None
    ended = container.exit_code or not container.running
    return finding(
        "container.dependency_crash_loop",
        Confidence.CERTAIN if container.restart_count >= CRASHES else Confidence.LIKELY,
        f"Service '{container.service}' ends again and again: restarted {container.restart_count} times"
        + (f", exit code {container.exit_code}" if ended else ""),
        _breaks(case, container.service),
        evidence=(
            f"container {container.name}: {container.state}, restarted {container.restart_count} times, "
            f"last end at {container.finished_at[:19]}Z, last start at {container.started_at[:19]}Z",
            *last_words(case, container),
        ),
        confirm=f"docker inspect -f '{{{{.State.Status}}}} {{{{.RestartCount}}}} {{{{.State.ExitCode}}}}' {container.name}",
        advice=f"Read why it ends: docker logs --tail 50 {container.name}"
        + (
            ". It ends without an error: is it a job, which needs no restart policy?"
            if ended and not container.exit_code
            else ""
        ),
        subject={"service": container.service, "containers": [container.name]},
    )


_EXPLANATIONS: tuple[Explanation, ...] = (
    _paused,
    _nginx_without_upstream,
    _blocked_by_healthcheck,
    _out_of_memory,
    _crash_loop,
)


def _crashing(case: Case, container: Container) -> bool:
    """Whether the engine restarts it, or did so several times and it does not run for long yet."""
    age = seconds_between(container.started_at, case.snapshot.taken_at)
    fresh = container.running and age is not None and age < STABLE_S
    return container.state == "restarting" or (fresh and container.restart_count >= CRASHES)


def _held_up(case: Case, service: str) -> bool:
    """Whether something that the service needs, and that does not need the service in turn, is down: that is why."""
    needed = case.downstream(service) - {service}
    down = (
        s
        for s in needed
        if (not _runs(case, s) and not finished_well(case.containers_of(s)))
        or any(_crashing(case, c) for c in case.containers_of(s))
    )
    return any(service not in case.downstream(s) for s in down)


def _runs(case: Case, service: str) -> bool:
    return any(c.running for c in case.containers_of(service))


def _open(case: Case, service: str) -> list[str]:
    """Names of open failed walks from the service and to it."""
    return [
        w.dependency.name for w in case.open_walks() if service in (w.dependency.consumer, case.provider(w.dependency))
    ]


def _breaks(case: Case, service: str) -> list[str]:
    """The same; where none fails at the moment, what calls it, and where nothing does, itself."""
    calls = [w.dependency.name for w in case.walks if case.provider(w.dependency) == service]
    return _open(case, service) or calls or [service]


def _waiting_for(case: Case, service: str) -> set[str]:
    """Services that are not started until this one is healthy."""
    configured: dict[str, Any] = case.snapshot.config.get("services") or {}
    return {
        name
        for name, config in configured.items()
        if (((config or {}).get("depends_on") or {}).get(service) or {}).get("condition") == "service_healthy"
        and any(c.state == "created" for c in case.containers_of(name))
    }


def _check_says(case: Case, container: Container) -> str:
    config = ((case.snapshot.config.get("services") or {}).get(container.service) or {}).get("healthcheck") or {}
    test = config.get("test") or []
    command = " ".join(str(w) for w in test[1:]) if isinstance(test, (list, tuple)) else str(test)
    said = " ".join(container.health_output.split())[:_OWN_WORDS]
    return f"healthcheck of {container.name} ({command or 'of its image'}) is {container.health}: {said or 'no output'}"


def _health_log(container: Container) -> str:
    return f"docker inspect -f '{{{{json .State.Health}}}}' {container.name}"


def _memory_limit(case: Case, service: str) -> str:
    config = (case.snapshot.config.get("services") or {}).get(service) or {}
    limits = ((config.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    size = str(config.get("mem_limit") or limits.get("memory") or "")
    return f"{int(size) / 1048576:g} MiB" if size.isdigit() else size


def _restarts(container: Container) -> Iterable[str]:
    return [f"it was restarted {container.restart_count} times"] if container.restart_count else []
