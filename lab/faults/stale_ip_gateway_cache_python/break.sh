#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The service comes back under another address; the gateway has looked it up when it started.
set -eu

network=${PROJECT}_default
id_of() {
    docker ps -q --filter "label=com.docker.compose.project=$PROJECT" --filter "label=com.docker.compose.service=$1"
}

# the gateway must have begun with the old address
timeout 20 sh -c "until curl -fs -m 2 -o /dev/null 'http://127.0.0.1:$LAB_GATEWAY_PORT/users/1'; do sleep 0.1; done"
users=$(id_of users)
address=$(docker inspect --format "{{(index .NetworkSettings.Networks \"$network\").IPAddress}}" "$users")
# somebody else takes the address, so that the service comes back under another one
docker network disconnect "$network" "$users"
docker run --detach --init --pull never --name "$PROJECT-squatter" --label "netfix.lab=$PROJECT" \
    --network "$network" --ip "$address" netfix-lab:latest sleep infinity >/dev/null
docker network connect --alias users "$network" "$users"
