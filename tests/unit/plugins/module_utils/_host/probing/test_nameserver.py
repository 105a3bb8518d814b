# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import socket
from typing import Any

from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.loop import Loop
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.questions import Questions


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


class Unguarded:
    """Stands in for NeighbourGuard: no neighbour entry comes of anything."""

    def pair(self, _namespace: Any, _address: str) -> None:
        return None


def test_a_refusal_that_another_question_hears_of_is_everyones() -> None:
    loop, port = Loop(), ClosedPort()
    questions = Questions(loop, port, Unguarded(), timeout_s=3600.0, attempts=2)  # type: ignore[arg-type]
    asked = [questions.answer(("127.0.0.11",), name, "A") for name in ("users", "orders")]
    questions.close()
    loop.close()
    assert [question.settled and question.value.error for question in asked] == ["ECONNREFUSED", "ECONNREFUSED"]
