#!/usr/bin/python
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: evidence_bundle
short_description: Write everything that a diagnosis rests on into one archive
version_added: 0.1.0
author:
  - vertice.netfix contributors (@vertice)
description:
  - Writes a C(.tar.gz) with the snapshot, raw inspect data, resolver files, routes, firewall rules and log tails of one
    Compose project, secrets masked.
  - M(vertice.netfix.diagnosis_replay_info) gives the same findings from it on another machine, without Docker.
  - Changes nothing but that file.
extends_documentation_fragment:
  - vertice.netfix._attributes
  - vertice.netfix._project
  - vertice.netfix._project.gathering
options:
  dest:
    description:
      - The file to write, mode 0600, on the managed host. Its directory must exist.
      - An existing file is replaced.
    type: path
    required: true
  snapshot:
    description:
      - The snapshot that M(vertice.netfix.network_diagnosis_info) returned, so that the bundle shows that moment.
      - By default a new one is taken.
    type: dict
attributes:
  check_mode:
    support: full
    details:
      - Says what would be written, and writes nothing.
  diff_mode:
    support: none
    details:
      - The archive is compressed.
  idempotent:
    support: none
    details:
      - Every bundle shows another moment.
  platform:
    support: full
seealso:
  - module: vertice.netfix.network_diagnosis_info
  - module: vertice.netfix.diagnosis_replay_info
"""

EXAMPLES = r"""
- name: Keep the evidence before anybody restarts something
  vertice.netfix.evidence_bundle:
    project_src: /srv/shop
    dest: /root/shop-evidence.tar.gz
"""

RETURN = r"""
dest:
  description: The file.
  returned: always
  type: str
  sample: /root/shop-evidence.tar.gz
size_bytes:
  description: Its size.
  returned: always
  type: int
  sample: 20771
files:
  description: What it holds.
  returned: always
  type: list
  elements: str
  sample: [README.txt, files/shop-web-1/resolv.conf, host/iptables.txt, logs/shop-web-1.txt, snapshot.json]
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.bundle import pack
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Snapshot, from_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.secrets import mask_secrets
from ansible_collections.vertice.netfix.plugins.module_utils._host.evidence import collect
from ansible_collections.vertice.netfix.plugins.module_utils._host.files import write_whole
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import guarded, require_libraries
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import (
    gathering_spec,
    open_gatherer,
    project_spec,
)


def run(module):
    dest = module.params["dest"]
    folder = os.path.dirname(os.path.abspath(dest))
    if os.path.isdir(dest) or not os.path.isdir(folder):
        raise NetfixError(f"dest {dest!r} must be a file in a directory that exists.")
    gatherer = open_gatherer(module.params, module.check_mode, module.no_log_values)
    given = module.params["snapshot"]
    try:
        snapshot = from_data(Snapshot, given) if given else gatherer.snapshot()
    except ValueError as exc:
        raise NetfixError(f"The option snapshot is none that network_diagnosis_info returned: {exc}") from exc
    files = collect(gatherer.engine, snapshot, gatherer.wanted.log_lines)
    # the snapshot that is given has its secrets masked already, and tells none that a log may hold
    gatherer.topology()
    files = {path: mask_secrets(text, gatherer.secrets) for path, text in files.items()}
    data = pack(files, f"netfix-{snapshot.project}", time.time())
    if not module.check_mode:
        write_whole(dest, data)
    return {"changed": True, "dest": dest, "size_bytes": len(data), "files": sorted(files)}


def main():
    spec = {
        **project_spec(),
        **gathering_spec(),
        "dest": {"type": "path", "required": True},
        "snapshot": {"type": "dict"},
    }
    module = AnsibleModule(
        argument_spec=spec, supports_check_mode=True, required_one_of=[("project_src", "project_name")]
    )
    require_libraries(module)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
