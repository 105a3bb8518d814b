#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The gateway comes back under another address, another container gets the old one, and nginx is not told.
set -eu

network=${PROJECT}_vertice-network
container=$(docker ps -q --filter "label=com.docker.compose.project=$PROJECT" \
    --filter label=com.docker.compose.service=api_gateway)
endpoint="(index .NetworkSettings.Networks \"$network\")"
address=$(docker inspect --format "{{$endpoint.IPAddress}}" "$container")
aliases=$(docker inspect --format "{{range $endpoint.Aliases}}--alias {{.}} {{end}}" "$container")

docker network disconnect "$network" "$container"
docker run --detach --init --pull never --name "$PROJECT-squatter" --label "netfix.lab=$PROJECT" \
    --network "$network" --ip "$address" netfix-lab:latest sleep infinity >/dev/null
# shellcheck disable=SC2086 # a list of options
docker network connect $aliases "$network" "$container"
