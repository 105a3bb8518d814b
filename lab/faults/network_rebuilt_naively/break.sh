#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a tool does that knows networks and not Compose: the same name again, without its labels and aliases.
set -eu

network=${PROJECT}_vertice-network
# Half of the old subnet, and everybody under the old address: an address that moved out of it would make nginx send
# its requests to the outside world.
subnet=$(docker network inspect --format '{{(index .IPAM.Config 0).Subnet}}' "$network")
containers=$(docker network inspect --format '{{range $id, $endpoint := .Containers}}{{$endpoint.IPv4Address}} {{$id}}
{{end}}' "$network" | sort -t . -k 4 -n | cut -d ' ' -f 2)
for container in $containers; do
    docker network disconnect --force "$network" "$container"
done
docker network rm "$network" >/dev/null
docker network create --driver bridge --subnet "${subnet%/*}/25" "$network" >/dev/null
for container in $containers; do
    docker network connect "$network" "$container"
done
