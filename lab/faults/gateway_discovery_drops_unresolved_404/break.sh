#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The services come up after the gateway has looked for them.
set -eu

compose() { docker compose --project-directory "$COMPOSE_DIR" -p "$PROJECT" "$@" >/dev/null 2>&1; }

compose stop users orders
compose restart gateway
timeout 20 sh -c "until curl -s -m 2 -o /dev/null 'http://127.0.0.1:$LAB_GATEWAY_PORT/health'; do sleep 0.1; done"
compose start users orders
