# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of the DNS wire format that a probe needs: encode a question, decode its answer (RFC 1035, RFC 3596).

Standard library only: it runs some 20,000 times in one all-pairs probe, where dnspython's general codec would
cost more than the network does (``tests/benchmarks/bench_prober.py`` shows the ratio).
"""

from __future__ import annotations

import struct
from functools import lru_cache
from socket import AF_INET, AF_INET6, inet_ntop
from typing import NamedTuple

from ..errors import NetfixError

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED")

_HEADER = struct.Struct("!6H")
_NUMBER = struct.Struct("!H")
_FIXED = struct.Struct("!HHIH")
# recursion desired, one question, nothing else
_ASKS = struct.pack("!5H", 0x0100, 1, 0, 0, 0)
_CLASS_IN = 1
_MAX_NAME = 255
_MAX_LABEL = 63


class DnsMessageError(NetfixError):
    """A name that cannot be asked for, or an answer that is not a DNS message."""


class Record(NamedTuple):
    """One A, AAAA or CNAME record; ``value`` is the address or the name it points to."""

    name: str
    type: str
    value: str
    ttl: int


class Message(NamedTuple):
    """One answer. Names are in lower case and without the trailing dot; other record types are left out."""

    id: int
    rcode: str
    truncated: bool
    question: str
    type: str
    records: tuple[Record, ...] = ()

    @property
    def addresses(self) -> tuple[str, ...]:
        """The A and AAAA records' addresses, in the order of the answer."""
        return tuple([r.value for r in self.records if r.type != "CNAME"])

    @property
    def ttl(self) -> int:
        """The smallest TTL of the answer, 0 where it has no records."""
        return min([r.ttl for r in self.records], default=0)


@lru_cache(maxsize=512)
def encode_name(name: str) -> bytes:
    """The wire form of a name. Raises DnsMessageError for what DNS cannot carry (RFC 1035, section 2.3.4)."""
    try:
        labels = name.rstrip(".").encode("ascii").split(b".")
    except UnicodeEncodeError as exc:
        raise DnsMessageError(f"name {name!r} has characters outside ASCII", error="not_ascii") from exc
    if labels == [b""]:
        return b"\0"
    wire = bytearray()
    for label in labels:
        if not label:
            raise DnsMessageError(f"name {name!r} has an empty label", error="empty_label")
        if len(label) > _MAX_LABEL:
            raise DnsMessageError(
                f"name {name!r} has a label of {len(label)} characters, {_MAX_LABEL} is the most",
                error="label_too_long",
            )
        wire.append(len(label))
        wire += label
    wire.append(0)
    if len(wire) > _MAX_NAME:
        raise DnsMessageError(f"name {name!r} is longer than {_MAX_NAME} octets", error="name_too_long")
    return bytes(wire)


def encode_query(message_id: int, name: str, type_name: str = "A") -> bytes:
    """One question for the Internet class, recursion desired, without EDNS (as a libc asks by default)."""
    return _NUMBER.pack(message_id) + _ASKS + encode_name(name) + _encode_type(type_name)


@lru_cache
def _encode_type(type_name: str) -> bytes:
    if type_name not in TYPES:
        raise DnsMessageError(f"record type {type_name!r} is not one of {', '.join(TYPES)}")
    return struct.pack("!HH", TYPES[type_name], _CLASS_IN)


def decode_response(data: bytes) -> Message:
    """The answer in those octets. Raises DnsMessageError for anything else, a question among it."""
    try:
        (message_id,) = _NUMBER.unpack_from(data)
        # in an all-pairs probe, every container is told the same
        return Message(message_id, *_decode(b"\0\0" + data[2:])[1:])
    except (struct.error, IndexError, UnicodeDecodeError, ValueError) as exc:
        raise DnsMessageError(f"not a DNS answer ({len(data)} octets): {exc}") from exc


@lru_cache(maxsize=1024)
def _decode(data: bytes) -> Message:
    message_id, flags, questions, answers, _authority, _additional = _HEADER.unpack_from(data)
    if not flags & 0x8000:
        raise DnsMessageError("a question came where an answer was expected")
    question, question_type = "", ""
    offset = _HEADER.size
    for _unused in range(questions):
        question, offset = _name(data, offset)
        (number,) = _NUMBER.unpack_from(data, offset)
        question_type = TYPE_NAMES.get(number, str(number))
        offset += 4
    records = []
    for _unused in range(answers):
        name, offset = _name(data, offset)
        number, klass, ttl, length = _FIXED.unpack_from(data, offset)
        offset += _FIXED.size
        if offset + length > len(data):
            # RFC 2181 section 9: a truncated answer may end in the middle of a record.
            if flags & 0x0200:
                break
            raise DnsMessageError("a record runs past the end of the message")
        if klass == _CLASS_IN and number in _DECODERS:
            records.append(Record(name, TYPE_NAMES[number], _DECODERS[number](data, offset, length), ttl & 0x7FFFFFFF))
        offset += length
    rcode = flags & 0x000F
    return Message(
        id=message_id,
        rcode=RCODES[rcode] if rcode < len(RCODES) else f"RCODE{rcode}",
        truncated=bool(flags & 0x0200),
        question=question,
        type=question_type,
        records=tuple(records),
    )


def _name(data: bytes, offset: int) -> tuple[str, int]:
    """The name at that offset and the offset behind it. A pointer must lead backwards, so that none can loop."""
    labels = []
    end = -1
    length = 0
    while True:
        octet = data[offset]
        if octet >= 0xC0:
            target = (octet & 0x3F) << 8 | data[offset + 1]
            if end < 0:
                end = offset + 2
            if target >= offset:
                raise DnsMessageError("a compressed name points forwards")
            offset = target
        elif octet > _MAX_LABEL:
            raise DnsMessageError("a label is of an unknown kind")
        elif octet:
            label = data[offset + 1 : offset + 1 + octet]
            length += octet + 1
            if len(label) < octet or length > _MAX_NAME:
                raise DnsMessageError("a name runs past its end")
            # Latin-1 maps every octet, and an answer is compared with an ASCII question only.
            labels.append(label.decode("latin-1"))
            offset += octet + 1
        else:
            return ".".join(labels).lower(), end if end >= 0 else offset + 1


def _address4(data: bytes, offset: int, length: int) -> str:
    if length != 4:
        raise DnsMessageError(f"an A record has {length} octets")
    return inet_ntop(AF_INET, data[offset : offset + 4])


def _address6(data: bytes, offset: int, length: int) -> str:
    if length != 16:
        raise DnsMessageError(f"an AAAA record has {length} octets")
    return inet_ntop(AF_INET6, data[offset : offset + 16])


def _target(data: bytes, offset: int, length: int) -> str:
    name, end = _name(data, offset)
    if end != offset + length:
        raise DnsMessageError("a CNAME record does not end where its name does")
    return name


_DECODERS = {TYPES["A"]: _address4, TYPES["AAAA"]: _address6, TYPES["CNAME"]: _target}
