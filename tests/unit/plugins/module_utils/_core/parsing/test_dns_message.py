# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import random

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.dns_message import (
    DnsMessageError,
    Message,
    Record,
    decode_response,
    encode_query,
)

# What the embedded DNS answered to question 0x1234, taken from the wire. The names say engine and situation.
CAPTURED = {
    "docker-26.1.5-one-holder": (
        "1234818000010001000000000361706900000100010361706900000100010000025800040ad50703",
        Message(0x1234, "NOERROR", False, "api", "A", (Record("api", "A", "10.213.7.3", 600),)),
    ),
    "docker-26.1.5-alias-with-two-holders": (
        "12348180000100020000000004706169720000010001047061697200000100010000025800040ad50702"
        "047061697200000100010000025800040ad50703",
        Message(
            0x1234,
            "NOERROR",
            False,
            "pair",
            "A",
            (Record("pair", "A", "10.213.7.2", 600), Record("pair", "A", "10.213.7.3", 600)),
        ),
    ),
    "docker-26.1.5-ipv6-network": (
        "1234818000010001000000000361706900001c00010361706900001c0001000002580010fd000213000700000000000000000003",
        Message(0x1234, "NOERROR", False, "api", "AAAA", (Record("api", "AAAA", "fd00:213:7::3", 600),)),
    ),
    "docker-26.1.5-forwarder-says-nxdomain": (
        "1234810300010000000000000575736572730000010001",
        Message(0x1234, "NXDOMAIN", False, "users", "A"),
    ),
    "docker-26.1.5-forwarded-cname": (
        "12348100000100020000000003777777076578616d706c65036f72670000010001"
        "c00c000500010000012c000603776562c010c02d000100010000003c0004c000020a",
        Message(
            0x1234,
            "NOERROR",
            False,
            "www.example.org",
            "A",
            (
                Record("www.example.org", "CNAME", "web.example.org", 300),
                Record("web.example.org", "A", "192.0.2.10", 60),
            ),
        ),
    ),
    "docker-26.1.5-missing-name-on-internal-network": (
        "1234810200010000000000000575736572730000010001",
        Message(0x1234, "SERVFAIL", False, "users", "A"),
    ),
    "docker-26.1.5-no-ipv6-address": (
        "12348180000100000000000005616c6f6e6500001c0001",
        Message(0x1234, "NOERROR", False, "alone", "AAAA"),
    ),
    "docker-26.1.5-missing-name-with-ndots-1": (
        "1234818000010000000000000575736572730000010001",
        Message(0x1234, "NOERROR", False, "users", "A"),
    ),
}


@pytest.mark.parametrize("case", CAPTURED)
def test_captured_answer_is_read(case: str) -> None:
    wire, expected = CAPTURED[case]
    assert decode_response(bytes.fromhex(wire)) == expected


def test_addresses_and_ttl_leave_the_cname_out_and_take_the_smallest() -> None:
    message = decode_response(bytes.fromhex(CAPTURED["docker-26.1.5-forwarded-cname"][0]))
    assert message.addresses == ("192.0.2.10",)
    assert message.ttl == 60


@pytest.mark.parametrize("name", ["api", "visual_cortex_service", "a.b.example.", "x" * 63, "API"])
@pytest.mark.parametrize("kind", ["A", "AAAA", "CNAME"])
def test_question_is_what_dnspython_asks(name: str, kind: str) -> None:
    theirs = dns.message.make_query(name if name.endswith(".") else name + ".", kind, id=7)
    assert encode_query(7, name, kind) == theirs.to_wire()


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("x" * 64, "label_too_long"),
        (".".join(["x" * 60] * 5), "name_too_long"),
        ("a..b", "empty_label"),
        ("münchen", "not_ascii"),
    ],
)
def test_name_that_dns_cannot_carry_is_refused_with_its_code(name: str, error: str) -> None:
    with pytest.raises(DnsMessageError) as caught:
        encode_query(1, name)
    assert caught.value.details["error"] == error


def answers() -> list[dns.message.Message]:
    made = []
    for rcode in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.SERVFAIL, dns.rcode.REFUSED):
        for kind, values in {"A": ["192.0.2.1", "192.0.2.2"], "AAAA": ["2001:db8::1"], "TXT": ['"t"']}.items():
            reply = dns.message.make_response(dns.message.make_query("www.Example.org.", kind, id=1))
            reply.set_rcode(rcode)
            reply.answer.append(dns.rrset.from_text("www.example.org.", 30, "IN", "CNAME", "web.example.org."))
            reply.answer.append(dns.rrset.from_text("web.example.org.", 60, "IN", kind, *values))
            reply.authority.append(dns.rrset.from_text("example.org.", 60, "IN", "NS", "ns.example.org."))
            made.append(reply)
    made[0].flags |= dns.flags.TC
    return made


@pytest.mark.parametrize("wire", [reply.to_wire() for reply in answers()], ids=range(12))
def test_answer_is_read_as_dnspython_reads_it(wire: bytes) -> None:
    ours = decode_response(wire)
    reply = dns.message.from_wire(wire)
    theirs = [
        (
            rrset.name.to_text(True).lower(),
            dns.rdatatype.to_text(rrset.rdtype),
            rdata.to_text().rstrip(".").lower(),
            rrset.ttl,
        )
        for rrset in reply.answer
        for rdata in rrset
        if dns.rdatatype.to_text(rrset.rdtype) in ("A", "AAAA", "CNAME")
    ]
    assert (ours.id, ours.rcode, ours.truncated) == (
        reply.id,
        dns.rcode.to_text(reply.rcode()),
        bool(reply.flags & dns.flags.TC),
    )
    assert [(r.name, r.type, r.value, r.ttl) for r in ours.records] == theirs
    assert ours.question == "www.example.org"


def test_question_is_no_answer() -> None:
    with pytest.raises(DnsMessageError, match="question"):
        decode_response(encode_query(1, "api"))


def test_compression_loop_is_refused() -> None:
    with pytest.raises(DnsMessageError):
        decode_response(bytes.fromhex("123481800001000000000000") + b"\xc0\x0c\x00\x01\x00\x01")


def test_damaged_answers_are_read_or_refused_and_nothing_else() -> None:
    source = random.Random(1)
    wires = [bytes.fromhex(wire) for wire, _message in CAPTURED.values()] + [reply.to_wire() for reply in answers()]
    refused = 0
    for _unused in range(5000):
        damaged = bytearray(source.choice(wires))
        for _unused in range(source.randint(1, 4)):
            damaged[source.randrange(len(damaged))] = source.randrange(256)
        try:
            decode_response(bytes(damaged[: source.randint(0, len(damaged))]))
        except DnsMessageError:
            refused += 1
    assert refused > 1000
