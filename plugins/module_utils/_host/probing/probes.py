# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The probes of one container: each job becomes one generator that returns one model.Probe."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any, Callable

from ..._core.model import Layer, Outcome, Probe
from ..netns import Namespace
from .guard import NeighbourGuard
from .http import Response, encode_request, exchange, parse_url
from .jobs import HttpJob, Job, NameJob, PingJob, TcpJob
from .loop import Future, Loop, Room, Steps
from .names import Lookup, Resolver
from .ping import ping
from .streams import Stream, StreamError

# With many addresses each gets its share of the timeout, but never so little that a busy host looks dead.
_LEAST_WAIT_S = 0.2
# After a second the kernel asks again for a neighbour that does not answer: a hundred containers that wait for the same one
# would do so in the same moment, and no queue holds so many broadcasts. So a try is over before, and the next one begins.
_KERNEL_ASKS_AGAIN_S = 0.9
# A full neighbour table or a lost packet look the same as nobody there at first.
SILENT = ("timeout", "EHOSTUNREACH")

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

    def __init__(self, namespace: Namespace, resolver: Resolver, limits: Limits, guard: NeighbourGuard) -> None:
        self._namespace = namespace
        self._resolver = resolver
        self._loop = limits.loop
        self._limits = limits
        self._guard = guard
        self._lookups: dict[tuple[str, tuple[str, ...], str], Future] = {}

    def probe(self, job: Job) -> Generator[Any, Any, Probe]:
        """Runs one job."""
        if isinstance(job, NameJob):
            return self._name(job)
        if isinstance(job, TcpJob):
            return self._tcp(job)
        return self._http(job) if isinstance(job, HttpJob) else self._ping(job)

    def _lookup(self, host: str, types: tuple[str, ...], nameserver: str = "") -> Generator[Any, Any, Lookup]:
        """Resolves once for all jobs that name the same host."""
        key = (host, types, nameserver)
        future = self._lookups.get(key)
        if future is None:
            future = self._lookups[key] = Future()
            future.settle((yield from self._resolver.lookup(*key)), self._loop)
        elif not future.settled:
            yield future
        found: Lookup = future.value
        return found

    def _name(self, job: NameJob) -> Generator[Any, Any, Probe]:
        found = yield from self._lookup(job.host, job.types, job.nameserver)
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
            stream, error = Stream(self._namespace, wait_s), ""
            try:
                yield from stream.connect(address, job.port, to_talk=False)
            except StreamError as exc:
                error = exc.code
            finally:
                stream.close()
            return error, _ms_since(stream.began)

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
            stream, error = Stream(self._namespace, wait_s), ""
            try:
                yield from stream.connect(address, url.port)
                stream.deadline = time.monotonic() + (job.timeout_s or self._limits.timeout_s)
                if url.scheme == "https":
                    yield from stream.start_tls(url.host)
                response = yield from exchange(stream, job.method, request, job.longest_body)
            except StreamError as exc:
                error = exc.code
            finally:
                stream.close()
            return error, _ms_since(stream.began)

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
            began = time.monotonic()
            error = yield from ping(self._namespace, address, began + wait_s, job.size)
            return error, _ms_since(began)

        error, took_ms, address = yield from self._first_that_answers(found.answers[:1], talk)
        outcome = Outcome.FAILED if error else Outcome.OK
        return probe(outcome, error=error, answers=(address,), via=self._via, latency_ms=took_ms)

    def _first_that_answers(self, addresses: Sequence[str], talk: Talk) -> Generator[Any, Any, tuple[str, float, str]]:
        """Tries the addresses in order as applications do; those that were silent are tried again.

        Gives the error (empty when one worked), the latency in ms and the address; of several errors the first.
        """
        failures = []
        timeout_s, attempts = self._limits.timeout_s, self._limits.attempts
        in_all_s = attempts * max(min(_LEAST_WAIT_S, timeout_s), timeout_s / len(addresses))
        for address in addresses:
            error, took_ms = "timeout", 0.0
            is_neighbour = self._guard.pair(self._namespace, address) is not None
            tries = max(attempts, ceil(in_all_s / _KERNEL_ASKS_AGAIN_S)) if is_neighbour else attempts
            for _unused in range(tries):
                error, took_ms = yield from self._guarded(address, in_all_s / tries, talk)
                if error not in SILENT:
                    break
            if not error:
                return "", took_ms, address
            failures.append((error, took_ms, address))
        return failures[0]

    def _guarded(self, address: str, wait_s: float, talk: Talk) -> Generator[Any, Any, tuple[str, float]]:
        """One conversation, as soon as there is a descriptor and room in the neighbour table for it."""
        sockets, guard = self._limits.sockets, self._guard
        turn = sockets.take()
        if turn:
            yield turn
        pair = guard.pair(self._namespace, address)
        error, took_ms = "timeout", 0.0
        try:
            turn = guard.enter(pair) if pair else None
            if turn:
                yield turn
            error, took_ms = yield from talk(address, wait_s)
            # the kernel itself says EHOSTUNREACH only after three seconds without a neighbour
            if error == "timeout" and guard.unresolved(self._namespace, address):
                error = "EHOSTUNREACH"
        finally:
            if pair:
                guard.leave(pair, error in SILENT)
            sockets.give()
        return error, took_ms

    @property
    def _via(self) -> str:
        return "netns" if self._namespace.pid else "host"


def _ms_since(began: float) -> float:
    return round((time.monotonic() - began) * 1000.0, 3)


def _accepted(status: int, statuses: Sequence[int]) -> bool:
    return status in statuses if statuses else status < 400
