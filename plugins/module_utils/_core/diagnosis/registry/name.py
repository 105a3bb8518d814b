# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 3, the name: kinds of findings about what names resolve to."""

from __future__ import annotations

from .kind import Kind

KINDS: tuple[Kind, ...] = (
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
)
