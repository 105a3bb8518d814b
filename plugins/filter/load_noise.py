# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible filters; see DOCUMENTATION of each."""

from __future__ import annotations

DOCUMENTATION = r"""
name: load_noise
author: vertice.netfix contributors (@vertice)
version_added: 0.1.0
short_description: How much equal load runs differ
description:
  - Tells from the runs of one call of M(vertice.netfix.load_test) how much runs differ between which nothing was changed,
    and so which change could be shown with as many, and how many would show a smaller one.
options:
  _input:
    description: The runs.
    type: list
    elements: dict
    required: true
  primary:
    description: The metric.
    type: str
    default: p50
  endpoint:
    description: The endpoint that it is of; all together where it is empty.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: See how many runs would show a tenth
  ansible.builtin.debug:
    msg: "{{ (load_test_result.runs | vertice.netfix.load_noise).runs_needed['10'] }}"
"""

RETURN = r"""
_value:
  description:
    - C(spread), the standard deviation of equal runs as a share, C(halves), by what share every other run differs from the
      rest, C(smallest_shown), the least change that as many runs a side would show nine times in ten, and C(runs_needed) by
      the percent of a change. They are empty where there are too few runs to tell.
  type: dict
  sample: {"metric": "p95", "endpoint": "", "runs": 5, "spread": 0.06, "halves": -0.02, "smallest_shown": 0.15,
    "runs_needed": {"20": 4, "10": 10, "5": 35}}
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import from_data, to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.baselines import noise_floor
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.comparison import Rules
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.runs import METRICS, Run


def load_noise(runs, primary="p50", endpoint=""):
    """The noise floor of runs, as plain data."""
    if primary not in METRICS:
        raise AnsibleFilterError(f"load_noise: there is no metric {primary!r}. Metrics: {', '.join(METRICS)}.")
    return to_data(noise_floor([from_data(Run, r) for r in runs], Rules(primary=primary, endpoint=endpoint)))


class FilterModule:
    """Filters for load tests."""

    def filters(self):
        return {"load_noise": load_noise}
