# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible filters; see DOCUMENTATION of each."""

from __future__ import annotations

DOCUMENTATION = r"""
name: tuning_steps
author: vertice.netfix contributors (@vertice)
version_added: 0.1.0
short_description: What a tuning will do, and about how long each step takes
description:
  - For a dry run. What the bottlenecks will suggest is not known before anything is measured, and told as such.
options:
  _input:
    description: The settings of the tuning, with C(runs), C(users), C(seconds), C(warm_up) and C(profile_seconds).
    type: dict
    required: true
  experiments:
    description: What P(vertice.netfix.tuning_experiments#filter) gave for what the operator wants tried.
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: Show how long it takes
  ansible.builtin.debug:
    msg: "{{ settings | vertice.netfix.tuning_steps }}"
"""

RETURN = r"""
_value:
  description: The steps in their order.
  type: list
  elements: dict
  sample:
    - {"step": "baseline", "text": "5 runs of the load (10 users, 30 s after 5 s of warm-up)", "seconds": 196.0}
"""

from ansible_collections.vertice.netfix.plugins.module_utils._core.model import to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.optimization.steps import plan_steps


def tuning_steps(settings, experiments=()):
    """The steps, as plain data."""
    return plan_steps(to_data(settings), to_data(experiments))


class FilterModule:
    """Filters for tuning."""

    def filters(self):
        return {"tuning_steps": tuning_steps}
