#!/usr/bin/python
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: answers_info
short_description: Tell whether a project gives the same answers as before
version_added: 0.1.0
author:
  - vertice.netfix contributors (@vertice)
description:
  - Makes each request several times and tells its status, and its body as digests of the parts of it. Given the answers of an
    earlier call, it says which are not the same any more, and in what.
  - A cache that gives an old or somebody else's answer is no optimization, however fast it is.
  - Nothing of a body is returned, only where it differs.
extends_documentation_fragment:
  - vertice.netfix._attributes
  - vertice.netfix._attributes.info
  - vertice.netfix._engine
options:
  project_name:
    description: The Compose project. Needed where a check is made from inside one of its services.
    type: str
  checks:
    description: The requests.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What the request is called. By default its method and URL.
        type: str
      url:
        description: The URL.
        type: str
        required: true
      method:
        description: The method.
        type: str
        default: GET
      source:
        description: The service from inside which it is made, V(host) for the managed host.
        type: str
        default: host
      headers:
        description: Headers to send.
        type: dict
        default: {}
      json:
        description: Body to send as JSON.
        type: raw
      statuses:
        description: Not looked at here. A status must only be the same as before.
        type: list
        elements: int
        default: []
  ignore:
    description: Values of JSON bodies that are not compared, by their name (V(cached)) or by their path (V($.meta.took_ms)).
    type: list
    elements: str
    default: []
  ignore_patterns:
    description: Regular expressions. What matches is taken out of every body before anything is compared.
    type: list
    elements: str
    default: []
  repeats:
    description:
      - How many times each request is made. What differs among them is volatile, and is not compared.
      - With a cache the first one fills it, and only the next comes out of it.
    type: int
    default: 2
  reference:
    description: The C(answers) of an earlier call.
    type: list
    elements: dict
    default: []
  timeout:
    description: The longest wait for an answer, in seconds.
    type: float
    default: 10.0
seealso:
  - module: vertice.netfix.optimization
"""

EXAMPLES = r"""
- name: Remember the answers
  vertice.netfix.answers_info:
    checks: &checks
      - url: http://127.0.0.1:8000/api/v1/items?tag=blue
  register: without

- name: See whether they are still the same
  vertice.netfix.answers_info:
    checks: *checks
    ignore: [cached]
    reference: "{{ without.answers }}"
  register: with_cache
  failed_when: not with_cache.equal
"""

RETURN = r"""
answers:
  description: One for each check, for a later comparison.
  returned: always
  type: list
  elements: dict
  sample:
    - {"name": "GET http://127.0.0.1:8000/health", "status": 200, "error": "", "parts": {"$.status": "9b2d1a6a5d1e7c11"}, "volatile": []}
compared:
  description: How many answers were compared.
  returned: always
  type: int
  sample: 15
equal:
  description: Whether all of them are the same; true where there was nothing to compare with.
  returned: always
  type: bool
  sample: false
differing:
  description: Those that are not the same, and how.
  returned: always
  type: list
  elements: dict
  sample:
    - {"name": "query through the gateway", "how": "the body differs in $.items[0].title"}
volatile:
  description: Values that differ from one request to the next, by check. They are not compared.
  returned: always
  type: dict
  sample: {"query through the gateway": ["$.took_ms"]}
"""

import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import from_data, to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.optimization.answers import (
    Answer,
    answer,
    differing,
    together,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host.probe_sources import (
    HOST,
    project_containers,
    running_sources,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host.prober import HttpJob, Prober
from ansible_collections.vertice.netfix.plugins.module_utils._host.questions import parse_checks
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import engine_from, engine_spec, guarded
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import CHECK_SPEC

# more is cut off, and compared as far as it was read
LONGEST_BODY = 4 * 1024 * 1024


def sources_of(module, checks):
    """From where each service is asked. Raises NetfixError for one that cannot be."""
    if all(check.source == "host" for check in checks):
        return {"host": HOST}
    project = module.params["project_name"]
    if not project:
        raise NetfixError("A check is made from inside a service: say with project_name of which project.")
    engine = engine_from(module)
    found = running_sources(engine, project_containers(engine, project), project)
    sources = {"host": HOST, **{s.service: s for s in reversed(found)}}
    for check in checks:
        source = sources.get(check.source)
        if source is None or source.reason:
            why = source.reason if source else "it does not run"
            raise NetfixError(f"The check {check.name!r} cannot be made from inside service {check.source!r}: {why}.")
    return sources


def run(module):
    params = module.params
    if params["repeats"] < 1:
        raise NetfixError(f"repeats must be 1 or more; found {params['repeats']}.")
    for pattern in params["ignore_patterns"]:
        try:
            re.compile(pattern)
        except re.error as exc:
            raise NetfixError(f"{pattern!r} in ignore_patterns is no regular expression: {exc}.") from exc
    checks = parse_checks(params["checks"])
    sources = sources_of(module, checks)
    jobs = [
        HttpJob(
            sources[c.source].name,
            sources[c.source].pid,
            c.url,
            method=c.method,
            headers=c.headers,
            json_body=c.json_body,
            timeout_s=params["timeout"],
            longest_body=LONGEST_BODY,
        )
        for c in checks
    ]
    rounds = []
    with Prober() as prober:
        for _round in range(params["repeats"]):
            rounds.append(prober.run(jobs, attempts=1))
    answers = [
        together([answer(c.name, p.status, p.error, p.body, params["ignore"], params["ignore_patterns"]) for p in probes])
        for c, probes in zip(checks, zip(*rounds))
    ]
    reference = [from_data(Answer, one) for one in params["reference"]]
    found = differing(reference, answers)
    return {
        "answers": to_data(answers),
        "compared": len(reference),
        "equal": not found,
        "differing": to_data(found),
        "volatile": {a.name: list(a.volatile) for a in answers if a.volatile},
    }


def main():
    module = AnsibleModule(
        argument_spec={
            **engine_spec(),
            "project_name": {"type": "str"},
            "checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK_SPEC},
            "ignore": {"type": "list", "elements": "str", "default": []},
            "ignore_patterns": {"type": "list", "elements": "str", "default": []},
            "repeats": {"type": "int", "default": 2},
            "reference": {"type": "list", "elements": "dict", "default": []},
            "timeout": {"type": "float", "default": 10.0},
        },
        supports_check_mode=True,
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
