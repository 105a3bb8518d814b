#!/usr/bin/python
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: diagnosis_replay_info
short_description: Diagnose a project again from an evidence bundle, without Docker
version_added: 0.1.0
author:
  - vertice.netfix contributors (@vertice)
description:
  - Reads the snapshot in a bundle of M(vertice.netfix.evidence_bundle), or in a JSON file, and returns what
    M(vertice.netfix.network_diagnosis_info) would have returned on the host where it was taken.
  - Needs neither Docker nor root nor the project, and changes nothing.
extends_documentation_fragment:
  - vertice.netfix._attributes
  - vertice.netfix._attributes.info
options:
  src:
    description: The bundle, or a JSON file with the snapshot that M(vertice.netfix.network_diagnosis_info) returned.
    type: path
    required: true
  remediations:
    description: Plan these remediations, in this order, instead of the least invasive ones that the findings unlock.
    type: list
    elements: str
    default: []
seealso:
  - module: vertice.netfix.evidence_bundle
  - module: vertice.netfix.network_diagnosis_info
"""

EXAMPLES = r"""
- name: See on a laptop what was wrong on the customer's host
  vertice.netfix.diagnosis_replay_info:
    src: ~/Downloads/shop-evidence.tar.gz
  register: diagnosis
"""

RETURN = r"""
project:
  description: Name of the Compose project.
  returned: always
  type: str
  sample: shop
taken_at:
  description: When the snapshot was taken.
  returned: always
  type: str
  sample: "2026-11-22T14:25:58+00:00"
healthy:
  description: Whether no finding of severity error was made.
  returned: always
  type: bool
  sample: false
findings:
  description: As M(vertice.netfix.network_diagnosis_info) returns them, and so are V(walks), V(checks), V(notes), V(plan),
    V(topology), V(unknown) and V(engine).
  returned: always
  type: list
  elements: dict
  sample: [{"code": "port.icc_disabled", "summary": "Network 'shop_default' forbids its containers to talk to each other"}]
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.bundle import read_snapshot
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.planning import make_plan
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import guarded
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import told_diagnosis, told_plan


def run(module):
    src = module.params["src"]
    try:
        with open(src, "rb") as file:
            data = file.read()
    except OSError as exc:
        raise NetfixError(f"{src} cannot be read: {exc.strerror}") from exc
    snapshot = read_snapshot(data, src)
    diagnosis = diagnose(snapshot)
    try:
        plan = make_plan(diagnosis.findings, module.params["remediations"])
    except ValueError as exc:
        raise NetfixError(str(exc)) from exc
    return {
        "changed": False,
        "project": snapshot.project,
        "taken_at": snapshot.taken_at,
        "engine": to_data(snapshot.engine),
        **told_diagnosis(snapshot, diagnosis),
        "plan": told_plan(plan),
    }


def main():
    module = AnsibleModule(
        argument_spec={
            "src": {"type": "path", "required": True},
            "remediations": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
