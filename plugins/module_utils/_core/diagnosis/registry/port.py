# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 5, the port: kinds of findings about listeners and filters."""

from __future__ import annotations

from .kind import Kind

KINDS: tuple[Kind, ...] = (
    Kind(
        "port.bind_loopback_only",
        "The provider listens on loopback only",
        "The name resolves and the container runs, but its server is bound to 127.0.0.1: nobody outside the "
        "container can reach it, whatever the network looks like.",
        confirm="nsenter -t <pid> -n ss -ltn 'sport = :<port>'",
        why_none="Only the program can change its bind address: make it listen on 0.0.0.0.",
        fault="bind_loopback_only",
        references=("https://docs.docker.com/engine/network/",),
    ),
    Kind(
        "port.icc_disabled",
        "The network forbids its containers to talk to each other",
        "The network was created with com.docker.network.bridge.enable_icc=false: the engine drops every packet between "
        "two containers on it. Names resolve, connections time out.",
        confirm="docker network inspect -f '{{json .Options}}' <network>",
        why_none="It may be somebody's policy. If it is not, take enable_icc out of the network's driver_opts and "
        "recreate the network, or put consumer and provider on another common network.",
        fault="icc_disabled",
        references=("https://github.com/moby/moby/issues/31453", "https://github.com/moby/moby/issues/46162"),
    ),
    Kind(
        "port.separation_broken",
        "Two services that must not reach each other do",
        "The operator declared that the consumer must not reach the provider, and a connection from inside it succeeds.",
        confirm="docker exec <consumer> curl -sv --max-time 3 telnet://<host>:<port>",
        why_none="Which of the common networks is one too many is the operator's decision.",
        fault="separation_broken",
        references=("https://docs.docker.com/compose/how-tos/networking/#specify-custom-networks",),
    ),
    Kind(
        "port.refused",
        "Nothing listens on the port",
        "The address answers, the port is closed: wrong port, a server that is still starting, or another family.",
        confirm="docker exec <consumer> curl -sv --max-time 3 telnet://<host>:<port>",
        why_none="Compare the port with what the provider listens on (shown as evidence).",
    ),
    Kind(
        "port.timeout",
        "Packets to the port vanish",
        "The name resolves and the address exists, but no answer comes: a firewall, isolation between bridges, or "
        "a host that drops packets. A refusal would be another cause.",
        confirm="docker exec <consumer> curl -sv --max-time 3 telnet://<host>:<port>",
        why_none="Look for the rule that drops: iptables -S DOCKER-USER, the network's enable_icc option.",
    ),
)
