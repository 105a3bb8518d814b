# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 2, the resolver: kinds of findings about who is asked for names."""

from __future__ import annotations

from ...model import Severity
from .kind import Kind

KINDS: tuple[Kind, ...] = (
    Kind(
        "resolver.resolv_conf_bind_mounted",
        "A mounted resolv.conf bypasses Docker's DNS",
        "The container resolves names with a resolv.conf mounted from outside. The embedded DNS at 127.0.0.11 knows "
        "the service, but is never asked.",
        confirm="docker exec <consumer> cat /etc/resolv.conf",
        remediations=("restore_resolver",),
        fault="resolv_conf_bind_mounted",
        references=(
            "https://github.com/bubuntux/nordvpn/issues/267",
            "https://github.com/tailscale/tailscale/issues/18600",
        ),
    ),
    Kind(
        "resolver.resolv_conf_overwritten_at_start",
        "The container overwrote the resolv.conf that Docker gave to it",
        "On a user-defined network Docker writes 'nameserver 127.0.0.11'. Something in the container wrote another file "
        "over it: its command, an entrypoint, a VPN or DHCP client.",
        confirm="docker exec <consumer> cat /etc/resolv.conf",
        remediations=("static_hosts", "direct_routes"),
        fault="resolv_conf_overwritten_at_start",
        references=(
            "https://github.com/bubuntux/nordvpn/issues/267",
            "https://github.com/dperson/openvpn-client/issues/24",
        ),
    ),
    Kind(
        "resolver.resolv_conf_public_first",
        "Another nameserver stands before Docker's in resolv.conf",
        "libc asks the nameservers in their order and believes the first that answers, even 'no such name'. The second is "
        "asked only when the first is silent: Docker's DNS is never asked for a service.",
        confirm="docker exec <consumer> cat /etc/resolv.conf",
        remediations=("static_hosts", "direct_routes"),
        fault="resolv_conf_public_first",
        references=("https://github.com/tailscale/tailscale/issues/18600",),
    ),
    Kind(
        "resolver.netns_dns_iptables_flushed",
        "The rules that lead to Docker's DNS were flushed inside a container",
        "The engine's resolver listens on high ports of 127.0.0.11 in the container's namespace; rules in its nat table "
        "lead port 53 there. A firewall or VPN script that flushes the table takes them away.",
        confirm="nsenter -t <pid> -n iptables -t nat -S",
        remediations=("refresh_upstreams", "static_hosts", "direct_routes"),
        fault="netns_dns_iptables_flushed",
        references=(
            "https://github.com/moby/libnetwork/issues/1938",
            "https://github.com/moby/libnetwork/pull/841",
        ),
    ),
    Kind(
        "resolver.nsswitch_without_dns",
        "nsswitch.conf leaves DNS out",
        "The line 'hosts:' tells libc where to look for names, and it does not say 'dns': only /etc/hosts is read. dig "
        "does not read that file and finds everything in order.",
        confirm="docker exec <consumer> cat /etc/nsswitch.conf",
        remediations=("restore_resolver",),
        fault="nsswitch_without_dns",
        references=("https://github.com/gliderlabs/docker-alpine/issues/367",),
    ),
    Kind(
        "resolver.nsswitch_notfound_return",
        "nsswitch.conf stops before DNS",
        "'[NOTFOUND=return]' behind a source of the line 'hosts:' ends the search there: 'dns' stands behind it and is "
        "never reached.",
        confirm="docker exec <consumer> cat /etc/nsswitch.conf",
        remediations=("restore_resolver",),
        fault="nsswitch_notfound_return",
        references=(
            "https://github.com/anapsix/docker-alpine-java/issues/46",
            "https://github.com/moby/moby/issues/38531",
        ),
    ),
    Kind(
        "resolver.search_domain_wildcard_ndots",
        "A search domain answers for the services' names",
        "With ndots above 0 (Docker's own is 0) libc appends the search domain to a service's name first. A wildcard "
        "record of that domain answers, and the service is never looked up: requests go to a page for unused names.",
        confirm="docker exec <consumer> getent hosts <name>",
        remediations=("restore_resolver",),
        fault="search_domain_wildcard_ndots",
        references=(
            "https://github.com/langgenius/dify/pull/39155",
            "https://github.com/linuxserver/docker-speedtest-tracker/issues/27",
            "https://github.com/moby/libnetwork/issues/2065",
        ),
    ),
    Kind(
        "resolver.upstream_dns_dead_external_only",
        "Nobody answers for names outside the project",
        "Docker's DNS forwards what it does not know, and the forwarder is silent: names outside fail after four seconds "
        "for each. Services are found all the same. A name that is merely misspelt takes as long: mend the name.",
        confirm="docker exec <consumer> getent hosts <name>",
        why_none="Correct the nameserver in 'dns:' of the service or in the host's /etc/resolv.conf.",
        fault="upstream_dns_dead_external_only",
        severity=Severity.WARNING,
        references=(
            "https://github.com/docker/for-linux/issues/179",
            "https://github.com/moby/moby/issues/45553",
        ),
    ),
    Kind(
        "resolver.first_nameserver_dead_slow",
        "The first nameserver for names outside the project is dead",
        "Docker's DNS waits four seconds for a forwarder before it asks the next: names outside resolve, and callers with "
        "a shorter timeout give up before.",
        confirm="docker exec <consumer> sh -c 'time getent hosts <name>'",
        why_none="Take the dead nameserver out of 'dns:' of the service or of the host's /etc/resolv.conf.",
        fault="first_nameserver_dead_slow",
        severity=Severity.WARNING,
        references=("https://github.com/moby/libnetwork/issues/2374", "https://github.com/moby/moby/issues/42519"),
    ),
    Kind(
        "resolver.default_bridge_no_dns",
        "All run on the default bridge, which serves no names",
        "Docker's DNS answers on user-defined networks only. On the default bridge (network_mode: bridge, a plain docker "
        "run) containers reach each other by address, and by no name.",
        confirm="docker inspect -f '{{json .NetworkSettings.Networks}}' <consumer>",
        remediations=("reconnect_endpoints",),
        fault="default_bridge_no_dns",
        references=(
            "https://github.com/docker/compose/issues/9513",
            "https://github.com/docker/roadmap/issues/867",
            "https://github.com/docker/docs/pull/24749",
        ),
    ),
    Kind(
        "resolver.bypassed",
        "The container does not ask Docker's DNS",
        "The embedded DNS knows the service, but the container's own resolver configuration (resolv.conf, "
        "nsswitch.conf) asks somebody else.",
        confirm="docker exec <consumer> getent hosts <name>",
        why_none="Find what rewrites the file at start (entrypoint, VPN or DHCP hook) and remove it.",
    ),
)
