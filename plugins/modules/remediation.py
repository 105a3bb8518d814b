#!/usr/bin/python
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: remediation
short_description: Try one way to mend a Compose project's network, and keep it only if it provably helps
version_added: 0.1.0
author:
  - vertice.netfix contributors (@vertice)
description:
  - One call is one transaction. It undoes what an earlier run left unfinished, takes the project's lock, diagnoses,
    plans, writes a checkpoint, applies, and probes again.
  - The change is kept when something that it promised is mended and nothing that passed before fails. Otherwise it is
    undone, and the undo is compared with the checkpoint field by field.
  - Volumes are never removed, nothing is ever pruned, and the operator's own files are never edited. Changes of the
    configuration go to C(compose.netfix.yml) beside them.
  - With O(confirm_timeout) a timer on the managed host undoes what was kept by itself, unless the run confirms it in time.
  - What takes longer than two seconds says in the terminal which attempt, which step, and how long the gate may still wait.
extends_documentation_fragment:
  - vertice.netfix._attributes
  - vertice.netfix._project
  - vertice.netfix._project.gathering
  - vertice.netfix._transaction
attributes:
  action:
    support: full
    description: Has an action plugin, which runs the module as ever.
    details:
      - While the module runs, the plugin reads about once a second a small file in O(state_dir), over a second connection
        of the same kind and as the same user, and shows a line where something is new. What goes wrong with that ends it,
        and never the attempt. With C(no_log), and with C(async), it shows nothing.
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
    description: A project that is mended is not changed again, and neither is one that is rolled back.
options:
  name:
    description: The remediation to try. Needed with O(state=present).
    type: str
    choices:
      - wait_until_ready
      - reconnect_endpoints
      - refresh_upstreams
      - start_providers
      - detach_intruders
      - restore_resolver
      - correct_upstreams
      - static_hosts
      - direct_routes
      - rebuild_network
      - host_firewall
  state:
    description:
      - V(present) tries the remediation.
      - V(absent) undoes what the run O(run_id) kept, newest first; only the attempts of O(name) where that is given.
        The run knows its project, so O(project_src) and O(project_name) may be left out. It fails where a later run
        has to be rolled back first, and where the project or its Compose files were changed since, unless O(force) is set.
        See M(vertice.netfix.runs_info) for the runs that there are.
      - V(confirmed) keeps for good what the run O(run_id) kept under a O(confirm_timeout), and disarms the timer. It fails
        where the timer or somebody else was faster. Like V(absent), it knows the project by the run.
      - V(settled) only undoes what earlier runs left unfinished or unconfirmed.
    type: str
    choices: [present, absent, confirmed, settled]
    default: present
  run_id:
    description: Name of the run, under which its attempts can be confirmed and rolled back. Needed unless O(state=settled).
    type: str
  unlocked_only:
    description:
      - Try it only when a finding unlocks it.
      - Set to V(false) to try it on whatever is broken, as an operator's own order of remediations does.
    type: bool
    default: true
  network_name:
    description:
      - For O(name=rebuild_network), the network to make anew, by its key in the Compose file or by its name.
      - By default those that the findings name, else those of the services whose dependencies are broken.
    type: str
  network_subnet:
    description:
      - For O(name=rebuild_network), the subnet that the network gets, like V(10.20.0.0/24). It must overlap no route of
        the host and no other network, and hold every fixed address. It is kept in C(compose.netfix.yml).
      - By default the configured one, or a free one where that overlaps.
    type: str
  network_dns:
    description:
      - For O(name=rebuild_network), DNS servers for the services on the network, which are recreated for it.
      - They answer names outside of the engine only; services are always answered for by Docker's own DNS.
    type: list
    elements: str
    default: []
  network_shared:
    description:
      - For O(name=rebuild_network), what to do where containers of other projects are on the network.
      - V(refuse) leaves the network alone. V(carry) carries their endpoints over as well; they lose the network for the
        same moment.
    type: str
    choices: [refuse, carry]
    default: refuse
  confirm_timeout:
    description:
      - Seconds after which what was kept is undone by itself, unless O(state=confirmed) came before. V(0) is never.
      - The timer runs on the managed host before anything is changed, as a transient unit where systemd runs and as a
        detached process otherwise, so it undoes as well where the controller or the connection is gone.
      - The time starts anew with the end of each attempt. What waits for a confirmation when another run begins, or when
        the host has been rebooted, is undone by the next run.
    type: float
    default: 0.0
  force:
    description:
      - Roll back although the project or its Compose files were changed since; what later runs kept is taken back with it.
      - Recreate a service although Compose would not make its container again as it is, because it is not what its files
        describe, its image is gone or named otherwise by now, or it has variables that another Docker client gave it.
    type: bool
    default: false
  allow_host_firewall:
    description:
      - Whether V(host_firewall) may add rules to the host's own firewall and switch forwarding on. Without it that remediation
        is refused. With it, C(--check --diff) shows the rules that are missing and adds none.
    type: bool
    default: false
seealso:
  - module: vertice.netfix.network_diagnosis_info
  - module: vertice.netfix.runs_info
"""

EXAMPLES = r"""
- name: Give a container its names back
  vertice.netfix.remediation:
    name: reconnect_endpoints
    project_src: /srv/shop
    run_id: incident-4711
  register: attempt

- name: Show what a rebuild of the network would do
  vertice.netfix.remediation:
    name: rebuild_network
    project_src: /srv/shop
    run_id: incident-4711
    unlocked_only: false
  check_mode: true
  diff: true

- name: Make a network anew with another subnet, and take the containers of other projects along
  vertice.netfix.remediation:
    name: rebuild_network
    project_src: /srv/shop
    run_id: incident-4711
    unlocked_only: false
    network_name: backend
    network_subnet: 10.20.0.0/24
    network_shared: carry

- name: Mend, but let the host undo it in five minutes unless this play comes to its end
  vertice.netfix.remediation:
    name: reconnect_endpoints
    project_src: /srv/shop
    run_id: incident-4711
    confirm_timeout: 300

- name: Confirm it
  vertice.netfix.remediation:
    run_id: incident-4711
    state: confirmed

- name: Undo everything that the run kept
  vertice.netfix.remediation:
    project_src: /srv/shop
    run_id: incident-4711
    state: absent
"""

RETURN = r"""
attempt:
  description: The attempt, with its steps, its gate and its verdict.
  returned: with O(state=present)
  type: dict
  contains:
    verdict:
      description: V(kept), V(undone), V(refused), V(planned), or V(unchanged) where waiting was all.
      type: str
      sample: kept
    reason:
      description: Why.
      type: str
      sample: mended name.reconnected_without_alias, and nothing that passed before fails
    steps:
      description: What was done, in order, each with its cause.
      type: list
      elements: dict
      sample:
        - action: disconnect
          object: netfix-dev-hcl-kb-service-1 from netfix-dev_vertice-network
          cause: its endpoint lacks the name 'hcl-kb-service'
          outcome: done
          duration_ms: 61.3
          error: ""
    left:
      description: What the steps leave unmended, each with the reason.
      type: list
      elements: str
      sample: ["api → db:5432: 10.1.0.2:5432 did not answer a direct check (timeout)"]
    direct_checks:
      description: How each provider answered at its own address, past every name and gateway.
      type: list
      elements: dict
      sample:
        - consumer: api_gateway
          provider: hcl-kb-service
          container: netfix-dev-hcl-kb-service-1
          address: 10.214.77.6
          port: 8001
          tcp: open
          status: 200
    gate:
      description: What was promised, what is mended, what is still broken, what passed before and fails now.
      type: dict
      sample:
        promised: [name.reconnected_without_alias]
        mended: [name.reconnected_without_alias]
        still_broken: []
        regressed: []
        waited_s: 0.1
    confirm:
      description: Until when it had to be confirmed, by which timer it is undone otherwise, and when it was confirmed.
      type: dict
      sample: {"until": "2025-06-01T09:35:00.000+00:00", "timer": "systemd unit netfix-shop-timer-x1y2z3", "confirmed_at": ""}
    undo:
      description:
        - Whether the undo was proven, what differs from the checkpoint, and for each network, endpoint, container and file
          whether it is V(restored), V(unchanged) or V(failed), with the error.
        - An object that cannot be restored keeps no other one from it, and fails the attempt.
      type: dict
      sample:
        verified: true
        differences: []
        moved: []
        objects:
          - {kind: network, name: shop_default, outcome: unchanged, error: ""}
          - {kind: container, name: shop-users-1, outcome: unchanged, error: ""}
          - {kind: endpoint, name: shop-users-1 on shop_default, outcome: restored, error: ""}
        error: ""
before:
  description: The diagnosis before, as in M(vertice.netfix.network_diagnosis_info).
  returned: with O(state=present)
  type: dict
after:
  description: The diagnosis after, with the plan for what is left.
  returned: with O(state=present)
  type: dict
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
  description: Attempts that were undone, newest first; none where nothing of the run was in force any more.
  returned: with O(state=absent)
  type: list
  elements: dict
confirmed:
  description: Attempts that waited for it, and are kept for good now.
  returned: with O(state=confirmed)
  type: list
  elements: dict
undone:
  description:
    - Attempts of earlier runs that are undone, and whose own runs could not tell of it.
    - These are the settled ones, and those that the timer on the host, say, undid before. Each is returned once.
  returned: with O(state=settled)
  type: list
  elements: dict
  sample: []
settled:
  description: Attempts of earlier runs that were left unfinished or unconfirmed, and are undone now.
  returned: always
  type: list
  elements: str
  sample: []
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.planning import REMEDIATIONS, make_plan
from ansible_collections.vertice.netfix.plugins.module_utils._host.attempts import public
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import guarded, require_libraries
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import (
    compose_command,
    told_diagnosis,
    told_plan,
)
from ansible_collections.vertice.netfix.plugins.module_utils._module.transactions import (
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
    transaction = open_transaction(
        module,
        {k: v for k, v in params.items() if k.startswith("network_") or k == "allow_host_firewall"},
        {"confirm_timeout_s": params["confirm_timeout"]},
    )
    if params["state"] == "settled":
        return settle(module, transaction)
    if params["state"] == "absent":
        return roll_back(module, transaction, params["name"] or "")
    if params["state"] == "confirmed":
        return confirm(module, transaction)
    return plan(module, transaction) if module.check_mode else apply(module, transaction)


def plan(module, transaction):
    """What apply() would do, without a lock, a checkpoint or a change."""
    look = transaction.look()
    proposal, record = transaction.rehearse(
        module.params["name"],
        module.params["run_id"],
        module.params["number"],
        not module.params["unlocked_only"],
        look,
    )
    return {
        "changed": proposal.changes,
        "attempt": public(record),
        "before": told_diagnosis(*look),
        "after": {**told_diagnosis(*look), "plan": told_plan(make_plan(look[1].findings, (), [module.params["name"]]))},
        "settled": [],
        "compose_command": compose_command(transaction.executor.compose),
        "diff": diff(transaction, record, proposal),
    }


def apply(module, transaction):
    record = transaction.attempt(
        module.params["name"], module.params["run_id"], module.params["number"], not module.params["unlocked_only"]
    )
    tried = () if record["verdict"] == "kept" else (module.params["name"],)
    return {
        "changed": record["verdict"] == "kept" or bool(record["settled"]),
        "attempt": public(record),
        "before": told_diagnosis(*record["before"]),
        "after": {
            **told_diagnosis(*record["after"]),
            "plan": told_plan(make_plan(record["after"][1].findings, (), tried)),
        },
        "settled": record["settled"],
        "compose_command": compose_command(transaction.executor.compose),
        "diff": diff(transaction, record, record["proposal"]) if record["verdict"] == "kept" else [],
    }


def main():
    spec = {
        **transaction_spec(),
        "name": {"type": "str", "choices": list(REMEDIATIONS)},
        "unlocked_only": {"type": "bool", "default": True},
        "network_name": {"type": "str"},
        "network_subnet": {"type": "str"},
        "network_dns": {"type": "list", "elements": "str", "default": []},
        "network_shared": {"type": "str", "choices": ["refuse", "carry"], "default": "refuse"},
        "confirm_timeout": {"type": "float", "default": 0.0},
        "allow_host_firewall": {"type": "bool", "default": False},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True, required_if=needed(("name",)))
    require_libraries(module)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
