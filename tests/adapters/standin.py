# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small nameserver for tests, so that no test name ever leaves the machine."""

from __future__ import annotations

import socketserver
import threading

import dns.flags
import dns.message
import dns.rcode
import dns.rrset


class StandIn:
    """Answers what it is told to, NXDOMAIN for everything else; for the names in ``silent`` it says nothing."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.zone: dict[tuple[str, str], list[str]] = {}
        self.rcodes: dict[str, int] = {}
        self.silent: set[str] = set()
        self.all_silent = False
        self.truncated: set[str] = set()
        self.asked: list[str] = []
        stand_in = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, sock = self.request
                reply = stand_in.reply(data, udp=True)
                if reply:
                    sock.sendto(reply, self.client_address)

        class Tcp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                length = int.from_bytes(self.request.recv(2), "big")
                reply = stand_in.reply(self.request.recv(length), udp=False)
                if reply:
                    self.request.sendall(len(reply).to_bytes(2, "big") + reply)

        class UdpServer(socketserver.ThreadingUDPServer):
            allow_reuse_address = True

        class TcpServer(socketserver.ThreadingTCPServer):
            allow_reuse_address = True

        self._servers = [UdpServer((address, 53), Udp), TcpServer((address, 53), Tcp)]
        for server in self._servers:
            server.daemon_threads = True
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def reply(self, data: bytes, udp: bool) -> bytes:
        query = dns.message.from_wire(data)
        question = query.question[0]
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append(name)
        if self.all_silent or name in self.silent:
            return b""
        reply = dns.message.make_response(query)
        if udp and name in self.truncated:
            reply.flags |= dns.flags.TC
            return reply.to_wire()
        values = self.zone.get((name, kind), [])
        if values:
            reply.answer.append(dns.rrset.from_text(question.name, 300, "IN", kind, *values))
        elif not any(known == name for known, _kind in self.zone):
            reply.set_rcode(self.rcodes.get(name, dns.rcode.NXDOMAIN))
        return reply.to_wire()

    def close(self) -> None:
        for server in self._servers:
            server.shutdown()
            server.server_close()
