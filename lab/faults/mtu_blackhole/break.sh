#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The host's end of the service's link takes smaller packets than the service sends. Without segments in one piece,
# which virtual links pass on whole whatever their size, as on real hardware.
set -eu

container_of() {
    docker ps -q --filter "label=com.docker.compose.project=$PROJECT" --filter "label=com.docker.compose.service=$1"
}
pid_of() { docker inspect --format '{{.State.Pid}}' "$(container_of "$1")"; }

for service in users gateway; do
    nsenter -t "$(pid_of "$service")" -n ip link set dev eth0 gso_max_segs 1
done
peer=$(docker exec "$(container_of users)" cat /sys/class/net/eth0/iflink)
link=$(ip -o link | awk -F': ' -v index_="$peer" '$1 == index_ { split($2, name, "@"); print name[1] }')
ip link set dev "$link" mtu 1200
