# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.datastores.answers import (
    PARTS,
    cache_from,
    database_from,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.datastores.difference import (
    cache_since,
    since,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.datastores.indexes import (
    columns_of,
    wanted_indexes,
    without_literals,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.datastores.model import (
    Database,
    Index,
    Running,
    Statement,
    Table,
)

# as pg_stat_statements of PostgreSQL 17.12 in the lab tells it
ITEMS = "SELECT id, tag, title, score FROM items WHERE tag = $1 ORDER BY score DESC LIMIT $2"
TABLE = Table("public", "items", rows=500000, scans=42, columns=("id", "tag", "title", "score"))
KEY = Index("public", "items", "items_pkey", ("id",), unique=True)
# INFO of Redis 8.0.2 in the lab, shortened
INFO = """# Server\r
redis_version:8.0.2\r
# Clients\r
connected_clients:3\r
# Memory\r
used_memory:855232\r
maxmemory:0\r
maxmemory_policy:noeviction\r
# Stats\r
total_commands_processed:27\r
expired_keys:2\r
evicted_keys:0\r
keyspace_hits:1\r
keyspace_misses:11\r
# Keyspace\r
db0:keys=14,expires=14,avg_ttl=291511,subexpiry=0\r
db3:keys=2,expires=0,avg_ttl=0,subexpiry=0\r
"""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (ITEMS, ("", "items", (("tag", "ASC"), ("score", "DESC")))),
        ("SELECT * FROM shop.orders o WHERE o.customer = $1", ("shop", "orders", (("customer", "ASC"),))),
        (
            'SELECT a FROM "Orders" WHERE "Customer" = $1 AND state = $2 AND made > $3',
            ("", "Orders", (("Customer", "ASC"), ("state", "ASC"), ("made", "ASC"))),
        ),
        ("DELETE FROM sessions WHERE expires < $1", ("", "sessions", (("expires", "ASC"),))),
        ("UPDATE carts SET total = $1 WHERE owner = $2", ("", "carts", (("owner", "ASC"),))),
        ("SELECT a FROM t WHERE b IN ($1, $2) ORDER BY c", ("", "t", (("b", "ASC"),))),
    ],
)
def test_columns_that_a_plain_statement_compares_are_its_index(query, expected):
    assert columns_of(query) == expected


@pytest.mark.parametrize(
    "query",
    [
        "SELECT a FROM t JOIN u ON t.x = u.x WHERE t.y = $1",
        "SELECT a FROM t, u WHERE t.y = $1",
        "SELECT a FROM t WHERE b = $1 OR c = $2",
        "SELECT a FROM t WHERE lower(b) = $1",
        "SELECT a FROM t WHERE b IN (SELECT c FROM u)",
        "SELECT a FROM t WHERE b LIKE $1",
        "SELECT count(*) FROM t",
        "INSERT INTO t VALUES ($1)",
        "SELECT a FROM t WHERE b = $1 ORDER BY random()",
    ],
)
def test_no_index_is_guessed_for_other_statements(query):
    assert columns_of(query) is None


def test_a_statement_that_reads_a_large_table_wants_its_index():
    database = Database("postgres", "c", tables=(TABLE,), indexes=(KEY,), statements=(Statement(ITEMS, 40, 34324.0),))
    (wanted,) = wanted_indexes(database)
    assert wanted.sql == (
        'CREATE INDEX CONCURRENTLY IF NOT EXISTS "netfix_items_tag_score" ON "public"."items" ("tag", "score" DESC)'
    )


@pytest.mark.parametrize(
    ("table", "index"),
    [
        (TABLE, Index("public", "items", "items_tag", ("tag", "score"))),
        (Table("public", "items", rows=900, scans=42, columns=TABLE.columns), KEY),
        (Table("public", "items", rows=500000, scans=0, columns=TABLE.columns), KEY),
        (Table("public", "items", rows=500000, scans=42, columns=("id", "title")), KEY),
    ],
)
def test_nothing_is_wanted_where_an_index_is_there_or_would_not_help(table, index):
    made = Database("postgres", "c", tables=(table,), indexes=(index,), statements=(Statement(ITEMS, 40, 34324.0),))
    assert not wanted_indexes(made)


@pytest.mark.parametrize(
    "index",
    [
        Index("public", "items", "broken", ("tag", "score"), valid=False),
        Index("public", "items", "some", ("tag",), partial=True),
        Index("public", "items", "other", ("score", "tag")),
        Index("other", "items", "items_tag", ("tag",)),
    ],
)
def test_an_index_that_the_statement_cannot_use_does_not_count(index):
    made = Database("postgres", "c", tables=(TABLE,), indexes=(index,), statements=(Statement(ITEMS, 40, 34324.0),))
    assert wanted_indexes(made)


def test_without_pg_stat_statements_a_statement_that_was_seen_running_wants_it():
    made = Database("postgres", "c", tables=(TABLE,), running=(Running(ITEMS, 2.3),))
    assert wanted_indexes(made)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("ALTER USER joe PASSWORD 'it''s s3cret'", "ALTER USER joe PASSWORD ?"),
        ("SELECT $1, a2 FROM t3\n WHERE n = 42.5", "SELECT $1, a2 FROM t3 WHERE n = ?"),
        ("SELECT $body$ secret 'x' $body$", "SELECT ?"),
        (r"SELECT E'a' , 'b'", "SELECT ? , ?"),
    ],
)
def test_texts_and_numbers_of_users_are_in_no_statement(query, expected):
    assert without_literals(query) == expected


def said(**parts):
    """What psql prints for these parts."""
    server = {"version": "17.12", "database": "kb", "max_connections": 100, "size": 1, "hit": 9, "read": 1,
              "transactions": 5, "at": 1000.0}  # fmt: skip
    rows = {"server": [server], **parts}
    return "\n".join(f"netfix:{part} {json.dumps(one)}" for part, many in rows.items() for one in many)


def row(state, query="SELECT 1", address="10.0.0.6"):
    return {"address": address, "state": state, "wait": "", "query": query, "seconds": 0.5}


def test_samples_tell_who_was_connected_and_what_ran():
    samples = [[row("active", ITEMS.replace("$1", "'tag-1'"))], [row("idle in transaction"), row("idle")], None, None]
    database = database_from("postgres", "c", said(sample=samples), {"10.0.0.6": "kb"})
    (client,) = database.clients
    assert (client.service, client.connections, client.most) == ("kb", 0.75, 2)
    assert client.busy == pytest.approx(2 / 3)
    assert [r.query for r in database.running] == [ITEMS.replace("$1", "?")] and database.samples == 4


def test_what_cannot_be_read_is_told_and_leaves_the_rest():
    text = said(tables=[[]], indexes=[[]], connections=[{}]) + '\nERROR:  relation "pg_stat_statements" does not exist'
    database = database_from("postgres", "c", text, {})
    assert database.outcome == "partly" and list(database.unread) == ["statements"]
    assert "by sampling only" in database.reason and database.hit_ratio == 0.9


def test_statements_of_others_that_may_not_be_seen_are_told():
    row_ = {"s": {"query": "<insufficient privilege>", "calls": 3, "total_exec_time": 4.0}}
    database = database_from(
        "p", "c", said(statements=[[row_]], **{p: [[]] for p in PARTS if p in ("tables", "indexes")}), {}
    )
    assert "pg_read_all_stats" in database.unread["statements"]


@pytest.mark.parametrize(
    "text", ['psql: error: FATAL:  role "root" does not exist', 'exec: "psql": executable file not found in $PATH', ""]
)
def test_a_database_that_cannot_be_asked_is_not_measured_and_says_why(text):
    database = database_from("p", "c", text, {})
    assert database.outcome == "not_measured" and (database.reason.split(" ")[0] in (text or "psql in c"))


def test_a_difference_is_of_the_time_between_and_leaves_out_what_did_not_run():
    first = Database(
        "p",
        "c",
        at=10.0,
        transactions=5,
        tables=(TABLE,),
        statements=(Statement(ITEMS, 40, 400.0), Statement("x", 1, 1.0)),
    )
    later = Database(
        "p", "c", at=20.0, transactions=25,
        tables=(Table("public", "items", 500000, scans=52, columns=TABLE.columns),),
        statements=(Statement(ITEMS, 50, 900.0), Statement("x", 1, 1.0)),
    )  # fmt: skip
    between = since(first, later)
    assert (between.seconds, between.transactions, between.tables[0].scans) == (10.0, 20, 10)
    assert [(s.query, s.calls, s.mean_ms) for s in between.statements] == [(ITEMS, 10, 50.0)]
    assert [w.table for w in between.wanted] == ["items"]


def test_what_no_longer_happens_wants_no_index():
    first = Database("p", "c", at=10.0, transactions=5, tables=(TABLE,), statements=(Statement(ITEMS, 40, 400.0),))
    later = Database("p", "c", at=20.0, transactions=9, tables=(TABLE,), statements=(Statement(ITEMS, 40, 400.0),))
    assert not since(first, later).wanted


def test_a_cache_is_read_from_its_info():
    cache = cache_from("redis", "c", INFO, 5.0)
    assert (cache.version, cache.hits, cache.misses, cache.keys, cache.expired) == ("8.0.2", 1, 11, 16, 2)
    assert cache.hit_ratio == pytest.approx(1 / 12)


def test_a_cache_that_refuses_says_why():
    cache = cache_from("redis", "c", "NOAUTH Authentication required.\n", 5.0)
    assert cache.outcome == "not_measured" and cache.reason.startswith("NOAUTH")


def test_a_cache_that_was_started_anew_meanwhile_is_told_as_it_is():
    before = cache_from("redis", "c", INFO.replace("processed:27", "processed:900"), 5.0)
    assert cache_since(before, cache_from("redis", "c", INFO, 9.0)).misses == 11
