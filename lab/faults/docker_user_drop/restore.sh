#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Takes the rule away: exactly this one, however often it was made.
set -eu

[ -f "$COMPOSE_DIR/.netfix-lab-rule" ] || exit 0
read -r rule <"$COMPOSE_DIR/.netfix-lab-rule"
# shellcheck disable=SC2086 # the words of the rule
while iptables -D $rule 2>/dev/null; do :; done
rm "$COMPOSE_DIR/.netfix-lab-rule"
