#!/usr/bin/python
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: runs_info
short_description: List the runs that have a checkpoint on a host
version_added: 0.1.0
author:
  - vertice.netfix contributors (@vertice)
description:
  - Lists the runs of M(vertice.netfix.remediation) that the managed host knows, newest first, whether what they kept is in
    force, and which of them can be rolled back.
  - Reads the checkpoints only, and asks no engine.
extends_documentation_fragment:
  - vertice.netfix._attributes
  - vertice.netfix._attributes.info
options:
  project_name:
    description: Only the runs of this Compose project.
    type: str
  state_dir:
    description:
      - Folder on the managed host for checkpoints.
      - By default V(/var/lib/netfix) for root, else V(~/.local/state/netfix).
    type: path
seealso:
  - module: vertice.netfix.remediation
"""

EXAMPLES = r"""
- name: See what can be rolled back
  vertice.netfix.runs_info:
  register: known

- name: Roll back the newest run of a project that is in force
  vertice.netfix.remediation:
    run_id: "{{ (known.runs | selectattr('project', 'equalto', 'shop') | selectattr('kept') | first).run_id }}"
    state: absent
"""

RETURN = r"""
runs:
  description: The runs, newest first. A run that changed several projects is one entry for each.
  returned: always
  type: list
  elements: dict
  sample:
    - run_id: tuesday
      project: shop
      project_src: /srv/shop
      started_at: "2026-11-22T20:59:41.921+00:00"
      state: awaiting
      kept: [reconnect_endpoints]
      confirm_until: "2026-11-22T21:14:44.047+00:00"
      later: []
      attempts:
        - confirm: {confirmed_at: "", timer: process 27188, until: "2026-11-22T21:14:44.047+00:00"}
          duration_s: 0.67
          findings: [name.reconnected_without_alias]
          gate:
            mended: [name.reconnected_without_alias]
            promised: [name.reconnected_without_alias]
            regressed: []
            still_broken: []
            waited_s: 0.35
          id: tuesday-01-reconnect_endpoints
          number: 1
          project: shop
          reason: mended name.reconnected_without_alias, and nothing that passed before fails
          remediation: reconnect_endpoints
          restarts: []
          run_id: tuesday
          started_at: "2026-11-22T20:59:41.921+00:00"
          steps:
            - action: disconnect
              cause: its endpoint lacks the name 'orders'
              duration_ms: 91.7
              error: ""
              object: shop-orders-1 from shop_default
              outcome: done
          undo: null
          verdict: kept
  contains:
    run_id:
      description: Its name.
      type: str
    project:
      description: The Compose project.
      type: str
    project_src:
      description: Its directory.
      type: str
    started_at:
      description: When its first attempt on it began.
      type: str
    state:
      description:
        - V(in force), V(undone), or V(unchanged) where it only waited.
        - V(awaiting) where it is in force and waits to be confirmed.
        - V(unfinished) where it died before it had settled everything; the next run undoes that.
      type: str
    kept:
      description: The remediations of it that are in force, newest first.
      type: list
      elements: str
    confirm_until:
      description: Until when it must be confirmed, empty where it waits for nothing.
      type: str
    later:
      description: The runs on this project that have to be rolled back before it, newest first.
      type: list
      elements: str
    attempts:
      description: Its attempts, as M(vertice.netfix.remediation) returns them.
      type: list
      elements: dict
unread:
  description: Checkpoints that could not be read, with the reason.
  returned: always
  type: list
  elements: str
  sample: []
state_dir:
  description: The folder that was looked into.
  returned: always
  type: str
  sample: /var/lib/netfix
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._host.attempts import runs_in
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import guarded, require_libraries
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import state_dir


def run(module):
    folder = state_dir(module.params)
    runs, unread = runs_in(folder, module.params["project_name"] or "")
    return {"runs": runs, "unread": unread, "state_dir": folder}


def main():
    spec = {"project_name": {"type": "str"}, "state_dir": {"type": "path"}}
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    require_libraries(module)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
