# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible filters; see DOCUMENTATION of each."""

from __future__ import annotations

DOCUMENTATION = r"""
name: bottlenecks
author: vertice.netfix contributors (@vertice)
version_added: 0.1.0
short_description: What costs the users of a system under load most time
description:
  - Ranks at most three bottlenecks by the time that users wait for them, each with evidence of two sources at least, and with
    what can be tried against it.
  - What was not given is not guessed, it is told in RV(_value).unseen.
options:
  _input:
    description: What M(vertice.netfix.load_test) returned, or a set of runs with C(runs) and C(fingerprint).
    type: dict
    required: true
  profiles:
    description: Profiles of services under that load, as M(vertice.netfix.process_profile_info) returns them.
    type: list
    elements: dict
    default: []
  datastores:
    description: What M(vertice.netfix.datastore_stats_info) returned during or after the load.
    type: dict
  datastores_before:
    description: What it returned before the load. Not needed where it was called with O(vertice.netfix.datastore_stats_info#module:seconds).
    type: dict
  activity:
    description:
      - What it returned with O(vertice.netfix.datastore_stats_info#module:seconds) under the same load at another time.
        Connections and running statements are taken from it, counters are not.
    type: dict
  topology:
    description: What M(vertice.netfix.compose_topology_info) returned.
    type: dict
  routes:
    description: Which prefix of a path leads from which gateway to which service, as V(netfix_routes).
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
- name: See what users wait for
  ansible.builtin.debug:
    msg: >-
      {{ load | vertice.netfix.bottlenecks(profiles=profile_result, datastores=datastores, topology=topology) }}
"""

RETURN = r"""
_value:
  description: The bottlenecks, the costliest first, what could not be seen, and how many users waited at any moment.
  type: dict
  sample:
    items:
      - rank: 1
        code: performance.missing_index
        service: postgres
        endpoint: GET /api/v1/kb/items
        cost_s_per_s: 1.93
        share: 0.61
        confidence: likely
        optimization: {"name": "indexes", "parameters": {"table": "items", "index": "netfix_items_tag_score"}}
    unseen: [{"source": "profile of edge", "reason": "none was made"}]
    waiting_s_per_s: 3.16
"""

from ansible.errors import AnsibleFilterError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.bottlenecks.find import find_bottlenecks
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.bottlenecks.reading import evidence_from


def bottlenecks(load, profiles=(), datastores=None, datastores_before=None, topology=None, routes=(), activity=None):
    """The bottlenecks, as plain data."""
    try:
        evidence = evidence_from(load, profiles or (), datastores, datastores_before, topology, routes or (), activity)
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise AnsibleFilterError(f"bottlenecks: this is not what the modules return: {exc}") from exc
    return to_data(find_bottlenecks(evidence))


class FilterModule:
    """Filters for load tests."""

    def filters(self):
        return {"bottlenecks": bottlenecks}
