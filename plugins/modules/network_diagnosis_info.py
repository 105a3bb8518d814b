#!/usr/bin/python
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: network_diagnosis_info
short_description: Find out why the services of a Compose project cannot find or reach each other
version_added: 0.1.0
author:
  - vertice.netfix contributors (@vertice)
description:
  - Gathers everything about one Compose project in one call, probes every dependency from inside the containers'
    network namespaces, and names the root causes.
  - Dependencies are read from the effective Compose configuration and from mounted gateway configuration.
  - Changes nothing. Where it may enter the containers' network namespaces, it needs no tool, shell or image in them;
    where it may not, see O(fallback).
extends_documentation_fragment:
  - vertice.netfix._attributes
  - vertice.netfix._attributes.info
  - vertice.netfix._project
  - vertice.netfix._project.gathering
options:
  remediations:
    description: Plan these remediations, in this order, instead of the least invasive ones that the findings unlock.
    type: list
    elements: str
    default: []
  snapshot:
    description: Return the snapshot as well, with secrets masked.
    type: bool
    default: false
seealso:
  - module: vertice.netfix.remediation
  - module: vertice.netfix.compose_topology_info
"""

EXAMPLES = r"""
- name: Diagnose the project in /srv/shop
  vertice.netfix.network_diagnosis_info:
    project_src: /srv/shop
  register: diagnosis

- name: Stop when something is broken
  ansible.builtin.assert:
    that: diagnosis.healthy
    fail_msg: "{{ diagnosis.findings | map(attribute='summary') | join('; ') }}"

- name: Diagnose with a check through the gateway, and a dependency that no configuration names
  vertice.netfix.network_diagnosis_info:
    project_src: /srv/shop
    checks:
      - name: orders through the gateway
        url: http://127.0.0.1:8080/orders
    dependencies:
      - worker -> broker:5672
"""

RETURN = r"""
project:
  description: Name of the Compose project.
  returned: always
  type: str
  sample: netfix-dev
project_src:
  description: Its directory.
  returned: always
  type: str
  sample: /srv/shop
compose_command:
  description: The command that brings the project to its configuration, our override file included.
  returned: always
  type: str
  sample: docker compose --project-directory /srv/shop --project-name shop --file /srv/shop/compose.yml up -d
engine:
  description: Versions of the engine and of Compose.
  returned: always
  type: dict
  sample: {"version": "26.1.5+dfsg1", "api_version": "1.45", "operating_system": "linux", "rootless": false, "local": true}
healthy:
  description: Whether no finding of severity error was made.
  returned: always
  type: bool
  sample: false
unknown:
  description: How many dependencies and checks could not be probed, and how much RV(unread) there is. They are no proof of health.
  returned: always
  type: int
  sample: 0
findings:
  description: The root causes, worst first.
  returned: always
  type: list
  elements: dict
  contains:
    code:
      description: Stable code, C(layer.cause).
      type: str
      sample: name.reconnected_without_alias
    severity:
      description: V(error), V(warning) or V(info).
      type: str
      sample: error
    confidence:
      description: V(certain), V(likely) or V(possible).
      type: str
      sample: certain
    summary:
      description: The cause in one line.
      type: str
      sample: Service 'hcl-kb-service' is on 'netfix-dev_vertice-network' without its name
    breaks:
      description: Dependencies and checks that it breaks.
      type: list
      elements: str
      sample: ["api_gateway → hcl-kb-service:8001", "maximus_core_service → hcl-kb-service:8001"]
    evidence:
      description: What it rests on.
      type: list
      elements: str
      sample: ["from inside api_gateway: 'hcl-kb-service' is NXDOMAIN (asked 127.0.0.11)"]
    confirm:
      description: A command that shows it by hand.
      type: str
      sample: docker exec netfix-dev-api_gateway-1 getent hosts hcl-kb-service
    remediations:
      description: What can mend it, empty where only the operator can.
      type: list
      elements: str
      sample: ["reconnect_endpoints", "static_hosts", "direct_routes"]
    advice:
      description: What to change by hand.
      type: str
      sample: ""
    symptoms:
      description: Dependencies and checks that fail because of what it breaks.
      type: list
      elements: str
      sample: ["kb through the gateway"]
    subject:
      description: What a remediation needs to know.
      type: dict
      sample: {"container": "netfix-dev-hcl-kb-service-1", "network": "netfix-dev_vertice-network", "service": "hcl-kb-service"}
walks:
  description: Every dependency, and how far it got.
  returned: always
  type: list
  elements: dict
  contains:
    dependency:
      description: Consumer, host, port, and where it was read.
      type: dict
      sample: {"consumer": "api_gateway", "host": "hcl-kb-service", "port": 8001, "scheme": "http", "origin": "environment ROUTES"}
    container:
      description: Container that was probed from.
      type: str
      sample: netfix-dev-api_gateway-1
    layer:
      description: The first layer that failed, or the last that passed.
      type: str
      sample: name
    outcome:
      description: V(ok), V(failed) or V(unknown).
      type: str
      sample: failed
    detail:
      description: One line of evidence.
      type: str
      sample: "hcl-kb-service: NXDOMAIN from 127.0.0.11"
    cause:
      description: Code of the finding that explains it.
      type: str
      sample: name.reconnected_without_alias
    latency_ms:
      description: Milliseconds that the last probe took.
      type: float
      sample: 0.4
checks:
  description: How the checks went.
  returned: always
  type: list
  elements: dict
  sample: []
plan:
  description: Remediations in the order in which they would be tried, and those that would not, each with the reason.
  returned: always
  type: dict
  sample: {"items": [{"remediation": "reconnect_endpoints", "invasiveness": 1}], "skipped": []}
unfinished:
  description:
    - Attempts of earlier runs that died before their verdict, or wait to be confirmed.
    - The next run of M(vertice.netfix.remediation) undoes them.
  returned: always
  type: list
  elements: str
  sample: []
undone_meanwhile:
  description:
    - Attempts of earlier runs that were undone meanwhile, mostly by the timer on the host, and that no run has told of yet.
    - M(vertice.netfix.remediation) returns them with O(vertice.netfix.remediation#module:state=settled), once.
  returned: always
  type: list
  elements: str
  sample: []
notes:
  description: What could not be gathered, and why.
  returned: always
  type: list
  elements: str
  sample: []
unread:
  description: Evidence that could not be read (logs, the host's firewall), each with the reason.
  returned: always
  type: dict
  sample: {"log of netfix-dev-postgres-1": "configured logging driver does not support reading"}
topology:
  description: The project's services and networks, for the report to draw. No value of an environment variable is in it.
  returned: always
  type: dict
  contains:
    services:
      description: Services of the configuration and of the engine.
      type: list
      elements: dict
      contains:
        name:
          description: Name of the service.
          type: str
          sample: hcl-kb-service
        state:
          description:
            - State of the replica that is worst off, as the engine says it.
            - V(not created) where there is no container, V(finished) for a job that ended well.
          type: str
          sample: running
        health:
          description: Health of the replica that is worst off, empty without a healthcheck.
          type: str
          sample: healthy
        exit_code:
          description: What the replica that is worst off ended with, V(0) while it runs.
          type: int
          sample: 0
        replicas:
          description: How many containers it has.
          type: int
          sample: 1
        running:
          description: How many of them run.
          type: int
          sample: 1
        networks:
          description: Networks that its containers are on. Without a container, those of the configuration.
          type: list
          elements: str
          sample: ["netfix-dev_vertice-network"]
        image:
          description: Image of its containers, else of the configuration.
          type: str
          sample: netfix-lab:latest
    networks:
      description: Networks that the project owns or uses.
      type: list
      elements: dict
      sample: [{"name": "netfix-dev_vertice-network", "driver": "bridge", "internal": false, "project": "netfix-dev"}]
    providers:
      description: For each host that a dependency names, the service that goes by it. Hosts that no service goes by are missing.
      type: dict
      sample: {"hcl-kb-service": "hcl-kb-service", "kb": "hcl-kb-service"}
duration_ms:
  description: Milliseconds that gathering and diagnosing took.
  returned: always
  type: float
  sample: 148.2
snapshot:
  description: Everything that was gathered, secrets masked.
  returned: when O(snapshot=true)
  type: dict
"""

import platform
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.redact import redact_snapshot
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.planning import make_plan
from ansible_collections.vertice.netfix.plugins.module_utils._host.attempts import AWAITING
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import guarded, require_libraries
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import (
    compose_command,
    gathering_spec,
    open_attempts,
    open_gatherer,
    project_spec,
    told_diagnosis,
    told_plan,
)


def run(module):
    began = time.monotonic()
    gatherer = open_gatherer(module.params, module.check_mode, module.no_log_values)
    snapshot = gatherer.snapshot()
    diagnosis = diagnose(snapshot)
    try:
        plan = make_plan(diagnosis.findings, module.params["remediations"])
    except ValueError as exc:
        raise NetfixError(str(exc)) from exc
    project = gatherer.compose.project
    told = told_diagnosis(snapshot, diagnosis)
    attempts = open_attempts(module.params, project.name)
    unfinished, untold = attempts.unfinished(), attempts.untold()
    told["notes"] += [note_of(record) for record in [*unfinished, *untold]]
    result = {
        "changed": False,
        "project": project.name,
        "project_src": project.source,
        "compose_command": compose_command(gatherer.compose),
        "engine": to_data(snapshot.engine),
        "python": platform.python_version(),
        **told,
        "plan": told_plan(plan),
        "unfinished": [r["id"] for r in unfinished],
        "undone_meanwhile": [r["id"] for r in untold],
        "duration_ms": round((time.monotonic() - began) * 1000, 1),
    }
    if module.params["snapshot"]:
        result["snapshot"] = to_data(redact_snapshot(snapshot))
    return result


def note_of(record):
    if record.get("untold"):
        return f"attempt {record['id']} of an earlier run is not in force any more: {record['reason']}"
    if record["phase"] == AWAITING:
        confirm = record["confirm"]
        return (
            f"attempt {record['id']} waits to be confirmed; {confirm['timer']} undoes it at {confirm['until']}, and the next "
            "fix_network does where that is gone"
        )
    return f"attempt {record['id']} of an earlier run died half done; the next fix_network undoes it first"


def main():
    spec = {
        **project_spec(),
        **gathering_spec(),
        "remediations": {"type": "list", "elements": "str", "default": []},
        "snapshot": {"type": "bool", "default": False},
    }
    module = AnsibleModule(
        argument_spec=spec, supports_check_mode=True, required_one_of=[("project_src", "project_name")]
    )
    require_libraries(module)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
