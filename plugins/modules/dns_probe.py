# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: what names resolve to, seen from inside containers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_probe
short_description: Resolve names as containers see them
version_added: 0.1.0
description:
  - Resolves names from inside the network namespaces of running containers, in the way the C library in the
    container does it. It reads the container's C(/etc/nsswitch.conf), C(/etc/hosts) and C(/etc/resolv.conf), adds the
    search domains, and asks the nameservers in their order.
  - Nothing is run in the containers, so they need no tool, no shell and no special image.
  - All questions are asked at the same time, and each is asked once. A dead nameserver costs
    O(attempts) times O(timeout) altogether.
author:
  - vertice.netfix contributors (@vertice)
extends_documentation_fragment:
  - vertice.netfix._engine
  - vertice.netfix._attributes
  - vertice.netfix._attributes.info
options:
  project_name:
    description:
      - Compose project from whose running containers the names are resolved.
      - Needed unless O(containers) is set.
    type: str
  containers:
    description:
      - Names of the containers from which the names are resolved, instead of all of O(project_name).
      - One that is not running gives results with RV(results[].outcome=unknown).
    type: list
    elements: str
    default: []
  names:
    description:
      - Names to resolve.
      - By default the services of the project that have containers, running or not.
    type: list
    elements: str
    default: []
  nameservers:
    description:
      - Ask exactly these nameservers, each for exactly the name, without C(/etc/hosts) and search domains.
      - V(127.0.0.11) is the embedded DNS of the engine.
      - By default names are resolved as the container's own resolver does.
    type: list
    elements: str
    default: []
  record_types:
    description: Address records to ask for.
    type: list
    elements: str
    choices: [A, AAAA]
    default: [A]
  timeout:
    description: Seconds to wait for an answer to one question.
    type: float
    default: 1.0
  attempts:
    description: How often an unanswered question is asked.
    type: int
    default: 2
requirements:
  - root, to enter the containers' network namespaces
notes:
  - The embedded DNS of the engine answers V(SERVFAIL) only four seconds after its forwarders fell silent. A shorter
    O(timeout) shows this as V(timeout), and only for names that no container has.
seealso:
  - module: vertice.netfix.service_probe
"""

EXAMPLES = r"""
- name: Can every service of the project resolve every other one?
  vertice.netfix.dns_probe:
    project_name: shop
  register: names

- name: Stop if one cannot
  ansible.builtin.assert:
    that: names.failed_count == 0
    fail_msg: "{{ names.results | rejectattr('outcome', 'eq', 'ok') | map(attribute='name') | unique | list }}"

- name: Does the embedded DNS know a name that the gateway does not resolve?
  vertice.netfix.dns_probe:
    containers: [shop-gateway-1]
    names: [users]
    nameservers: [127.0.0.11]

- name: Resolve an external name with IPv6, patiently
  vertice.netfix.dns_probe:
    project_name: shop
    names: [example.org]
    record_types: [A, AAAA]
    timeout: 5
"""

RETURN = r"""
results:
  description: One entry for each container, name and nameserver.
  returned: success
  type: list
  elements: dict
  contains:
    container:
      description: The container from which the name was resolved.
      type: str
      sample: shop-gateway-1
    service:
      description: Its Compose service, empty where it has none.
      type: str
      sample: gateway
    name:
      description: The name that was asked for.
      type: str
      sample: users
    nameserver:
      description: The nameserver of O(nameservers) that was asked, empty where the container's own resolver was used.
      type: str
      sample: ""
    outcome:
      description: V(ok), V(failed), or V(unknown) where it could not be tried.
      type: str
      sample: ok
    error:
      description:
        - Empty, a DNS response code such as V(NXDOMAIN) or V(SERVFAIL), V(no_answer) for an answer without addresses,
          V(timeout), an errno's name such as V(ECONNREFUSED), V(label_too_long), V(not_in_hosts) or V(no_source) where
          C(/etc/nsswitch.conf) keeps DNS out, or for RV(results[].outcome=unknown) the reason.
      type: str
      sample: ""
    rcode:
      description: The DNS response code, empty where no DNS answer came.
      type: str
      sample: NOERROR
    answers:
      description: The addresses.
      type: list
      elements: str
      sample: [192.168.0.4]
    ttl:
      description: Smallest time to live of the answer, in seconds.
      type: int
      sample: 600
    via:
      description: Who answered, the address of a nameserver or V(/etc/hosts).
      type: str
      sample: 127.0.0.11
    resolved_name:
      description: The name that was answered, where a search domain was added.
      type: str
      sample: ""
    latency_ms:
      description: Time until the answer came, in milliseconds.
      type: float
      sample: 0.837
failed_count:
  description: How many results are not V(ok).
  returned: success
  type: int
  sample: 0
"""

from itertools import product
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Layer, Outcome, Probe
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.dns_message import RCODES
from ansible_collections.vertice.netfix.plugins.module_utils._host.probe_sources import (
    Containers,
    Source,
    named_sources,
    project_containers,
    running_sources,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host.prober import NameJob, Prober
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import engine_from, engine_spec, guarded


def run(params: dict[str, Any], engine: Containers, prober: Prober) -> dict[str, Any]:
    """The module's result."""
    if params["timeout"] <= 0 or params["attempts"] < 1:
        raise NetfixError("timeout must be above 0 seconds, and attempts at least 1.")
    project = params["project_name"]
    containers = project_containers(engine, project) if project else []
    sources = named_sources(engine, params["containers"]) or running_sources(engine, containers, project)
    services = {c.service for c in containers} or {s.service for s in sources}
    names = params["names"] or sorted(services - {""})
    if not names:
        raise NetfixError("Say which names to resolve: the containers belong to no Compose project that would tell.")
    asked = list(product(sources, names, params["nameservers"] or [""]))
    jobs = {
        key: NameJob(key[0].name, key[0].pid, key[1], key[2], tuple(params["record_types"]))
        for key in asked
        if not key[0].reason
    }
    found = dict(zip(jobs, prober.run(list(jobs.values()), params["timeout"], params["attempts"])))
    results = [told(key[0], found.get(key) or not_probed(*key)) for key in asked]
    return {"results": results, "failed_count": sum(r["outcome"] != "ok" for r in results)}


def not_probed(source: Source, name: str, nameserver: str) -> Probe:
    """The result where the container cannot be entered."""
    return Probe(source.name, Layer.NAME, name, Outcome.UNKNOWN, error=source.reason, nameserver=nameserver)


def told(source: Source, probe: Probe) -> dict[str, Any]:
    """One entry of the results."""
    answered = probe.outcome is Outcome.OK and bool(probe.ttl or probe.via not in ("", "/etc/hosts"))
    return {
        "container": source.name,
        "service": source.service,
        "name": probe.host,
        "nameserver": probe.nameserver,
        "outcome": probe.outcome.value,
        "error": probe.error,
        "rcode": "NOERROR" if answered or probe.error == "no_answer" else probe.error if probe.error in RCODES else "",
        "answers": list(probe.answers),
        "ttl": probe.ttl,
        "via": probe.via,
        "resolved_name": probe.resolved_name,
        "latency_ms": probe.latency_ms,
    }


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            **engine_spec(),
            "project_name": {"type": "str"},
            "containers": {"type": "list", "elements": "str", "default": []},
            "names": {"type": "list", "elements": "str", "default": []},
            "nameservers": {"type": "list", "elements": "str", "default": []},
            "record_types": {"type": "list", "elements": "str", "choices": ["A", "AAAA"], "default": ["A"]},
            "timeout": {"type": "float", "default": 1.0},
            "attempts": {"type": "int", "default": 2},
        },
        supports_check_mode=True,
    )
    if not module.params["project_name"] and not module.params["containers"]:
        module.fail_json(msg="Say from where to resolve: project_name (all its running containers) or containers.")
    engine = engine_from(module)
    with Prober() as prober:
        guarded(module, lambda: run(module.params, engine, prober))


if __name__ == "__main__":
    main()
