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
        "name.links_to_other_network",
        "A link leads to a service on another network",
        "Compose accepts 'links' to a service with which the consumer shares no network, and the link does nothing: it "
        "gives another name to what a common network has, and makes no network.",
        confirm="docker exec <consumer> getent hosts <name>",
        remediations=("reconnect_endpoints",),
        fault="links_to_other_network",
        references=("https://docs.docker.com/reference/compose-file/services/#links",),
    ),
    Kind(
        "name.mixed_default_bridge_and_custom",
        "One service runs on the default bridge, the others do not",
        "A service with 'network_mode: bridge' is on Docker's default bridge alone: it has no name there, and no way to "
        "the project's own network.",
        confirm="docker inspect -f '{{json .NetworkSettings.Networks}}' <container>",
        remediations=("reconnect_endpoints",),
        fault="mixed_default_bridge_and_custom",
        references=(
            "https://github.com/docker/compose/issues/2862",
            "https://github.com/docker/compose/issues/9513",
        ),
    ),
    Kind(
        "name.network_mode_host_backend",
        "A service in the host's network has no name",
        "With 'network_mode: host' a container has no endpoint in any of Docker's networks: no address of its own, and "
        "nothing that DNS could answer.",
        confirm="docker inspect -f '{{.HostConfig.NetworkMode}}' <container>",
        remediations=("correct_upstreams",),
        fault="network_mode_host_backend",
        references=(
            "https://github.com/docker/for-linux/issues/264",
            "https://docs.docker.com/engine/network/drivers/host/",
        ),
    ),
    Kind(
        "name.network_mode_none",
        "A service runs without any network",
        "With 'network_mode: none' a container has a loopback interface and nothing else.",
        confirm="docker inspect -f '{{.HostConfig.NetworkMode}}' <container>",
        why_none="It may be somebody's policy. If it is not, put the service on the project's network, or force "
        "rebuild_network.",
        fault="network_mode_none",
        references=("https://docs.docker.com/engine/network/drivers/none/",),
    ),
    Kind(
        "name.network_mode_service",
        "A service in another's network has no name of its own",
        "With 'network_mode: service:other' a container uses the other one's interfaces, addresses and names. Docker's DNS "
        "does not know its own service name.",
        confirm="docker inspect -f '{{.HostConfig.NetworkMode}}' <container>",
        remediations=("correct_upstreams",),
        fault="network_mode_service",
        references=("https://github.com/docker/compose/issues/3545",),
    ),
    Kind(
        "name.wrong_project_name",
        "A service runs in another project",
        "Compose takes the name of the folder for the project's, unless -p, COMPOSE_PROJECT_NAME or 'name:' says another. "
        "What was started under two names is two projects on two networks.",
        confirm="docker ps --filter label=com.docker.compose.service=<service> "
        "--format '{{.Names}} {{.Label \"com.docker.compose.project\"}}'",
        why_none="Start all under one name, or share an external network: which of the two projects is right, only the "
        "operator knows.",
        fault="wrong_project_name",
        references=("https://github.com/docker/compose/issues/11257",),
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
        "name.duplicate_alias_two_projects",
        "A container of another project has the same name on a common network",
        "Compose gives every service its name on every network that it is on. Where two projects share a network, both "
        "their services answer to it, and requests go to either.",
        confirm="docker exec <consumer> getent ahostsv4 <name>",
        why_none="Which of the two should have the name, only the operator knows: rename one, or keep it off the network.",
        fault="duplicate_alias_two_projects",
        references=(
            "https://github.com/docker/compose/issues/2984",
            "https://github.com/docker/compose/issues/8223",
            "https://github.com/docker/compose/issues/6735",
        ),
    ),
    Kind(
        "name.orphan_holds_alias",
        "A container of a service that is configured no more has the name",
        "A service was renamed or taken out of the Compose file, and its container still runs, with its alias. Requests "
        "go to the old one as well as to the new one.",
        confirm="docker exec <consumer> getent ahostsv4 <name>",
        remediations=("detach_intruders",),
        fault="orphan_holds_alias",
        references=("https://github.com/docker/compose/issues/2593",),
    ),
    Kind(
        "name.localhost_upstream",
        "A service calls localhost and means another one",
        "In a container, localhost is the container itself. Nothing listens on that port there; another service does.",
        confirm="docker exec <consumer> curl -sv --max-time 3 telnet://localhost:<port>",
        remediations=("correct_upstreams",),
        fault="localhost_upstream",
        references=("https://github.com/Kong/docker-kong/issues/560",),
    ),
    Kind(
        "name.host_docker_internal_missing",
        "host.docker.internal is called, and nothing defines it",
        "Docker Desktop defines the name by itself. The engine on Linux does so only where extra_hosts asks for it.",
        confirm="docker exec <consumer> getent hosts host.docker.internal",
        remediations=("correct_upstreams",),
        fault="host_docker_internal_missing",
        references=("https://github.com/docker/for-linux/issues/264",),
    ),
    Kind(
        "name.label_too_long",
        "A name has a part of more than 63 characters",
        "The engine takes any alias; DNS carries no label longer than 63 characters (RFC 1035), so nobody can ask for it.",
        confirm="docker exec <consumer> getent hosts <name>",
        remediations=("correct_upstreams",),
        fault="label_too_long",
        references=("https://github.com/moby/moby/issues/37971",),
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
