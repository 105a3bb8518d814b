# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module: whether services can be reached, seen from inside containers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_probe
short_description: Connect to services as containers do
version_added: 0.1.0
description:
  - Sends HTTP requests, opens TCP connections or sends ICMP echoes from inside the network namespaces of running
    containers, or from the host, and tells exactly how each one ended and who answered.
  - Nothing is run in the containers, so they need no tool, no shell and no special image.
  - All targets are probed at the same time. The number of connections is held below what the host's neighbour table
    takes, and connections that got no answer are tried twice before they are called failed.
author:
  - vertice.netfix contributors (@vertice)
extends_documentation_fragment:
  - vertice.netfix._engine
  - vertice.netfix._attributes
  - vertice.netfix._attributes.info
options:
  project_name:
    description: Compose project whose service names may stand in O(targets[].from).
    type: str
  targets:
    description: What to probe. Each target has exactly one of O(targets[].url), O(targets[].tcp) and O(targets[].ping).
    type: list
    elements: dict
    required: true
    suboptions:
      from:
        description:
          - A service of O(project_name) (all its running containers probe), the name of a container, or V(host).
        type: str
        default: host
      url:
        description: Send a request to this URL. Certificates are not checked.
        type: str
      tcp:
        description: Open a connection to V(host:port), for IPv6 addresses V([address]:port).
        type: str
      ping:
        description: Send an echo to this name or address.
        type: str
      method:
        description: HTTP method.
        type: str
        default: GET
      headers:
        description: Request headers.
        type: dict
        default: {}
      json:
        description: Request body, sent as JSON.
        type: raw
      statuses:
        description: HTTP statuses that pass. By default any below 400.
        type: list
        elements: int
        default: []
  timeout:
    description: Seconds to wait for a name, for a connection and for an answer, each.
    type: float
    default: 2.0
requirements:
  - root, to enter the containers' network namespaces
notes:
  - A method such as C(POST) changes something if the service lets it; the module itself changes nothing and sends its
    requests in check mode as well.
seealso:
  - module: vertice.netfix.dns_probe
"""

EXAMPLES = r"""
- name: Does the gateway reach its services, and does the host reach the gateway?
  vertice.netfix.service_probe:
    project_name: shop
    targets:
      - from: gateway
        url: http://users:8000/health
      - from: gateway
        tcp: db:5432
      - url: http://127.0.0.1:8080/api/v1/health

- name: Who writes the 404?
  vertice.netfix.service_probe:
    targets:
      - url: http://127.0.0.1:8080/users
      - url: http://127.0.0.1:8080/there-is-no-such-route
  register: answers

- name: Show the senders
  ansible.builtin.debug:
    msg: "{{ answers.results | map(attribute='server') | list }}"

- name: Ask a question and accept its answer only
  vertice.netfix.service_probe:
    project_name: shop
    targets:
      - from: gateway
        url: http://users:8000/query
        method: POST
        json: {query: hello}
        statuses: [200]
    timeout: 10
"""

RETURN = r"""
results:
  description: One entry for each target and container that probed it.
  returned: success
  type: list
  elements: dict
  contains:
    from:
      description: The container that probed, or V(host).
      type: str
      sample: shop-gateway-1
    service:
      description: Its Compose service, empty where it has none.
      type: str
      sample: gateway
    target:
      description: The URL, V(host:port) or host of the target.
      type: str
      sample: http://users:8000/health
    outcome:
      description: V(ok), V(failed), or V(unknown) where it could not be tried.
      type: str
      sample: ok
    error:
      description:
        - Empty, an errno's name such as V(ECONNREFUSED) or V(EHOSTUNREACH), V(timeout) where no connection came about,
          V(no_response), V(closed), V(not_http) or V(tls_error) where it did, V(http_404) for a status that does not
          pass, an error of RV(vertice.netfix.dns_probe#module:results[].error) where the name does not resolve, or for
          RV(results[].outcome=unknown) the reason.
      type: str
      sample: ""
    address:
      description: The address that was tried, empty where the name did not resolve.
      type: str
      sample: 192.168.0.4
    status:
      description: The HTTP status, V(0) where none came.
      type: int
      sample: 200
    server:
      description: Who says he sent the answer, the headers C(Server) and C(Via).
      type: str
      sample: SimpleHTTP/0.6 Python/3.13.5
    body:
      description: The first 2 KiB of the body.
      type: str
      sample: '{"status": "ok"}'
    latency_ms:
      description: Time until the answer was there, in milliseconds, without the name's resolution.
      type: float
      sample: 43.73
failed_count:
  description: How many results are not V(ok).
  returned: success
  type: int
  sample: 0
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Probe
from ansible_collections.vertice.netfix.plugins.module_utils._host.probe_sources import (
    HOST,
    Containers,
    Source,
    named_sources,
    project_containers,
    running_sources,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host.prober import HttpJob, Job, PingJob, Prober, TcpJob
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import engine_from, engine_spec, guarded

TARGET_SPEC = {
    "from": {"type": "str", "default": "host"},
    "url": {"type": "str"},
    "tcp": {"type": "str"},
    "ping": {"type": "str"},
    "method": {"type": "str", "default": "GET"},
    "headers": {"type": "dict", "default": {}},
    "json": {"type": "raw"},
    "statuses": {"type": "list", "elements": "int", "default": []},
}


def run(params: dict[str, Any], engine: Containers, prober: Prober) -> dict[str, Any]:
    """The module's result."""
    if params["timeout"] <= 0:
        raise NetfixError("timeout must be above 0 seconds.")
    known: dict[str, list[Source]] = {HOST.name: [HOST]}
    project = params["project_name"]
    if project:
        for source in running_sources(engine, project_containers(engine, project), project):
            known.setdefault(source.service, []).append(source)
    pairs = [(source, target) for target in params["targets"] for source in sources_of(engine, known, target["from"])]
    jobs = {i: job_of(source, target) for i, (source, target) in enumerate(pairs) if not source.reason}
    found = dict(zip(jobs, prober.run(list(jobs.values()), params["timeout"])))
    results = [told(source, target, found.get(i)) for i, (source, target) in enumerate(pairs)]
    return {"results": results, "failed_count": sum(r["outcome"] != "ok" for r in results)}


def sources_of(engine: Containers, known: dict[str, list[Source]], name: str) -> list[Source]:
    """The containers that probe for ``from: name``."""
    if name not in known:
        known[name] = named_sources(engine, [name])
    return known[name]


def job_of(source: Source, target: dict[str, Any]) -> Job:
    """The target as the prober takes it. Raises NetfixError where ``tcp`` is not host:port."""
    if target["url"]:
        return HttpJob(
            source.name,
            source.pid,
            target["url"],
            method=target["method"].upper(),
            headers={str(k): str(v) for k, v in target["headers"].items()},
            json_body=target["json"],
            statuses=tuple(target["statuses"]),
        )
    if target["ping"]:
        return PingJob(source.name, source.pid, target["ping"])
    host, _colon, port = target["tcp"].rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise NetfixError(f"tcp must be host:port with a port from 1 to 65535; found {target['tcp']!r}.")
    return TcpJob(source.name, source.pid, host.strip("[]"), int(port))


def told(source: Source, target: dict[str, Any], probe: Probe | None) -> dict[str, Any]:
    """One entry of the results; ``probe`` is None where the container cannot be entered."""
    return {
        "from": source.name,
        "service": source.service,
        "target": target["url"] or target["tcp"] or target["ping"],
        "outcome": probe.outcome.value if probe else "unknown",
        "error": probe.error if probe else source.reason,
        "address": probe.answers[0] if probe and probe.answers else "",
        "status": probe.status if probe else 0,
        "server": probe.server if probe else "",
        "body": probe.body if probe else "",
        "latency_ms": probe.latency_ms if probe else 0.0,
    }


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec={
            **engine_spec(),
            "project_name": {"type": "str"},
            "targets": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": TARGET_SPEC,
                "mutually_exclusive": [["url", "tcp", "ping"]],
                "required_one_of": [["url", "tcp", "ping"]],
            },
            "timeout": {"type": "float", "default": 2.0},
        },
        supports_check_mode=True,
    )
    engine = engine_from(module)
    with Prober() as prober:
        guarded(module, lambda: run(module.params, engine, prober))


if __name__ == "__main__":
    main()
