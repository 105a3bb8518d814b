# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Well-known servers: the ports they listen on, and what the variables of their own images mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# By the word that a variable's or an image's name has for the product.
PRODUCTS = {
    "PG": 5432, "POSTGRES": 5432, "POSTGRESQL": 5432, "MYSQL": 3306, "MARIADB": 3306, "MONGO": 27017, "MONGODB": 27017,
    "REDIS": 6379, "VALKEY": 6379, "RABBITMQ": 5672, "RABBIT": 5672, "AMQP": 5672, "KAFKA": 9092, "NATS": 4222,
    "MEMCACHED": 11211, "MEMCACHE": 11211, "ELASTICSEARCH": 9200, "ELASTIC": 9200, "OPENSEARCH": 9200,
    "ZOOKEEPER": 2181, "ZK": 2181, "MSSQL": 1433, "ETCD": 2379, "CONSUL": 8500, "CASSANDRA": 9042, "MQTT": 1883,
}  # fmt: skip

# Images of servers that call nobody but their own kind, and the words of the variables that say so. They often share
# one file of variables with the application, which names hosts that only the application calls.
_SERVERS = (
    (
        frozenset("postgres postgresql postgis pgvector timescaledb pgvecto-rs".split()),
        frozenset("PG POSTGRES POSTGRESQL REPMGR PATRONI DB DATABASE".split()),
    ),
    (frozenset("mysql mysql-server mariadb percona".split()), frozenset("MYSQL MARIADB GALERA DB DATABASE".split())),
    (frozenset({"mongo", "mongodb"}), frozenset({"MONGO", "MONGODB"})),
    (frozenset("redis redis-stack redis-stack-server valkey keydb".split()), frozenset("REDIS VALKEY".split())),
    (frozenset({"memcached"}), frozenset({"MEMCACHED"})),
    (frozenset({"rabbitmq"}), frozenset({"RABBITMQ"})),
    (frozenset({"nats"}), frozenset({"NATS"})),
    (frozenset({"minio"}), frozenset({"MINIO"})),
    (frozenset({"elasticsearch", "opensearch"}), frozenset({"ES", "ELASTICSEARCH", "OPENSEARCH", "DISCOVERY"})),
    (frozenset({"clickhouse", "clickhouse-server"}), frozenset({"CLICKHOUSE"})),
)
_CLUSTER = frozenset(
    "MASTER PRIMARY SECONDARY REPLICA REPLICATION SENTINEL CLUSTER NODE NODES PEER PEERS SEED SEEDS JOIN LEADER SOURCE "
    "KEEPER ZOOKEEPER ETCD OTEL".split()
)


def product_of(service: Mapping[str, Any]) -> str:
    """The last part of the image's name: ``postgres`` for ``docker.io/library/postgres:16@sha256:...``."""
    return re.split(r"[:@]", str(service.get("image") or "").rsplit("/", 1)[-1])[0].lower()


def usual_port(service: Mapping[str, Any]) -> int:
    """The port that the service's image is known for, 0 where it is not known."""
    return PRODUCTS.get(product_of(service).upper(), 0)


def says_who_is_called(service: Mapping[str, Any], words: frozenset[str], known: bool) -> bool:
    """Whether a variable with these words in its name says whom the service itself calls.

    ``known`` is whether the host that the variable names is another service of the project.
    """
    product = product_of(service)
    own = next((o for images, o in _SERVERS if product in images), None)
    return own is None or bool(words & _CLUSTER) or (known and bool(words & own))
