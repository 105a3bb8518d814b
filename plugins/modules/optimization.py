#!/usr/bin/python
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: optimization
short_description: Apply one optimization to a Compose project, so that it can be taken back
version_added: 0.1.0
author:
  - vertice.netfix contributors (@vertice)
description:
  - One call is one transaction, the same as that of M(vertice.netfix.remediation). It writes a checkpoint, applies, and keeps
    the change when nothing that passed before fails. Otherwise it is undone, and the undo is compared with the checkpoint
    field by field, the indexes of a database included.
  - Whether it makes anything faster is for a measurement to say. With O(trial) the change holds only until the run confirms
    it with O(state=confirmed) or takes it back with O(state=absent); if the run dies, the next one takes it back.
  - Variables and commands go to C(compose.netfix.yml). Indexes are made with C(CREATE INDEX CONCURRENTLY) under a name that
    begins with C(netfix_), or by the operator's own script. No index that was there before is ever dropped, and no row is touched.
extends_documentation_fragment:
  - vertice.netfix._attributes
  - vertice.netfix._project
  - vertice.netfix._project.gathering
  - vertice.netfix._transaction
attributes:
  action:
    support: full
    description: Has an action plugin, which runs the module as ever and tells how far it is; see M(vertice.netfix.remediation).
  check_mode:
    support: full
    description: Plans and shows the steps, writes no checkpoint and changes nothing.
  diff_mode:
    support: full
    description: Shows the steps with their causes, and the override file before and after, secrets masked.
  platform:
    support: full
  idempotent:
    support: full
    description:
      - What is so already is not changed again, and neither is what is taken back.
      - What an earlier run measured and took back is refused, unless O(again) is set.
options:
  name:
    description:
      - What to optimize. Needed with O(state=present).
      - V(cache) lets a service keep answers in the cache that it supports.
      - V(indexes) makes indexes in PostgreSQL.
      - V(workers) gives a service more worker processes or a larger pool.
    type: str
    choices: [indexes, cache, workers]
  state:
    description:
      - V(present) applies the optimization.
      - V(absent) undoes what the run O(run_id) kept, newest first; only the attempts of O(name), and only that of O(number)
        where both are given.
      - V(confirmed) keeps for good what is on O(trial).
      - V(settled) only undoes what earlier runs left unfinished or unconfirmed, remediations as well.
    type: str
    choices: [present, absent, confirmed, settled]
    default: present
  run_id:
    description: Name of the run, under which its attempts can be confirmed and rolled back. Needed unless O(state=settled).
    type: str
  service:
    description: The service that becomes faster; for an index, the PostgreSQL or who uses it. Needed with O(state=present).
    type: str
  environment:
    description:
      - Variables that the service gets.
      - For O(name=cache) without any, the service's own switch is turned, a variable like E(CACHE) or E(USE_REDIS) that says off.
    type: dict
    default: {}
  command:
    description:
      - For O(name=workers), the command that the service gets.
      - For O(name=indexes), the operator's own script, which is run in the container of O(service).
    type: list
    elements: str
    default: []
  undo_command:
    description:
      - What takes back what the script in O(command) made. What it leaves is dropped by name, and what it takes too much is made again.
      - Without one, the indexes that the script made are dropped.
    type: list
    elements: str
    default: []
  table:
    description: For O(name=indexes) without a script, the table to index, with its schema unless that is V(public).
    type: str
  columns:
    description: The columns to index, in their order, each with V(DESC) behind it where it is sorted so.
    type: list
    elements: str
    default: []
  database_service:
    description: The service whose container runs PostgreSQL. By default O(service) itself, or the one that it calls as such.
    type: str
  database:
    description: Name of the database. By default what E(POSTGRES_DB) says in that container.
    type: str
  database_user:
    description: Who makes the indexes, without a password from inside the container. By default what E(POSTGRES_USER) says there.
    type: str
  statement_timeout:
    description: How long one index may take to build, in seconds.
    type: float
    default: 600.0
  trial:
    description: Keep it only until this run confirms it.
    type: bool
    default: false
  again:
    description: Try it although an earlier run tried it and took it back.
    type: bool
    default: false
  verdict:
    description:
      - With O(state=absent) and O(state=confirmed), what a measurement said of it, which is noted in its checkpoint.
      - What a measurement spoke against is not tried by a later run.
    type: str
    default: ""
  force:
    description:
      - As for M(vertice.netfix.remediation), roll back although the project was changed since, and recreate what Compose would
        not make again as it is.
    type: bool
    default: false
seealso:
  - module: vertice.netfix.answers_info
  - module: vertice.netfix.remediation
  - module: vertice.netfix.runs_info
"""

EXAMPLES = r"""
- name: Make the index that the queries want
  vertice.netfix.optimization:
    name: indexes
    project_src: /srv/shop
    run_id: tune-4711
    service: postgres
    table: items
    columns: [tag, score DESC]

- name: Run the operator's own index script, to be measured before it is kept
  vertice.netfix.optimization:
    name: indexes
    project_src: /srv/shop
    run_id: tune-4711
    service: api
    command: [python3, scripts/optimize_database.py]
    undo_command: [python3, scripts/optimize_database.py, --drop]
    trial: true

- name: Let a service use Redis
  vertice.netfix.optimization:
    name: cache
    project_src: /srv/shop
    run_id: tune-4711
    service: api
    environment:
      CACHE: "on"

- name: Take everything back
  vertice.netfix.optimization:
    project_src: /srv/shop
    run_id: tune-4711
    state: absent
"""

RETURN = r"""
attempt:
  description: The attempt, as in M(vertice.netfix.remediation), with what was asked for in C(optimization).
  returned: with O(state=present)
  type: dict
  sample:
    verdict: kept
    reason: nothing that passed before fails
    optimization: {"name": "indexes", "target": "postgres", "parameters": {"table": "items", "columns": ["tag", "score DESC"]}}
    steps:
      - action: create_index
        object: public.netfix_items_tag_score
        cause: queries read the whole table without it
        outcome: done
        duration_ms: 512.7
steps:
  description: The same steps in short.
  returned: with O(state=present)
  type: list
  elements: dict
  sample: [{"text": "create_index public.netfix_items_tag_score", "seconds": 0.51, "outcome": "done"}]
compose_command:
  description: The command that brings the project to its configuration, our override file included.
  returned: success, but not with O(state=settled)
  type: str
  sample: docker compose --project-directory /srv/shop --project-name shop --file /srv/shop/compose.yml up -d
project:
  description: Name of the Compose project.
  returned: with O(state=absent) and O(state=confirmed)
  type: str
  sample: shop
project_src:
  description: Its directory.
  returned: with O(state=absent) and O(state=confirmed)
  type: str
  sample: /srv/shop
rolled_back:
  description: Attempts that were undone, newest first.
  returned: with O(state=absent)
  type: list
  elements: dict
confirmed:
  description: Attempts that were on trial, and are kept for good now.
  returned: with O(state=confirmed)
  type: list
  elements: dict
undone:
  description: With them what was undone before without any run telling so, as by a timer.
  returned: with O(state=settled)
  type: list
  elements: dict
settled:
  description: Attempts of earlier runs that were left unfinished or unconfirmed, and are undone now.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._core.optimization.catalogue import OPTIMIZATIONS, ROLE
from ansible_collections.vertice.netfix.plugins.module_utils._core.optimization.wish import Wish
from ansible_collections.vertice.netfix.plugins.module_utils._host.attempts import public
from ansible_collections.vertice.netfix.plugins.module_utils._host.optimizing import Asked, Optimizing
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import guarded, require_libraries
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import compose_command
from ansible_collections.vertice.netfix.plugins.module_utils._module.transactions import (
    about,
    confirm,
    diff,
    needed,
    open_transaction,
    roll_back,
    settle,
    transaction_spec,
)


def run(module):
    params = module.params
    transaction = open_transaction(module, {}, {})
    if params["statement_timeout"] <= 0:
        raise NetfixError(f"statement_timeout must be above 0 seconds; found {params['statement_timeout']}.")
    transaction.executor.statement_timeout_s = params["statement_timeout"]
    if params["state"] == "settled":
        return settle(module, transaction)
    if params["state"] == "present":
        return apply(module, transaction)
    name, number = (ROLE(params["name"]), params["number"]) if params["name"] else ("", 0)
    known = {r["run_id"] for r in transaction.attempts.all()}
    if params["state"] == "absent" and name and params["run_id"] not in known:
        # one that was never made is not in force
        return {"changed": False, "rolled_back": [], "settled": [], **about(transaction)}
    act = roll_back if params["state"] == "absent" else confirm
    result = act(module, transaction, name, number)
    if params["verdict"] and name and not module.check_mode:
        transaction.conclude(params["run_id"], name, number, params["verdict"])
    return result


def asked(params):
    """What is to be optimized."""
    wish = Wish(
        service=params["service"],
        environment={str(k): text(v) for k, v in params["environment"].items()},
        command=tuple(params["command"]),
        undo_command=tuple(params["undo_command"]),
        table=params["table"] or "",
        columns=tuple(params["columns"]),
    )
    where = (params["database_service"] or "", params["database"] or "", params["database_user"] or "")
    return Asked(params["name"], wish, *where, again=params["again"])


def text(value):
    """A variable's value as Compose writes it: YAML's booleans lose their quotes on the way here."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def apply(module, transaction):
    params = module.params
    intent = Optimizing(transaction).intent(asked(params), params["run_id"], params["number"], params["trial"])
    if module.check_mode:
        proposal, record = transaction.foretell(intent, params["run_id"], params["number"], transaction.look())
        changed, shows, settled = proposal.changes, True, []
    else:
        record = transaction.carry_out(intent, params["run_id"], params["number"])
        proposal, settled = record["proposal"], record["settled"]
        shows = record["verdict"] == "kept"
        changed = shows or bool(settled)
    return {
        "changed": changed,
        "attempt": public(record),
        "steps": [
            {"text": f"{s['action']} {s['object']}", "seconds": round(s["duration_ms"] / 1000, 2), "outcome": s["outcome"]}
            for s in record["steps"]
        ],
        "settled": settled,
        "compose_command": compose_command(transaction.executor.compose),
        "diff": diff(transaction, record, proposal) if shows else [],
    }


def main():
    spec = {
        **transaction_spec(),
        "name": {"type": "str", "choices": list(OPTIMIZATIONS)},
        "service": {"type": "str"},
        "environment": {"type": "dict", "default": {}},
        "command": {"type": "list", "elements": "str", "default": []},
        "undo_command": {"type": "list", "elements": "str", "default": []},
        "table": {"type": "str"},
        "columns": {"type": "list", "elements": "str", "default": []},
        "database_service": {"type": "str"},
        "database": {"type": "str"},
        "database_user": {"type": "str"},
        "statement_timeout": {"type": "float", "default": 600.0},
        "trial": {"type": "bool", "default": False},
        "again": {"type": "bool", "default": False},
        "verdict": {"type": "str", "default": ""},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True, required_if=needed(("name", "service")))
    require_libraries(module)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
