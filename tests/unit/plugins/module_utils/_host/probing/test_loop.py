# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import socket
import time
from typing import Any

from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.loop import (
    READ,
    Future,
    Loop,
    Ready,
    Room,
    Steps,
    Until,
)


def finish(loop: Loop) -> None:
    while loop.alive:
        loop.round(loop.now + 1)
    loop.close()


def test_task_goes_on_when_its_descriptor_is_ready() -> None:
    loop = Loop()
    near, far = socket.socketpair()
    got: list[Any] = []

    def reader() -> Steps:
        got.append((yield Ready(near.fileno(), READ, loop.now + 5)))
        got.append(near.recv(10))

    def writer() -> Steps:
        far.send(b"hello")
        return
        yield

    loop.spawn(reader())
    loop.spawn(writer())
    finish(loop)
    near.close()
    far.close()
    assert got == [True, b"hello"]


def test_silent_descriptor_costs_its_deadline_and_all_wait_at_once() -> None:
    loop = Loop()
    pairs = [socket.socketpair() for _unused in range(50)]
    got: list[bool] = []

    def reader(near: socket.socket) -> Steps:
        got.append((yield Ready(near.fileno(), READ, loop.now + 0.1)))

    began = time.monotonic()
    for near, _far in pairs:
        loop.spawn(reader(near))
    finish(loop)
    for pair in pairs:
        for end in pair:
            end.close()
    assert got == [False] * 50
    assert 0.1 <= time.monotonic() - began < 0.4


def test_value_of_a_task_reaches_all_who_wait_for_it() -> None:
    loop = Loop()
    got: list[Any] = []

    def slow() -> Steps:
        yield Until(Future(), loop.now + 0.01)
        return 42

    task = loop.spawn(slow())

    def waiter(patience_s: float) -> Steps:
        if patience_s:
            got.append((yield Until(task, loop.now + patience_s)))
        else:
            got.append((yield task))

    for patience_s in (0.0, 0.0, 5.0, 0.001):
        loop.spawn(waiter(patience_s))
    finish(loop)
    assert sorted(got) == [False, True, 42, 42]


def test_settled_future_does_not_wake_a_task_that_has_gone_on() -> None:
    loop = Loop()
    late = Future()
    got: list[Any] = []

    def impatient() -> Steps:
        got.append((yield Until(late, loop.now)))
        got.append((yield Until(Future(), loop.now + 0.02)))

    def settler() -> Steps:
        yield Until(Future(), loop.now + 0.005)
        late.settle("late", loop)

    loop.spawn(impatient())
    loop.spawn(settler())
    finish(loop)
    assert got == [False, False]


def test_room_is_given_in_the_order_of_asking_and_never_overbooked() -> None:
    loop = Loop()
    room = Room(loop, 4)
    order: list[int] = []
    inside = [0, 0]

    def guest(number: int, units: int) -> Steps:
        yield from room.take(units)
        order.append(number)
        inside[0] += units
        inside[1] = max(inside)
        yield Until(Future(), loop.now + 0.002)
        inside[0] -= units
        room.give(units)

    for number, units in enumerate((2, 2, 4, 1, 1)):
        loop.spawn(guest(number, units))
    finish(loop)
    assert order == [0, 1, 2, 3, 4]
    assert inside == [0, 4]
