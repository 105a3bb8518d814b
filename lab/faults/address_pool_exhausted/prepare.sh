#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Other projects' networks take all that there is.
set -eu

number=1
while docker network create --label "netfix.lab=$PROJECT" "$PROJECT-pool-$number" >/dev/null 2>&1; do
    number=$((number + 1))
    [ "$number" -lt 10 ]
done
