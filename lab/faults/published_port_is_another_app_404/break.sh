#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The gateway was stopped, and a stranger took its port.
set -eu

gateway=$(docker ps -q --filter "label=com.docker.compose.project=$PROJECT" \
    --filter label=com.docker.compose.service=gateway)
docker stop --time 1 "$gateway" >/dev/null
docker run --detach --init --pull never --name "$PROJECT-squatter" --label "netfix.lab=$PROJECT" \
    --publish "127.0.0.1:$LAB_GATEWAY_PORT:8000" --volume "$COMPOSE_DIR/app:/srv/app:ro" --env NAME=billing \
    netfix-lab:latest python3 /srv/app/backend.py >/dev/null
