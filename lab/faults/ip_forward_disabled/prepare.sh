#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu

ip netns add outside
ip link add outside0 type veth peer name eth0 netns outside
ip address add 10.214.154.1/24 dev outside0
ip link set outside0 up
ip -n outside address add 10.214.154.2/24 dev eth0
ip -n outside link set eth0 up
NAME=users setsid ip netns exec outside python3 "$COMPOSE_DIR/app/backend.py" >/dev/null 2>&1 &
until curl -s -o /dev/null -m 1 http://10.214.154.2:8000/health; do sleep 0.1; done
