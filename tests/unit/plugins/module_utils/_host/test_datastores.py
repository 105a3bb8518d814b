# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import EngineError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Container
from ansible_collections.vertice.netfix.plugins.module_utils._host.datastores import kind_of, look

SERVER = {
    "version": "17.12",
    "database": "kb",
    "max_connections": 100,
    "size": 1,
    "hit": 9,
    "read": 1,
    "transactions": 5,
    "at": 1.0,
}
PASSWORD = "s3cret-of-a-test"


@dataclass
class Fake:
    """An engine whose containers run these processes; remembers what was run in them."""

    processes: dict
    ran: list = field(default_factory=list)

    def commands(self, container):
        if container not in self.processes:
            raise EngineError(f"Listing the processes of {container!r}: ps is not there")
        return self.processes[container]

    def execute(self, container, words, environment):
        self.ran.append((container, list(words), dict(environment)))
        return f"netfix:server {json.dumps(SERVER)}" if words[0] == "psql" else "redis_version:8.0.2"


def container(name, **more):
    return Container(id=name, name=name, service=name, state=more.pop("state", "running"), pid=7, **more)


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        # as docker top tells them of the lab
        (
            ["/sbin/docker-init -- /srv/lab/postgres.sh", "postgres -D /data/main", "postgres: checkpointer"],
            ("postgresql", 0),
        ),
        (["/usr/lib/postgresql/17/bin/postgres -D /data"], ("postgresql", 0)),
        (["redis-server 0.0.0.0:6379"], ("redis", 6379)),
        (["valkey-server *:6390"], ("redis", 6390)),
        (["python3 kb.py --database postgres"], ("", 0)),
        ([], ("", 0)),
    ],
)
def test_what_a_container_serves_is_told_by_its_processes(commands, expected):
    assert kind_of(commands) == expected


def test_passwords_are_in_no_command_line():
    engine = Fake({"db": ["postgres -D /data"], "cache": ["redis-server *:6390"]})
    db = container("db", environment={"POSTGRES_USER": "joe", "POSTGRES_DB": "kb", "POSTGRES_PASSWORD": PASSWORD})
    cache = container("cache", command=("redis-server", "--requirepass", PASSWORD))
    (database,), (redis,) = look(engine, [db, cache])
    assert (database.outcome, redis.outcome) == ("partly", "ok")
    assert [e.get("PGPASSWORD") or e.get("REDISCLI_AUTH") for _c, _w, e in engine.ran] == [PASSWORD, PASSWORD]
    assert PASSWORD not in repr([words for _c, words, _e in engine.ran]) and PASSWORD not in repr((database, redis))


def test_a_database_is_asked_read_only_and_not_for_long():
    engine = Fake({"db": ["postgres -D /data"]})
    look(engine, [container("db")], seconds=1)
    ((_container, words, environment),) = engine.ran
    assert (
        "default_transaction_read_only=on" in environment["PGOPTIONS"]
        and "statement_timeout=5000" in environment["PGOPTIONS"]
    )
    assert sum("netfix:sample" in word for word in words) == 5 and sum("pg_sleep" in word for word in words) == 4


def test_what_does_not_run_is_told_where_it_was_asked_for():
    stopped = container("db", state="exited")
    assert look(Fake({}), [stopped]) == ([], [])
    (told,), _none = look(Fake({}), [stopped], ["db"])
    assert told.outcome == "not_measured" and "exited" in told.reason


def test_one_whose_processes_cannot_be_listed_does_not_hide_the_others():
    (unknown, database), _none = look(Fake({"db": ["postgres"]}), [container("odd"), container("db")])
    assert "ps is not there" in unknown.reason and database.version == "17.12"
