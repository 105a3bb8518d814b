# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Documentation of an action plugin: the work is done on the controller by plugins/action/run_report.py."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_report
short_description: Show what a run found and did, and write its report
version_added: 0.1.0
description:
  - Shows one section of a run in the terminal of the controller, whatever the callback plugin,
    or closes the run with a summary, the JSON journal, and reports rendered from it in HTML, Markdown and JUnit XML.
  - With C(-v) a diagnosis is told with all of its evidence and all of its rows, a validation with all of its checks.
  - Runs on the controller only, so it also reports about hosts that cannot be reached.
  - Never reports C(changed). The files it writes lie on the controller and are no change to a managed system.
author:
  - vertice.netfix contributors (@vertice)
options:
  section:
    description:
      - What to show. Every section but V(summary) is about the current host and names it in its first line.
      - V(summary) is about all the hosts of the run, so use it with C(run_once). It alone writes files.
    type: str
    required: true
    choices: [diagnosis, plan, progress, attempt, validation, local, runs, tuning, experiment, summary]
  data:
    description:
      - The data of the section, of the shape that C(docs/journal.md) describes.
      - For V(section=diagnosis) a host of the journal (it then shows O(moment)), or a diagnosis itself.
      - For V(section=progress) a dictionary with C(text), one line about what takes a while now.
      - For V(section=runs) what M(vertice.netfix.runs_info) returns.
      - For V(section=plan), V(section=attempt), V(section=validation), V(section=local), V(section=tuning) and
        V(section=experiment) that part of a host.
      - For V(section=summary) the parts of the journal C(run_id), C(mode), C(started_at), C(playbook)
        and C(hosts). What can be worked out is filled in, C(status), C(finished_at) and C(collection).
        A host of which only the name is given counts as failed.
    type: dict
    required: true
  moment:
    description: Which diagnosis of a host to show, the one before the attempts or the one after them.
    type: str
    choices: [before, after]
    default: before
  project:
    description: The project that the title names. By default the one that O(data) names, if it does.
    type: str
    default: ""
  report_dir:
    description:
      - The folder under which V(section=summary) makes one folder for each run.
      - A relative path starts from the folder in which C(ansible-playbook) was called.
    type: path
    default: netfix-report
  formats:
    description:
      - The files that V(section=summary) writes.
      - V(json) is C(journal.json), from which everything else can be rendered again; C(docs/journal.schema.json)
        describes it. V(markdown) is C(report.md), V(html) is C(report.html), one page that needs no network and runs no
        script, with the topology drawn. V(junit) is C(junit.xml) for a CI server.
    type: list
    elements: str
    choices: [json, markdown, html, junit]
    default: [json, markdown, html, junit]
  final_name:
    description:
      - Name of the final report, without a suffix. It is written where a host of the run has load tests
        (C(tuning)) or local processes (C(local)); see M(vertice.netfix.final_report). Empty for none.
    type: str
    default: FASE_1_LOAD_TESTING_COMPLETE
  final_title:
    description: Title of the final report. By default one in its language.
    type: str
    default: ""
  final_language:
    description: Languages of the final report. The first has O(final_name) as it is, others their own name in it.
    type: list
    elements: str
    choices: [en, pt_BR]
    default: [en]
  show:
    description: Whether to show the text. It is returned in any case.
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
    details: In check mode it shows everything and writes no file.
  diff_mode:
    description: Returns what would change when the task is run with C(--diff).
    support: none
    details: Nothing on a managed system changes.
  idempotent:
    description: Running it twice gives the same as running it once.
    support: full
    details: The files of a run are replaced as a whole, each in one step.
notes:
  - Colour follows Ansible's own setting, see C(ANSIBLE_NOCOLOR) and C(ANSIBLE_FORCE_COLOR).
  - Control characters in names and log lines are shown as escapes and never reach the terminal.
  - The HTML page forbids scripts and everything from elsewhere to itself, and all that it shows is escaped.
  - The files have mode 0640. They hold what the journal holds, which is free of secrets.
"""

EXAMPLES = r"""
- name: Look at the project
  vertice.netfix.network_diagnosis_info:
    project_src: /srv/shop
  register: looked

- name: Show the diagnosis
  vertice.netfix.run_report:
    section: diagnosis
    project: shop
    data: "{{ looked }}"

- name: Close the run and write its report
  vertice.netfix.run_report:
    section: summary
    report_dir: netfix-report
    data:
      run_id: "{{ netfix_run_id }}"
      mode: apply
      started_at: "{{ netfix_started_at }}"
      playbook: vertice.netfix.fix_network
      hosts: "{{ known + ansible_play_hosts_all | difference(known | map(attribute='host')) }}"
  vars:
    known: >-
      {{ ansible_play_hosts_all | map('extract', hostvars) | selectattr('netfix_host', 'defined')
         | map(attribute='netfix_host') }}
  run_once: true
  register: closed

- name: Let the play fail when the project is still broken
  ansible.builtin.assert:
    that: closed.status not in ['failed', 'not_mended']
  run_once: true
"""

RETURN = r"""
text:
  description: What was shown, without colour.
  type: str
  returned: always
  sample: "netfix: mended (vertice on localhost) in 27.0 s"
status:
  description:
    - The worst status of the hosts; V(failed) is worse than V(not_mended), and so on to V(healthy).
    - One of V(failed), V(not_mended), V(undone), V(mended), V(planned), V(diagnosed) and V(healthy).
  type: str
  returned: for O(section=summary)
  sample: mended
html:
  description: Path of the HTML report, empty in check mode and where O(formats) does not ask for it.
  type: str
  returned: for O(section=summary)
  sample: /srv/ops/netfix-report/20261122T132615-4f2a/report.html
junit:
  description: Path of the JUnit XML, empty in check mode and where O(formats) does not ask for it.
  type: str
  returned: for O(section=summary)
  sample: /srv/ops/netfix-report/20261122T132615-4f2a/junit.xml
report:
  description: Path of the Markdown report, empty in check mode and where O(formats) does not ask for it.
  type: str
  returned: for O(section=summary)
  sample: /srv/ops/netfix-report/20261122T132615-4f2a/report.md
final:
  description: Paths of the final report, the page first, its Markdown and plots after it; empty where there is none.
  type: list
  elements: str
  returned: for O(section=summary)
  sample: [/srv/ops/netfix-report/20261122T132615-4f2a/FASE_1_LOAD_TESTING_COMPLETE.html]
journal:
  description: Path of the JSON journal, empty in check mode and where O(formats) does not ask for it.
  type: str
  returned: for O(section=summary)
  sample: /srv/ops/netfix-report/20261122T132615-4f2a/journal.json
"""
