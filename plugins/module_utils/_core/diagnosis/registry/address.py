# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 4, the address: kinds of findings about subnets, addresses and routes."""

from __future__ import annotations

from .kind import Kind

KINDS: tuple[Kind, ...] = (
    Kind(
        "address.unreachable",
        "An address cannot be reached",
        "The name resolves, but the kernel finds no way to the address (no route, or nobody there).",
        confirm="docker exec <consumer> curl -sv --max-time 3 telnet://<host>:<port>",
        why_none="Compare the address with the network's inventory, and look for a rejecting firewall rule.",
    ),
)
