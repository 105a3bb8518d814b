#!/bin/sh
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Takes the seeded database on the first start and gives its user the password, then becomes the server.
set -eu

cluster=$PGDATA/main
if [ ! -d "$cluster" ]; then
    # Made beside its place, so that a start that was cut short leaves nothing half made.
    rm -rf "$PGDATA/new"
    cp -R /srv/seeded/main "$PGDATA/new"
    password=$(printf '%s' "$POSTGRES_PASSWORD" | sed "s/'/''/g")
    printf "ALTER USER %s PASSWORD '%s';\n" "$POSTGRES_USER" "$password" |
        postgres --single -D "$PGDATA/new" -F "$POSTGRES_DB" >/dev/null
    mv "$PGDATA/new" "$cluster"
fi
if [ "${STATEMENTS:-on}" = on ]; then set -- -c shared_preload_libraries=pg_stat_statements; fi
exec postgres -D "$cluster" "$@" -c listen_addresses='*' -c jit=off -c max_parallel_workers_per_gather=0
