# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL and Redis in a project's containers, asked read-only by their own tools there.

``docker exec`` needs no address, no open port and no rights on the host. A password goes by the tool's environment, which
no process list shows.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from typing import Protocol

from .._core.errors import EngineError
from .._core.model import Container
from .._core.performance.datastores.answers import PARTS, SAMPLE, cache_from, database_from, question
from .._core.performance.datastores.model import NOT_MEASURED, Cache, Database

# how long the server may work on one question, and its tool wait for a connection
_STATEMENT_MS = 5000
_CONNECT_S = 3
SAMPLES_A_SECOND = 5
# of an exec that is silent the engine's client waits for a minute
LONGEST_S = 300
_SERVERS = {"postgres": "postgresql", "postmaster": "postgresql", "redis-server": "redis", "valkey-server": "redis"}


class Tools(Protocol):
    """What is needed of _host/engine.py::Engine."""

    def commands(self, container: str) -> list[str]:
        """The command line of each process of a container."""

    def execute(self, container: str, words: Sequence[str], environment: Mapping[str, str]) -> str:
        """What a command prints that runs in it."""


def kind_of(commands: Sequence[str]) -> tuple[str, int]:
    """What a container serves by the command lines of its processes, ``postgresql``, ``redis`` or empty, and the port told."""
    for line in commands:
        name = line.split(" ")[0].rsplit("/", 1)[-1].rstrip(":")
        if name in _SERVERS:
            port = re.search(r"^\S+ \S*:(\d+)", line) if _SERVERS[name] == "redis" else None
            return _SERVERS[name], int(port.group(1)) if port else 0
    return "", 0


def look(
    engine: Tools, containers: Sequence[Container], services: Sequence[str] = (), seconds: float = 0.0
) -> tuple[list[Database], list[Cache]]:
    """Every database and cache of the containers, or those of the named services; databases are sampled for ``seconds``.

    What is named and cannot be asked is told with its reason.
    """
    addresses = {e.address: c.service for c in containers for e in c.endpoints if e.address}
    databases: list[Database] = []
    caches: list[Cache] = []
    for container in containers:
        if services and container.service not in services:
            continue
        if not container.running:
            if services:
                reason = f"the container is not running (state: {container.state})"
                databases.append(Database(container.service, container.name, NOT_MEASURED, reason))
            continue
        try:
            kind, port = kind_of(engine.commands(container.name))
        except EngineError as exc:
            databases.append(Database(container.service, container.name, NOT_MEASURED, str(exc), product=""))
            continue
        if kind == "postgresql":
            databases.append(_database(engine, container, addresses, seconds))
        elif kind == "redis":
            caches.append(_cache(engine, container, port))
        elif services:
            reason = "neither postgres nor redis-server runs in it"
            databases.append(Database(container.service, container.name, NOT_MEASURED, reason, product=""))
    return databases, caches


def _database(engine: Tools, container: Container, addresses: Mapping[str, str], seconds: float) -> Database:
    environment = container.environment
    user = environment.get("POSTGRES_USER") or "postgres"
    words = ["psql", "-X", "-A", "-t", "-q", "-w", "-U", user, "-d", environment.get("POSTGRES_DB") or user]
    for number in range(int(min(seconds, LONGEST_S) * SAMPLES_A_SECOND)):
        pause = ["-c", f"SELECT pg_sleep({1 / SAMPLES_A_SECOND})"] if number else []
        words += [*pause, "-c", question("sample", SAMPLE)]
    for part, sql in PARTS.items():
        words += ["-c", question(part, sql)]
    given = {
        "PGCONNECT_TIMEOUT": str(_CONNECT_S),
        "PGOPTIONS": f"-c statement_timeout={_STATEMENT_MS} -c default_transaction_read_only=on",
        "PGAPPNAME": "netfix",
    }
    if environment.get("POSTGRES_PASSWORD"):
        given["PGPASSWORD"] = environment["POSTGRES_PASSWORD"]
    try:
        text = engine.execute(container.name, words, given)
    except EngineError as exc:
        return Database(container.service, container.name, NOT_MEASURED, str(exc))
    return database_from(container.service, container.name, text, addresses)


def _cache(engine: Tools, container: Container, port: int) -> Cache:
    given = {}
    password = container.environment.get("REDIS_PASSWORD") or _after(container.command, "--requirepass")
    if password:
        given["REDISCLI_AUTH"] = password
    try:
        words = ["redis-cli", "-p", str(port or 6379), "INFO"]
        text = engine.execute(container.name, words, given)
    except EngineError as exc:
        return Cache(container.service, container.name, NOT_MEASURED, str(exc))
    return cache_from(container.service, container.name, text, time.time())


def _after(words: Sequence[str], option: str) -> str:
    return next((value for name, value in zip(words, words[1:]) if name == option), "")
