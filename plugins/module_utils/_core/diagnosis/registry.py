# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of finding there is: what it means, what mends it, where it was seen in the wild.

``docs/findings.md`` is generated from this registry, and a test keeps it in step with the rules and the lab.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..model import Severity


@dataclass(frozen=True)
class Kind:
    """One kind of finding.

    ``remediations`` are tried in order of their invasiveness; where there are none, ``why_none`` says what the
    operator must do instead. ``confirm`` shows it by hand; a finding gives the same command with its own names.
    ``fault`` is the folder in ``lab/faults/`` that shows it; empty for the kinds that speak where no rule knows the
    cause.
    """

    code: str
    title: str
    meaning: str
    confirm: str = ""
    remediations: tuple[str, ...] = ()
    why_none: str = ""
    fault: str = ""
    severity: Severity = Severity.ERROR
    references: tuple[str, ...] = ()


_KINDS = (
    Kind(
        "container.dependency_exited",
        "A provider is not running",
        "The service that others call has stopped. Its name vanishes from the embedded DNS with it, so callers see "
        "'name not known' rather than 'refused'.",
        confirm="docker inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}' <container>",
        remediations=("start_providers",),
        fault="dependency_exited",
        references=("https://docs.docker.com/compose/how-tos/startup-order/",),
    ),
    Kind(
        "container.not_running",
        "A provider cannot run",
        "The provider crashes, is paused, was never created or cannot start. Starting it once more would not last.",
        confirm="docker inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}' <container>",
        why_none="The cause lies in the program or its configuration: read its log and exit code.",
    ),
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
        "resolver.bypassed",
        "The container does not ask Docker's DNS",
        "The embedded DNS knows the service, but the container's own resolver configuration (resolv.conf, "
        "nsswitch.conf) asks somebody else.",
        confirm="docker exec <consumer> getent hosts <name>",
        why_none="Find what rewrites the file at start (entrypoint, VPN or DHCP hook) and remove it.",
    ),
    Kind(
        "name.network_rebuilt_naively",
        "The network was rebuilt without its names",
        "Somebody removed and created the network anew without the Compose labels and without the services' "
        "aliases. Containers run, names do not resolve, and 'docker compose up' refuses the network.",
        confirm="docker network inspect -f '{{json .Labels}}' <network>",
        remediations=("rebuild_network",),
        fault="network_rebuilt_naively",
        references=("https://github.com/docker/compose/issues/10797", "https://github.com/pelias/docker/issues/340"),
    ),
    Kind(
        "name.reconnected_without_alias",
        "A container was reconnected without its service name",
        "The container has an endpoint in the network, but the endpoint lacks the service's alias: only the "
        "container name resolves.",
        confirm="docker inspect -f '{{json .NetworkSettings.Networks}}' <container>",
        remediations=("reconnect_endpoints", "static_hosts", "direct_routes"),
        fault="reconnected_without_alias",
        references=("https://github.com/docker/compose/issues/3498", "https://github.com/moby/moby/issues/24322"),
    ),
    Kind(
        "name.network_disconnected_at_runtime",
        "A container lost a network that its configuration names",
        "The Compose file puts the service on the network, the running container has no endpoint there.",
        confirm="docker inspect -f '{{json .NetworkSettings.Networks}}' <container>",
        remediations=("reconnect_endpoints",),
        fault="network_disconnected_at_runtime",
        references=("https://github.com/moby/moby/issues/24322",),
    ),
    Kind(
        "name.disjoint_networks",
        "Consumer and provider share no network",
        "Both run, but on different networks: the embedded DNS answers only for containers on a common one.",
        confirm="docker exec <consumer> getent hosts <name>",
        remediations=("reconnect_endpoints",),
        fault="disjoint_networks",
        references=("https://github.com/traefik/traefik/issues/5040", "https://github.com/traefik/traefik/issues/1254"),
    ),
    Kind(
        "name.stale_extra_hosts",
        "An extra_hosts entry points to an address that moved",
        "/etc/hosts is read before DNS. The pinned address belongs to nobody, or to somebody else, by now.",
        confirm="docker exec <consumer> getent hosts <name>",
        remediations=("restore_resolver",),
        fault="stale_extra_hosts",
        references=("https://github.com/docker/compose/issues/2454",),
    ),
    Kind(
        "name.service_renamed_typo",
        "The configuration calls a name that no service has",
        "No service, alias or container of the project has the name; one differs from it only slightly.",
        confirm="docker exec <consumer> getent hosts <name>",
        remediations=("correct_upstreams",),
        fault="service_renamed_typo",
        references=("https://github.com/docker/compose/issues/229",),
    ),
    Kind(
        "name.unresolved",
        "A name does not resolve, for no known reason",
        "The name failed from inside the container, and no rule knows why.",
        confirm="docker exec <consumer> getent hosts <name>",
        why_none="Follow the evidence: it shows what was asked, of whom, and what came back.",
    ),
    Kind(
        "name.wrong_address",
        "A name resolves to the wrong address",
        "The answer is not an address of the service that goes by that name, and no rule knows why.",
        confirm="docker exec <consumer> getent hosts <name>",
        why_none="See who answered (hosts file, search domain, another container with the same alias).",
    ),
    Kind(
        "address.unreachable",
        "An address cannot be reached",
        "The name resolves, but the kernel finds no way to the address (no route, or nobody there).",
        confirm="docker exec <consumer> curl -sv --max-time 3 telnet://<host>:<port>",
        why_none="Compare the address with the network's inventory, and look for a rejecting firewall rule.",
    ),
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

KINDS: dict[str, Kind] = {kind.code: kind for kind in _KINDS}
