#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu

# A local network of the host: a /28 behind an interface of its own, inside the project's subnet.
interface=nfx$(printf '%s' "$PROJECT" | cksum | cut -c 1-8)
ip link show "$interface" >/dev/null 2>&1 || ip link add "$interface" type veth peer name "${interface}p"
ip address replace "$LAB_NET.241/28" dev "$interface"
ip link set "$interface" up
ip link set "${interface}p" up
