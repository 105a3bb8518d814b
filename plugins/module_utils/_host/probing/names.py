# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, resolved from outside as the libc inside would: nsswitch.conf, /etc/hosts, resolv.conf, nameservers.

Where the libc's own timeouts would take minutes, ours are shorter: with several nameservers, each gets its share of
the timeout, so that a name is settled after ``attempts * timeout`` whatever is dead.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ..._core.model import Outcome
from ..._core.parsing.dns_message import DnsMessageError, Message, encode_name
from ..._core.parsing.resolver_files import (
    DEFAULT_SOURCES,
    HostSource,
    ResolvConf,
    candidate_names,
    hosts_addresses,
    is_address,
    parse_hosts,
    parse_nsswitch,
    parse_resolv_conf,
)
from ..container_files import read_in_root
from ..netns import Namespace
from .loop import Future, Loop, Task
from .nameserver import Answer, Nameserver

_HOSTS = "/etc/hosts"
_NSSWITCH = "/etc/nsswitch.conf"
# glibc asks the next nameserver after these, and gives up after any other
_ASK_NEXT = ("SERVFAIL", "NOTIMP", "REFUSED")
# other sources answer only where a daemon of their own runs: without it libc goes on to the next
_FILES, _DNS = "files", "dns"
_UNREADABLE = "the container's files cannot be read: it stopped, or this is not root (become: true)"


@dataclass(frozen=True)
class Lookup:
    """How one resolution went. ``name`` is the name that the answer is for, ``via`` who gave it."""

    outcome: Outcome
    answers: tuple[str, ...] = ()
    error: str = ""
    via: str = ""
    ttl: int = 0
    name: str = ""
    latency_ms: float = 0.0


class Reply(NamedTuple):
    """What came of one question; ``error`` is empty where there are addresses, ``via`` the nameserver."""

    error: str
    addresses: tuple[str, ...]
    ttl: int
    via: str
    latency_ms: float


class Questions:
    """All questions of one run from one network namespace: each is asked once, whoever wants to know."""

    def __init__(self, loop: Loop, namespace: Namespace, timeout_s: float, attempts: int) -> None:
        self._loop = loop
        self._namespace = namespace
        self._timeout_s = timeout_s
        self._attempts = attempts
        self._servers: dict[str, Nameserver] = {}
        self._asked: dict[tuple[tuple[str, ...], str, str], Task] = {}

    def answer(self, addresses: tuple[str, ...], name: str, type_name: str) -> Task:
        """The task whose value is the Reply."""
        key = (addresses, name.lower(), type_name)
        if key not in self._asked:
            self._asked[key] = self._loop.spawn(self._ask(*key))
        return self._asked[key]

    def close(self) -> None:
        """Closes the sockets."""
        for server in self._servers.values():
            server.close()

    def _ask(self, addresses: tuple[str, ...], name: str, type_name: str) -> Generator[Any, Any, Reply]:
        began = self._loop.now
        answer, via, unanswered = yield from self._ask_in_turn(addresses, name, type_name)
        for address in unanswered:
            self._server(address).forget(name, type_name)
        latency_ms = (self._loop.now - began) * 1000.0
        if isinstance(answer, str):
            return Reply(answer, (), 0, via, latency_ms)
        found = answer.addresses
        error = "" if found else "no_answer" if answer.rcode == "NOERROR" else answer.rcode
        return Reply(error, found, answer.ttl, via, latency_ms)

    def _ask_in_turn(
        self, addresses: tuple[str, ...], name: str, type_name: str
    ) -> Generator[Any, Any, tuple[Answer, str, set[str]]]:
        """The answer or error, who gave it, and those that owe one; the order is glibc's ``res_nsend``."""
        wait_s = self._timeout_s / len(addresses)
        future = Future()
        result: tuple[Answer, str] = ("timeout", addresses[0])
        unanswered: set[str] = set()
        for _attempt in range(self._attempts):
            useless = 0
            for address in addresses:
                server = self._server(address)
                if future.settled:
                    future = Future()
                answer = yield from server.ask(future, name, type_name, wait_s)
                if answer is None:
                    unanswered.add(address)
                    continue
                if isinstance(answer, Message) and answer.truncated:
                    whole = yield from server.ask_again_by_tcp(name, type_name, wait_s)
                    answer = whole or answer
                result = answer, address
                if isinstance(answer, Message) and answer.rcode not in _ASK_NEXT:
                    return (*result, unanswered)
                useless += 1
            if useless == len(addresses):
                break
        return (*result, unanswered)

    def _server(self, address: str) -> Nameserver:
        if address not in self._servers:
            self._servers[address] = Nameserver(self._loop, self._namespace, address)
        return self._servers[address]


@dataclass(frozen=True)
class LibcFiles:
    """What a libc reads before it asks anybody."""

    conf: ResolvConf = ResolvConf()
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: tuple[HostSource, ...] = DEFAULT_SOURCES


def read_libc_files(pid: int) -> LibcFiles | None:
    """Those files of a container, or of the host where ``pid`` is 0; None where they may not be read."""
    text = read_in_root(pid, "/etc/resolv.conf")
    # a file that is not there is libc's business, a container whose files cannot be seen is not
    if text is None and pid and not os.access(f"/proc/{pid}/root/", os.R_OK):
        return None
    return LibcFiles(
        conf=parse_resolv_conf(text or ""),
        hosts=parse_hosts(read_in_root(pid, _HOSTS) or ""),
        sources=parse_nsswitch(read_in_root(pid, _NSSWITCH) or ""),
    )


class Resolver:
    """The libc of one container. ``read`` gives its files and is called at the first name, if one comes."""

    def __init__(self, read: Callable[[], LibcFiles | None], questions: Questions) -> None:
        self._read = read
        self._questions = questions
        self._files: LibcFiles | None = None

    def lookup(self, host: str, types: tuple[str, ...], nameserver: str = "") -> Generator[Any, Any, Lookup]:
        """Resolves as libc does; with ``nameserver``, asks only that one for exactly that name."""
        if is_address(host):
            return Lookup(Outcome.OK, (host,), name=host)
        try:
            encode_name(host)
        except DnsMessageError as exc:
            return Lookup(Outcome.FAILED, error=str(exc.details.get("error", "not_a_name")), via="libc")
        if nameserver:
            return (yield from self._by_dns((nameserver,), (host.rstrip("."),), types))
        self._files = files = self._files or self._read()
        if files is None:
            return Lookup(Outcome.UNKNOWN, error=_UNREADABLE)
        last = Lookup(Outcome.FAILED, error="no_source", via=_NSSWITCH)
        for source in files.sources:
            if source.name == _FILES:
                found = _of_types(hosts_addresses(files.hosts, host), types)
                if found:
                    return Lookup(Outcome.OK, found, via=_HOSTS, name=host)
                last = Lookup(Outcome.FAILED, error="not_in_hosts", via=_NSSWITCH)
            elif source.name == _DNS:
                servers = files.conf.nameservers or ("127.0.0.1",)
                last = yield from self._by_dns(servers, candidate_names(host, files.conf), types)
                if last.outcome is Outcome.OK:
                    return last
            else:
                continue
            if source.returns_on_notfound:
                break
        return last

    def _by_dns(
        self, servers: tuple[str, ...], names: tuple[str, ...], types: tuple[str, ...]
    ) -> Generator[Any, Any, Lookup]:
        failures: list[Lookup] = []
        latency_ms = 0.0
        for name in names:
            found = yield from self._one_name(servers, name, types)
            latency_ms += found.latency_ms
            if found.outcome is Outcome.OK:
                return _timed(found, latency_ms)
            failures.append(found)
            if found.error in ("timeout", "ECONNREFUSED"):
                # libc stops its search here: the next name would meet the same silence
                break
        return _timed(_worst(failures, names), latency_ms)

    def _one_name(self, servers: tuple[str, ...], name: str, types: tuple[str, ...]) -> Generator[Any, Any, Lookup]:
        tasks = [self._questions.answer(servers, name, type_name) for type_name in types]
        replies: list[Reply] = []
        for task in tasks:
            replies.append((yield task))
        latency_ms = max(reply.latency_ms for reply in replies)
        good = [reply for reply in replies if reply.addresses]
        if good:
            answers = tuple(address for reply in good for address in reply.addresses)
            ttl = min(reply.ttl for reply in good)
            return Lookup(Outcome.OK, answers, via=good[0].via, ttl=ttl, name=name, latency_ms=latency_ms)
        bad = replies[0]
        return Lookup(Outcome.FAILED, error=bad.error, via=bad.via, name=name, latency_ms=latency_ms)


def _worst(failures: Sequence[Lookup], names: Sequence[str]) -> Lookup:
    """What libc reports of several failed names: silence, an empty answer, a failing server, no such name."""
    for error in ("timeout", "ECONNREFUSED", "no_answer", "SERVFAIL"):
        for failure in failures:
            if failure.error == error:
                return failure
    plain = min(names, key=len)
    return next((f for f in failures if f.name == plain), failures[-1])


def _timed(lookup: Lookup, latency_ms: float) -> Lookup:
    return lookup if lookup.latency_ms == latency_ms else replace(lookup, latency_ms=latency_ms)


def _of_types(addresses: Sequence[str], types: Sequence[str]) -> tuple[str, ...]:
    return tuple(address for address in addresses if ("AAAA" if ":" in address else "A") in types)
