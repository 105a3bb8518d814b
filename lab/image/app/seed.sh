#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes the database that every lab begins with, while the image is built; its password comes later (postgres.sh).
set -eu

seeded=/srv/seeded/main
initdb -D "$seeded" -U netfix --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 \
    --wal-segsize=1 --no-sync >/dev/null
echo 'host all all all scram-sha-256' >>"$seeded/pg_hba.conf"
echo "CREATE DATABASE kb;" | postgres --single -D "$seeded" -F postgres >/dev/null
postgres --single -j -D "$seeded" -F -c wal_level=minimal -c max_wal_senders=0 kb </srv/lab/seed.sql >/dev/null
