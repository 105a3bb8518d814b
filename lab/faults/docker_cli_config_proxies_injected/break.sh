#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Somebody whose Docker client has a proxy configured recreates the gateway.
set -eu

mkdir -p "$COMPOSE_DIR/.docker-client"
cat >"$COMPOSE_DIR/.docker-client/config.json" <<'JSON'
{"proxies": {"default": {"httpProxy": "http://corpproxy:3128", "noProxy": "localhost,127.0.0.1"}}}
JSON
DOCKER_CONFIG=$COMPOSE_DIR/.docker-client docker compose --project-directory "$COMPOSE_DIR" -p "$PROJECT" \
    up -d --no-deps --force-recreate gateway >/dev/null 2>&1
