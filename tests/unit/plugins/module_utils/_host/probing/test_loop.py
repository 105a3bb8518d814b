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
)


def finish(loop: Loop) -> None:
    while loop.alive:
        loop.round(1)
    loop.close()


def after(loop: Loop, seconds: float, value: Any = None) -> Future:
    future = Future()
    loop.at(loop.now + seconds, lambda: future.settle(value, loop))
    return future


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


def test_silent_descriptors_are_waited_for_at_once() -> None:
    loop = Loop()
    pairs = [socket.socketpair() for _unused in range(50)]
    got: list[bool] = []
    began = time.monotonic()

    def reader(near: socket.socket) -> Steps:
        got.append((yield Ready(near.fileno(), READ, began + 0.05)))

    for near, _far in pairs:
        loop.spawn(reader(near))
    rounds = 0
    while loop.alive:
        loop.round(1)
        rounds += 1
    loop.close()
    for pair in pairs:
        for end in pair:
            end.close()
    assert got == [False] * 50
    assert loop.now >= began + 0.05
    assert rounds < 50


def test_descriptor_is_watched_until_told_otherwise() -> None:
    loop = Loop()
    near, far = socket.socketpair()
    got: list[bytes] = []
    loop.watch(near.fileno(), lambda: got.append(near.recv(1)))
    far.send(b"ab")
    loop.round(1)
    loop.round(1)
    loop.unwatch(near.fileno())
    far.send(b"c")
    loop.round(0)
    loop.close()
    near.close()
    far.close()
    assert got == [b"a", b"b"]


def test_value_of_a_task_reaches_all_who_wait_for_it() -> None:
    loop = Loop()
    got: list[Any] = []

    def slow() -> Steps:
        return (yield after(loop, 0.005, 42))

    task = loop.spawn(slow())

    def waiter() -> Steps:
        got.append((yield task))

    for _unused in range(3):
        loop.spawn(waiter())
    finish(loop)
    loop = Loop()
    loop.spawn(waiter())
    finish(loop)
    assert got == [42, 42, 42, 42]


def test_only_the_first_value_counts() -> None:
    loop = Loop()
    future = after(loop, 0.0, "first")
    loop.at(loop.now + 0.001, lambda: future.settle("second", loop))
    got: list[Any] = []

    def waiter() -> Steps:
        got.append((yield future))
        got.append((yield after(loop, 0.002, "third")))

    loop.spawn(waiter())
    finish(loop)
    assert got == ["first", "third"]


def test_many_tasks_do_not_keep_the_loop_from_its_sockets() -> None:
    loop = Loop()
    near, far = socket.socketpair()
    order: list[str] = []
    loop.watch(near.fileno(), lambda: order.append(near.recv(9).decode()))

    def busy() -> Steps:
        order.append("task")
        if len(order) == 1:
            far.send(b"socket")
        return
        yield

    for _unused in range(200):
        loop.spawn(busy())
    finish(loop)
    near.close()
    far.close()
    assert 0 < order.index("socket") < 100


def test_time_spent_working_is_not_idle() -> None:
    loop = Loop()
    began = loop.now

    def busy() -> Steps:
        while time.monotonic() < began + 0.02:
            pass
        return
        yield

    loop.spawn(busy())
    finish(loop)
    assert loop.idle_s == 0.0


def test_room_is_given_in_the_order_of_asking_and_never_overbooked() -> None:
    loop = Loop()
    room = Room(loop, 2)
    order: list[int] = []
    inside = [0, 0]

    def guest(number: int) -> Steps:
        turn = room.take()
        if turn:
            yield turn
        order.append(number)
        inside[0] += 1
        inside[1] = max(inside)
        yield after(loop, 0.001)
        inside[0] -= 1
        room.give()

    for number in range(6):
        loop.spawn(guest(number))
    finish(loop)
    assert order == [0, 1, 2, 3, 4, 5]
    assert inside == [0, 2]
    assert not room.full and not room.wanted
