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
    Resolver,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.questions import Reply

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
    with pytest.raises(StopIteration) as stop:
        next(steps)
    return stop.value.value  # type: ignore[no-any-return]


def files(*sources: str, ipv6: bool = False, **conf: Any) -> LibcFiles:
    parsed = tuple(HostSource(s.rstrip("!"), s.endswith("!")) for s in sources or ("files", "dns"))
    hosts = {"pinned": ("10.1.2.3", "fd00::3"), "pinned6": ("fd00::6",)}
    return LibcFiles(ResolvConf(**{"nameservers": ENGINE, "ndots": 0, **conf}), hosts, parsed, ipv6)


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


LIBC: tuple[str, ...] = ()


def test_without_a_global_ipv6_address_only_a_records_are_asked_for() -> None:
    answers = Answers(users={"A": ["10.0.0.2"], "AAAA": ["fd00::2"]})
    assert lookup(answers, "users", files(), LIBC).answers == ("10.0.0.2",)
    assert lookup(answers, "users", files(), LIBC, nameserver="10.0.0.53").answers == ("10.0.0.2",)
    assert [kind for _servers, _name, kind in answers.asked] == ["A", "A"]


def test_with_a_global_ipv6_address_both_families_are_answers_ipv6_first() -> None:
    answers = Answers(users={"A": ["10.0.0.2"], "AAAA": ["fd00::2"]})
    assert lookup(answers, "users", files(ipv6=True), LIBC).answers == ("fd00::2", "10.0.0.2")
    assert lookup(answers, "users", files(ipv6=True), LIBC, nameserver="10.0.0.53").answers == ("fd00::2", "10.0.0.2")


def test_name_that_has_only_ipv6_addresses_is_still_answered_as_libc_does() -> None:
    answers = Answers(users={"AAAA": ["fd00::2"]})
    assert lookup(answers, "users", files(), LIBC).answers == ("fd00::2",)
    assert lookup(answers, "users", files(), ("A",)).error == "no_answer"


def test_missing_name_is_not_asked_for_twice() -> None:
    answers = Answers()
    assert lookup(answers, "users", files(), LIBC).error == "NXDOMAIN"
    assert len(answers.asked) == 1


def test_hosts_file_gives_the_family_that_can_be_used_and_else_the_other() -> None:
    answers = Answers()
    assert lookup(answers, "pinned", files(), LIBC).answers == ("10.1.2.3",)
    assert lookup(answers, "pinned", files(ipv6=True), LIBC).answers == ("10.1.2.3", "fd00::3")
    assert lookup(answers, "pinned6", files(), LIBC).answers == ("fd00::6",)


def test_failing_server_for_one_family_outweighs_an_empty_answer_for_the_other() -> None:
    class Half(Answers):
        def answer(self, addresses: tuple[str, ...], name: str, type_name: str) -> Future:
            future = super().answer(addresses, name, type_name)
            if type_name == "A":
                future.value = future.value._replace(error="SERVFAIL")
            return future

    assert lookup(Half(users={}), "users", files(ipv6=True), LIBC).error == "SERVFAIL"


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
