#!/usr/bin/python
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: datastore_stats_info
short_description: What PostgreSQL and Redis of a Compose project say of their work
version_added: 0.1.0
author:
  - vertice.netfix contributors (@vertice)
description:
  - Asks every PostgreSQL for its slow statements, the tables that it read from beginning to end, its indexes, the indexes
    that its statements want, its connections and what they wait for; and every Redis for hits, misses, keys and memory.
  - They are found by the processes in the containers, and asked by C(psql) and C(redis-cli) there, in transactions that
    cannot write. A question ends after five seconds.
  - Statements are told without their texts and numbers, which are data of the users.
  - Call it before and after a load and hand both results to P(vertice.netfix.bottlenecks#filter), or call it while the
    load runs, with O(seconds).
extends_documentation_fragment:
  - vertice.netfix._attributes
  - vertice.netfix._engine
attributes:
  check_mode:
    support: full
    description: Nothing is ever changed.
  diff_mode:
    support: none
    description: There is nothing to show.
  platform:
    support: full
  idempotent:
    support: full
    description: It only reads.
options:
  project_name:
    description: Name of the Compose project.
    type: str
    required: true
  services:
    description: Only these services. One that cannot be asked is told with the reason.
    type: list
    elements: str
    default: []
  seconds:
    description:
      - Seconds, at most 300, for which the activity of each PostgreSQL is sampled five times a second. Then all counters are
        those of this time, unless they could not be read before it.
    type: float
    default: 0.0
  delay:
    description: Seconds to wait before that, as for users who start one after the other.
    type: float
    default: 0.0
seealso:
  - module: vertice.netfix.container_stats_info
  - plugin: vertice.netfix.bottlenecks
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Watch the databases for ten seconds of the load
  vertice.netfix.datastore_stats_info:
    project_name: shop
    seconds: 10
  register: datastores

- name: Show which indexes are wanted
  ansible.builtin.debug:
    msg: "{{ datastores.databases | map(attribute='wanted') | flatten | map(attribute='sql') }}"
"""

RETURN = r"""
databases:
  description: Every PostgreSQL of the project, and what was named and is none.
  returned: success
  type: list
  elements: dict
  contains:
    service: {description: Its service., type: str, sample: postgres}
    container: {description: Its container., type: str, sample: netfix-dev-postgres-1}
    outcome:
      description: V(ok), V(partly) where RV(databases[].unread) names something, or V(not_measured).
      type: str
      sample: ok
    reason: {description: Why it is not V(ok)., type: str, sample: ""}
    version: {description: Version of the server., type: str, sample: "17.6 (Debian 17.6-0+deb13u1)"}
    database: {description: The database that was asked., type: str, sample: kb}
    at: {description: "When, in seconds since 1970.", type: float, sample: 1796069000.5}
    seconds: {description: "The time of which the counters are, 0 for since they were reset.", type: float, sample: 10.2}
    size: {description: Bytes of the database., type: int, sample: 69622291}
    max_connections: {description: How many connections it takes., type: int, sample: 100}
    connections: {description: Connections by state., type: dict, sample: {"idle": 9, "active": 1}}
    blocks_hit: {description: Blocks found in its own memory., type: int, sample: 912345}
    blocks_read: {description: Blocks that were not., type: int, sample: 12}
    transactions: {description: Transactions that ended., type: int, sample: 412}
    statements_from: {description: "V(pg_stat_statements), V(pg_stat_activity), or empty.", type: str, sample: pg_stat_statements}
    tables:
      description: Tables with how often they were read from beginning to end.
      type: list
      elements: dict
      sample: [{"schema": "public", "name": "items", "rows": 500000, "scans": 212, "scanned_rows": 106000000, "index_scans": 0}]
    indexes:
      description: Indexes, invalid ones too.
      type: list
      elements: dict
      sample: [{"name": "items_pkey", "columns": ["id"], "valid": true}]
    statements:
      description: Statements, the one that took longest in all first.
      type: list
      elements: dict
      sample: [{"query": "SELECT id FROM items WHERE tag = $1", "calls": 212, "total_ms": 9812.4, "rows": 4240, "blocks_read": 0}]
    samples: {description: How often the activity was sampled., type: int, sample: 50}
    clients:
      description: Who was connected, by address and service, with means over the samples.
      type: list
      elements: dict
      sample: [{"address": "10.214.77.6", "service": "hcl-kb-service", "connections": 10.0, "most": 10, "active": 7.1, "in_transaction": 0.0}]
    running:
      description: Statements that were seen running, and what they waited for.
      type: list
      elements: dict
      sample: [{"query": "SELECT id FROM items WHERE tag = $1", "active": 7.1, "longest_s": 0.4, "waits": {"running": 355}}]
    wanted:
      description: Indexes that statements want, with the SQL that makes them.
      type: list
      elements: dict
      sample:
        - schema: public
          table: items
          columns: [["tag", "ASC"], ["score", "DESC"]]
          name: netfix_items_tag_score
          sql: 'CREATE INDEX CONCURRENTLY IF NOT EXISTS "netfix_items_tag_score" ON "public"."items" ("tag", "score" DESC)'
    unread: {description: "What could not be read, and why.", type: dict, sample: {}}
caches:
  description: Every Redis of the project.
  returned: success
  type: list
  elements: dict
  contains:
    service: {description: Its service., type: str, sample: redis}
    container: {description: Its container., type: str, sample: netfix-dev-redis-1}
    outcome: {description: V(ok) or V(not_measured)., type: str, sample: ok}
    reason: {description: Why it is not V(ok)., type: str, sample: ""}
    version: {description: Version of the server., type: str, sample: 8.0.2}
    at: {description: "When, in seconds since 1970.", type: float, sample: 1796069000.5}
    seconds: {description: "The time of which the counters are, 0 for since it started.", type: float, sample: 10.2}
    hits: {description: Look-ups that found something., type: int, sample: 211}
    misses: {description: Look-ups that did not., type: int, sample: 34}
    commands: {description: Commands., type: int, sample: 280}
    keys: {description: Keys that are there., type: int, sample: 100}
    expired: {description: Keys that expired., type: int, sample: 0}
    evictions: {description: Keys that had to go for want of memory., type: int, sample: 0}
    memory: {description: Bytes in use., type: int, sample: 1126400}
    memory_limit: {description: "Bytes it may use, 0 for no limit.", type: int, sample: 0}
    policy: {description: What it does at that limit., type: str, sample: noeviction}
    clients: {description: Connections., type: int, sample: 2}
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.datastores.difference import (
    cache_since,
    since,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host.datastores import LONGEST_S, look
from ansible_collections.vertice.netfix.plugins.module_utils._host.probe_sources import project_containers
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import engine_from, engine_spec, guarded


def run(module):
    params = module.params
    seconds = params["seconds"]
    if not 0 <= seconds <= LONGEST_S:
        raise NetfixError(f"seconds must be 0 to {LONGEST_S}; found {seconds:g}.")
    if params["delay"] < 0:
        raise NetfixError(f"delay must be 0 or more; found {params['delay']:g}.")
    engine = engine_from(module)
    containers = project_containers(engine, params["project_name"])
    unknown = sorted({*params["services"]} - {c.service for c in containers})
    if unknown:
        raise NetfixError(f"Project {params['project_name']!r} has no container of service {', '.join(unknown)}.")
    time.sleep(params["delay"])
    databases, caches = look(engine, containers, params["services"])
    if seconds:
        first = {d.container: d for d in databases}, {c.container: c for c in caches}
        databases, caches = look(engine, containers, params["services"], seconds)
        databases = [since(first[0].get(d.container, d), d) for d in databases]
        caches = [cache_since(first[1].get(c.container, c), c) for c in caches]
    return {"databases": to_data(tuple(databases)), "caches": to_data(tuple(caches))}


def main():
    module = AnsibleModule(
        argument_spec={
            **engine_spec(),
            "project_name": {"type": "str", "required": True},
            "services": {"type": "list", "elements": "str", "default": []},
            "seconds": {"type": "float", "default": 0.0},
            "delay": {"type": "float", "default": 0.0},
        },
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
