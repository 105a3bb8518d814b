#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The service comes back under another address, and nobody has the old one.
set -eu

"$COMPOSE_DIR/move-users"
docker rm -f "$PROJECT-squatter" >/dev/null
