# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that a host's own packages can stand in for, where their images cannot be read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .model import Image

# each stands for its image's own entry point; what the engine's volume holds belongs to the user of that image
_POSTGRES = """\
set -eu
PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
export PATH
[ "${1:-}" != postgres ] || shift
PGDATA=${PGDATA:-/var/lib/postgresql/data}
user=${POSTGRES_USER:-postgres}
name=${POSTGRES_DB:-$user}
method=${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}
as=
if [ "$(id -u)" = 0 ]; then
    as='setpriv --reuid=postgres --regid=postgres --init-groups'
    mkdir -p "$PGDATA" /run/postgresql
    chown -R postgres:postgres "$PGDATA" /run/postgresql
    chmod 700 "$PGDATA"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf '%s\\n' "${POSTGRES_PASSWORD:-}" | $as sh -c 'umask 077; cat >/tmp/password'
    $as initdb -D "$PGDATA" -U "$user" ${POSTGRES_PASSWORD:+--pwfile=/tmp/password} --auth-local=trust --auth-host="$method" \\
        --no-sync >/dev/null
    rm /tmp/password
    echo "host all all all $method" >>"$PGDATA/pg_hba.conf"
    [ "$name" = postgres ] || echo "CREATE DATABASE \\"$name\\";" | $as postgres --single -D "$PGDATA" postgres >/dev/null
fi
sockets=/tmp
[ ! -w /run/postgresql ] || sockets=/run/postgresql,/tmp
exec $as postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories="$sockets" "$@"
"""
# the package's protected mode would refuse whoever comes from another service
_REDIS = """\
set -eu
case "${1:-}" in
redis-server | valkey-server) shift ;;
'' | -* | *.conf) ;;
*) exec "$@" ;;
esac
cd /tmp
[ ! -d /data ] || cd /data
exec redis-server "$@" --protected-mode no
"""
# the package's own configuration brings a site that answers 404 for whatever another one does not name
_NGINX = """\
set -eu
[ "${1:-}" = nginx ] || exec "$@"
shift
conf=/etc/nginx/nginx.conf
if grep -qs sites-enabled "$conf"; then
    conf=/tmp/nginx.conf
    cat >"$conf" <<'END'
user www-data;
worker_processes auto;
pid /run/nginx.pid;
error_log stderr notice;
events { worker_connections 1024; }
http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /dev/stdout;
    sendfile on;
    keepalive_timeout 65;
    include /etc/nginx/conf.d/*.conf;
}
END
fi
exec nginx -c "$conf" "$@"
"""


@dataclass(frozen=True)
class Server:
    """A program of the host's packages. ``entrypoint`` comes before the service's own command."""

    program: str
    package: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]


def _server(program: str, package: str, script: str, *command: str) -> Server:
    return Server(program, package, ("/bin/sh", "-c", script, package), command)


_LIKE_REDIS = _server("redis-server", "redis-server", _REDIS, "redis-server", "--save", "")
SERVERS = {
    "redis": _LIKE_REDIS,
    "valkey": _LIKE_REDIS,
    "postgres": _server("initdb", "postgresql", _POSTGRES, "postgres"),
    "nginx": _server("nginx", "nginx-light", _NGINX, "nginx", "-g", "daemon off;"),
}


def server_for(image: str) -> Server | None:
    """What can stand in for an image, by the last part of its name; None for one that is not known."""
    return SERVERS.get(re.split(r"[:@]", image.rsplit("/", 1)[-1])[0].lower())


def stand_in(image: str, server: Server) -> Image:
    """The host's server as an image."""
    note = f"its image {image} cannot be read: the host's own {server.program} stands in for it, whatever its version"
    return Image(
        f"{server.package} of this host", "host", (), entrypoint=server.entrypoint, command=server.command,
        notes=(note,),
    )  # fmt: skip
