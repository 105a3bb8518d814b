# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
from typing import Any, Union

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.dns_message import Message, Record
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.loop import Future, Loop, Steps
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.nameserver import Asker
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.questions import Questions, Reply

TIMEOUT_S = 0.01


def says(rcode: str = "NOERROR", *addresses: str, truncated: bool = False) -> Message:
    records = tuple(Record("api", "A", address, 600) for address in addresses)
    return Message(1, rcode, truncated, "api", "A", records)


class Server:
    """Says one thing after the other, None for nothing, and the last one for ever. What comes late comes after_s."""

    def __init__(self, loop: Loop, address: str, *answers: Union[Message, str, None], after_s: float = 0.0) -> None:
        self.loop = loop
        self.address = address
        self.answers = list(answers)
        self.after_s = after_s
        self.asked = 0
        self.expected: set[int] = set()
        self.whole: Union[Message, None] = None

    def ask(self, asker: Asker) -> int:
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, str):
            raise OSError(getattr(errno, answer), answer)
        number = self.asked
        self.expected.add(number)
        if answer is not None:
            self.loop.at(self.loop.now + self.after_s, lambda: self.tell(asker, number, answer))
        return number

    def tell(self, asker: Asker, number: int, answer: Message) -> None:
        if number in self.expected:
            self.expected.remove(number)
            asker.take(answer, self)  # type: ignore[arg-type]

    def forget(self, number: int) -> None:
        self.expected.discard(number)

    def ask_by_tcp(self, asker: Asker, wait_s: float) -> Steps:
        return self.whole
        yield


class Asked(Questions):
    def __init__(self, loop: Loop, attempts: int, *servers: Server) -> None:
        super().__init__(loop, None, None, TIMEOUT_S, attempts)  # type: ignore[arg-type]
        self.known = {server.address: server for server in servers}

    def _server(self, address: str) -> Any:
        return self.known[address]


def settle(loop: Loop, *futures: Future) -> list[Reply]:
    while not all(future.settled for future in futures):
        loop.round(1)
    return [future.value for future in futures]


def ask(*servers: Server, attempts: int = 2, names: tuple[str, ...] = ("api",)) -> list[Reply]:
    loop = servers[0].loop
    questions = Asked(loop, attempts, *servers)
    return settle(loop, *(questions.answer(tuple(s.address for s in servers), name, "A") for name in names))


@pytest.fixture
def loop() -> Loop:
    return Loop()


def test_first_server_that_knows_is_the_last_one_asked(loop: Loop) -> None:
    one, two = Server(loop, "10.0.0.1", says("NOERROR", "10.9.9.9")), Server(loop, "10.0.0.2", says())
    (reply,) = ask(one, two)
    assert reply[:4] == ("", ("10.9.9.9",), 600, "10.0.0.1")
    assert (one.asked, two.asked) == (1, 0)


def test_missing_name_is_final_whoever_else_there_is(loop: Loop) -> None:
    one, two = Server(loop, "10.0.0.1", says("NXDOMAIN")), Server(loop, "10.0.0.2", says("NOERROR", "10.9.9.9"))
    assert ask(one, two)[0].error == "NXDOMAIN"
    assert two.asked == 0


@pytest.mark.parametrize("useless", [says("SERVFAIL"), says("REFUSED"), "ECONNREFUSED"])
def test_server_that_fails_is_passed_over_at_once(loop: Loop, useless: Union[Message, str]) -> None:
    one, two = Server(loop, "10.0.0.1", useless), Server(loop, "10.0.0.2", says("NOERROR", "10.9.9.9"))
    (reply,) = ask(one, two)
    assert (reply.addresses, reply.via) == (("10.9.9.9",), "10.0.0.2")
    assert (one.asked, two.asked) == (1, 1)


def test_servers_that_all_fail_are_not_asked_again(loop: Loop) -> None:
    one, two = Server(loop, "10.0.0.1", says("SERVFAIL")), Server(loop, "10.0.0.2", says("REFUSED"))
    (reply,) = ask(one, two)
    assert (reply.error, reply.via) == ("REFUSED", "10.0.0.2")
    assert (one.asked, two.asked) == (1, 1)


def test_dead_resolver_is_asked_so_many_times_for_each_name_and_no_more(loop: Loop) -> None:
    dead = Server(loop, "10.0.0.1", None)
    replies = ask(dead, names=tuple(f"name{i}" for i in range(100)))
    assert {(r.error, r.via) for r in replies} == {("timeout", "10.0.0.1")}
    assert dead.asked == 2 * 100
    assert not dead.expected


def test_all_names_wait_for_a_dead_resolver_at_the_same_time(loop: Loop) -> None:
    began = loop.now
    dead = Server(loop, "10.0.0.1", None)
    questions = Asked(loop, 2, dead)
    asked = [questions.answer((dead.address,), f"name{i}", "A") for i in range(100)]
    while loop.now < began + TIMEOUT_S or dead.asked < 200:
        loop.round(1)
        assert dead.asked in (100, 200) or loop.now >= began + TIMEOUT_S
    settle(loop, *asked)
    assert dead.asked == 200


def test_lost_question_is_asked_again(loop: Loop) -> None:
    server = Server(loop, "10.0.0.1", None, says("NOERROR", "10.9.9.9"))
    assert ask(server)[0].addresses == ("10.9.9.9",)
    assert server.asked == 2


def test_late_answer_counts_while_another_server_is_asked(loop: Loop) -> None:
    late = Server(loop, "10.0.0.1", says("NOERROR", "10.9.9.9"), after_s=TIMEOUT_S)
    (reply,) = ask(late, Server(loop, "10.0.0.2", None))
    assert (reply.addresses, reply.via) == (("10.9.9.9",), "10.0.0.1")


def test_late_failure_does_not_cut_short_the_wait_for_another_server(loop: Loop) -> None:
    late = Server(loop, "10.0.0.1", says("SERVFAIL"), after_s=TIMEOUT_S * 0.6)
    slow = Server(loop, "10.0.0.2", says("NOERROR", "10.9.9.9"), after_s=TIMEOUT_S * 0.4)
    (reply,) = ask(late, slow, attempts=1)
    assert (reply.addresses, reply.via) == (("10.9.9.9",), "10.0.0.2")


@pytest.mark.parametrize(("whole", "count"), [(says("NOERROR", "10.9.9.8", "10.9.9.9"), 2), (None, 1)])
def test_truncated_answer_is_fetched_by_tcp_and_else_taken_as_it_is(
    loop: Loop, whole: Union[Message, None], count: int
) -> None:
    server = Server(loop, "10.0.0.1", says("NOERROR", "10.9.9.9", truncated=True))
    server.whole = whole
    assert len(ask(server)[0].addresses) == count
    assert server.asked == 1


def test_same_question_is_asked_once_whatever_its_case(loop: Loop) -> None:
    server = Server(loop, "10.0.0.1", says("NOERROR", "10.9.9.9"))
    replies = ask(server, names=("api", "API", "api"))
    assert len(set(replies)) == 1
    assert server.asked == 1
