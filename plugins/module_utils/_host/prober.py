# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes from inside containers: names, ports, HTTP and echoes, all at once, from one thread at home.

Nothing runs in the containers and no packet goes where the application itself would not send it::

    with Prober() as prober:
        probes = prober.run([NameJob("shop-web-1", 4711, "db"), TcpJob("shop-web-1", 4711, "db", 5432)])
"""

from __future__ import annotations

import gc
import os
import resource
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from .._core.model import Layer, Outcome, Probe
from .netns import Namespace, NamespaceError
from .probing.guard import NeighbourGuard
from .probing.jobs import HttpJob, Job, NameJob, PingJob, TcpJob
from .probing.loop import Loop, Room
from .probing.names import Resolver, read_libc_files
from .probing.neighbours import TableUse, table_use
from .probing.probes import Limits, Probes
from .probing.questions import Questions
from .probing.schedule import Schedule

__all__ = ["HttpJob", "Job", "NameJob", "PingJob", "Prober", "TableUse", "TcpJob", "table_use"]

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
        with _no_collection():
            try:
                found = run.all(dict.fromkeys(jobs))
            finally:
                run.close()
        return [found[job] for job in jobs]


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keeps the garbage collector off: a run makes no reference cycles, and looking for them takes a third of it."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Run:
    def __init__(self, timeout_s: float, attempts: int, max_in_flight: int) -> None:
        self._loop = Loop()
        self._limits = Limits(self._loop, timeout_s, attempts, Room(self._loop, _LEAST_SOCKETS))
        self._max_in_flight = max_in_flight
        self._namespaces: dict[int, Namespace] = {}
        self._questions: dict[Any, Questions] = {}
        self._probes: dict[int, Probes] = {}
        self._guard: NeighbourGuard | None = None

    def all(self, jobs: Collection[Job]) -> dict[Job, Probe]:
        unreachable = self._open({job.pid for job in jobs})
        limits = self._limits
        limits.sockets.give(max(0, _free_descriptors() - 2 * len(self._namespaces) - _LEAST_SOCKETS))
        self._guard = guard = NeighbourGuard(self._loop, self._namespaces.values())
        for pid, namespace in self._namespaces.items():
            if namespace.key not in self._questions:
                questions = Questions(self._loop, namespace, guard, limits.timeout_s, limits.attempts)
                self._questions[namespace.key] = questions
            resolver = Resolver(partial(read_libc_files, pid), self._questions[namespace.key])
            self._probes[pid] = Probes(namespace, resolver, limits, guard)
        found = {job: unknown(job, unreachable[job.pid]) for job in jobs if job.pid in unreachable}
        schedule = Schedule(self._loop, self._max_in_flight, self._probes)
        found.update(schedule.run(job for job in jobs if job.pid not in unreachable))
        return found

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
                self._namespaces[pid] = Namespace(pid)
            except NamespaceError as exc:
                unreachable[pid] = exc.message
        return unreachable


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
