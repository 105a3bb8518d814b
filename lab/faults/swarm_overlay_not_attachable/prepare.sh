#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu

docker swarm init --advertise-addr 127.0.0.1 >/dev/null
docker network create --driver overlay --subnet 10.214.152.0/24 "$PROJECT-overlay" >/dev/null
