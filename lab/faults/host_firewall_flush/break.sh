#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# What many a firewall script begins with.
set -eu

for table in filter nat; do
    iptables -t "$table" -F
    iptables -t "$table" -X
done
iptables -P FORWARD DROP
