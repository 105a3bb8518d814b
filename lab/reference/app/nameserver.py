# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A nameserver outside Docker's own, so that no fault asks the world. Standard library only.

RECORDS=partner.example=10.0.0.1,*.corp.example=10.0.0.2   what it knows, a star for all names below; the rest is NXDOMAIN
SILENT=1                                                   never answer
"""

from __future__ import annotations

import os
import socket
import struct

NXDOMAIN = 3
TYPE_A = 1


def parse_records(text: str) -> dict[str, str]:
    """Name or ``*.domain`` → address."""
    return dict(item.strip().lower().split("=", 1) for item in text.split(",") if item.strip())


def address_of(name: str, records: dict[str, str]) -> str:
    """The address of a name or of the nearest star above it, empty where there is none."""
    if name in records:
        return records[name]
    labels = name.split(".")
    above = ("*." + ".".join(labels[i:]) for i in range(1, len(labels)))
    return next((records[star] for star in above if star in records), "")


def answer(query: bytes, records: dict[str, str]) -> bytes:
    """The answer to a query of one question (RFC 1035, section 4)."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode("ascii", "replace").lower())
        at += 1 + query[at]
    question = query[12 : at + 5]
    (wanted,) = struct.unpack("!H", query[at + 1 : at + 3])
    address = address_of(".".join(labels), records)
    record = b""
    if address and wanted == TYPE_A:
        # a pointer to the name of the question, type A, class IN, one minute, four bytes
        record = struct.pack("!HHHIH", 0xC00C, TYPE_A, 1, 60, 4) + socket.inet_aton(address)
    flags = 0x8580 | (0 if address else NXDOMAIN)
    return query[:2] + struct.pack("!HHHHH", flags, 1, bool(record), 0, 0) + question + record


if __name__ == "__main__":
    RECORDS = parse_records(os.environ.get("RECORDS", ""))
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("0.0.0.0", 53))
    while True:
        message, client = server.recvfrom(4096)
        if not os.environ.get("SILENT"):
            server.sendto(answer(message, RECORDS), client)
