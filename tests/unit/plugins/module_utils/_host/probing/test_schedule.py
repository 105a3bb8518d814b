# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import heapq
from collections import Counter, defaultdict

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Layer, Outcome, Probe
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.jobs import Job, NameJob, TcpJob
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.loop import Future, Loop, Steps
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.schedule import (
    ALL_IN_FLIGHT,
    PATIENCE_S,
    Schedule,
    in_rounds,
)

SILENCE_S = 2.0


class Clock(Loop):
    """A loop whose time passes without anybody waiting: it leaps to the next timer."""

    def round(self, at_most_s: float) -> None:
        if not self._ready:
            leap = max(0.0, min(self._timers[0][0] - self.now, at_most_s) if self._timers else at_most_s)
            self.now += leap
            self.idle_s += leap
        while self._timers and self._timers[0][0] <= self.now:
            heapq.heappop(self._timers)[2]()
        for _unused in range(len(self._ready)):
            self._step(*self._ready.popleft())


class Probing:
    """Jobs that take as long as their host says; when each began, and how many were under way at most."""

    def __init__(self, took_s: dict[str, float], max_in_flight: int = 64) -> None:
        self.loop = Clock()
        self.began = self.loop.now
        self.took_s = took_s
        self.max_in_flight = max_in_flight
        self.at: dict[Job, float] = {}
        self.under_way: Counter[int] = Counter()
        self.most: Counter[int] = Counter()
        self.most_of_all = 0

    def probe(self, job: Job) -> Steps:
        self.at[job] = self.loop.now - self.began
        self.under_way[job.pid] += 1
        self.most[job.pid] = max(self.most[job.pid], self.under_way[job.pid])
        self.most_of_all = max(self.most_of_all, sum(self.under_way.values()))
        future = Future()
        self.loop.at(self.loop.now + self.took_s[job.host], lambda: future.settle(None, self.loop))
        yield future
        self.under_way[job.pid] -= 1
        error = "timeout" if self.took_s[job.host] == SILENCE_S else ""
        return Probe(job.container, Layer.NAME, job.host, Outcome.FAILED if error else Outcome.OK, error=error)

    def run(self, jobs: list[Job]) -> float:
        """How long it took."""
        found = Schedule(self.loop, self.max_in_flight, defaultdict(lambda: self)).run(jobs)  # type: ignore[arg-type]
        self.loop.close()
        assert found.keys() == set(jobs)
        return self.loop.now - self.began


def mesh(count: int, kind: type = NameJob, host: str = "svc{}") -> list[Job]:
    more = (80,) if kind is TcpJob else ()
    return [kind(f"c{a}", a + 1, host.format(b), *more) for a in range(count) for b in range(count) if a != b]


@pytest.mark.parametrize("count", [2, 10, 100])
def test_silence_everywhere_costs_its_timeout_once_however_many_pairs(count: int) -> None:
    probing = Probing({f"svc{i}": SILENCE_S for i in range(count)})
    took_s = probing.run(mesh(count))
    assert max(probing.at.values()) <= PATIENCE_S + 1e-6
    assert took_s <= SILENCE_S + PATIENCE_S + 1e-6


def test_one_silent_container_keeps_nobody_waiting() -> None:
    probing = Probing({"well": 0.001, "dead": SILENCE_S, **{f"dead{i}": SILENCE_S for i in range(400)}})
    jobs: list[Job] = [NameJob("c0", 1, f"dead{i}") for i in range(400)]
    jobs += [NameJob(f"c{i}", i, "well") for i in range(2, 50)]
    probing.run(jobs)
    assert max(probing.at[job] for job in jobs if job.pid != 1) <= PATIENCE_S


def test_who_answers_is_never_asked_for_more_than_is_allowed() -> None:
    probing = Probing({f"svc{i}": 0.04 for i in range(100)}, max_in_flight=2)
    probing.run(mesh(100))
    assert set(probing.most.values()) == {2}
    assert probing.most_of_all == 200
    probing = Probing({f"svc{i}": 0.04 for i in range(100)})
    probing.run(mesh(100))
    assert probing.most_of_all == ALL_IN_FLIGHT


def test_servers_that_become_slow_are_not_flooded() -> None:
    probing = Probing({f"svc{i}": 0.03 for i in range(100)})
    probing.loop.at(probing.loop.now + 0.2, lambda: probing.took_s.update({f"svc{i}": 0.09 for i in range(100)}))
    probing.run(mesh(100))
    assert probing.most_of_all <= 2 * ALL_IN_FLIGHT


def test_both_directions_of_a_pair_come_in_the_same_round() -> None:
    jobs = in_rounds(mesh(10, TcpJob))
    place = {(job.container[1:], job.host[3:]): number for number, job in enumerate(jobs)}
    assert all(abs(place[a, b] - place[b, a]) < 10 for a, b in place)


def test_no_container_is_asked_by_two_in_the_same_round() -> None:
    jobs = in_rounds(mesh(9))
    for number in range(9):
        asked = [job.host for job in jobs[number * 8 : number * 8 + 8]]
        assert len(set(asked)) == len(asked)


def test_a_name_and_its_port_are_probed_together() -> None:
    jobs = in_rounds([*mesh(10), *mesh(10, TcpJob)])
    place = {(type(job), job.pid, job.host): number for number, job in enumerate(jobs)}
    assert all(abs(place[NameJob, j.pid, j.host] - place[TcpJob, j.pid, j.host]) < 20 for j in jobs)
