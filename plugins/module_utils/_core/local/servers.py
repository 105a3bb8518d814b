# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Servers that a host's own packages can stand in for, where their images cannot be read."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .model import Image

_POSTGRES = """\
set -eu
PATH=$PATH:$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
export PATH
[ "${1:-}" != postgres ] || shift
PGDATA=${PGDATA:-/var/lib/postgresql/data}
user=${POSTGRES_USER:-postgres}
name=${POSTGRES_DB:-$user}
mkdir -p /run/postgresql
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    printf '%s\\n' "${POSTGRES_PASSWORD:-}" >/tmp/password
    initdb -D "$PGDATA" -U "$user" --pwfile=/tmp/password --auth-host=scram-sha-256 --auth-local=trust --no-sync >/dev/null
    rm /tmp/password
    echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
    [ "$name" = postgres ] || echo "CREATE DATABASE \\"$name\\";" | postgres --single -D "$PGDATA" postgres >/dev/null
fi
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
"""


@dataclass(frozen=True)
class Server:
    """A program of the host's packages. ``entrypoint`` comes before the service's own command."""

    program: str
    package: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...] = ()
    user: str = ""


_REDIS = Server(
    "redis-server", "redis-server", (),
    ("redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", "", "--dir", "/tmp"),
)  # fmt: skip
SERVERS = {
    "redis": _REDIS,
    "valkey": _REDIS,
    "postgres": Server("initdb", "postgresql", ("/bin/sh", "-c", _POSTGRES, "postgres"), ("postgres",), "postgres"),
    "nginx": Server("nginx", "nginx-light", (), ("nginx", "-g", "daemon off;")),
}


def server_for(image: str) -> Server | None:
    """What can stand in for an image, by the last part of its name; None for one that is not known."""
    return SERVERS.get(re.split(r"[:@]", image.rsplit("/", 1)[-1])[0].lower())


def stand_in(image: str, server: Server) -> Image:
    """The host's server as an image."""
    note = f"its image {image} cannot be read: the host's own {server.program} stands in for it, whatever its version"
    return Image(
        f"{server.package} of this host", "host", (), entrypoint=server.entrypoint, command=server.command,
        user=server.user, notes=(note,),
    )  # fmt: skip
