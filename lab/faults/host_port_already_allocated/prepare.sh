#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu

docker run --detach --init --pull never --name "$PROJECT-squatter" --label "netfix.lab=$PROJECT" --env NAME=squatter \
    --publish "127.0.0.1:$LAB_GATEWAY_PORT:8000" --volume "$COMPOSE_DIR/app:/srv/app:ro" \
    netfix-lab:latest python3 /srv/app/backend.py >/dev/null
