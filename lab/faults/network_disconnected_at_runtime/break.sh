#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Somebody isolates a container to look at it, and forgets to bring it back.
set -eu

container=$(docker ps -q --filter "label=com.docker.compose.project=$PROJECT" \
    --filter label=com.docker.compose.service=hcl-kb-service)
docker network disconnect "${PROJECT}_vertice-network" "$container"
