# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of an action plugin: the work is done on the controller by plugins/action/final_report.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: final_report
short_description: Write the final report of a run again, from its journal
version_added: 0.1.0
description:
  - Renders the document that ends load testing, as Markdown and as one HTML page that loads nothing. It tells the
    problem and how it was solved, what did not help, the baseline, the top three bottlenecks, the optimizations, before and
    after, the criteria of the original plan, and recommendations.
  - Everything in it is read from the journal or computed from the runs in it. What the journal does not hold is told as
    not measured.
  - Runs on the controller only, and never reports C(changed). M(vertice.netfix.run_report) writes the same report at the end
    of a run with load tests; this is for another language or title, or an older journal.
author:
  - vertice.netfix contributors (@vertice)
options:
  journal:
    description: The run's id, which names a folder below O(report_dir), or the path of a C(journal.json) or of its folder.
    type: str
    required: true
  network_journal:
    description:
      - The run that mended the network, by its id or path, where O(journal) is of a later run that only measured.
    type: str
    default: ""
  report_dir:
    description: The folder that has one folder for each run.
    type: path
    default: netfix-report
  name:
    description: Name of the files, without a suffix. They are written beside the journal.
    type: str
    default: FASE_1_LOAD_TESTING_COMPLETE
  title:
    description: Title of the report. By default one in its language.
    type: str
    default: ""
  language:
    description: Languages. The files of the first have O(name) as it is, those of others their language in it.
    type: list
    elements: str
    choices: [en, pt_BR]
    default: [en]
  show:
    description: Whether to show in the terminal what was written. It is returned in any case.
    type: bool
    default: true
  width:
    description: Columns of the text, between 60 and 120. V(0) takes those of the terminal.
    type: int
    default: 0
attributes:
  check_mode:
    description: Can run in check mode and return status without changing the managed system.
    support: full
    details: In check mode it reads the journal and writes no file.
  diff_mode:
    description: Returns what would change when the task is run with C(--diff).
    support: none
    details: Nothing on a managed system changes.
  idempotent:
    description: Running it twice gives the same as running it once.
    support: full
    details: The report holds no time but those of the journal, so it comes out the same, byte for byte.
notes:
  - The HTML page forbids scripts and everything from elsewhere to itself, and all that it shows is escaped.
"""

EXAMPLES = r"""
- name: The report of a run in Portuguese
  vertice.netfix.final_report:
    journal: 20261130T184502-7c1e
    language: [pt_BR]

- name: Both languages, with the network's part from an earlier run
  vertice.netfix.final_report:
    journal: netfix-report/20261130T184502-7c1e/journal.json
    network_journal: 20261122T132615-4f2a
    language: [en, pt_BR]
    title: Load tests of the shop
    name: LOAD_TESTS
"""

RETURN = r"""
files:
  description: Paths of the files, for each language the page first, then its Markdown and plots. In check mode, where they would be.
  type: list
  elements: str
  returned: always
  sample:
    - /srv/ops/netfix-report/20261130T184502-7c1e/FASE_1_LOAD_TESTING_COMPLETE.html
    - /srv/ops/netfix-report/20261130T184502-7c1e/FASE_1_LOAD_TESTING_COMPLETE.md
criteria:
  description: How many criteria of the original plan are C(met), C(not_met) and C(not_measured), over all hosts.
  type: dict
  returned: always
  sample: {"met": 18, "not_met": 0, "not_measured": 2}
text:
  description: What was shown, without colour.
  type: str
  returned: always
  sample: "? 18 of 20 criteria met, 0 not met, 2 not measured"
"""
