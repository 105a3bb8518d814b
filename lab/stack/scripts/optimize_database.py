# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operator's index script: makes the indexes the queries need, without locking writers out.

Run it where DATABASE_URL is set, as often as you like:

    docker compose exec hcl-kb-service python3 scripts/optimize_database.py [--drop]
"""

from __future__ import annotations

import argparse
import os

import psycopg

INDEXES = {"items_tag_score": "items (tag, score DESC)"}


def exists(connection: psycopg.Connection, name: str) -> bool:
    """Whether a usable index of that name is there; one that a cut short CREATE left invalid is not."""
    query = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)"
    row = connection.execute(query, (name,)).fetchone()
    return bool(row and row[0])


def create(connection: psycopg.Connection) -> None:
    for name, columns in INDEXES.items():
        if exists(connection, name):
            print(f"index {name} is there already")
            continue
        connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        connection.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {columns}")
        print(f"index {name} created on {columns}")
    connection.execute("ANALYZE items")


def drop(connection: psycopg.Connection) -> None:
    for name in INDEXES:
        connection.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
        print(f"index {name} dropped")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drop", action="store_true", help="take the indexes away again")
    arguments = parser.parse_args()
    # CONCURRENTLY is refused within a transaction.
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True, connect_timeout=5) as connection:
        drop(connection) if arguments.drop else create(connection)


if __name__ == "__main__":
    main()
