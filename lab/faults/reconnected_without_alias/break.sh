#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Somebody disconnects a container and connects it again, without the aliases Compose had given it.
set -eu

network=${PROJECT}_vertice-network
container=$(docker ps -q --filter "label=com.docker.compose.project=$PROJECT" \
    --filter label=com.docker.compose.service=hcl-kb-service)
docker network disconnect "$network" "$container"
docker network connect "$network" "$container"
