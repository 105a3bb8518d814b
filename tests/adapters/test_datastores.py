# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL and Redis of the lab's image, asked as the module does."""

from __future__ import annotations

import secrets
import time

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._host.datastores import look
from ansible_collections.vertice.netfix.plugins.module_utils._host.engine import Engine

IMAGE = "netfix-lab:latest"
PASSWORD = "s3cret-of-a-test"
LOOK_UP = "SELECT id FROM items WHERE tag = 'tag-0042' ORDER BY score DESC LIMIT 5"


def until(condition, seconds=60):
    """Waits until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture(scope="module")
def project():
    """A PostgreSQL and a Redis with passwords, and something that is neither, in a project without a network."""
    docker = pytest.importorskip("docker")
    client = docker.from_env()
    if not client.api.images(IMAGE):
        pytest.skip("needs the lab's image (scripts/setup-images)")
    name = f"netfix-test-{secrets.token_hex(4)}"
    made = []

    def start(service, command, **options):
        labels = {"com.docker.compose.project": name, "com.docker.compose.service": service}
        made.append(
            client.containers.run(
                IMAGE,
                command,
                name=f"{name}-{service}",
                labels=labels,
                network_mode="none",
                init=True,
                detach=True,
                **options,
            )
        )
        return made[-1]

    try:
        environment = {"POSTGRES_USER": "netfix", "POSTGRES_PASSWORD": PASSWORD, "POSTGRES_DB": "kb"}
        postgres = start("postgres", ["/srv/lab/postgres.sh"], user="postgres", environment=environment)
        redis = start("redis", ["redis-server", "--port", "6390", "--requirepass", PASSWORD])
        start("idle", ["sleep", "600"])
        until(lambda: postgres.exec_run(["psql", "-h", "127.0.0.1", "-U", "netfix", "kb", "-w", "-c", LOOK_UP],
                                        environment={"PGPASSWORD": PASSWORD}).exit_code == 0)  # fmt: skip
        until(
            lambda: (
                b"PONG"
                in redis.exec_run(["redis-cli", "-p", "6390", "ping"], environment={"REDISCLI_AUTH": PASSWORD}).output
            )
        )
        yield name, postgres, redis
    finally:
        for container in made:
            container.remove(force=True, v=True)


def asked(name, services=(), seconds=0.0):
    engine = Engine()
    return look(engine, engine.containers(name, None), services, seconds)


@pytest.mark.docker
def test_a_database_tells_what_it_reads_and_which_index_that_wants(project):
    name, postgres, _redis = project
    for _time in range(3):
        postgres.exec_run(["psql", "-U", "netfix", "kb", "-c", LOOK_UP])
    (database,), (cache,) = asked(name, seconds=0.4)
    assert (database.outcome, database.reason, database.database) == ("ok", "", "kb")
    assert [w.columns for w in database.wanted] == [(("tag", "ASC"), ("score", "DESC"))]
    assert database.statements[0].calls >= 3 and "tag-0042" not in repr(database)
    assert database.samples == 2 and database.max_connections > 0
    assert (cache.outcome, cache.reason) == ("ok", "") and cache.commands > 0
    assert PASSWORD not in repr((database, cache))


@pytest.mark.docker
def test_nothing_is_written_and_the_password_is_in_no_process_list(project):
    name, postgres, _redis = project
    before = postgres.exec_run(
        ["psql", "-U", "netfix", "kb", "-Atc", "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"]
    )
    asked(name)
    after = postgres.exec_run(
        ["psql", "-U", "netfix", "kb", "-Atc", "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"]
    )
    assert before.output == after.output
    assert not any(PASSWORD in line for line in Engine().commands(postgres.name))


@pytest.mark.docker
def test_what_is_no_database_and_what_does_not_run_say_so(project):
    name, _postgres, redis = project
    (idle,), _none = asked(name, ["idle"])
    assert idle.outcome == "not_measured" and "neither postgres nor redis-server" in idle.reason
    redis.stop(timeout=1)
    (stopped,), _none = asked(name, ["redis"])
    assert stopped.outcome == "not_measured" and "not running" in stopped.reason
