# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible filters; see DOCUMENTATION of each."""

from __future__ import annotations

DOCUMENTATION = r"""
name: load_comparison
author: vertice.netfix contributors (@vertice)
version_added: 0.1.0
short_description: Whether one set of load runs is better than another
description:
  - Compares the runs of two calls of M(vertice.netfix.load_test) by an exact rank-sum test over runs.
  - One metric decides. A change must be significant, and large enough to matter; where more requests fail, no gain counts.
  - The verdict is V(improved), V(regressed), V(no difference shown), V(not comparable) or V(not measured).
options:
  _input:
    description: The set before, a dictionary with C(name), C(fingerprint) and C(runs).
    type: dict
    required: true
  after:
    description: The set after.
    type: dict
    required: true
  primary:
    description: The metric that decides, declared before anything is measured.
    type: str
    default: p50
  endpoint:
    description: The endpoint that it is of; all together where it is empty.
    type: str
    default: ""
  relative:
    description: The least change that matters, as a share of the value before.
    type: float
    default: 0.05
  absolute_ms:
    description: The least change of a time that matters, in milliseconds.
    type: float
    default: 1.0
  changed:
    description: Conditions that the experiment itself changes, such as V(configuration).
    type: list
    elements: str
    default: []
  interleaved:
    description: Whether the runs of the two sets took turns.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: See whether the index helped
  ansible.builtin.debug:
    msg: "{{ (before | vertice.netfix.load_comparison(after, changed=['configuration'])).verdict }}"
"""

RETURN = r"""
_value:
  description: The verdict with its reason, each metric before and after with its interval, and what must be known to trust it.
  type: dict
  sample: {"verdict": "no difference shown", "reason": "runs differ as much among themselves (p = 0.55)", "notes": []}
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import from_data, to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.comparison import Rules, RunSet, compare
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.runs import METRICS


def load_comparison(
    before, after, primary="p50", endpoint="", relative=0.05, absolute_ms=1.0, changed=(), interleaved=False
):
    """The comparison of two sets of runs, as plain data."""
    if primary not in METRICS:
        raise AnsibleFilterError(f"load_comparison: there is no metric {primary!r}. Metrics: {', '.join(METRICS)}.")
    rules = Rules(primary=primary, endpoint=endpoint, relative=float(relative), absolute_ms=float(absolute_ms))
    sides = [from_data(RunSet, side) for side in (before, after)]
    return to_data(compare(*sides, rules, changed, bool(interleaved)))


class FilterModule:
    """Filters for load tests."""

    def filters(self):
        return {"load_comparison": load_comparison}
