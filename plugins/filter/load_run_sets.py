# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible filters; see DOCUMENTATION of each."""

from __future__ import annotations

DOCUMENTATION = r"""
name: load_run_sets
author: vertice.netfix contributors (@vertice)
version_added: 0.1.0
short_description: Two sets of load runs out of runs that took turns
description:
  - Puts together what several calls of M(vertice.netfix.load_test) returned while a change was made and undone between them.
  - Fails where the conditions of one side changed between two of its turns, because such runs are no set.
options:
  _input:
    description: The turns in the order in which they were taken, each with C(side), C(fingerprint) and C(runs).
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Compare what took turns
  ansible.builtin.set_fact:
    compared: "{{ sets.before | vertice.netfix.load_comparison(sets.after, interleaved=true) }}"
  vars:
    sets: "{{ turns | vertice.netfix.load_run_sets }}"
"""

RETURN = r"""
_value:
  description: C(before) and C(after), each with C(name), C(fingerprint) and C(runs), as P(vertice.netfix.load_comparison#filter) takes them.
  type: dict
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.baselines import run_sets


def load_run_sets(turns):
    """The two sets, as plain data."""
    try:
        before, after = run_sets(turns)
    except (KeyError, ValueError) as exc:
        raise AnsibleFilterError(f"load_run_sets: {exc}") from exc
    return {"before": to_data(before), "after": to_data(after)}


class FilterModule:
    """Filters for load tests."""

    def filters(self):
        return {"load_run_sets": load_run_sets}
