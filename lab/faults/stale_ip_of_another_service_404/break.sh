#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Both services restart, and each takes the address that the other had: the engine gives the lowest free one.
set -eu

address() {
    docker inspect --format "{{(index .NetworkSettings.Networks \"${PROJECT}_default\").IPAddress}}" "$1"
}

timeout 20 sh -c "until curl -fs -m 2 -o /dev/null 'http://127.0.0.1:$LAB_GATEWAY_PORT/users/1'; do sleep 0.1; done"
users=$PROJECT-users-1 orders=$PROJECT-orders-1
if [ "$(printf '%s\n' "$(address "$users")" "$(address "$orders")" | sort -V | head -n 1)" = "$(address "$users")" ]; then
    first=$orders second=$users
else
    first=$users second=$orders
fi
docker stop "$users" "$orders" >/dev/null
docker start "$first" >/dev/null
docker start "$second" >/dev/null
