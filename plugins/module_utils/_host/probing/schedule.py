# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When which job begins: many at once, so that a silence costs its timeout once; never so many that it is a flood."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from ..._core.model import Probe
from .jobs import HttpJob, Job
from .loop import Loop, Steps
from .probes import SILENT, Probes

ALL_IN_FLIGHT = 256
# A job for which the loop has idly waited for so long makes room for the next one; at least twice as long as jobs are
# waited for at present, so that servers which are slow altogether are not asked for more.
PATIENCE_S = 0.05
_PATIENCE = 2
_SMOOTHING = 16
# Of a container from which nothing comes, so many times as many jobs may be under way.
_IF_SILENT = 2
_AGES_S = 60.0


class Queue:
    """The jobs of one container that have not begun, how many others take up a place, and when it last answered."""

    __slots__ = ("jobs", "in_flight", "heard")

    def __init__(self) -> None:
        self.jobs: deque[Job] = deque()
        self.in_flight = 0
        self.heard = float("-inf")


class Place:
    """One place in flight; given back once, at the end of the job or when it has waited too long."""

    __slots__ = ("queue", "since", "taken", "shared")

    def __init__(self, queue: Queue, since: float, shared: int) -> None:
        self.queue = queue
        self.since = since
        self.taken = True
        self.shared = shared


class Schedule:
    """Runs jobs, at most ``max_in_flight`` of one container at the same time; ``probes`` are those of each process."""

    def __init__(self, loop: Loop, max_in_flight: int, probes: Mapping[int, Probes]) -> None:
        self._loop = loop
        self._max_in_flight = max_in_flight
        self._probes = probes
        self._queues: deque[Queue] = deque()
        self._places: deque[Place] = deque()
        self._in_flight = 0
        self._typical_s = 0.0
        self._found: dict[Job, Probe] = {}

    def run(self, jobs: Iterable[Job]) -> dict[Job, Probe]:
        """The probe of each job."""
        queues: dict[int, Queue] = {}
        for job in in_rounds(jobs):
            queues.setdefault(job.pid, Queue()).jobs.append(job)
        self._queues.extend(queues.values())
        while self._queues or self._loop.alive:
            self._expire()
            # in bursts: a server that is awake answers many questions with little more work than one
            if self._in_flight <= ALL_IN_FLIGHT // 2:
                self._admit()
            at_most_s = _AGES_S
            if self._queues and self._places:
                at_most_s = self._places[0].since + self._patience_s - self._loop.idle_s
            self._loop.round(at_most_s)
        return self._found

    @property
    def _patience_s(self) -> float:
        return max(PATIENCE_S, _PATIENCE * self._typical_s)

    def _admit(self) -> None:
        """Begins jobs, one of each container in turn, as far as there is room."""
        full = 0
        while full < len(self._queues) and self._in_flight < ALL_IN_FLIGHT:
            queue = self._queues[0]
            if not queue.jobs:
                self._queues.popleft()
                continue
            self._queues.rotate(-1)
            if queue.in_flight < self._max_in_flight:
                full = 0
                self._begin(queue, 1)
            else:
                full += 1

    def _expire(self) -> None:
        """Takes the places of those that have waited too long.

        Where nothing at all has come from a container meanwhile, nothing can be flooded: more of its jobs begin, without
        waiting for places that all containers share.
        """
        too_old = self._loop.idle_s - self._patience_s
        while self._places and (not self._places[0].taken or self._places[0].since <= too_old):
            place = self._places.popleft()
            if not place.taken:
                continue
            self._free(place)
            queue = place.queue
            while queue.heard < place.since and queue.jobs and queue.in_flight < _IF_SILENT * self._max_in_flight:
                self._begin(queue, 0)

    def _begin(self, queue: Queue, shared: int) -> None:
        place = Place(queue, self._loop.idle_s, shared)
        queue.in_flight += 1
        self._in_flight += shared
        self._places.append(place)
        self._loop.spawn(self._one(queue.jobs.popleft(), place))

    def _one(self, job: Job, place: Place) -> Steps:
        self._found[job] = found = yield from self._probes[job.pid].probe(job)
        if found.error not in SILENT:
            idle_s = self._loop.idle_s
            self._typical_s += (idle_s - place.since - self._typical_s) / _SMOOTHING
            place.queue.heard = idle_s
        if place.taken:
            self._free(place)

    def _free(self, place: Place) -> None:
        place.taken = False
        place.queue.in_flight -= 1
        self._in_flight -= place.shared


def in_rounds(jobs: Iterable[Job]) -> list[Job]:
    """The jobs in the order of a round-robin tournament: in each round, every container meets one other.

    So both directions of a pair come one after the other, while their neighbour entries are still there, and nobody is
    asked by all at once.
    """
    jobs = list(jobs)
    containers = {pid: number for number, pid in enumerate(dict.fromkeys(job.pid for job in jobs))}
    hosts = {host: number for number, host in enumerate(dict.fromkeys(map(_target, jobs)))}
    rounds = max(len(containers), len(hosts))
    return sorted(jobs, key=lambda job: (containers[job.pid] + hosts[_target(job)]) % rounds)


def _target(job: Job) -> str:
    return job.url if isinstance(job, HttpJob) else job.host
