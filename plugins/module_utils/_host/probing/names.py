# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names, resolved from outside as the libc inside would: nsswitch.conf, /etc/hosts, resolv.conf, nameservers.

Of the two families of addresses a libc wants both. What it would get is got with fewer questions: where no interface
has a global IPv6 address, no AAAA record can be used (``AI_ADDRCONFIG`` in getaddrinfo(3) does not even ask, and
RFC 6724 sorts what cannot be reached last), so there AAAA is asked for only when a name has no A record.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from ..._core.model import Outcome
from ..._core.parsing.dns_message import DnsMessageError, encode_name
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
from ..container_files import read_in_root, read_proc_net
from .questions import Questions, Reply

_HOSTS = "/etc/hosts"
_NSSWITCH = "/etc/nsswitch.conf"
# other sources answer only where a daemon of their own runs: without it libc goes on to the next
_FILES, _DNS = "files", "dns"
_UNREADABLE = "the container's files cannot be read: it stopped, or this is not root (become: true)"
# the scope of a global address in /proc/net/if_inet6, unique local ones among them
_GLOBAL = "00"


class Lookup(NamedTuple):
    """How one resolution went. ``name`` is the name that the answer is for, ``via`` who gave it."""

    outcome: Outcome
    answers: tuple[str, ...] = ()
    error: str = ""
    via: str = ""
    ttl: int = 0
    name: str = ""
    latency_ms: float = 0.0


@dataclass(frozen=True)
class LibcFiles:
    """What a libc looks at before it asks anybody; ``ipv6`` where an interface has a global IPv6 address."""

    conf: ResolvConf = ResolvConf()
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sources: tuple[HostSource, ...] = DEFAULT_SOURCES
    ipv6: bool = False


def read_libc_files(pid: int) -> LibcFiles | None:
    """Those of a container, or of the host where ``pid`` is 0; None where they may not be read."""
    text = read_in_root(pid, "/etc/resolv.conf")
    # a file that is not there is libc's business, a container whose files cannot be seen is not
    if text is None and pid and not os.access(f"/proc/{pid}/root/", os.R_OK):
        return None
    interfaces = (read_proc_net(pid, "if_inet6") or "").splitlines()
    return LibcFiles(
        conf=parse_resolv_conf(text or ""),
        hosts=parse_hosts(read_in_root(pid, _HOSTS) or ""),
        sources=parse_nsswitch(read_in_root(pid, _NSSWITCH) or ""),
        ipv6=any(line.split()[3:4] == [_GLOBAL] for line in interfaces),
    )


class Resolver:
    """The libc of one container. ``read`` gives its files and is called at the first name, if one comes."""

    def __init__(self, read: Callable[[], LibcFiles | None], questions: Questions) -> None:
        self._read = read
        self._questions = questions
        self._known: LibcFiles | None = None

    def lookup(self, host: str, types: tuple[str, ...], nameserver: str = "") -> Generator[Any, Any, Lookup]:
        """Resolves as libc does, to addresses of those types, of those that libc would use where there are none.

        With ``nameserver``, asks only that one for exactly that name.
        """
        known = _without_asking(host)
        if known is not None:
            return known
        if nameserver and types:
            return (yield from self._by_dns((nameserver,), (host.rstrip("."),), types, ()))
        files = self._files()
        if files is None:
            return Lookup(Outcome.UNKNOWN, error=_UNREADABLE)
        last_resort = () if types or files.ipv6 else ("AAAA",)
        types = types or (("AAAA", "A") if files.ipv6 else ("A",))
        if nameserver:
            return (yield from self._by_dns((nameserver,), (host.rstrip("."),), types, last_resort))
        last = Lookup(Outcome.FAILED, error="no_source", via=_NSSWITCH)
        for source in files.sources:
            if source.name == _FILES:
                addresses = hosts_addresses(files.hosts, host)
                found = addresses and (_of_types(addresses, types) or _of_types(addresses, last_resort))
                if found:
                    return Lookup(Outcome.OK, found, via=_HOSTS, name=host)
                last = Lookup(Outcome.FAILED, error="not_in_hosts", via=_NSSWITCH)
            elif source.name == _DNS:
                servers = files.conf.nameservers or ("127.0.0.1",)
                last = yield from self._by_dns(servers, candidate_names(host, files.conf), types, last_resort)
                if last.outcome is Outcome.OK:
                    return last
            else:
                continue
            if source.returns_on_notfound:
                break
        return last

    def _files(self) -> LibcFiles | None:
        self._known = self._known or self._read()
        return self._known

    def _by_dns(
        self, servers: tuple[str, ...], names: tuple[str, ...], types: tuple[str, ...], last_resort: tuple[str, ...]
    ) -> Generator[Any, Any, Lookup]:
        failures: list[Lookup] = []
        latency_ms = 0.0
        for name in names:
            replies: list[Reply] = []
            for wanted in (types, last_resort):
                if replies and replies[0].error != "no_answer":
                    break
                # all types are asked for at the same time
                for question in [self._questions.answer(servers, name, type_name) for type_name in wanted]:
                    replies.append(question.value if question.settled else (yield question))
            found = _lookup_of(name, replies)
            latency_ms += found.latency_ms
            if found.outcome is Outcome.OK:
                return found._replace(latency_ms=latency_ms) if failures else found
            failures.append(found)
            if found.error in ("timeout", "ECONNREFUSED"):
                # libc stops its search here: the next name would meet the same silence
                break
        return _worst(failures, names)._replace(latency_ms=latency_ms)


@lru_cache(maxsize=1024)
def _without_asking(host: str) -> Lookup | None:
    """What needs no resolution: an address, or a name that DNS cannot carry."""
    if is_address(host):
        return Lookup(Outcome.OK, (host,), name=host)
    try:
        encode_name(host)
    except DnsMessageError as exc:
        return Lookup(Outcome.FAILED, error=str(exc.details.get("error", "not_a_name")), via="libc")
    return None


def _lookup_of(name: str, replies: Sequence[Reply]) -> Lookup:
    best = replies[0]
    for reply in replies[1:]:
        best = _better(best, reply)
    outcome = Outcome.OK if best.addresses else Outcome.FAILED
    return Lookup(outcome, best.addresses, best.error, best.via, best.ttl, name, best.latency_ms)


def _better(one: Reply, other: Reply) -> Reply:
    """Both families' addresses, else those that there are, else the error that says more than an empty answer."""
    latency_ms = max(one.latency_ms, other.latency_ms)
    if one.addresses and other.addresses:
        addresses = one.addresses + other.addresses
        return Reply("", addresses, min(one.ttl, other.ttl), one.via, latency_ms)
    good = other if other.addresses or (one.error == "no_answer" and not one.addresses) else one
    return good._replace(latency_ms=latency_ms)


def _worst(failures: Sequence[Lookup], names: Sequence[str]) -> Lookup:
    """What libc reports of several failed names: silence, an empty answer, a failing server, no such name."""
    for error in ("timeout", "ECONNREFUSED", "no_answer", "SERVFAIL"):
        for failure in failures:
            if failure.error == error:
                return failure
    plain = min(names, key=len)
    return next((f for f in failures if f.name == plain), failures[-1])


def _of_types(addresses: Sequence[str], types: Sequence[str]) -> tuple[str, ...]:
    return tuple(address for address in addresses if ("AAAA" if ":" in address else "A") in types)
