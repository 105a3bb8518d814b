#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Packets to a neighbour that the kernel has no room for vanish; so do those to one that nobody is.
set -eu

pid=$(docker inspect -f '{{.State.Pid}}' "$PROJECT-gateway-1")
for service in users orders; do
    address=$(docker inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$PROJECT-$service-1")
    nsenter -t "$pid" -n ip neighbour replace "$address" lladdr 02:00:00:00:00:01 nud permanent dev eth0
done
