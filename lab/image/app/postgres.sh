#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes and seeds the database on the first start, then becomes the server.
set -eu

cluster=$PGDATA/main
if [ ! -d "$cluster" ]; then
    # Made beside its place, so that a start that was cut short leaves nothing half seeded.
    rm -rf "$PGDATA/new"
    printf '%s\n' "$POSTGRES_PASSWORD" >/tmp/password
    initdb -D "$PGDATA/new" -U "$POSTGRES_USER" --pwfile=/tmp/password \
        --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --no-sync >/dev/null
    rm /tmp/password
    echo 'host all all all scram-sha-256' >>"$PGDATA/new/pg_hba.conf"
    echo "CREATE DATABASE $POSTGRES_DB;" | postgres --single -D "$PGDATA/new" -F postgres >/dev/null
    postgres --single -j -D "$PGDATA/new" -F "$POSTGRES_DB" </srv/lab/seed.sql >/dev/null
    mv "$PGDATA/new" "$cluster"
fi
exec postgres -D "$cluster" -c listen_addresses='*' -c jit=off -c max_parallel_workers_per_gather=0
