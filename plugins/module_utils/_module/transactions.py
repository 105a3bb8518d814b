# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the modules share that change a project: their options, the transaction that these make, and its results."""

from __future__ import annotations

import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .._core.errors import NetfixError
from .._core.redact import redact_text
from .._core.remediation.situation import Proposal
from .._host.attempts import has_died, project_of_run, public
from .._host.executor import Executor
from .._host.files import read_text, render_override
from .._host.progress import Progress
from .._host.transaction import Limits, Transaction, override_of
from .project import compose_command, gathering_spec, open_attempts, open_gatherer, project_spec, state_dir

RUN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


def transaction_spec() -> dict[str, Any]:
    """The options of the doc fragment ``_transaction``, and those that say which project."""
    return {
        **project_spec(),
        **gathering_spec(),
        "state": {"type": "str", "choices": ["present", "absent", "confirmed", "settled"], "default": "present"},
        "run_id": {"type": "str"},
        "number": {"type": "int", "default": 1},
        "gate_timeout": {"type": "float", "default": 20.0},
        "keep_checkpoints": {"type": "int", "default": 20},
        "keep_days": {"type": "int", "default": 30},
        "force": {"type": "bool", "default": False},
    }


def needed(present: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """What is needed in which state; ``present`` is what to try one needs beside."""
    return [
        ("state", "present", (*present, "run_id")),
        ("state", "present", ("project_src", "project_name"), True),
        ("state", "settled", ("project_src", "project_name"), True),
        ("state", "absent", ("run_id",)),
        ("state", "confirmed", ("run_id",)),
    ]


def open_transaction(
    module: AnsibleModule, options: dict[str, Any], limits: dict[str, float]
) -> Transaction:
    """The transaction of the project that the module's options name. Raises NetfixError for options that are wrong."""
    params = module.params
    if params["run_id"] is not None and not RUN_ID.match(params["run_id"]):
        raise NetfixError(f"run_id {params['run_id']!r} must be letters, digits, '.', '_' and '-': it names a file.")
    for name, least in (("confirm_timeout", 0), ("keep_checkpoints", 1), ("keep_days", 1)):
        if params.get(name, least) < least:
            raise NetfixError(f"{name} must be {least} or more; found {params[name]}.")
    if params["state"] in ("absent", "confirmed") and not (params["project_src"] or params["project_name"]):
        params.update(project_of_run(state_dir(params), params["run_id"]))
    gatherer = open_gatherer(params, module.check_mode, module.no_log_values)
    # what is known of an engine that does not answer is enough to look at, and no more
    gatherer.engine.must_answer()
    project = gatherer.compose.project
    attempts = open_attempts(params, project.name)
    about = {"run_id": params["run_id"], "project": project.name, "project_src": project.source}
    return Transaction(
        gatherer,
        Executor(gatherer.engine, gatherer.compose, max(Executor.healthy_timeout_s, params["gate_timeout"])),
        attempts,
        Limits(
            gate_timeout_s=params["gate_timeout"],
            keep_checkpoints=params["keep_checkpoints"],
            keep_days=params["keep_days"],
            **limits,
        ),
        force=params["force"],
        progress=Progress(attempts.folder, about),
        options=options,
    )


def settle(module: AnsibleModule, transaction: Transaction) -> dict[str, Any]:
    """What earlier runs left is undone; with it, what was undone without any run telling so."""
    if module.check_mode:
        settled, undone = [r["id"] for r in transaction.attempts.unfinished()], transaction.attempts.untold()
    else:
        settled, undone = transaction.settle()
    return {"changed": bool(settled), "settled": settled, "undone": [public(r) for r in undone]}


def roll_back(module: AnsibleModule, transaction: Transaction, name: str, number: int = 0) -> dict[str, Any]:
    """What a run kept is undone."""
    settled = [r["id"] for r in transaction.attempts.all() if has_died(r)]
    kept = (transaction.kept if module.check_mode else transaction.roll_back)(module.params["run_id"], name, number)
    return {
        "changed": bool(kept or settled),
        "rolled_back": [public(r) for r in kept],
        "settled": settled,
        **about(transaction),
    }


def confirm(module: AnsibleModule, transaction: Transaction, name: str = "", number: int = 0) -> dict[str, Any]:
    """What a run kept is kept for good."""
    act = transaction.awaiting if module.check_mode else transaction.confirm
    waiting = act(module.params["run_id"], name, number)
    return {
        "changed": bool(waiting),
        "confirmed": [public(r) for r in waiting],
        "settled": [],
        **about(transaction),
    }


def about(transaction: Transaction) -> dict[str, Any]:
    """Which project that is, and the command that brings it to its configuration as it is now."""
    compose = transaction.executor.compose
    return {
        "project": compose.project.name,
        "project_src": compose.project.source,
        "compose_command": compose_command(compose),
    }


def diff(transaction: Transaction, record: dict[str, Any], proposal: Proposal) -> list[dict[str, str]]:
    """The steps with their causes, the rules of the host's firewall, and our override file, before and after."""
    steps = [f"{s['action']} {s['object']}: {s['cause']}\n" for s in record["steps"]]
    told = [{"before_header": "steps", "after_header": "steps", "before": "", "after": "".join(steps)}]
    for table, commands in (proposal.host.added if proposal.host else {}).items():
        header = f"iptables table {table}"
        by_hand = "".join(f"iptables -t {table} {command}\n" for command in commands)
        told.append({"before_header": header, "after_header": header, "before": "", "after": by_hand})
    data = override_of(proposal.steps)
    if data is not None:
        path = transaction.executor.compose.project.override
        before = record.get("override_before", read_text(path)) or ""
        told.append(
            {
                "before_header": path,
                "after_header": path,
                "before": redact_text(before),
                "after": redact_text(render_override(data)),
            }
        )
    return told
