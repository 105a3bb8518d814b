# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible filters; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
name: local_checks
author: vertice.netfix contributors (@vertice)
version_added: 0.1.0
short_description: Checks of a project, as they are to be sent while it runs without Docker
description:
  - Gives every check that is sent from the host the port on which the published one is offered now.
options:
  _input:
    description: Checks, as in C(netfix_checks).
    type: list
    elements: dict
    required: true
  services:
    description: The services, as M(vertice.netfix.local_services) returns them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Where the checks are sent now
  ansible.builtin.debug:
    msg: "{{ netfix_checks | vertice.netfix.local_checks(shop.services) | map(attribute='url') }}"
"""

RETURN = r"""
_value:
  description: The checks, everything else in them as it was.
  type: list
  elements: dict
  sample: [{"name": "gateway", "url": "http://127.0.0.1:43315/health"}]
"""

from ansible_collections.vertice.netfix.plugins.module_utils._core.local.urls import local_checks


class FilterModule:
    """Offers the core's function to playbooks."""

    def filters(self):
        return {"local_checks": local_checks}
