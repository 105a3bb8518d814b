#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A rule before all of Docker's.
set -eu

bridge=br-$(docker network inspect --format '{{slice .Id 0 12}}' "${PROJECT}_default")
set -- FORWARD -i "$bridge" -p tcp --dport 8000 -j DROP
printf '%s\n' "$*" >"$COMPOSE_DIR/.netfix-lab-rule"
iptables -I "$@"
