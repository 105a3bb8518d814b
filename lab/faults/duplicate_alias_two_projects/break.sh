#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Another project joins the network, and Compose gives its service the name that a service here has.
set -eu

LAB_PROJECT=$PROJECT docker compose --project-directory "$COMPOSE_DIR" -p "$PROJECT-other" -f "$COMPOSE_DIR/other.yml" \
    up -d --quiet-pull 2>/dev/null
