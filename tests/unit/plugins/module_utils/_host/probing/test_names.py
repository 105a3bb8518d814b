# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Outcome
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.resolver_files import (
    HostSource,
    ResolvConf,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.loop import Future
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.names import (
    LibcFiles,
    Lookup,
    Reply,
    Resolver,
)

ENGINE = ("127.0.0.11",)


class Answers:
    """Questions whose answers are known; a name that is not in the table does not exist."""

    def __init__(self, **answers: Any) -> None:
        self.answers = {name.replace("__", "."): answer for name, answer in answers.items()}
        self.asked: list[tuple[tuple[str, ...], str, str]] = []

    def answer(self, addresses: tuple[str, ...], name: str, type_name: str) -> Future:
        self.asked.append((addresses, name, type_name))
        answer = self.answers.get(name, "NXDOMAIN")
        found = tuple(answer.get(type_name, ())) if isinstance(answer, dict) else ()
        error = "" if found else "no_answer" if isinstance(answer, dict) else answer
        future = Future()
        future.settled, future.value = True, Reply(error, found, 600 if found else 0, addresses[0], 1.0)
        return future


def lookup(
    answers: Answers, host: str, files: LibcFiles | None, types: tuple[str, ...] = ("A",), nameserver: str = ""
) -> Lookup:
    steps = Resolver(lambda: files, answers).lookup(host, types, nameserver)  # type: ignore[arg-type]
    value = None
    while True:
        try:
            value = steps.send(value).value if value else next(steps).value
        except StopIteration as stop:
            return stop.value  # type: ignore[no-any-return]


def files(*sources: str, **conf: Any) -> LibcFiles:
    parsed = tuple(HostSource(s.rstrip("!"), s.endswith("!")) for s in sources or ("files", "dns"))
    return LibcFiles(
        ResolvConf(**{"nameservers": ENGINE, "ndots": 0, **conf}), {"pinned": ("10.1.2.3", "fd00::3")}, parsed
    )


def test_hosts_file_answers_for_the_wanted_family_only() -> None:
    answers = Answers()
    assert lookup(answers, "pinned", files()).answers == ("10.1.2.3",)
    assert lookup(answers, "pinned", files(), ("A", "AAAA")).answers == ("10.1.2.3", "fd00::3")
    assert answers.asked == []


@pytest.mark.parametrize(
    ("sources", "error"),
    [(("files",), "not_in_hosts"), (("files!", "dns"), "not_in_hosts"), (("mdns4_minimal",), "no_source")],
)
def test_nsswitch_that_keeps_dns_out_is_told_apart_from_a_missing_name(sources: tuple[str, ...], error: str) -> None:
    answers = Answers(users={"A": ["10.0.0.2"]})
    found = lookup(answers, "users", files(*sources))
    assert (found.outcome, found.error, found.via) == (Outcome.FAILED, error, "/etc/nsswitch.conf")
    assert answers.asked == []


def test_source_without_its_daemon_is_passed_over() -> None:
    found = lookup(Answers(users={"A": ["10.0.0.2"]}), "users", files("files", "mdns4_minimal!", "dns"))
    assert found.answers == ("10.0.0.2",)


def test_search_domain_is_tried_before_the_name_where_ndots_says_so() -> None:
    answers = Answers(users={"A": ["10.0.0.2"]}, users__corp={"A": ["192.0.2.8"]})
    found = lookup(answers, "users", files(ndots=1, search=("corp",)))
    assert (found.answers, found.name) == (("192.0.2.8",), "users.corp")


def test_missing_name_keeps_its_own_error_behind_the_search() -> None:
    found = lookup(Answers(), "users", files(search=("one", "two")))
    assert (found.error, found.name, found.latency_ms) == ("NXDOMAIN", "users", 3.0)


def test_silence_ends_the_search_as_in_libc() -> None:
    answers = Answers(users="timeout")
    assert lookup(answers, "users", files(search=("one", "two"))).error == "timeout"
    assert len(answers.asked) == 1


@pytest.mark.parametrize("error", ["SERVFAIL", "no_answer"])
def test_failing_server_or_empty_answer_outweighs_a_missing_name(error: str) -> None:
    answers = Answers(users__one={} if error == "no_answer" else error)
    assert lookup(answers, "users", files(search=("one",))).error == error


def test_both_families_are_asked_and_one_is_enough() -> None:
    answers = Answers(users={"AAAA": ["fd00::2"]})
    found = lookup(answers, "users", files(), ("A", "AAAA"))
    assert (found.outcome, found.answers, found.ttl) == (Outcome.OK, ("fd00::2",), 600)


def test_named_nameserver_is_asked_for_exactly_the_name() -> None:
    answers = Answers()
    found = lookup(answers, "pinned.", files(search=("one",)), nameserver="10.0.0.53")
    assert answers.asked == [(("10.0.0.53",), "pinned", "A")]
    assert (found.error, found.via) == ("NXDOMAIN", "10.0.0.53")


def test_address_needs_no_resolution_and_a_long_label_is_never_asked_for() -> None:
    answers = Answers()
    assert lookup(answers, "10.0.0.9", files()).answers == ("10.0.0.9",)
    assert lookup(answers, "x" * 64, files()).error == "label_too_long"
    assert answers.asked == []


def test_container_whose_files_cannot_be_read_is_unknown() -> None:
    found = lookup(Answers(), "users", None)
    assert found.outcome is Outcome.UNKNOWN
    assert "become: true" in found.error


def test_missing_nameserver_line_means_the_local_host() -> None:
    answers = Answers(users="ECONNREFUSED")
    found = lookup(answers, "users", files(nameservers=()))
    assert (found.error, found.via) == ("ECONNREFUSED", "127.0.0.1")
