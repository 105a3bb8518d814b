#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What a VPN or firewall script in the container does: it flushes the nat table, and with it Docker's own rules.
set -eu

container=$(docker ps -q --filter "label=com.docker.compose.project=$PROJECT" \
    --filter label=com.docker.compose.service=gateway)
nsenter -t "$(docker inspect --format '{{.State.Pid}}' "$container")" -n iptables -t nat -F
