#!/usr/bin/python
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: compose_topology_info
short_description: Show the services, containers, networks and endpoints of a Compose project
version_added: 0.1.0
author:
  - vertice.netfix contributors (@vertice)
description:
  - Shows a Compose project as the engine sees it, together with the dependencies that its configuration declares.
  - Probes nothing and changes nothing. To find out what is broken use M(vertice.netfix.network_diagnosis_info).
extends_documentation_fragment:
  - vertice.netfix._attributes
  - vertice.netfix._attributes.info
  - vertice.netfix._project
options:
  dependencies:
    description: Dependencies to add, as in M(vertice.netfix.network_diagnosis_info).
    type: list
    elements: raw
    default: []
  ignore:
    description: Dependencies to leave out, as in M(vertice.netfix.network_diagnosis_info).
    type: list
    elements: str
    default: []
seealso:
  - module: vertice.netfix.network_diagnosis_info
"""

EXAMPLES = r"""
- name: See who is on which network, and under which names
  vertice.netfix.compose_topology_info:
    project_src: /srv/shop
  register: topology

- name: Show the aliases of one service
  ansible.builtin.debug:
    msg: "{{ topology.services['orders'].containers | map(attribute='endpoints') }}"
"""

RETURN = r"""
project:
  description: Name of the Compose project.
  returned: always
  type: str
  sample: netfix-dev
services:
  description: Services of the configuration and of the engine, by name.
  returned: always
  type: dict
  contains:
    networks:
      description: Networks that the configuration puts it on.
      type: list
      elements: str
      sample: ["netfix-dev_vertice-network"]
    containers:
      description: Its containers.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the container.
          type: str
          sample: netfix-dev-redis-1
        state:
          description: State as the engine says it.
          type: str
          sample: running
        health:
          description: Health, empty without a healthcheck.
          type: str
          sample: healthy
        ports:
          description: Published ports.
          type: list
          elements: dict
          sample: []
        endpoints:
          description: Its places in networks, with address, aliases and all names that it answers to.
          type: list
          elements: dict
          sample:
            - network: netfix-dev_vertice-network
              address: 10.214.90.2
              aliases: ["netfix-dev-redis-1", "redis"]
              dns_names: ["netfix-dev-redis-1", "redis"]
networks:
  description: Networks that the project owns or uses, by name.
  returned: always
  type: dict
  sample:
    netfix-dev_vertice-network:
      driver: bridge
      key: vertice-network
      subnets: [{"subnet": "10.214.90.0/24", "gateway": "10.214.90.1"}]
dependencies:
  description: What the configuration says the services call, and where it says so.
  returned: always
  type: list
  elements: dict
  sample:
    - consumer: api_gateway
      host: hcl-kb-service
      port: 8001
      scheme: http
      kind: call
      origin: environment ROUTES
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.redact import (
    redact_config,
    redact_dependency,
    redact_network,
)
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import guarded, require_libraries
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import (
    open_gatherer,
    project_spec,
)


def run(module):
    gatherer = open_gatherer(module.params, secrets=module.no_log_values)
    case = gatherer.topology()
    snapshot = case.snapshot
    config = redact_config(snapshot.config).get("services") or {}
    return {
        "changed": False,
        "project": snapshot.project,
        "services": {
            service: {
                "networks": sorted(case.configured_networks(service)),
                **configured(config.get(service) or {}),
                "containers": [told(c) for c in case.containers_of(service)],
            }
            for service in case.services()
        },
        "networks": {n.name: to_data(redact_network(n)) for n in snapshot.networks},
        "dependencies": to_data(tuple(map(redact_dependency, snapshot.dependencies))),
    }


def configured(service):
    """What its configuration gives a service to work with."""
    limits = ((service.get("deploy") or {}).get("resources") or {}).get("limits") or {}
    return {
        "environment": {
            name: "" if value is None else value for name, value in (service.get("environment") or {}).items()
        },
        "command": list(service.get("command") or ()),
        "cpus": float(service.get("cpus") or limits.get("cpus") or 0),
        "memory": int(service.get("mem_limit") or limits.get("memory") or 0),
    }


def told(container):
    data = to_data(container)
    shown = (
        "name",
        "id",
        "state",
        "health",
        "number",
        "image",
        "started_at",
        "network_mode",
        "ports",
        "endpoints",
        "extra_hosts",
    )
    return {key: data[key] for key in shown}


def main():
    spec = {
        **project_spec(),
        "dependencies": {"type": "list", "elements": "raw", "default": []},
        "ignore": {"type": "list", "elements": "str", "default": []},
    }
    module = AnsibleModule(
        argument_spec=spec, supports_check_mode=True, required_one_of=[("project_src", "project_name")]
    )
    require_libraries(module)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
