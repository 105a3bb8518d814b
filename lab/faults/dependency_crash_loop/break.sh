#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The engine must have started it a few times.
set -eu

container=$(docker ps -aq --filter "label=com.docker.compose.project=$PROJECT" \
    --filter label=com.docker.compose.service=users)
until [ "$(docker inspect --format '{{.RestartCount}}' "$container")" -ge 3 ]; do sleep 0.2; done
