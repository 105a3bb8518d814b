# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible lookup; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: run_inputs
author: vertice.netfix contributors (@vertice)
version_added: 0.1.0
short_description: What a run was asked for, without secrets
description:
  - Returns the variables C(netfix_*) that are set for a host, wherever they are set, with their secrets masked. What is
    encrypted with Ansible Vault is a secret.
options:
  _terms:
    description: Not used.
"""

EXAMPLES = r"""
- name: Show what the run was asked for
  ansible.builtin.debug:
    msg: "{{ lookup('vertice.netfix.run_inputs') }}"
"""

RETURN = r"""
_raw:
  description: One dictionary, by the names of the variables.
  type: list
  elements: dict
  sample: [{"netfix_project_src": "/srv/shop", "netfix_mode": "apply"}]
"""

import json

from ansible.plugins.lookup import LookupBase
from ansible_collections.vertice.netfix.plugins.module_utils._core.redact import MASK, redact_options

# what our own playbooks and roles set
OWN = ("netfix_host", "netfix_run_id", "netfix_started_at", "netfix_playbook")
# Ansible's classes of a vaulted value, of ansible-core 2.19 and later, and of those before
VAULTED = ("EncryptedString", "AnsibleVaultEncryptedUnicode")


class LookupModule(LookupBase):
    """Tells what a run was asked for."""

    def run(self, terms, variables=None, **kwargs):
        names = sorted(n for n in variables or {} if n.startswith("netfix_") and n not in OWN)
        return [redact_options({name: self._value(variables[name]) for name in names})]

    def _value(self, raw):
        try:
            return json.loads(json.dumps(self._templar.template(_without_vault(raw)), default=str))
        except Exception as exc:
            # it is no reason to fail: whoever needs the variable will say so
            return f"cannot be told: {exc}"


def _without_vault(raw):
    if type(raw).__name__ in VAULTED:
        return MASK
    if isinstance(raw, dict):
        return {key: _without_vault(value) for key, value in raw.items()}
    return [_without_vault(value) for value in raw] if isinstance(raw, (list, tuple)) else raw
