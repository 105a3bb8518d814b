#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
set -eu

interface=nfx$(printf '%s' "$PROJECT" | cksum | cut -c 1-8)
if ip link show "$interface" >/dev/null 2>&1; then ip link delete "$interface"; fi
