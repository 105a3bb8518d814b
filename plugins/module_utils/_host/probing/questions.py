# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions to nameservers: each is asked once in a run, and goes from server to server as glibc's ``res_nsend`` does.

Where the libc's own timeouts would take minutes, ours are shorter: with several nameservers, each gets its share of
the timeout, so that a question is settled after ``attempts * timeout`` whatever is dead.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import NamedTuple

from ..._core.parsing.dns_message import Message
from ..netns import Namespace
from .guard import NeighbourGuard
from .loop import Future, Loop, Steps
from .nameserver import Answer, Nameserver
from .streams import error_code

# glibc asks the next nameserver after these, and gives up after any other
_ASK_NEXT = ("SERVFAIL", "NOTIMP", "REFUSED")


class Reply(NamedTuple):
    """What came of one question; ``error`` is empty where there are addresses, ``via`` the nameserver."""

    error: str
    addresses: tuple[str, ...]
    ttl: int
    via: str
    latency_ms: float


class Questions:
    """All questions of one run from one network namespace: each is asked once, whoever wants to know."""

    def __init__(
        self, loop: Loop, namespace: Namespace, guard: NeighbourGuard, timeout_s: float, attempts: int
    ) -> None:
        self.loop = loop
        self.timeout_s = timeout_s
        self.attempts = attempts
        self._namespace = namespace
        self._guard = guard
        self._servers: dict[str, Nameserver] = {}
        self._asked: dict[tuple[tuple[str, ...], str, str], Question] = {}

    def answer(self, addresses: tuple[str, ...], name: str, type_name: str) -> Future:
        """The future whose value is the Reply of those nameservers."""
        key = (addresses, name.lower(), type_name)
        question = self._asked.get(key)
        if question is None:
            servers = [self._server(address) for address in addresses]
            question = self._asked[key] = Question(self, servers, *key[1:])
            question.ask_next()
        return question

    def close(self) -> None:
        """Closes the sockets and forgets the answers."""
        for server in self._servers.values():
            server.close()
        self._asked.clear()

    def _server(self, address: str) -> Nameserver:
        if address not in self._servers:
            self._servers[address] = Nameserver(self.loop, self._namespace, address)
            pair = self._guard.pair(self._namespace, address)
            if pair:
                # held until the end of the run; a question does not wait for room, there are few nameservers
                self._guard.enter(pair)
        return self._servers[address]


class Question(Future):
    """One question on its way; settled with its Reply."""

    __slots__ = (
        "name",
        "type",
        "_run",
        "_servers",
        "_turn",
        "_useless",
        "_due",
        "_patient",
        "_sent",
        "_began",
        "_said",
    )

    def __init__(self, run: Questions, servers: Sequence[Nameserver], name: str, type_name: str) -> None:
        super().__init__()
        self.name = name
        self.type = type_name
        self._run = run
        self._servers = servers
        self._turn = -1
        self._useless = 0
        self._due = 0.0
        self._patient = False
        self._sent: list[tuple[Nameserver, int]] = []
        self._began = time.monotonic()
        self._said: tuple[Answer, Nameserver] = "timeout", servers[0]

    def ask_next(self) -> None:
        """Asks the next server in turn, all of them once in each attempt; settles where none is left."""
        count = len(self._servers)
        self._turn += 1
        if self._turn % count == 0:
            if self._turn == count * self._run.attempts or self._useless == count:
                self._finish()
                return
            self._useless = 0
        server = self._servers[self._turn % count]
        try:
            self._sent.append((server, server.ask(self)))
        except OSError as exc:
            self.take(error_code(exc), server)
            return
        self._due = time.monotonic() + self._run.timeout_s / count
        self._run.loop.at(self._due, self._overdue)

    def take(self, answer: Answer, server: Nameserver) -> None:
        """Judges what a server said, or that asking it failed."""
        if isinstance(answer, Message) and answer.truncated:
            self._patient = True
            self._run.loop.spawn(self._whole(answer, server))
        else:
            self._judge(answer, server)

    def _whole(self, cut: Message, server: Nameserver) -> Steps:
        whole = yield from server.ask_by_tcp(self, self._run.timeout_s / len(self._servers))
        self._patient = False
        self._judge(whole or cut, server)

    def _judge(self, answer: Answer, server: Nameserver) -> None:
        if self.settled:
            return
        self._said = answer, server
        if isinstance(answer, Message) and answer.rcode not in _ASK_NEXT:
            self._finish()
        elif server is self._servers[self._turn % len(self._servers)]:
            self._useless += 1
            self.ask_next()

    def _overdue(self) -> None:
        if not self.settled and not self._patient and self._due <= self._run.loop.now:
            self.ask_next()

    def _finish(self) -> None:
        for server, message_id in self._sent:
            server.forget(message_id)
        self._sent = []
        loop = self._run.loop
        answer, server = self._said
        latency_ms = max(0.0, loop.now - self._began) * 1000.0
        if isinstance(answer, str):
            reply = Reply(answer, (), 0, server.address, latency_ms)
        else:
            found = answer.addresses
            error = "" if found else "no_answer" if answer.rcode == "NOERROR" else answer.rcode
            reply = Reply(error, found, answer.ttl, server.address, latency_ms)
        self.settle(reply, loop)
