# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible filters; see DOCUMENTATION of each."""

from __future__ import annotations

DOCUMENTATION = r"""
name: profile_difference
author: vertice.netfix contributors (@vertice)
version_added: 0.1.0
short_description: Which functions take a larger or a smaller share of the time than before
description:
  - Compares two profiles of M(vertice.netfix.process_profile_info), or the text of two files of collapsed stacks.
  - Of profiles only the functions that they list are known. Text holds every function, and gives a differential flame graph
    as well.
  - Shares are compared and not seconds. Under a closed load a service that became faster answers more requests in the same
    time, and seconds would say nothing.
options:
  _input:
    description: The profile before, or its collapsed stacks as text.
    type: raw
    required: true
  after:
    description: The profile after, or its collapsed stacks as text.
    type: raw
    required: true
  top:
    description: How many functions, those first whose own share changed most; all of them where it is V(0).
    type: int
    default: 20
  title:
    description: What stands above the flame graph.
    type: str
    default: Before and after
"""

EXAMPLES = r"""
- name: See what the index did to the service
  ansible.builtin.debug:
    msg: "{{ (before.profile | vertice.netfix.profile_difference(after.profile)).functions }}"

- name: Draw it
  ansible.builtin.copy:
    content: "{{ (lookup('file', 'before/stacks.collapsed')
      | vertice.netfix.profile_difference(lookup('file', 'after/stacks.collapsed'))).flamegraph }}"
    dest: difference.svg
    mode: "0644"
"""

RETURN = r"""
_value:
  description:
    - RV(_value.functions) with own and total share before and after, their change, and C(what) of V(new), V(gone), V(gained),
      V(lost), V(same); RV(_value.flamegraph), an SVG that is empty where no stacks were given.
  type: dict
  contains:
    functions:
      description: The functions.
      type: list
      elements: dict
      sample:
        - {"function": "burn", "file": "/srv/app/core.py", "line": 3, "own_before": 0.6, "own_after": 0.1, "own_change": -0.5,
           "total_before": 0.7, "total_after": 0.1, "total_change": -0.6, "what": "lost"}
    flamegraph:
      description: The differential flame graph.
      type: str
"""

from collections.abc import Mapping

from ansible.errors import AnsibleFilterError
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import ProfileError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import from_data, to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.profile import (
    Function,
    functions,
    parse_collapsed,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.profile_difference import difference
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.flame_graph import render_flame_difference


def profile_difference(before, after, top=20, title="Before and after"):
    """The difference of two profiles, as plain data."""
    sides = (before, after)
    try:
        if all(isinstance(side, Mapping) for side in sides):
            found = [[from_data(Function, f) for f in side["functions"]] for side in sides]
            return {"functions": to_data(difference(*found, int(top))), "flamegraph": ""}
        if all(isinstance(side, str) for side in sides):
            stacks = [parse_collapsed(side) for side in sides]
            changes = difference(*map(functions, stacks), int(top))
            return {"functions": to_data(changes), "flamegraph": render_flame_difference(*stacks, str(title))}
    except (ProfileError, KeyError, TypeError, ValueError) as exc:
        raise AnsibleFilterError(f"profile_difference: {exc}") from exc
    raise AnsibleFilterError("profile_difference: give two profiles, or the text of two files of collapsed stacks.")


class FilterModule:
    """Filters for profiles."""

    def filters(self):
        return {"profile_difference": profile_difference}
