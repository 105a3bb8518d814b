# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes from inside containers: names, ports, HTTP and echoes, all at once, from one thread at home.

Nothing runs in the containers and no packet goes where the application itself would not send it::

    with Prober() as prober:
        probes = prober.run([NameJob("shop-web-1", 4711, "db"), TcpJob("shop-web-1", 4711, "db", 5432)])
"""

from __future__ import annotations

import os
import resource
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any

from .._core.model import Layer, Outcome, Probe
from .netns import Namespace, NamespaceError
from .probing.jobs import HttpJob, Job, NameJob, PingJob, TcpJob
from .probing.loop import Loop, Room, Steps
from .probing.names import Questions, Resolver, read_libc_files
from .probing.neighbours import NeighbourGuard, TableUse, table_use
from .probing.probes import Limits, Probes

__all__ = ["HttpJob", "Job", "NameJob", "PingJob", "Prober", "TableUse", "TcpJob", "table_use"]

# A job that has waited so long for an answer makes room for the next one: a dead server then costs its timeout once,
# however many jobs ask it, and a live one is never flooded.
_PATIENCE_S = 0.05
_ALL_IN_FLIGHT = 256
_DESCRIPTORS = 8192
_LEAST_SOCKETS = 16
_SPARE_DESCRIPTORS = 64


class Prober:
    """Runs jobs. Inside its ``with`` block the process may have as many open sockets as its hard limit allows."""

    def __enter__(self) -> Prober:
        self._limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        soft, hard = self._limits
        most = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
        if soft < most:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        return self

    def __exit__(self, *_exc: object) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, self._limits)

    def run(
        self, jobs: Sequence[Job], timeout_s: float = 1.0, attempts: int = 2, max_in_flight: int = 64
    ) -> list[Probe]:
        """One probe for each job, in the order of the jobs; equal jobs are run once.

        A name, a connection or an echo is given up after ``attempts`` times ``timeout_s``; an HTTP answer is waited for
        once. ``max_in_flight`` bounds what is asked at the same time from one container.
        """
        run = _Run(timeout_s, max(1, attempts), max(1, max_in_flight))
        try:
            found = run.all(list(dict.fromkeys(jobs)))
        finally:
            run.close()
        return [found[job] for job in jobs]


class _Queue:
    """The jobs of one container that have not begun, and how many that have begun count as in flight."""

    def __init__(self) -> None:
        self.jobs: deque[Job] = deque()
        self.in_flight = 0


class _Slot:
    """One place in flight; given back once, at the end of the job or when it has waited too long."""

    def __init__(self, queue: _Queue, since: float) -> None:
        self.queue = queue
        self.since = since
        self.taken = True


class _Run:
    def __init__(self, timeout_s: float, attempts: int, max_in_flight: int) -> None:
        self._max_in_flight = max_in_flight
        self._loop = Loop()
        self._limits = Limits(self._loop, timeout_s, attempts, Room(self._loop, _LEAST_SOCKETS))
        self._namespaces: dict[int, Namespace] = {}
        self._questions: dict[Any, Questions] = {}
        self._probes: dict[int, Probes] = {}
        self._guard: NeighbourGuard | None = None
        self._found: dict[Job, Probe] = {}
        self._slots: deque[_Slot] = deque()
        self._in_flight = 0

    def all(self, jobs: Sequence[Job]) -> dict[Job, Probe]:
        unreachable = self._open({job.pid for job in jobs})
        if any(not isinstance(job, NameJob) for job in jobs):
            self._guard = NeighbourGuard(self._loop, self._namespaces.values())
        self._limits.sockets.give(max(0, _free_descriptors() - len(self._namespaces) - _LEAST_SOCKETS))
        for pid, namespace in self._namespaces.items():
            resolver = Resolver(partial(read_libc_files, pid), self._questions[namespace.key])
            self._probes[pid] = Probes(namespace, resolver, self._limits, self._guard)
        queues: dict[int, _Queue] = {}
        for job in jobs:
            if job.pid in unreachable:
                self._found[job] = unknown(job, unreachable[job.pid])
            else:
                queues.setdefault(job.pid, _Queue()).jobs.append(job)
        self._work(deque(queues.values()))
        return self._found

    def close(self) -> None:
        if self._guard is not None:
            self._guard.close()
        for questions in self._questions.values():
            questions.close()
        for namespace in self._namespaces.values():
            namespace.close()
        self._loop.close()

    def _open(self, pids: set[int]) -> dict[int, str]:
        """Opens their namespaces; for those that cannot be opened, the reason."""
        unreachable = {}
        for pid in sorted(pids):
            try:
                namespace = Namespace(pid)
            except NamespaceError as exc:
                unreachable[pid] = exc.message
                continue
            self._namespaces[pid] = namespace
            if namespace.key not in self._questions:
                limits = self._limits
                self._questions[namespace.key] = Questions(self._loop, namespace, limits.timeout_s, limits.attempts)
        return unreachable

    def _work(self, queues: deque[_Queue]) -> None:
        while queues or self._loop.alive:
            while self._slots and self._slots[0].since + _PATIENCE_S <= self._loop.now:
                self._free(self._slots.popleft())
            self._admit(queues)
            until = self._slots[0].since + _PATIENCE_S if queues and self._slots else self._loop.now + 60
            self._loop.round(until)

    def _admit(self, queues: deque[_Queue]) -> None:
        for _unused in range(len(queues)):
            queue = queues.popleft()
            while queue.jobs and queue.in_flight < self._max_in_flight and self._in_flight < _ALL_IN_FLIGHT:
                self._begin(queue)
            if queue.jobs:
                queues.append(queue)

    def _begin(self, queue: _Queue) -> None:
        slot = _Slot(queue, self._loop.now)
        queue.in_flight += 1
        self._in_flight += 1
        self._slots.append(slot)
        self._loop.spawn(self._one(queue.jobs.popleft(), slot))

    def _one(self, job: Job, slot: _Slot) -> Steps:
        self._found[job] = yield from self._probes[job.pid].probe(job)
        self._free(slot)

    def _free(self, slot: _Slot) -> None:
        if slot.taken:
            slot.taken = False
            slot.queue.in_flight -= 1
            self._in_flight -= 1


def unknown(job: Job, reason: str) -> Probe:
    """The probe of a job that could not be run."""
    if isinstance(job, HttpJob):
        return Probe(job.container, Layer.PROTOCOL, job.url, Outcome.UNKNOWN, error=reason)
    if isinstance(job, TcpJob):
        return Probe(job.container, Layer.PORT, job.host, Outcome.UNKNOWN, job.port, error=reason)
    layer = Layer.NAME if isinstance(job, NameJob) else Layer.ADDRESS
    return Probe(job.container, layer, job.host, Outcome.UNKNOWN, error=reason)


def _free_descriptors() -> int:
    try:
        used = len(os.listdir("/proc/self/fd"))
    except OSError:
        used = _SPARE_DESCRIPTORS
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] - used - _SPARE_DESCRIPTORS
