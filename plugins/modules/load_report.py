# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of an action plugin: the work is done on the controller by plugins/action/load_report.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: load_report
short_description: Show load runs, or two sets of them compared, and write their report
version_added: 0.1.0
description:
  - Shows a table in the terminal of the controller, in the manner of benchstat, and where O(dest) is given writes the report
    as Markdown with plots as SVG, and as one HTML page that needs no network and runs no script.
  - Says whether times run from sending (closed model) or from the moment at which a request was due (open model).
  - Needs what M(vertice.netfix.load_test) and P(vertice.netfix.load_comparison#filter) return, and none of the raw samples.
  - Never reports C(changed). The files it writes lie on the controller and are no change to a managed system.
author:
  - vertice.netfix contributors (@vertice)
options:
  before:
    description: A set of runs, C(name), C(fingerprint) and C(runs).
    type: dict
    required: true
  after:
    description: The set that it is compared with.
    type: dict
  comparison:
    description: What P(vertice.netfix.load_comparison#filter) says of the two.
    type: dict
  noise:
    description: What P(vertice.netfix.load_noise#filter) says of O(before), where there is no O(after).
    type: dict
  settings:
    description: What is kept with a baseline besides, such as C(made_at), C(settings) and C(results).
    type: dict
  title:
    description: The title. By default the names of the sets.
    type: str
    default: ""
  dest:
    description:
      - Folder on the controller for the report; made where it is not there. Nothing is written where it is empty.
      - A relative path starts from the folder in which C(ansible-playbook) was called.
      - The data of the report is written as well, C(baseline.json) for one set and C(comparison.json) for two.
    type: path
    default: ""
  formats:
    description: The reports to write.
    type: list
    elements: str
    choices: [markdown, html]
    default: [markdown, html]
  show:
    description: Whether to show the table. It is returned in any case.
    type: bool
    default: true
  width:
    description: Columns of the table, between 60 and 120. V(0) takes those of the terminal.
    type: int
    default: 0
attributes:
  check_mode:
    description: Can run in check mode and return status without changing the managed system.
    support: full
    details: In check mode it shows the table and writes no file.
  diff_mode:
    description: Returns what would change when the task is run with C(--diff).
    support: none
    details: Nothing on a managed system changes.
  idempotent:
    description: Running it twice gives the same as running it once.
    support: full
    details: The files are replaced as a whole, each in one step.
"""

EXAMPLES = r"""
- name: Show what the index did, and keep it
  vertice.netfix.load_report:
    before: "{{ before }}"
    after: "{{ after }}"
    comparison: "{{ before | vertice.netfix.load_comparison(after, changed=['configuration']) }}"
    dest: netfix-baselines/index
"""

RETURN = r"""
text:
  description: The table, without colour.
  type: str
  returned: always
verdict:
  description: The verdict of the comparison, or how many runs there are where nothing is compared.
  type: str
  returned: always
  sample: improved
files:
  description: Paths of what was written, C(data), C(markdown), C(html), and a drawing for each of C(distributions), C(percentiles) and C(timeline).
  type: dict
  returned: always
  sample: {"data": "/srv/ops/netfix-baselines/index/comparison.json", "html": "/srv/ops/netfix-baselines/index/load.html"}
"""
