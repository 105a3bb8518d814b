#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The gateway is started before a service that it needs, gives up, and nothing starts it again.
set -eu

container_of() {
    docker ps -aq --filter "label=com.docker.compose.project=$PROJECT" --filter "label=com.docker.compose.service=$1"
}

gateway=$(container_of gateway)
users=$(container_of users)
docker stop --time 1 "$gateway" "$users" >/dev/null
docker start "$gateway" >/dev/null
docker wait "$gateway" >/dev/null
docker start "$users" >/dev/null
