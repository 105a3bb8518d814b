# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 5, the port: kinds of findings about listeners and filters."""

from __future__ import annotations

from ...model import Severity
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
        "port.host_port_already_allocated",
        "The host's port that a service publishes is taken",
        "A container that publishes a port which another container, or a process of the host, has is created and never "
        "started. The port may well answer: from the other one.",
        confirm="ss -ltnp 'sport = :<port>'",
        why_none="Whether the other one is needed only the operator knows: stop it, or publish another port.",
        fault="host_port_already_allocated",
        references=("https://github.com/moby/moby/issues/25877", "https://github.com/moby/moby/issues/20486"),
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
        "port.slow_start_race",
        "The provider is still starting",
        "Its container runs, and its program does not listen yet. It will work by itself; any remedy would seem to help.",
        confirm="nsenter -t <pid> -n ss -ltn 'sport = :<port>'",
        remediations=("wait_until_ready",),
        fault="slow_start_race",
        references=("https://docs.docker.com/compose/how-tos/startup-order/",),
    ),
    Kind(
        "port.ipv6_only_listener",
        "The provider listens on IPv6 only",
        "Its program listens on [::] with IPV6_V6ONLY, or on one IPv6 address; the name resolves to an IPv4 address, "
        "where nobody listens.",
        confirm="nsenter -t <pid> -n ss -ltn 'sport = :<port>'",
        why_none="Only the program can change where it listens: 0.0.0.0, or [::] for both families.",
        fault="ipv6_only_listener",
        references=("https://man7.org/linux/man-pages/man7/ipv6.7.html",),
    ),
    Kind(
        "port.ipv6_aaaa_first_listener_v4",
        "The provider has an IPv6 address and does not listen there",
        "On a network with IPv6 its name has two addresses. Clients that fall back to the second reach it, those that try "
        "IPv6 only, or the first only, are refused.",
        confirm="docker exec <consumer> curl -6 -sv --max-time 3 telnet://<host>:<port>",
        why_none="Make the program listen on both families, or take IPv6 off the network.",
        fault="ipv6_aaaa_first_listener_v4",
        severity=Severity.WARNING,
        references=("https://docs.docker.com/engine/daemon/ipv6/",),
    ),
    Kind(
        "port.wrong_port_published_vs_container",
        "The consumer calls the published port instead of the container's",
        "A published port exists on the host only. On the network of the containers the provider listens on its own port.",
        confirm="nsenter -t <pid> -n ss -ltn",
        remediations=("correct_upstreams",),
        fault="wrong_port_published_vs_container",
        references=("https://docs.docker.com/compose/how-tos/networking/",),
    ),
    Kind(
        "port.wrong_port",
        "The consumer calls a port that the provider does not listen on",
        "Nothing listens on the port that was asked; the provider listens on exactly one other.",
        confirm="nsenter -t <pid> -n ss -ltn",
        remediations=("correct_upstreams",),
        fault="wrong_port",
        references=("https://docs.docker.com/compose/how-tos/networking/",),
    ),
    Kind(
        "port.published_on_loopback_from_container",
        "A container calls a port that the host publishes on its loopback only",
        "host.docker.internal is the host's address on a bridge. What is published on 127.0.0.1 is not there.",
        confirm="docker port <container>",
        remediations=("correct_upstreams",),
        fault="published_on_loopback_from_container",
        references=("https://docs.docker.com/engine/network/port-publishing/",),
    ),
    Kind(
        "port.mtu_blackhole",
        "Large packets are lost on the way",
        "A link takes smaller packets than the interfaces before it say. Small requests and the handshake pass, large "
        "answers hang.",
        confirm="nsenter -t <pid> -n ping -c 1 -M do -s 1472 <address>",
        remediations=("reconnect_endpoints",),
        fault="mtu_blackhole",
        references=("https://github.com/moby/moby/pull/4282", "https://github.com/rancher/rancher/issues/10498"),
    ),
    Kind(
        "port.ephemeral_port_exhaustion",
        "A consumer has no ports left to call from",
        "Every connection to one address and port needs a local port of its own, and keeps it for a minute after its end "
        "(TIME_WAIT). All are taken: connecting fails with 'Cannot assign requested address'.",
        confirm="nsenter -t <pid> -n ss -tan 'dst <address>:<port>'",
        why_none="Let the program keep its connections, or widen the range: sysctls net.ipv4.ip_local_port_range, "
        "net.ipv4.tcp_tw_reuse.",
        fault="ephemeral_port_exhaustion",
        references=("https://docs.kernel.org/networking/ip-sysctl.html",),
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
