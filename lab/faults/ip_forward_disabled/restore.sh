#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu

sysctl -q -w net.ipv4.ip_forward=1
if ip netns pids outside >/dev/null 2>&1; then
    ip netns pids outside | xargs -r kill
    ip netns delete outside
fi
