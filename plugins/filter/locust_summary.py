# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible filters; see DOCUMENTATION of each."""

from __future__ import annotations

DOCUMENTATION = r"""
name: locust_summary
author: vertice.netfix contributors (@vertice)
version_added: 0.1.0
short_description: The figures of a Locust run
description:
  - Reads what C(locust --headless --json) printed and returns requests, failures, rate and percentiles.
options:
  _input:
    description: The registered result of the command.
    type: dict
    required: true
  users:
    description: Users of the run.
    type: int
    default: 1
  seconds:
    description: Seconds that it lasted.
    type: float
    default: 0.0
"""

EXAMPLES = r"""
- name: Read the figures
  ansible.builtin.debug:
    msg: "{{ locust_run | vertice.netfix.locust_summary(users=1, seconds=10) }}"
"""

RETURN = r"""
_value:
  description: The figures. V(outcome) is V(ok), V(failed) or V(not_measured).
  type: dict
  sample: {"outcome": "ok", "requests": 98, "failures": 0, "rps": 9.8, "p50_ms": 7.0, "p95_ms": 21.0, "max_ms": 44.1}
"""

from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.locust_json import summarize


def locust_summary(result, users=1, seconds=0.0):
    """The figures of a registered Locust command."""
    stderr = result.get("stderr") or result.get("msg") or ""
    return summarize(result.get("stdout") or "", stderr, users, seconds)


class FilterModule:
    """Filters for load tests."""

    def filters(self):
        return {"locust_summary": locust_summary}
