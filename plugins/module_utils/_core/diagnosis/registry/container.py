# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layer 1, the container: kinds of findings about consumers and providers that do not run."""

from __future__ import annotations

from ...model import Severity
from .kind import Kind

KINDS: tuple[Kind, ...] = (
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
        "container.external_network_missing",
        "An external network does not exist",
        "The configuration declares a network as external: somebody else is to make it. It is not there, so Compose starts "
        "nothing.",
        confirm="docker network inspect <network>",
        why_none="Whose network it is, and with which subnet and options it is to be made, only the operator knows.",
        fault="external_network_missing",
        references=(
            "https://github.com/EdyTheCow/docker-whmcs/issues/11",
            "https://github.com/supabase-community/supabase-traefik/issues/4",
        ),
    ),
    Kind(
        "container.network_wrong_label",
        "Compose refuses a network that it did not make",
        "A network has the name of one of the project's and lacks Compose's labels. 'docker compose up' ends at it and "
        "starts nothing. Where everything runs it is a warning: the next 'up' will be refused.",
        confirm="docker network inspect -f '{{json .Labels}}' <network>",
        why_none="It may be somebody's: remove it if nobody needs it, or declare it as external.",
        fault="network_wrong_label",
        references=(
            "https://github.com/docker/compose/issues/10797",
            "https://github.com/docker/compose/pull/10612",
            "https://github.com/pelias/docker/issues/340",
        ),
    ),
    Kind(
        "container.container_name_conflict",
        "Another container has the name that a service demands",
        "Container names are unique on an engine. A service's container cannot be made while another one has its name, and "
        "Compose starts nothing else of the project.",
        confirm="docker ps --all --filter name=^<name>$",
        why_none="Whether the other container is needed only the operator knows: rename or remove it, or drop container_name.",
        fault="container_name_conflict",
        references=(
            "https://github.com/docker/for-mac/issues/3882",
            "https://github.com/blackcandy-org/blackcandy/issues/180",
        ),
    ),
    Kind(
        "container.profile_not_enabled",
        "A service that others call belongs to a profile that is not enabled",
        "'docker compose up' makes no container for it, so its name does not exist. Where no check fails and no log tells "
        "of it, it may be left out on purpose, and it is a warning.",
        confirm="docker compose --profile '*' config --services",
        why_none="Enable the profile (--profile, COMPOSE_PROFILES), or take the name out of what calls it.",
        fault="profile_not_enabled",
        references=(
            "https://github.com/docker/compose/issues/9795",
            "https://github.com/docker/compose/issues/12900",
            "https://docs.docker.com/compose/how-tos/profiles/",
        ),
    ),
    Kind(
        "container.dependency_paused",
        "A service is paused",
        "Its processes are frozen. The kernel still accepts connections to it, so callers connect and wait for an answer "
        "that does not come.",
        confirm="docker inspect -f '{{.State.Status}}' <container>",
        why_none="Somebody paused it on purpose: docker unpause <container> ends it.",
        fault="dependency_paused",
        references=("https://docs.docker.com/reference/cli/docker/container/pause/",),
    ),
    Kind(
        "container.dependency_oom_killed",
        "A service was killed for memory",
        "The kernel ended it because it used more memory than its limit, or than the host has. Exit code 137 alone does "
        "not tell: 'docker stop' gives it too.",
        confirm="docker inspect -f '{{.State.OOMKilled}} {{.State.ExitCode}} {{.HostConfig.Memory}}' <container>",
        why_none="Started again it would be killed again: raise its memory limit, or make its program need less.",
        fault="dependency_oom_killed",
        references=("https://docs.docker.com/engine/containers/resource_constraints/",),
    ),
    Kind(
        "container.dependency_crash_loop",
        "A service ends again and again",
        "Its restart policy starts it each time it ends. Its name and its port come and go with it: callers see 'name not "
        "known', 'refused', and now and then an answer.",
        confirm="docker inspect -f '{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}}' <container>",
        why_none="The cause lies in the program or its configuration: read its log and exit code.",
        fault="dependency_crash_loop",
        references=("https://docs.docker.com/engine/containers/start-containers-automatically/",),
    ),
    Kind(
        "container.nginx_host_not_found_at_start",
        "nginx did not start because a name did not resolve at that moment",
        "nginx looks the names of its upstreams up once, when it starts, and ends where one is not known. It was started "
        "before, or without, its provider; nothing starts it again.",
        confirm="docker logs --tail 5 <nginx>",
        remediations=("start_providers",),
        fault="nginx_host_not_found_at_start",
        references=("https://github.com/docker/compose/issues/2614", "https://github.com/nginx/docker-nginx/issues/127"),
    ),
    Kind(
        "container.depends_on_unhealthy_blocks_gateway",
        "A healthcheck that fails keeps another service from being started",
        "depends_on waits for the provider to be healthy. Its program works, but the healthcheck cannot pass: often its "
        "command is not in the image.",
        confirm="docker inspect -f '{{json .State.Health}}' <container>",
        why_none="Only the healthcheck can be mended: it must use what the image has.",
        fault="depends_on_unhealthy_blocks_gateway",
        references=("https://github.com/BerriAI/litellm/issues/9295", "https://github.com/dunglas/mercure/issues/1004"),
    ),
    Kind(
        "container.unhealthy_still_in_dns",
        "A healthcheck fails although the service is reached",
        "Compose and the engine leave unhealthy containers in the DNS: callers still reach it. Swarm and Traefik would not.",
        confirm="docker inspect -f '{{json .State.Health}}' <container>",
        why_none="Either the healthcheck is wrong, or the service is about to fail: run it by hand.",
        fault="unhealthy_still_in_dns",
        severity=Severity.WARNING,
        references=("https://github.com/traefik/traefik/issues/7842",),
    ),
    Kind(
        "container.swarm_overlay_not_attachable",
        "A network of the swarm may not be joined",
        "An overlay network takes the containers of the swarm's services only, unless it was made with --attachable. "
        "Containers that Compose makes are none of those: they are created and cannot start.",
        confirm="docker network inspect -f '{{.Driver}} {{.Scope}} {{.Attachable}}' <network>",
        why_none="The option cannot be changed on a network that exists: it has to be made anew, and the swarm's services "
        "moved to it.",
        fault="swarm_overlay_not_attachable",
        references=(
            "https://github.com/moby/moby/issues/27064",
            "https://github.com/moby/libnetwork/issues/1940",
            "https://github.com/frankli0324/ctfd-whale/issues/9",
        ),
    ),
    Kind(
        "container.not_running",
        "A provider cannot run",
        "The provider crashes, is paused, was never created or cannot start. Starting it once more would not last.",
        confirm="docker inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.Error}}' <container>",
        why_none="The cause lies in the program or its configuration: read its log and exit code.",
    ),
)
