# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the common tools in containers print when they look up a name, knock at a port or send a request.

Read in glibc's and musl's getent, BIND's and BusyBox's nslookup, OpenBSD's and BusyBox's nc, bash, curl and Python.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

# no tool prints it, and unlike the separators of ASCII it is no white space to Python
SEPARATOR = "\x02"
NO_TOOL = "-"
# timeout(1) says 124 (BusyBox: 143) of what it ended
_TIMED_OUT = (124, 137, 143)
_ERRORS = (
    ("ECONNREFUSED", re.compile(r"refused", re.I)),
    ("timeout", re.compile(r"timed out|no servers could be reached", re.I)),
    ("EHOSTUNREACH", re.compile(r"no route to host|host is unreachable", re.I)),
    ("ENETUNREACH", re.compile(r"network is unreachable", re.I)),
    ("ECONNRESET", re.compile(r"reset by peer", re.I)),
    ("NXDOMAIN", re.compile(r"NXDOMAIN|name or service not known|does not resolve|could not resolve", re.I)),
    ("SERVFAIL", re.compile(r"SERVFAIL|temporary failure in name resolution", re.I)),
)
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_STATUS = re.compile(r"^HTTP/[\d.]+ (\d{3})\b", re.M)


@dataclass(frozen=True)
class Answer:
    """What one tool said. ``tool`` is ``-`` where the container has none for the question; ``code`` is its exit code."""

    tool: str
    code: int
    text: str


@dataclass(frozen=True)
class Response:
    """An HTTP answer; ``status`` 0 where none came."""

    status: int = 0
    server: str = ""
    body: str = ""


def parse_answers(text: str) -> dict[int, Answer]:
    """The answers by the number of their question: blocks of a separator, ``number tool code``, and what was printed."""
    found = {}
    for block in text.split(SEPARATOR)[1:]:
        head, _sep, said = block.partition("\n")
        number, tool, code = head.split()
        found[int(number)] = Answer(tool, int(code), said.rstrip("\n"))
    return found


def addresses(answer: Answer) -> tuple[str, ...]:
    """The IPv4 addresses that a name was resolved to, in their order; none where it was not."""
    lines = answer.text.splitlines()
    if answer.tool == "nslookup":
        # one that asks for IPv6 too may fail for that alone
        # the first address is the server's own
        begin = next((n for n, line in enumerate(lines) if line.startswith(("Name:", "Non-authoritative"))), len(lines))
        lines = [line for line in lines[begin:] if line.startswith("Address")]
        found = [m[0] for line in lines if (m := _ADDRESS.search(line.partition(":")[2]))]
    elif answer.code:
        return ()
    else:
        found = [line.split()[0] for line in lines if _ADDRESS.fullmatch((line.split() or [""])[0])]
    return tuple(dict.fromkeys(found))


def error(answer: Answer) -> Optional[str]:
    """The short code of a failure, empty for success; None where what was said tells nothing."""
    if not answer.code:
        return ""
    if answer.code in _TIMED_OUT:
        return "timeout"
    known = next((code for code, pattern in _ERRORS if pattern.search(answer.text)), None)
    # getent(1) says by 2 alone that a name was not found
    return "NXDOMAIN" if known is None and answer.tool == "getent" and answer.code == 2 else known


def response(answer: Answer) -> Response:
    """The last HTTP answer in what was printed, its head and the beginning of its body."""
    starts = [m.start() for m in _STATUS.finditer(answer.text)]
    if not starts:
        return Response()
    head, _sep, body = answer.text[starts[-1] :].replace("\r\n", "\n").partition("\n\n")
    status = _STATUS.match(head)
    server = re.search(r"^server:\s*(.*)$", head, re.M | re.I)
    return Response(int(status[1]) if status else 0, server[1].strip() if server else "", body)
