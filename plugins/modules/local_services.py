#!/usr/bin/python
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: local_services
short_description: Run the services of a Compose project as plain processes, without Docker
version_added: 0.1.0
author:
  - vertice.netfix contributors (@vertice)
description:
  - Reads the effective configuration, which needs no engine, and starts the command of every service as a supervised
    process on the file system of its image. Nothing of the project, of its volumes or of the engine is changed.
  - Every service has a network namespace of its own on a bridge that nobody else sees, so names, ports and configuration stay
    as they are. Published ports are offered on 127.0.0.1, on a free one where the port is taken; see RV(services[].ports).
    Nothing outside of the project can be reached from there.
  - The file system is the image's layers below the engine's data root, read in place; else an export by the engine; else an
    archive of C(docker save). A service that is only built, and whose image is not there, runs from its build context with the
    programs of this host. For C(redis), C(valkey), C(postgres) and C(nginx) the host's own server stands in.
  - Writable folders of the host are seen through a private layer, and volumes as private copies. A PostgreSQL that is running
    on its volume gives a base backup.
  - It does not validate the production set-up, and no figure measured so may be compared with one measured in Docker.
extends_documentation_fragment:
  - vertice.netfix._attributes
  - vertice.netfix._project
attributes:
  check_mode:
    support: full
    details:
      - Images that have to be unpacked first are not looked into.
  diff_mode:
    support: full
  idempotent:
    support: full
  platform:
    support: full
options:
  state:
    description:
      - V(present) has all services running that can run, and starts again what ended.
      - V(absent) ends exactly what was started, and removes all that it wrote, the private copies of volumes among it.
    type: str
    choices: [present, absent]
    default: present
  archives:
    description: Archives of C(docker save), or folders with such, for images that cannot be read otherwise.
    type: list
    elements: path
    default: []
  image_sources:
    description: Where images are looked for, in this order.
    type: list
    elements: str
    choices: [layers, export, archive]
    default: [layers, export, archive]
  data_root:
    description: The engine's data root. By default what the engine says, else its configuration, else V(/var/lib/docker).
    type: path
  seed:
    description: Whether volumes begin with what the engine's volumes of these names hold. Else they begin empty.
    type: bool
    default: true
  timeout:
    description: Seconds that the services may take until all are healthy.
    type: float
    default: 120.0
  checks:
    description:
      - HTTP requests to make once the services run, as for M(vertice.netfix.network_diagnosis_info). Those from the host are sent
        to where the published ports are now.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What the report calls it.
        type: str
      url:
        description: Where to send it.
        type: str
        required: true
      method:
        description: HTTP method.
        type: str
        default: GET
      source:
        description: V(host), or the service from inside whose network it is sent.
        type: str
        default: host
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
  state_dir:
    description:
      - Folder on the managed host below which the services write.
      - By default V(/var/lib/netfix).
    type: path
seealso:
  - module: vertice.netfix.load_test
"""

EXAMPLES = r"""
- name: Run what can run without Docker
  vertice.netfix.local_services:
    project_src: /srv/shop
  register: shop

- name: Say where it is
  ansible.builtin.debug:
    msg: "{{ shop.services | items2dict(key_name='name', value_name='url') }}"

- name: Run it on a host that never had the engine, from archives
  vertice.netfix.local_services:
    project_src: /srv/shop
    archives: [/srv/images]

- name: End it, and remove all of it
  vertice.netfix.local_services:
    project_src: /srv/shop
    state: absent
"""

RETURN = r"""
project:
  description: Name of the project.
  returned: success
  type: str
  sample: shop
project_src:
  description: Its folder.
  returned: success
  type: str
  sample: /srv/shop
folder:
  description: Folder of everything that the services write; gone with O(state=absent).
  returned: success
  type: str
  sample: /var/lib/netfix/.local/shop
services:
  description: Every service that runs, or would run in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the service.
      type: str
      sample: api_gateway
    status:
      description:
        - V(healthy), V(running) (it has no health check), V(completed) (it ended with 0 and need not run), V(waiting), V(starting),
          V(unhealthy), V(failed), V(exited), V(stopping), or V(planned) in check mode.
      type: str
      sample: healthy
    pid:
      description: Its process on this host, 0 where none runs. C(nsenter -t PID -n) is inside its network.
      type: int
      sample: 11084
    address:
      description: Its address in the project's own network.
      type: str
      sample: 10.203.0.2
    ports:
      description: Published ports.
      type: list
      elements: dict
      contains:
        port:
          description: The port on 127.0.0.1.
          type: int
          sample: 43315
        wanted:
          description:
            - The port that the configuration publishes, V(0) for any. It was taken where RV(services[].ports[].port) differs.
          type: int
          sample: 8000
        target:
          description: The service's own port.
          type: int
          sample: 8000
    url:
      description: Where it can be reached from this host; empty where it publishes nothing.
      type: str
      sample: http://127.0.0.1:43315
    log:
      description: File with what it prints.
      type: str
      sample: /var/lib/netfix/.local/shop/logs/api_gateway.log
    origin:
      description: What its file system is made of. V(layers), V(export), V(archive), or V(host) for the host's own programs.
      type: str
      sample: layers
    reason:
      description: Why it is not as it should be, else empty.
      type: str
      sample: ""
    restarts:
      description: How often it was started again.
      type: int
      sample: 0
refused:
  description: Services that cannot run so. They were known before anything was started.
  returned: success
  type: list
  elements: dict
  contains:
    service:
      description: Name of the service.
      type: str
      sample: visual_cortex_service
    reason:
      description: Why, and what would help.
      type: str
      sample: >-
        its file system has no program 'ffmpeg'. Its image shop/vision:2 is not fit to run it: build it anew, or correct its
        command or its mounts.
notes:
  description: What differs from the configuration, and what the volumes begin with.
  returned: success
  type: list
  elements: str
  sample: ["volume shop_pgdata is in use: its copy is a base backup of the running PostgreSQL"]
checks:
  description: How O(checks) went, as M(vertice.netfix.network_diagnosis_info) tells them.
  returned: success
  type: list
  elements: dict
healthy:
  description: Whether every service that can run is as it should be, none is refused, and every check passes.
  returned: success
  type: bool
  sample: true
engine:
  description: Why the engine could not be asked; empty where it answers.
  returned: success
  type: str
  sample: "No Docker Engine listens on unix:///var/run/docker.sock: the socket does not exist."
warning:
  description: What these services do not show.
  returned: success
  type: str
  sample: "This runs the services without Docker, to let work go on. It does not validate the production set-up: …"
seconds:
  description: How long it took until all services were as they should be.
  returned: success
  type: float
  sample: 5.4
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import LocalError
from ansible_collections.vertice.netfix.plugins.module_utils._core.local.model import WARNING
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.redact import redact_config, redact_text
from ansible_collections.vertice.netfix.plugins.module_utils._core.secrets import hideable, names_used, secrets_in
from ansible_collections.vertice.netfix.plugins.module_utils._host.local.project import ask, held, open_local
from ansible_collections.vertice.netfix.plugins.module_utils._host.local.supervisor import ENDED, GOOD, digest
from ansible_collections.vertice.netfix.plugins.module_utils._host.local.volumes import seed
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import guarded, require_libraries
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import CHECK_SPEC, project_spec, state_dir

LINES = 5


def told(service, origins):
    """A service as the module returns it."""
    ports = service.get("ports") or []
    return {
        **service,
        "reason": redact_text(service.get("reason") or ""),
        "origin": origins.get(service["name"], ""),
        "url": f"http://127.0.0.1:{ports[0]['port']}" if ports else "",
    }


def planned(service, folder):
    """A service that does not run yet."""
    ports = [{"port": p.wanted, "wanted": p.wanted, "target": p.target} for p in service.published]
    log = os.path.join(folder, "logs", f"{service.name}.log")
    return {
        "name": service.name, "status": "planned", "pid": 0, "address": service.address, "ports": ports, "log": log,
        "reason": "", "restarts": 0,
    }  # fmt: skip


def last_lines(path):
    """The end of a log."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return redact_text(" | ".join(line.strip() for line in file.readlines()[-LINES:]))
    except OSError:
        return ""


def see_that_all_run(services, result, seconds):
    """Raises LocalError for services that are not as they should be, with what they said last."""
    bad = [s for s in services if s["status"] not in GOOD]
    if bad:
        said = [f"{s['name']} is {s['status']}: {s['reason'] or 'it takes longer'}" for s in bad]
        logs = [f"{s['name']}: {text}" for s in bad if s["status"] != "waiting" and (text := last_lines(s["log"]))]
        raise LocalError(
            f"{len(bad)} of {len(services)} services are not as they should be after {seconds:.0f} s. {'; '.join(said)}. "
            f"Their logs end with: {' · '.join(logs) or 'nothing'}. The others run; state=absent ends them.",
            **result,
        )


def present(module, local):
    """Have them run."""
    params, running, began = module.params, local.running, time.monotonic()
    config, warnings = local.configuration()
    clean = redact_config(config)
    module.no_log_values.update(hideable(secrets_in(config, clean), names_used(config)))
    root = local.data_root(params["data_root"] or "")
    if not module.check_mode:
        running.prepare()
    before = running.status()
    plan = local.plan(config, root, params["archives"], params["image_sources"], module.check_mode)
    if not plan.services:
        reasons = " ".join(f"{r.service}: {r.reason}" for r in plan.refused) or "it has no services"
        running.end()
        raise LocalError(f"Nothing of project {local.name!r} can run without Docker. {reasons}")
    states = {s["name"]: s["status"] for s in before.get("services") or ()}
    same = before.get("digest") == digest(plan) and not any(
        state in ENDED and state != "completed" for state in states.values()
    )
    notes = [f"{s.name}: {note}" for s in plan.services for note in s.notes] + list(warnings)
    result = {
        "project": local.name,
        "project_src": local.compose.project.source,
        "folder": running.folder,
        "refused": to_data(plan.refused),
        "notes": notes,
        "checks": [],
        "engine": local.silence,
        "warning": WARNING,
    }
    origins = {s.name: s.origin for s in plan.services}
    listed = before.get("services") or ()
    if not module.check_mode:
        if not same:
            folder = os.path.join(running.folder, "volumes")
            result["notes"] = notes + seed(plan, folder, root if params["seed"] else "")
            running.apply(plan, f"netfix-local-{local.name}")
        listed = running.wait(plan, params["timeout"]).get("services") or ()
    elif not same:
        listed = [planned(s, running.folder) for s in plan.services]
    services = [told(s, origins) for s in listed]
    seconds = round(time.monotonic() - began, 2)
    result.update(services=services, changed=not same, seconds=seconds)
    after = {s["name"]: s["status"] for s in services}
    result["diff"] = {"before": listing(states), "after": listing(after)}
    if not module.check_mode:
        see_that_all_run(services, result, seconds)
        result["checks"] = to_data(ask(params["checks"], services))
    passed = all(check["outcome"] == "ok" for check in result["checks"])
    result["healthy"] = passed and not plan.refused and not module.check_mode
    return result


def listing(states):
    """States as text to compare."""
    return "".join(f"{name}: {state}\n" for name, state in sorted(states.items()))


def absent(module, local):
    """Have nothing of it left."""
    running = local.running
    states = {s["name"]: s["status"] for s in running.status().get("services") or ()}
    was_there = running.exists() if module.check_mode else running.end()
    return {
        "changed": was_there, "project": local.name, "project_src": local.compose.project.source, "folder": running.folder,
        "services": [], "refused": [], "notes": [], "checks": [], "healthy": True, "engine": local.silence,
        "warning": WARNING, "seconds": 0.0, "diff": {"before": listing(states), "after": ""},
    }  # fmt: skip


def run(module):
    if os.geteuid() != 0:
        raise LocalError(
            "Services without Docker need root, for namespaces and mounts: run the play with become: true."
        )
    folder = state_dir(module.params)
    local = open_local(module.params, folder)
    if module.check_mode:
        return present(module, local) if module.params["state"] == "present" else absent(module, local)
    with held(folder):
        return present(module, local) if module.params["state"] == "present" else absent(module, local)


def main():
    spec = {
        **project_spec(),
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "archives": {"type": "list", "elements": "path", "default": []},
        "image_sources": {
            "type": "list",
            "elements": "str",
            "choices": ["layers", "export", "archive"],
            "default": ["layers", "export", "archive"],
        },
        "data_root": {"type": "path"},
        "seed": {"type": "bool", "default": True},
        "timeout": {"type": "float", "default": 120.0},
        "checks": {"type": "list", "elements": "dict", "default": [], "options": CHECK_SPEC},
        "state_dir": {"type": "path"},
    }
    module = AnsibleModule(
        argument_spec=spec, supports_check_mode=True, required_one_of=[("project_src", "project_name")]
    )
    require_libraries(module)
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
