# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible filters; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: out_of_time
author: vertice.netfix contributors (@vertice)
version_added: 0.1.0
short_description: Whether a repair has time for another attempt
description:
  - Tells why no other attempt may begin within the budget, because it might not be undone in time. Empty where one may.
options:
  _input:
    description: The attempts of the run, as in the journal.
    type: list
    elements: dict
    required: true
  budget_s:
    description: Seconds that the run may take; V(0) for no end.
    type: float
    required: true
  started_at:
    description: When it began, ISO 8601 in UTC.
    type: str
    required: true
  now:
    description: The time, ISO 8601 in UTC.
    type: str
    required: true
  gate_timeout_s:
    description: Seconds that the project may take to pass after a change.
    type: float
    required: true
"""

EXAMPLES = r"""
- name: See whether there is time
  ansible.builtin.set_fact:
    stopped: "{{ attempts | vertice.netfix.out_of_time(7200, netfix_started_at, now(utc=true).isoformat() ~ 'Z', 20) }}"
"""

RETURN = r"""
_value:
  description: C(seconds), C(spent_s) and C(reason); empty where there is time.
  type: dict
  sample: {"seconds": 60.0, "spent_s": 31.2, "reason": "31 of 60 s are spent, and one more attempt may need 40 s until …"}
"""

from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.budget import out_of_time as why_not


def out_of_time(attempts, budget_s, started_at, now, gate_timeout_s):
    """See the core's function."""
    return why_not(float(budget_s), str(started_at), str(now), float(gate_timeout_s), attempts)


class FilterModule:
    """Offers the core's function to playbooks."""

    def filters(self):
        return {"out_of_time": out_of_time}
