# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 6, the protocol: kinds of findings about who wrote the wrong answer."""

from __future__ import annotations

from .kind import Kind

KINDS: tuple[Kind, ...] = (
    Kind(
        "protocol.gateway_empty_route_table_404",
        "The gateway has no routes",
        "The gateway itself answers 404 to everything: its route table is empty. DNS, addresses and ports are fine; "
        "rebuilding a network cannot help.",
        confirm="docker exec <gateway> printenv <variable>",
        remediations=("correct_upstreams",),
        fault="gateway_empty_route_table_404",
        references=("https://github.com/traefik/traefik/issues/4153",),
    ),
    Kind(
        "protocol.stale_ip_nginx_502",
        "nginx keeps an address that moved",
        "nginx resolves the names of its upstreams once, when it starts. The provider has another address since; "
        "its old one is unused or belongs to somebody else.",
        confirm="docker logs --tail 20 <nginx> 2>&1 | grep upstream:",
        remediations=("refresh_upstreams",),
        fault="stale_ip_nginx_502",
        references=("https://github.com/NginxProxyManager/nginx-proxy-manager/issues/1021",),
    ),
    Kind(
        "protocol.check_failed",
        "A check fails although everything below it works",
        "Names, addresses and ports are fine, and no rule knows why the answer is wrong.",
        confirm="curl -sv -X <method> <url>",
        why_none="See who wrote the answer (status, Server header and body are shown as evidence) and read that log.",
    ),
)
