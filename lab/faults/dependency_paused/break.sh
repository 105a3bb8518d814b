#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Somebody froze the service, for a backup perhaps, and forgot it.
set -eu

container=$(docker ps -q --filter "label=com.docker.compose.project=$PROJECT" \
    --filter label=com.docker.compose.service=users)
until curl -sf -o /dev/null "http://127.0.0.1:$LAB_GATEWAY_PORT/users/1"; do sleep 0.2; done
docker pause "$container" >/dev/null
