# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What PostgreSQL and Redis are asked, and their answers as data."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .indexes import wanted_indexes, without_literals
from .model import NOT_MEASURED, PARTLY, Cache, Client, Database, Index, Running, Statement, Table, by_time

# one line each, the part's name first; what fails is told by itself and leaves the others alone
PARTS = {
    "server": """
        SELECT json_build_object('version', current_setting('server_version'), 'database', d.datname,
            'max_connections', current_setting('max_connections')::int, 'size', pg_database_size(d.datid),
            'hit', d.blks_hit, 'read', d.blks_read, 'transactions', d.xact_commit + d.xact_rollback,
            'at', extract(epoch from clock_timestamp()))
        FROM pg_stat_database d WHERE d.datname = current_database()""",
    "connections": """
        SELECT json_object_agg(state, number) FROM (SELECT coalesce(state, 'unknown') AS state, count(*) AS number
            FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() GROUP BY 1) s""",
    "tables": """
        SELECT json_agg(t) FROM (SELECT s.schemaname, s.relname, greatest(s.n_live_tup, c.reltuples::bigint) AS rows,
            pg_relation_size(s.relid) AS size, s.seq_scan, s.seq_tup_read, coalesce(s.idx_scan, 0) AS idx_scan,
            (SELECT json_agg(a.attname ORDER BY a.attnum) FROM pg_attribute a
                WHERE a.attrelid = s.relid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
            FROM pg_stat_user_tables s JOIN pg_class c ON c.oid = s.relid
            ORDER BY s.seq_tup_read DESC NULLS LAST LIMIT 50) t""",
    "indexes": """
        SELECT json_agg(t) FROM (SELECT n.nspname, c.relname AS table, i.relname AS name, x.indisunique, x.indisvalid,
            x.indpred IS NOT NULL AS partial, pg_relation_size(i.oid) AS size, coalesce(s.idx_scan, 0) AS idx_scan,
            (SELECT json_agg(coalesce(a.attname, '') ORDER BY k.place)
                FROM unnest(x.indkey::int[]) WITH ORDINALITY AS k(number, place)
                LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number AND k.number > 0) AS columns
            FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
            JOIN pg_namespace n ON n.oid = c.relnamespace
            LEFT JOIN pg_stat_user_indexes s ON s.indexrelid = i.oid
            WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_toast%'
            ORDER BY c.relname, i.relname LIMIT 500) t""",
    # the names of its columns are others before version 13
    "statements": """
        SELECT json_agg(t) FROM (SELECT to_jsonb(s) AS s FROM pg_stat_statements s
            WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
            ORDER BY coalesce((to_jsonb(s)->>'total_exec_time')::float, (to_jsonb(s)->>'total_time')::float) DESC LIMIT 50) t""",
}
SAMPLE = """
    SELECT json_agg(t) FROM (SELECT coalesce(host(client_addr), '') AS address, coalesce(state, '') AS state,
        coalesce(wait_event_type || '/' || wait_event, '') AS wait, left(query, 1000) AS query,
        extract(epoch from clock_timestamp() - query_start) AS seconds
        FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()) t"""
MARK = "netfix:"
_INTERNAL = re.compile(r"\bpg_(stat|sleep|catalog|class|database|settings)|\binformation_schema\b", re.IGNORECASE)
_TRANSACTION = re.compile(r"^\s*(BEGIN|COMMIT|ROLLBACK|DISCARD|DEALLOCATE|SET|SHOW|START TRANSACTION)\b", re.IGNORECASE)


def question(part: str, sql: str) -> str:
    """The SQL of a part, so that its answer names it. ``jsonb`` prints in one line, ``json`` does not."""
    return f"SELECT '{MARK}{part} ' || coalesce(({' '.join(sql.split())})::jsonb::text, 'null')"


def answers(text: str) -> dict[str, list[Any]]:
    """Part → its answers, from what psql printed."""
    found: dict[str, list[Any]] = {}
    for line in text.splitlines():
        if line.startswith(MARK):
            part, _space, rest = line[len(MARK) :].partition(" ")
            try:
                found.setdefault(part, []).append(json.loads(rest))
            except ValueError:
                continue
    return found


def errors(text: str) -> list[str]:
    """What psql or the server complained of, one line each."""
    lines = (line.strip() for line in text.splitlines())
    return [
        line for line in lines if re.match(r"(psql|ERROR|FATAL|error|OCI runtime|.*: executable file not found)", line)
    ]


def database_from(service: str, container: str, text: str, services: Mapping[str, str]) -> Database:
    """A database from the answers to ``PARTS`` and ``SAMPLE``; ``services`` are the project's by address."""
    found = answers(text)
    said = errors(text)
    if not found.get("server"):
        reason = said[0] if said else f"psql in {container} answered nothing"
        return Database(service, container, outcome=NOT_MEASURED, reason=without_literals(reason))
    server = found["server"][-1]
    made = Database(
        service,
        container,
        version=str(server["version"]),
        database=str(server["database"]),
        at=float(server["at"]),
        size=int(server["size"]),
        max_connections=int(server["max_connections"]),
        blocks_hit=int(server["hit"]),
        blocks_read=int(server["read"]),
        transactions=int(server["transactions"]),
        connections=_last(found, "connections") or {},
        tables=tuple(map(_table, _last(found, "tables") or ())),
        indexes=tuple(map(_index, _last(found, "indexes") or ())),
    )
    unread = {p: (next((e for e in said if p in e), "") or "no answer") for p in PARTS if p not in found}
    statements = [row["s"] for row in _last(found, "statements") or ()]
    if any("insufficient privilege" in str(s.get("query")) for s in statements):
        unread["statements"] = "the user may not see the statements of others: grant it pg_read_all_stats"
    made = replace(made, **_sampled(found.get("sample", ()), services))
    source = "" if "statements" in unread else "pg_stat_statements"
    if "statements" in unread and "pg_stat_statements" in unread["statements"]:
        unread["statements"] = (
            "the extension pg_stat_statements is not there: slow statements are known by sampling only"
        )
    made = replace(
        made,
        statements=_statements(statements),
        statements_from=source or ("pg_stat_activity" if made.samples else ""),
        unread=unread,
        outcome=PARTLY if unread else made.outcome,
        reason="; ".join(f"{part}: {why}" for part, why in unread.items()),
    )
    return replace(made, wanted=wanted_indexes(made))


def _last(found: Mapping[str, Sequence[Any]], part: str) -> Any:
    return found[part][-1] if found.get(part) else None


def _table(row: Mapping[str, Any]) -> Table:
    return Table(
        row["schemaname"], row["relname"], max(0, row["rows"]), row["size"], row["seq_scan"] or 0,
        row["seq_tup_read"] or 0, row["idx_scan"], tuple(row["columns"] or ()),
    )  # fmt: skip


def _index(row: Mapping[str, Any]) -> Index:
    return Index(
        row["nspname"], row["table"], row["name"], tuple(row["columns"] or ()), row["indisunique"], row["indisvalid"],
        row["partial"], row["size"], row["idx_scan"],
    )  # fmt: skip


def _is_own(query: str) -> bool:
    return bool(_INTERNAL.search(query) or _TRANSACTION.match(query))


def _statements(rows: Iterable[Mapping[str, Any]]) -> tuple[Statement, ...]:
    merged: dict[str, Statement] = {}
    for row in rows:
        query = without_literals(str(row.get("query") or ""))
        if not query or _is_own(query):
            continue
        known = merged.get(query, Statement(query))
        merged[query] = Statement(
            query,
            known.calls + int(row.get("calls") or 0),
            known.total_ms + float(row.get("total_exec_time") or row.get("total_time") or 0),
            known.rows + int(row.get("rows") or 0),
            known.blocks_read + int(row.get("shared_blks_read") or 0),
        )
    return by_time(merged.values())


def _sampled(samples: Sequence[Any], services: Mapping[str, str]) -> dict[str, Any]:
    """What samples of the activity say of clients and of running statements."""
    if not samples:
        return {}
    states: dict[str, Counter[str]] = {}
    most: Counter[str] = Counter()
    active: Counter[str] = Counter()
    longest: dict[str, float] = {}
    waits: dict[str, Counter[str]] = {}
    for sample in samples:
        rows = sample or ()
        for address, number in Counter(row["address"] for row in rows).items():
            most[address] = max(most[address], number)
        for row in rows:
            states.setdefault(row["address"], Counter())[row["state"]] += 1
            query = without_literals(row["query"] or "")
            if row["state"] == "active" and query and not _is_own(query):
                active[query] += 1
                longest[query] = max(longest.get(query, 0.0), float(row["seconds"] or 0))
                waits.setdefault(query, Counter())[row["wait"] or "running"] += 1
    taken = len(samples)
    clients = [
        Client(
            address=address,
            service=services.get(address, ""),
            connections=sum(counts.values()) / taken,
            most=most[address],
            active=counts["active"] / taken,
            in_transaction=sum(n for state, n in counts.items() if state.startswith("idle in transaction")) / taken,
        )
        for address, counts in sorted(states.items())
    ]
    running = [Running(q, n / taken, longest[q], dict(waits[q])) for q, n in active.most_common(20)]
    return {"samples": taken, "clients": tuple(clients), "running": tuple(running)}


def cache_from(service: str, container: str, text: str, at: float) -> Cache:
    """A Redis from its answer to ``INFO``."""
    told = dict(line.strip().split(":", 1) for line in text.splitlines() if ":" in line and not line.startswith("#"))
    if "redis_version" not in told:
        reason = " ".join(text.split())[:200] or f"redis-cli in {container} answered nothing"
        return Cache(service, container, outcome=NOT_MEASURED, reason=reason)

    def number(key: str) -> int:
        found = told.get(key, "")
        return int(found) if found.isdigit() else 0

    keys = [int(n) for k, v in told.items() if re.fullmatch(r"db\d+", k) for n in re.findall(r"keys=(\d+)", v)]
    return Cache(
        service,
        container,
        version=told["redis_version"],
        at=at,
        hits=number("keyspace_hits"),
        misses=number("keyspace_misses"),
        commands=number("total_commands_processed"),
        keys=sum(keys),
        expired=number("expired_keys"),
        evictions=number("evicted_keys"),
        memory=number("used_memory"),
        memory_limit=number("maxmemory"),
        policy=told.get("maxmemory_policy", ""),
        clients=number("connected_clients"),
    )
