#!/usr/bin/python
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: load_worker
short_description: Start and end Locust workers for a load test of another machine
version_added: 0.1.0
author:
  - vertice.netfix contributors (@vertice)
description:
  - Starts Locust workers in a folder of their own, which only the user may enter. They wait for the master that
    M(vertice.netfix.load_test) starts with O(vertice.netfix.load_test#module:workers), hand it all their samples, and wait for
    the next run.
  - They end with O(state=absent), and by themselves after O(seconds). Either way no process and no file is left.
extends_documentation_fragment:
  - vertice.netfix._attributes
attributes:
  check_mode:
    support: full
    description: Only compares the versions.
  diff_mode:
    support: none
    description: There is nothing to show.
  platform:
    support: full
  idempotent:
    support: partial
    description: O(state=absent) is; a folder that is there already is refused by O(state=present).
options:
  state:
    description: Whether they run.
    type: str
    choices: [present, absent]
    default: present
  folder:
    description: Their folder; it must not be there before.
    type: path
    required: true
  master_host:
    description: Where the master is. Needed with O(state=present).
    type: str
  master_port:
    description: Its port.
    type: int
    default: 5557
  locust:
    description: The Locust to run.
    type: str
    default: locust
  locust_version:
    description: The version that it must have, which is the master's.
    type: str
  locustfile:
    description: The text of the locustfile.
    type: str
  endpoints:
    description: What to ask, where there is no locustfile, as M(vertice.netfix.load_test) takes it.
    type: list
    elements: dict
  environment:
    description: Variables for the locustfile.
    type: dict
    default: {}
  arrival_rate:
    description: Arrivals a second of all workers together; V(0) leaves the pace to the users.
    type: float
    default: 0.0
  workers:
    description: How many machines send.
    type: int
    default: 1
  processes:
    description: How many processes each of them uses.
    type: int
    default: 1
  seconds:
    description: After how many seconds they end by themselves.
    type: float
    default: 3600.0
seealso:
  - module: vertice.netfix.load_test
"""

EXAMPLES = r"""
- name: Start a worker
  vertice.netfix.load_worker:
    folder: /tmp/netfix-worker-4711
    master_host: 192.0.2.10
    locustfile: "{{ lookup('ansible.builtin.file', 'locustfile.py') }}"
    workers: 2

- name: End it
  vertice.netfix.load_worker:
    folder: /tmp/netfix-worker-4711
    state: absent
"""

RETURN = r"""
locust_version:
  description: Version of Locust.
  returned: with O(state=present)
  type: str
  sample: 2.47.0
log:
  description: How the worker's log ended.
  returned: with O(state=absent)
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import LoadError
from ansible_collections.vertice.netfix.plugins.module_utils._host.load_worker import start_worker, stop_worker
from ansible_collections.vertice.netfix.plugins.module_utils._host.locust import Load, locust_version
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import guarded


def run(module):
    params = module.params
    if params["state"] == "absent":
        if module.check_mode:
            return {"log": ""}
        log = stop_worker(params["folder"])
        return {"changed": log is not None, "log": log or ""}
    version = locust_version(params["locust"])
    if version is None:
        raise LoadError(f"Locust does not run as {params['locust']!r}. Install it (pip install locust), or say where it is.")
    if params["locust_version"] and version != params["locust_version"]:
        raise LoadError(
            f"This worker's Locust has version {version}, its master's {params['locust_version']}; install the same one on both."
        )
    load = Load(
        host="",
        locustfile="locustfile.py" if params["locustfile"] else "",
        endpoints=tuple({k: v for k, v in e.items() if v is not None} for e in params["endpoints"] or ()),
        arrival_rate=params["arrival_rate"],
        processes=params["processes"],
        workers=params["workers"],
        master_port=params["master_port"],
        environment={str(k): str(v) for k, v in params["environment"].items()},
        executable=params["locust"],
    )
    if not module.check_mode:
        start_worker(load, params["locustfile"] or "", params["folder"], params["master_host"], params["seconds"])
    return {"changed": True, "locust_version": version}


def main():
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "folder": {"type": "path", "required": True},
            "master_host": {"type": "str"},
            "master_port": {"type": "int", "default": 5557},
            "locust": {"type": "str", "default": "locust"},
            "locust_version": {"type": "str"},
            "locustfile": {"type": "str"},
            "endpoints": {"type": "list", "elements": "dict"},
            "environment": {"type": "dict", "default": {}},
            "arrival_rate": {"type": "float", "default": 0.0},
            "workers": {"type": "int", "default": 1},
            "processes": {"type": "int", "default": 1},
            "seconds": {"type": "float", "default": 3600.0},
        },
        required_if=[("state", "present", ["master_host"]), ("state", "present", ["locustfile", "endpoints"], True)],
        mutually_exclusive=[("locustfile", "endpoints")],
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
