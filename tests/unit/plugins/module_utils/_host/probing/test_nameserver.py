# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import socket
from typing import Any

from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.loop import Future, Loop, Steps
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.nameserver import Nameserver


class ClosedPort:
    """A connected UDP socket whose first datagram was refused: the kernel says so at the second."""

    def __init__(self) -> None:
        self.near, self.far = socket.socketpair()
        self.sent = 0
        self.fileno = self.near.fileno

    def socket(self, _family: int, _kind: int) -> ClosedPort:
        return self

    def connect(self, _address: Any) -> None:
        pass

    def send(self, _data: bytes) -> None:
        self.sent += 1
        if self.sent > 1:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    def close(self) -> None:
        self.near.close()
        self.far.close()


def test_a_refusal_that_another_question_hears_of_is_everyones() -> None:
    loop, port = Loop(), ClosedPort()
    server = Nameserver(loop, port, "127.0.0.11")  # type: ignore[arg-type]
    answers: list[Any] = []

    def ask(name: str) -> Steps:
        answers.append((yield from server.ask(Future(), name, "A", 3600.0)))

    loop.spawn(ask("users"))
    loop.spawn(ask("orders"))
    while loop.alive:
        loop.round(loop.now + 3600)
    server.close()
    loop.close()
    assert answers == ["ECONNREFUSED", "ECONNREFUSED"]
