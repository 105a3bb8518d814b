# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A nameserver that knows nothing: NXDOMAIN to every question."""

from __future__ import annotations

import socket

server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("0.0.0.0", 53))
while True:
    query, client = server.recvfrom(512)
    # response, recursion available, NXDOMAIN; the question comes back as it was
    server.sendto(query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12:], client)
