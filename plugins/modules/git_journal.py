#!/usr/bin/python
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: git_journal
short_description: Commit what an attempt changed in the operator's Git repository
version_added: 0.1.0
author:
  - vertice.netfix contributors (@vertice)
description:
  - Commits the files that an attempt of M(vertice.netfix.remediation) changed, and nothing else, in the Git repository in
    which the project lies on the managed host. The message says problem, solution, result and what comes next.
  - An attempt that left no file changed, because it was undone or changed the running containers only, is an empty commit.
  - What is staged is not committed, and stays staged. Ignored files are left out, and so is a file with a secret that no
    committed file holds.
  - Nothing is committed, and the reason is returned, where there is no repository or no C(git); where a merge, rebase,
    cherry-pick, revert or bisect is in progress, or conflicts are not resolved; where Git does not know who commits; and where
    a hook says no. None of this fails the task.
  - As root it commits as the owner of the repository, with that user's configuration.
extends_documentation_fragment:
  - vertice.netfix._attributes
attributes:
  check_mode:
    support: full
    description: Says what it would commit, and commits nothing.
  diff_mode:
    support: none
    description: The commit is the difference.
  platform:
    support: full
  idempotent:
    support: none
    description: Every call is a commit.
options:
  project_src:
    description: Directory of the Compose project on the managed host.
    type: path
    required: true
  attempts:
    description:
      - The attempt as M(vertice.netfix.remediation) returns it; with O(state=rolled_back) all of those that were rolled back.
      - Attempts that touched nothing (V(refused), V(unchanged)) are not committed.
    type: list
    elements: dict
    required: true
  state:
    description:
      - Whether it was tried, or rolled back.
      - V(undone) is for one that was undone after its own run had committed it, or died, as M(vertice.netfix.remediation) returns it in
        RV(vertice.netfix.remediation#module:undone).
    type: str
    choices: [tried, undone, rolled_back]
    default: tried
  findings:
    description: The findings before it, for the message.
    type: list
    elements: dict
    default: []
  next:
    description: What comes next, for the message.
    type: str
    default: ""
seealso:
  - module: vertice.netfix.remediation
"""

EXAMPLES = r"""
- name: Try to mend
  vertice.netfix.remediation:
    name: static_hosts
    project_src: /srv/shop
    run_id: incident-4711
  register: tried

- name: Commit what it changed
  vertice.netfix.git_journal:
    project_src: /srv/shop
    attempts: ["{{ tried.attempt }}"]
    findings: "{{ tried.before.findings }}"
"""

RETURN = r"""
commit:
  description: What came of it.
  returned: always
  type: dict
  contains:
    id:
      description: The commit, empty where there is none.
      type: str
      sample: 3f1c2d9e0b7a46f1a2b3c4d5e6f708192a3b4c5d
    reason:
      description: Why there is none.
      type: str
      sample: ""
    files:
      description: What it holds, relative to the project's directory.
      type: list
      elements: str
      sample: [compose.netfix.yml]
    left_out:
      description: What it does not hold, and why; and that HEAD is detached, where it is.
      type: list
      elements: str
      sample: []
message:
  description: The commit's message.
  returned: always
  type: str
  sample: "netfix: static_hosts kept: mended name.alias_missing, and nothing that passe…"
"""

import os

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.commit import (
    attempt_message,
    rollback_message,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.journal import attempt_problems
from ansible_collections.vertice.netfix.plugins.module_utils._host.git import commit
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import guarded

# those that were kept left their files changed; those that were undone put them back
CHANGED_FILES = ("kept", "planned", "failed")


def run(module):
    params = module.params
    attempts = params["attempts"]
    problems = [p for number, a in enumerate(attempts) for p in attempt_problems(a, f"attempts[{number}]")]
    if problems:
        raise NetfixError(f"This cannot be committed: {'; '.join(problems[:5])}.")
    state = params["state"]
    touching = [a for a in attempts if state != "tried" or a["verdict"] not in ("refused", "unchanged")]
    if not touching:
        reason = "nothing was touched"
        return {"commit": {"id": "", "reason": reason, "files": [], "left_out": []}, "message": ""}
    if state == "rolled_back":
        message = rollback_message(touching, params["next"])
    else:
        message = attempt_message(touching[-1], params["findings"], params["next"])
    changed = [a for a in touching if state != "tried" or a["verdict"] in CHANGED_FILES]
    files = dict.fromkeys(str(file) for a in changed for file in a.get("files") or [])
    done = commit(os.path.realpath(params["project_src"]), list(files), message, rehearse=module.check_mode)
    return {"changed": bool(done["id"]) or (module.check_mode and done["reason"] == ""), "commit": done, "message": message}


def main():
    module = AnsibleModule(
        argument_spec={
            "project_src": {"type": "path", "required": True},
            "attempts": {"type": "list", "elements": "dict", "required": True},
            "state": {"type": "str", "choices": ["tried", "undone", "rolled_back"], "default": "tried"},
            "findings": {"type": "list", "elements": "dict", "default": []},
            "next": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
