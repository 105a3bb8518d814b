#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# The old configuration is started under the file names that the new one has now.
set -eu

cd "$COMPOSE_DIR"
mv compose.override.yml compose.new.yml
cp old.yml compose.override.yml
docker compose -p "$PROJECT" up -d users-old 2>/dev/null
mv compose.new.yml compose.override.yml
