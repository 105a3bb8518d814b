# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thread, one epoll: generators that yield what they wait for.

A generator yields

- a ``Future`` (a ``Task`` is one): continues with its value;
- ``Ready(fd, mask, deadline)``: continues with True once the descriptor is ready, with False at the deadline.

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

# Tasks that continue before the sockets are looked at again: an answer is then read when it comes, and the next
# question is on its way while other tasks make their connections.
_STEPS = 16

Steps = Generator[Any, Any, Any]


class Ready(NamedTuple):
    """Wait for a descriptor."""

    fd: int
    mask: int
    deadline: float


class Future:
    """A value that will be known later. Settled once; later values are ignored."""

    __slots__ = ("settled", "value", "waiting")

    def __init__(self) -> None:
        self.settled = False
        self.value: Any = None
        self.waiting: list[Task] = []

    def settle(self, value: Any, loop: Loop) -> None:
        """Makes the value known and lets those who wait continue."""
        if self.settled:
            return
        self.settled, self.value = True, value
        for task in self.waiting:
            loop.wake(task, value)
        self.waiting.clear()


class Task(Future):
    """One running generator; its value is what the generator returns."""

    __slots__ = ("steps",)

    def __init__(self, steps: Steps) -> None:
        super().__init__()
        self.steps = steps


def _nothing() -> Steps:
    return
    yield


# what a task that has ended holds instead of its generator, so that the generator's memory is free
_ENDED = _nothing()


class Loop:
    """Runs tasks until there are none left.

    ``now`` is the time of the present round on the monotonic clock, ``idle_s`` how long in all there was nothing to do
    but wait.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._watched: dict[int, Callable[[], None]] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._ready: deque[tuple[Task, Any]] = deque()
        self._serial = 0
        self.now = time.monotonic()
        self.idle_s = 0.0
        self.alive = 0

    def spawn(self, steps: Steps) -> Task:
        """Starts a generator; it takes its first step in one of the next rounds."""
        task = Task(steps)
        self.alive += 1
        self._ready.append((task, None))
        return task

    def wake(self, task: Task, value: Any) -> None:
        """Continues a task with that value in one of the next rounds."""
        self._ready.append((task, value))

    def at(self, deadline: float, call: Callable[[], None]) -> None:
        """Calls then, if the loop still runs; what is no longer wanted must do nothing by itself."""
        self._serial += 1
        heapq.heappush(self._timers, (deadline, self._serial, call))

    def watch(self, fd: int, call: Callable[[], None], mask: int = READ) -> None:
        """Calls back whenever the descriptor is ready, until unwatch()."""
        self._epoll.register(fd, mask)
        self._watched[fd] = call

    def unwatch(self, fd: int) -> None:
        """Ends watch(); call it before the descriptor is closed."""
        if self._watched.pop(fd, None) is not None:
            self._epoll.unregister(fd)

    def round(self, at_most_s: float) -> None:
        """One round: waits, at the longest so many seconds, then lets some of what can continue do so."""
        began = time.monotonic()
        wait_s = self._wait_s(began, at_most_s)
        events = self._epoll.poll(wait_s)
        self.now = time.monotonic()
        if wait_s:
            self.idle_s += self.now - began
        for fd, _mask in events:
            # what was called before may have ended this watch
            call = self._watched.get(fd)
            if call is not None:
                call()
        while self._timers and self._timers[0][0] <= self.now:
            heapq.heappop(self._timers)[2]()
        for _unused in range(min(_STEPS, len(self._ready))):
            self._step(*self._ready.popleft())

    def close(self) -> None:
        """Gives the loop's descriptor back and forgets what has not been called."""
        self._epoll.close()
        self._timers.clear()

    def _wait_s(self, now: float, at_most_s: float) -> float:
        if self._ready:
            return 0.0
        return max(0.0, min(self._timers[0][0] - now, at_most_s) if self._timers else at_most_s)

    def _step(self, task: Task, value: Any) -> None:
        try:
            wait = task.steps.send(value)
        except StopIteration as stop:
            self.alive -= 1
            task.steps = _ENDED
            task.settle(stop.value, self)
            return
        future = self._when_ready(wait) if isinstance(wait, Ready) else wait
        if future.settled:
            self.wake(task, future.value)
        else:
            future.waiting.append(task)

    def _when_ready(self, wait: Ready) -> Future:
        future = Future()

        def settle(ready: bool) -> None:
            if not future.settled:
                self.unwatch(wait.fd)
                future.settle(ready, self)

        self.watch(wait.fd, lambda: settle(True), wait.mask)
        self.at(wait.deadline, lambda: settle(False))
        return future


class Room:
    """So many units that tasks take and give back; those that find too few wait in line."""

    def __init__(self, loop: Loop, units: int) -> None:
        self._loop = loop
        self._free = units
        self._line: deque[Future] = deque()

    @property
    def full(self) -> bool:
        """Whether the next one would have to wait."""
        return self._free <= 0

    @property
    def wanted(self) -> bool:
        """Whether somebody waits."""
        return bool(self._line)

    def take(self) -> Future | None:
        """Takes a unit, None where there is one; otherwise what to wait for until there is."""
        if self._free > 0:
            self._free -= 1
            return None
        turn = Future()
        self._line.append(turn)
        return turn

    def give(self, units: int = 1) -> None:
        """Gives units back and lets those in line have them."""
        while units and self._line:
            self._line.popleft().settle(None, self._loop)
            units -= 1
        self._free += units
