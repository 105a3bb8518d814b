# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thread, one epoll: generators that yield what they wait for, each with its deadline.

A generator yields

- ``Ready(fd, mask, deadline)``: continues with True once the descriptor is ready, with False at the deadline;
- ``Until(future, deadline)``: continues with True once the future is settled, with False at the deadline;
- a ``Future`` (a ``Task`` is one): continues with its value.

asyncio does the same with more machinery: importing it alone costs more than a whole probe of a small project.
"""

from __future__ import annotations

import heapq
import select
import time
from collections import deque
from collections.abc import Generator
from typing import Any, Callable, NamedTuple

READ = select.EPOLLIN
WRITE = select.EPOLLOUT

Steps = Generator[Any, Any, Any]


class Ready(NamedTuple):
    """Wait for a descriptor."""

    fd: int
    mask: int
    deadline: float


class Until(NamedTuple):
    """Wait for a future, but not for ever."""

    future: Future
    deadline: float


class Future:
    """A value that will be known later. Settled once; later values are ignored."""

    __slots__ = ("settled", "value", "waiting")

    def __init__(self) -> None:
        self.settled = False
        self.value: Any = None
        self.waiting: list[tuple[Task, int, Any]] = []

    def settle(self, value: Any, loop: Loop) -> None:
        """Makes the value known and lets those who wait continue."""
        if self.settled:
            return
        self.settled, self.value = True, value
        for task, turn, answer in self.waiting:
            loop.wake(task, turn, value if answer is None else answer)
        self.waiting = []


class Task(Future):
    """One running generator; its value is what the generator returns."""

    __slots__ = ("steps", "turn", "fd")

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self.steps = steps
        self.turn = 0
        self.fd = -1


def _nothing() -> Steps:
    return
    yield


# what a task that has ended holds instead of its generator, so that the generator's memory is free
_ENDED = _nothing()


class Loop:
    """Runs tasks until there are none left."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Task, int]] = []
        self._ready: deque[tuple[Task, int, Any]] = deque()
        self._serial = 0
        self.now = time.monotonic()
        self.alive = 0

    def spawn(self, steps: Steps) -> Task:
        """Starts a generator; it takes its first step in the loop's next round."""
        task = Task(steps)
        self.alive += 1
        self._ready.append((task, 0, None))
        return task

    def wake(self, task: Task, turn: int, value: Any) -> None:
        """Continues a task, unless something else has continued it since that turn."""
        if task.turn == turn:
            task.turn += 1
            self._ready.append((task, task.turn, value))

    def watch(self, fd: int, readable: Callable[[], None]) -> None:
        """Calls back whenever the descriptor is readable, until unwatch()."""
        self._epoll.register(fd, READ)
        self._watched[fd] = readable

    def unwatch(self, fd: int) -> None:
        """Ends watch(); call it before the descriptor is closed."""
        if self._watched.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def round(self, until: float) -> None:
        """One round: waits, at the longest until that time, then lets everything that can continue do so."""
        self.now = time.monotonic()
        for fd, _mask in self._epoll.poll(self._patience(until)):
            readable = self._watched.get(fd)
            if readable is not None:
                readable()
        self.now = time.monotonic()
        while self._timers and self._timers[0][0] <= self.now:
            _deadline, _serial, task, turn = heapq.heappop(self._timers)
            self.wake(task, turn, False)
        # what becomes ready meanwhile waits for the next round, so that sockets are looked at in between
        for _unused in range(len(self._ready)):
            task, turn, value = self._ready.popleft()
            if task.turn == turn:
                self._step(task, value)

    def close(self) -> None:
        """Gives the loop's descriptor back."""
        self._epoll.close()

    def _patience(self, until: float) -> float:
        if self._ready:
            return 0.0
        # a timer whose task has gone on needs no waking up
        while self._timers and self._timers[0][2].turn != self._timers[0][3]:
            heapq.heappop(self._timers)
        next_timer = self._timers[0][0] if self._timers else until
        return max(0.0, min(next_timer, until) - self.now)

    def _step(self, task: Task, value: Any) -> None:
        if task.fd >= 0:
            self.unwatch(task.fd)
            task.fd = -1
        try:
            wait = task.steps.send(value)
        except StopIteration as stop:
            self.alive -= 1
            task.steps = _ENDED
            task.settle(stop.value, self)
            return
        if isinstance(wait, Ready):
            task.fd = wait.fd
            turn = task.turn
            self._epoll.register(wait.fd, wait.mask)
            self._watched[wait.fd] = lambda: self.wake(task, turn, True)
            self._timer(wait.deadline, task)
        elif isinstance(wait, Until):
            self._join(task, wait.future, True)
            self._timer(wait.deadline, task)
        else:
            self._join(task, wait, None)

    def _join(self, task: Task, future: Future, answer: bool | None) -> None:
        if future.settled:
            self.wake(task, task.turn, future.value if answer is None else answer)
        else:
            future.waiting.append((task, task.turn, answer))

    def _timer(self, deadline: float, task: Task) -> None:
        self._serial += 1
        heapq.heappush(self._timers, (deadline, self._serial, task, task.turn))


class Room:
    """So many units that tasks take and give back; those that find too few wait in line."""

    def __init__(self, loop: Loop, units: int) -> None:
        self._loop = loop
        self._free = units
        self._line: deque[tuple[int, Future]] = deque()

    def take(self, units: int = 1) -> Steps:
        """Takes units, after waiting in line where there are too few."""
        if not self._line and self._free >= units:
            self._free -= units
            return
        turn = Future()
        self._line.append((units, turn))
        yield turn

    def give(self, units: int = 1) -> None:
        """Gives units back and lets those in line have them."""
        self._free += units
        while self._line and self._free >= self._line[0][0]:
            taken, turn = self._line.popleft()
            self._free -= taken
            turn.settle(None, self._loop)
