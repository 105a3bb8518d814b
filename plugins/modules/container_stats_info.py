#!/usr/bin/python
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: container_stats_info
short_description: What the containers of a Compose project use
version_added: 0.1.0
author:
  - vertice.netfix contributors (@vertice)
description:
  - Reads CPU, memory, network, block I/O, throttling and processes of every running container of a project from its
    control group, version 1 or 2, twice, and returns what it used meanwhile.
  - The engine is asked once, for the process ids. C(docker stats) takes two seconds for the same. Where the files cannot
    be read (the engine of another host, no root), the engine's own stats are taken, and the reason is told.
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
  interval:
    description: Seconds between the two readings.
    type: float
    default: 1.0
seealso:
  - module: vertice.netfix.load_test
"""

EXAMPLES = r"""
- name: See who is busy
  vertice.netfix.container_stats_info:
    project_name: shop
  register: stats

- name: Name those that were throttled
  ansible.builtin.debug:
    msg: "{{ stats.containers | selectattr('throttled_periods', 'gt', 0) | map(attribute='name') }}"
"""

RETURN = r"""
containers:
  description: Every running container, by name. Bytes and counts are those of the interval, peaks are what was seen.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Its name.
      type: str
      sample: shop-web-1
    service:
      description: Its service.
      type: str
      sample: web
    measured:
      description:
        - V(cgroup) for the control group's files, V(api) for the engine's stats, V(unknown) where neither told anything;
          the figures then mean nothing.
      type: str
      sample: cgroup
    reason:
      description: Why it is not V(cgroup).
      type: str
      sample: ""
    cpu:
      description: Cores in use.
      type: float
      sample: 0.73
    memory_peak:
      description: Bytes in use without the file cache, as C(docker stats) tells it.
      type: int
      sample: 48234496
    throttled_periods:
      description: How often its CPU limit held it back.
      type: int
      sample: 0
    pids_peak:
      description: Processes and threads.
      type: int
      sample: 5
    read:
      description: Bytes read from block devices.
      type: int
      sample: 0
    written:
      description: Bytes written to block devices.
      type: int
      sample: 4096
    received:
      description: Bytes received over the network.
      type: int
      sample: 43955
    sent:
      description: Bytes sent over the network.
      type: int
      sample: 47516
    restarts:
      description: How often the engine has started it again.
      type: int
      sample: 0
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.usage import usage
from ansible_collections.vertice.netfix.plugins.module_utils._host.meters import Sampler, open_meters
from ansible_collections.vertice.netfix.plugins.module_utils._host.probe_sources import (
    project_containers,
    running_sources,
)
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import engine_from, engine_spec, guarded


def measured(readings, reason):
    """Where the figures come from; ``unknown`` where there are none to tell."""
    if sum(r is not None for r in readings) < 2:
        return "unknown"
    return "api" if reason else "cgroup"


def run(module):
    params = module.params
    if params["interval"] <= 0:
        raise NetfixError(f"interval must be above 0 seconds; found {params['interval']:g}.")
    engine = engine_from(module)
    containers = {c.name: c for c in project_containers(engine, params["project_name"])}
    sources = running_sources(engine, list(containers.values()), params["project_name"])
    sampler = Sampler(open_meters(sources, engine.stats), 1 / params["interval"])
    reasons = {meter.name: getattr(meter, "reason", "") for meter in sampler.meters}
    with sampler.running():
        time.sleep(params["interval"])
    return {
        "containers": [
            {
                **to_data(usage(name, sampler.times, readings)),
                "measured": measured(readings, reasons[name]),
                "reason": reasons[name],
                "service": containers[name].service,
                "restarts": containers[name].restart_count,
            }
            for name, readings in sorted(sampler.readings.items())
        ]
    }


def main():
    module = AnsibleModule(
        argument_spec={
            **engine_spec(),
            "project_name": {"type": "str", "required": True},
            "interval": {"type": "float", "default": 1.0},
        },
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
