# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible filters; see DOCUMENTATION of each."""

from __future__ import annotations

DOCUMENTATION = r"""
name: tuning_experiments
author: vertice.netfix contributors (@vertice)
version_added: 0.1.0
short_description: Which optimizations to try, from bottlenecks and from what the operator wants
description:
  - Takes the worst bottlenecks that an optimization may mend, and what the operator wants tried besides.
  - Where a bottleneck suggests what the operator described, the operator's description is taken.
options:
  _input:
    description: The bottlenecks that were found, the worst first.
    type: list
    elements: dict
    required: true
  wanted:
    description: The operator's own, each with C(name), C(service) and the options of M(vertice.netfix.optimization).
    type: list
    elements: dict
    default: []
  most:
    description: How many of the bottlenecks to take.
    type: int
    default: 3
"""

EXAMPLES = r"""
- name: See what would be tried
  ansible.builtin.debug:
    msg: "{{ items | vertice.netfix.tuning_experiments([{'name': 'cache', 'service': 'api', 'environment': {'CACHE': 'on'}}]) }}"
"""

RETURN = r"""
_value:
  description: The experiments in their order.
  type: list
  elements: dict
  sample:
    - number: 1
      name: cache
      service: api
      parameters: {environment: {CACHE: "on"}}
      why: the same answers are worked out again and again
      code: performance.uncached_read
      endpoint: POST /api/v1/query
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.optimization.experiments import plan_experiments


def tuning_experiments(items, wanted=(), most=3):
    """The experiments, as plain data."""
    try:
        return plan_experiments(to_data(items), to_data(wanted), int(most))
    except ValueError as exc:
        raise AnsibleFilterError(f"tuning_experiments: {exc}") from exc


class FilterModule:
    """Filters for tuning."""

    def filters(self):
        return {"tuning_experiments": tuning_experiments}
