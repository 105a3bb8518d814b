#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# While users starts, the gateway answers 502 too, and all its ports are free.
set -eu

timeout 60 sh -c "until curl -sf -m 8 -o /dev/null 'http://127.0.0.1:$LAB_GATEWAY_PORT/users/1'; do sleep 0.2; done"
