# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible lookup; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: run_name
author: vertice.netfix contributors (@vertice)
version_added: 0.1.0
short_description: A fresh name for a run
description:
  - Returns a name that sorts by time and that no other run has.
options:
  _terms:
    description: Not used.
"""

EXAMPLES = r"""
- name: Name the run
  ansible.builtin.set_fact:
    netfix_run_id: "{{ lookup('vertice.netfix.run_name') }}"
"""

RETURN = r"""
_raw:
  description: The name, in UTC to the second, with four random hexadecimal digits.
  type: list
  elements: str
  sample: ["20261122T140312-3f9a"]
"""

import secrets
from datetime import datetime, timezone

from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    """Names a run."""

    def run(self, terms, variables=None, **kwargs):
        return [f"{datetime.now(timezone.utc):%Y%m%dT%H%M%S}-{secrets.token_hex(2)}"]
