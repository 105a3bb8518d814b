# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probes of one container: each job becomes one generator that returns one model.Probe."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any, Callable

from ..._core.model import Layer, Outcome, Probe
from ..netns import Namespace
from .http import Response, encode_request, exchange, parse_url
from .jobs import HttpJob, Job, NameJob, PingJob, TcpJob
from .loop import Loop, Room, Steps, Task
from .names import Lookup, Resolver
from .neighbours import NeighbourGuard
from .ping import ping
from .streams import Stream, StreamError

# With many addresses each gets its share of the timeout, but never so little that a busy host looks dead.
_LEAST_WAIT_S = 0.2
# A full neighbour table or a lost packet look the same at first.
_SILENT = ("timeout", "EHOSTUNREACH")

Talk = Callable[[str, float], Steps]


@dataclass(frozen=True)
class Limits:
    """What all probes of a run have in common."""

    loop: Loop
    timeout_s: float
    attempts: int
    sockets: Room


class Probes:
    """Probes from one container, or from the host where the namespace's pid is 0."""

    def __init__(self, namespace: Namespace, resolver: Resolver, limits: Limits, guard: NeighbourGuard | None) -> None:
        self._namespace = namespace
        self._resolver = resolver
        self._loop = limits.loop
        self._limits = limits
        self._guard = guard
        self._lookups: dict[tuple[str, tuple[str, ...], str], Task] = {}

    def probe(self, job: Job) -> Generator[Any, Any, Probe]:
        """Runs one job."""
        if isinstance(job, NameJob):
            found = yield from self._lookup(job.host, job.types, job.nameserver)
            return self._of_name(job, found)
        if isinstance(job, TcpJob):
            return (yield from self._tcp(job))
        if isinstance(job, HttpJob):
            return (yield from self._http(job))
        return (yield from self._ping(job))

    def _lookup(self, host: str, types: tuple[str, ...], nameserver: str = "") -> Generator[Any, Any, Lookup]:
        """Resolves once for all jobs that name the same host."""
        key = (host, types, nameserver)
        if key not in self._lookups:
            self._lookups[key] = self._loop.spawn(self._resolver.lookup(*key))
        found: Lookup = yield self._lookups[key]
        return found

    def _of_name(self, job: NameJob, found: Lookup) -> Probe:
        return Probe(
            container=job.container,
            layer=Layer.NAME,
            host=job.host,
            outcome=found.outcome,
            error=found.error,
            answers=found.answers,
            via=found.via,
            nameserver=job.nameserver,
            ttl=found.ttl,
            latency_ms=round(found.latency_ms, 3),
            resolved_name=found.name if found.name != job.host.rstrip(".") else "",
        )

    def _tcp(self, job: TcpJob) -> Generator[Any, Any, Probe]:
        def probe(outcome: Outcome, **more: Any) -> Probe:
            return Probe(job.container, Layer.PORT, job.host, outcome, port=job.port, **more)

        found = yield from self._lookup(job.host, job.types)
        if found.outcome is not Outcome.OK:
            return probe(found.outcome, error=found.error, via=found.via)

        def talk(address: str, wait_s: float) -> Steps:
            stream, error = yield from self._connect(address, job.port, wait_s)
            stream.close()
            return error, self._since(stream.began)

        error, took_ms, address = yield from self._first_that_answers(found.answers, talk)
        outcome = Outcome.FAILED if error else Outcome.OK
        return probe(outcome, error=error, answers=(address,), via=self._via, latency_ms=took_ms)

    def _http(self, job: HttpJob) -> Generator[Any, Any, Probe]:
        try:
            url = parse_url(job.url)
            request = encode_request(job.method, url, job.headers, job.json_body)
        except (ValueError, TypeError) as exc:
            return Probe(job.container, Layer.PROTOCOL, job.url, Outcome.UNKNOWN, error=str(exc))

        def probe(outcome: Outcome, **more: Any) -> Probe:
            return Probe(job.container, Layer.PROTOCOL, url.host, outcome, port=url.port, path=url.target, **more)

        found = yield from self._lookup(job.connect or url.host, job.types)
        if found.outcome is not Outcome.OK:
            return probe(found.outcome, error=found.error, via=found.via)
        response = Response(0, "", "")

        def talk(address: str, wait_s: float) -> Steps:
            nonlocal response
            stream, error = yield from self._connect(address, url.port, wait_s)
            try:
                if not error:
                    stream.deadline = self._loop.now + (job.timeout_s or self._limits.timeout_s)
                    if url.scheme == "https":
                        yield from stream.start_tls(url.host)
                    response = yield from exchange(stream, job.method, request)
            except StreamError as exc:
                error = exc.code
            finally:
                stream.close()
            return error, self._since(stream.began)

        error, took_ms, address = yield from self._first_that_answers(found.answers, talk)
        if response.status and not _accepted(response.status, job.statuses):
            error = f"http_{response.status}"
        return probe(
            Outcome.FAILED if error else Outcome.OK,
            error=error,
            answers=(address,),
            via=self._via,
            latency_ms=took_ms,
            status=response.status,
            server=response.server,
            body=response.body,
        )

    def _ping(self, job: PingJob) -> Generator[Any, Any, Probe]:
        def probe(outcome: Outcome, **more: Any) -> Probe:
            return Probe(job.container, Layer.ADDRESS, job.host, outcome, size=job.size, **more)

        found = yield from self._lookup(job.host, job.types)
        if found.outcome is not Outcome.OK:
            return probe(found.outcome, error=found.error, via=found.via)

        def talk(address: str, wait_s: float) -> Steps:
            began = self._loop.now
            error = yield from ping(self._namespace, self._loop, address, began + wait_s, job.size)
            return error, self._since(began)

        error, took_ms, address = yield from self._first_that_answers(found.answers[:1], talk)
        outcome = Outcome.FAILED if error else Outcome.OK
        return probe(outcome, error=error, answers=(address,), via=self._via, latency_ms=took_ms)

    def _connect(self, address: str, port: int, wait_s: float) -> Generator[Any, Any, tuple[Stream, str]]:
        stream = Stream(self._namespace, self._loop, self._loop.now + wait_s)
        try:
            yield from stream.connect(address, port)
        except StreamError as exc:
            return stream, exc.code
        return stream, ""

    def _first_that_answers(self, addresses: Sequence[str], talk: Talk) -> Generator[Any, Any, tuple[str, float, str]]:
        """Tries the addresses in order as applications do; those that were silent are tried again.

        Gives the error (empty when one worked), the latency in ms and the address; of several errors the first.
        """
        failures = []
        wait_s = max(min(_LEAST_WAIT_S, self._limits.timeout_s), self._limits.timeout_s / len(addresses))
        for address in addresses:
            error, took_ms = "timeout", 0.0
            for _attempt in range(self._limits.attempts):
                error, took_ms = yield from self._guarded(address, wait_s, talk)
                if error not in _SILENT:
                    break
            if not error:
                return "", took_ms, address
            failures.append((error, took_ms, address))
        return failures[0]

    def _guarded(self, address: str, wait_s: float, talk: Talk) -> Generator[Any, Any, tuple[str, float]]:
        yield from self._limits.sockets.take()
        if self._guard is not None:
            yield from self._guard.enter(self._namespace, address)
        try:
            error, took_ms = yield from talk(address, wait_s)
            # the kernel itself says EHOSTUNREACH only after three seconds without a neighbour
            if error == "timeout" and self._guard is not None and self._guard.unresolved(self._namespace, address):
                error = "EHOSTUNREACH"
            return error, took_ms
        finally:
            if self._guard is not None:
                self._guard.leave(self._namespace, address)
            self._limits.sockets.give()

    @property
    def _via(self) -> str:
        return "netns" if self._namespace.pid else "host"

    def _since(self, began: float) -> float:
        return round((self._loop.now - began) * 1000.0, 3)


def _accepted(status: int, statuses: Sequence[int]) -> bool:
    return status in statuses if statuses else status < 400
