#!/usr/bin/python
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: load_test
short_description: Put a host under load with Locust, and measure it from raw samples
version_added: 0.1.0
author:
  - vertice.netfix contributors (@vertice)
description:
  - Runs Locust headless, with the operator's own locustfile or one made from a list of endpoints, and keeps every request.
  - Percentiles come from the raw samples and not from Locust's buckets, which round above 100 ms. With O(arrival_rate),
    latency also runs from the time at which a request was meant to be sent, so that a server that hangs is not let off
    for the requests that it kept waiting.
  - A run in which the load generator itself was the limit is told as such, and no threshold passes on it. One in which
    something else on its machine held it up is taken anew, twice at most, whatever it had shown.
  - Nothing keeps running afterwards, and nothing half-written is taken for a result.
extends_documentation_fragment:
  - vertice.netfix._attributes
  - vertice.netfix._engine
attributes:
  check_mode:
    support: full
    description: Says what would run, and sends nothing.
  diff_mode:
    support: none
    description: There is nothing to show, because results are new files.
  platform:
    support: full
  idempotent:
    support: none
    description: Every call measures anew.
options:
  host:
    description: Base URL of what is put under load.
    type: str
    required: true
  locustfile:
    description: Path of a locustfile where the module runs. Needed unless O(endpoints) are given.
    type: path
  endpoints:
    description: What to ask, where there is no locustfile.
    type: list
    elements: dict
    suboptions:
      path:
        description: Path and query, below O(host).
        type: str
        required: true
      method:
        description: HTTP method.
        type: str
        default: GET
      name:
        description: Name of the endpoint in results and thresholds; the path where it is not given.
        type: str
      headers:
        description: Headers to send.
        type: dict
      json:
        description: Body to send as JSON.
        type: raw
      weight:
        description: How often it is asked, compared with the others.
        type: int
        default: 1
      statuses:
        description: Statuses that are a success; every one below 400 where none is given.
        type: list
        elements: int
        default: []
  users:
    description: How many users at most ask at the same time.
    type: int
    default: 10
  spawn_rate:
    description: How many users start in a second.
    type: float
    default: 2.0
  run_time:
    description: Seconds that are measured.
    type: float
    default: 60.0
  warm_up:
    description: Seconds before that, which are left out. As long as the users take to start where it is not given.
    type: float
  repeats:
    description: How many runs, one after the other. A comparison needs four or more.
    type: int
    default: 1
  arrival_rate:
    description:
      - How many times a second a user begins a task, of all users together (an open model). The users' own pauses are
        not used then, and O(users) limits how many wait for an answer at the same time.
      - V(0) leaves the pace to the users (a closed model).
    type: float
    default: 0.0
  processes:
    description: How many processes Locust uses, on each machine that sends.
    type: int
    default: 1
  workers:
    description:
      - How many other machines send, instead of this one, which is their master then. The module waits a minute for their
        workers, which M(vertice.netfix.load_worker) starts; the role P(vertice.netfix.load_test#role) does all of it.
    type: int
    default: 0
  master_bind:
    description: Address at which the workers are waited for. Whoever reaches it can take part, so choose one that only they reach.
    type: str
    default: "*"
  master_port:
    description: Port for the workers.
    type: int
    default: 5557
  tags:
    description: Only tasks with one of these tags.
    type: list
    elements: str
    default: []
  exclude_tags:
    description: No tasks with one of these tags.
    type: list
    elements: str
    default: []
  environment:
    description: Variables for the locustfile.
    type: dict
    default: {}
  locust:
    description: The Locust to run.
    type: str
    default: locust
  results:
    description: Folder for the results; made where it is not there. A run that is there already is replaced.
    type: path
    required: true
  setting:
    description:
      - What the load meets, part of the fingerprint. V(local) are services that M(vertice.netfix.local_services) runs without
        Docker, so that no run of one setting is compared with one of the other. Containers are not watched then.
    type: str
    choices: [docker, local]
    default: docker
  project_name:
    description:
      - A Compose project on the same host, whose containers are watched meanwhile. They and their use are part of each run.
    type: str
  sample_rate:
    description: How many times a second they are, V(1) to V(10).
    type: float
    default: 2.0
  late_limit:
    description:
      - Milliseconds that the load generator may wake up late (99th percentile). A run beyond that says nothing about the
        server. It is taken anew, twice at most, and then refused.
    type: float
    default: 10.0
  abort_on_fail:
    description: End a run early once one of O(thresholds) does not hold after the warm-up, and begin no other.
    type: bool
    default: false
  thresholds:
    description:
      - What must hold, as users of k6 and Taurus write it, V(p95(checkout\) < 250ms), V(failure_ratio < 1%), V(rps > 50).
      - Metrics are requests, failures, failure_ratio, rps, mean, max, p50, p90, p95 and p99, of one endpoint or of all.
        The median over runs is what is judged. What does not hold fails the module, with its results.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: One user for ten seconds
  vertice.netfix.load_test:
    host: http://127.0.0.1:8000
    endpoints:
      - path: /api/v1/health
    users: 1
    run_time: 10
    results: /srv/shop/netfix-load

- name: Five runs of the operator's own load, thirty arrivals a second
  vertice.netfix.load_test:
    host: http://127.0.0.1:8000
    locustfile: /srv/shop/tests/locustfile.py
    users: 50
    arrival_rate: 30
    run_time: 30
    repeats: 5
    results: /srv/shop/netfix-load
    thresholds:
      - p95(GET /api/v1/kb/items) < 250ms
      - failure_ratio < 1%
"""

RETURN = r"""
runs:
  description: Every run, its figures for the whole and for each endpoint. Times in milliseconds.
  returned: always
  type: list
  elements: dict
thresholds:
  description: Each threshold with what was measured, the median over runs, and whether it holds.
  returned: always
  type: list
  elements: dict
  sample:
    - {"threshold": "p95(GET /api/v1/health) < 250ms", "value": 8.1, "holds": true}
command:
  description: The command line of a run.
  returned: always
  type: list
  elements: str
folder:
  description: Folder of the results; one folder below it for each run.
  returned: always
  type: str
fingerprint:
  description: The conditions; two sets of runs can be compared where these are equal.
  returned: always
  type: dict
  sample: {"users": "10", "spawn_rate": "2", "seconds": "60", "locustfile": "0cc175b9c0f1", "setting": "docker"}
locust_version:
  description: Version of Locust.
  returned: always
  type: str
  sample: 2.47.0
"""

import contextlib
import json
import os
import platform
from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import LoadError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.fingerprint import fingerprint
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.runs import Run
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.series import cores
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.thresholds import (
    ThresholdError,
    judge_thresholds,
    parse_threshold,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.usage import usage
from ansible_collections.vertice.netfix.plugins.module_utils._core.redact import redact_text
from ansible_collections.vertice.netfix.plugins.module_utils._core.secrets import mask_secrets
from ansible_collections.vertice.netfix.plugins.module_utils._host.files import results_folder, write_whole
from ansible_collections.vertice.netfix.plugins.module_utils._host.locust import Load, locust_version, run_load
from ansible_collections.vertice.netfix.plugins.module_utils._host.meters import Sampler, open_meters
from ansible_collections.vertice.netfix.plugins.module_utils._host.probe_sources import (
    project_containers,
    running_sources,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host.progress import Progress
from ansible_collections.vertice.netfix.plugins.module_utils._host.signals import Interrupted, interruptible
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import engine_from, engine_spec, guarded


def read_options(params):
    """The load and the thresholds. Raises LoadError for what makes no sense."""
    for name, least in (("users", 1), ("repeats", 1), ("processes", 1), ("workers", 0)):
        if params[name] < least:
            raise LoadError(f"{name} must be {least} or more; found {params[name]}.")
    for name in ("run_time", "spawn_rate", "late_limit"):
        if params[name] <= 0:
            raise LoadError(f"{name} must be more than 0; found {params[name]:g}.")
    if not 1 <= params["sample_rate"] <= 10:
        raise LoadError(f"sample_rate must be from 1 to 10; found {params['sample_rate']:g}.")
    if not params["locustfile"] and not params["endpoints"]:
        raise LoadError("There is nothing to ask: give a locustfile, or endpoints.")
    if params["locustfile"] and not os.path.isfile(params["locustfile"]):
        raise LoadError(f"There is no locustfile {params['locustfile']}.")
    try:
        thresholds = [parse_threshold(text) for text in params["thresholds"]]
    except ThresholdError as exc:
        raise LoadError(str(exc)) from exc
    warm_up = params["warm_up"] if params["warm_up"] is not None else params["users"] / params["spawn_rate"]
    load = Load(
        host=params["host"].rstrip("/"),
        locustfile=os.path.abspath(params["locustfile"]) if params["locustfile"] else "",
        endpoints=tuple({k: v for k, v in e.items() if v is not None} for e in params["endpoints"] or ()),
        users=params["users"],
        spawn_rate=params["spawn_rate"],
        run_time_s=params["run_time"],
        warm_up_s=warm_up,
        arrival_rate=params["arrival_rate"],
        processes=params["processes"],
        workers=params["workers"],
        master_bind=params["master_bind"],
        master_port=params["master_port"],
        tags=tuple(params["tags"]),
        exclude_tags=tuple(params["exclude_tags"]),
        environment={str(k): str(v) for k, v in params["environment"].items()},
        executable=params["locust"],
    )
    return load, thresholds


MOST_RETAKES = 2


class Watch:
    """Tells how far a run is, and ends it once a threshold does not hold. What is not measured yet may still hold."""

    def __init__(self, load, thresholds, told):
        self.load = load
        self.told = told
        self.thresholds = thresholds
        self.ended = False

    def __call__(self, progress):
        self.told.say(text=progress.text)
        if progress.elapsed_s > self.load.warm_up_s:
            so_far = Run(progress.number, 0.0, progress.elapsed_s, progress.whole, progress.endpoints)
            known = [t for t in self.thresholds if not t.endpoint or t.endpoint in progress.endpoints]
            self.ended = any(c.value is not None and not c.holds for c in judge_thresholds(known, [so_far]))
        return self.ended


def meters_of(module, project):
    """A meter for each running container of the project, none where no project is watched."""
    if not project:
        return []
    engine = engine_from(module)
    return open_meters(running_sources(engine, project_containers(engine, project), project), engine.stats)


def with_containers(found, sampler, folder):
    """The run with what containers used in its window; their series is kept beside its other files."""
    if not sampler.meters:
        return found
    end = found.measured_from + found.seconds
    used = {
        name: usage(name, sampler.times, readings, found.measured_from, end)
        for name, readings in sampler.readings.items()
    }
    series = {
        "times_s": [round(t - found.measured_from, 3) for t in sampler.times],
        "containers": {name: [to_data(r) if r else None for r in found] for name, found in sampler.readings.items()},
        "sampler_cpu_s": round(sampler.cpu_s, 4),
    }
    write_whole(os.path.join(folder, f"run-{found.number}", "containers.json"), json.dumps(series))
    over_time = found.series
    cpu = {
        name: cores(sampler.times, readings, found.measured_from, over_time.step_s, len(over_time.rps))
        for name, readings in sampler.readings.items()
    }
    return replace(found, containers=used, series=replace(over_time, cpu=cpu))


def conditions(load, containers, version, setting):
    """What another set of runs must have in common with these to be compared with them."""
    locustfile = b""
    if load.locustfile:
        with open(load.locustfile, "rb") as file:
            locustfile = file.read()
    options = {
        **to_data(load),
        "seconds": load.run_time_s,
        "warm_up": load.warm_up_s,
        "tags": [*load.tags, *load.exclude_tags],
    }
    machine = {"cores": os.cpu_count(), "kernel": platform.release(), "locust": version}
    if load.senders > 1:
        machine["senders"] = load.senders
    return fingerprint(options, locustfile, machine, containers, setting)


def measure(module, load, folder, number, watch):
    """One run with what the containers used. What held the generator up may be gone in the next."""
    params = module.params
    for retaken in range(MOST_RETAKES + 1):
        sampler = Sampler(meters_of(module, params["project_name"]), params["sample_rate"])
        with sampler.running():
            found = run_load(load, folder, number, watch)
        found = replace(
            found,
            late_limit_ms=params["late_limit"],
            retaken=retaken,
            errors={mask_secrets(redact_text(e), module.no_log_values): n for e, n in found.errors.items()},
        )
        if watch.ended or not found.held_up:
            break
    if found.retaken:
        module.warn(f"Run {number} was taken anew {found.retaken} times, because something else held the load generator up.")
    return with_containers(found, sampler, folder)


@contextlib.contextmanager
def guard(folder):
    """The folder of the results, and how far they are. What ends the module ends Locust first."""
    try:
        results_folder(folder)
    except OSError as exc:
        raise LoadError(f"The folder of the results {folder} cannot be used: {exc.strerror or exc}.") from exc
    try:
        with interruptible(), Progress(folder) as progress:
            yield progress
    except Interrupted as exc:
        raise LoadError(
            f"The load was told to end ({exc}). Nothing keeps running, and the run under way left no result."
        ) from None


def run(module):
    params = module.params
    load, thresholds = read_options(params)
    version = locust_version(load.executable)
    if version is None:
        raise LoadError(
            f"Locust does not run as {load.executable!r}. Install it (pip install locust), or say where it is."
        )
    folder = os.path.abspath(params["results"])
    if params["setting"] == "local":
        # there are no containers to watch, and may be no engine to ask
        params["project_name"] = None
    containers = project_containers(engine_from(module), params["project_name"]) if params["project_name"] else []
    told = {
        "fingerprint": conditions(load, containers, version, params["setting"]),
        "command": load.command(os.path.join(folder, "run-1")),
        "folder": folder,
        "locust_version": version,
    }
    if module.check_mode:
        return {"changed": True, "runs": [], "thresholds": [], **told}
    runs = []
    with guard(folder) as progress:
        watch = Watch(load, thresholds if params["abort_on_fail"] else [], progress)
        for number in range(1, params["repeats"] + 1):
            runs.append(measure(module, load, folder, number, watch))
            if watch.ended:
                break
    told["runs"] = [to_data(r) for r in runs]
    try:
        judged = judge_thresholds(thresholds, runs)
    except ThresholdError as exc:
        raise LoadError(str(exc), **told) from exc
    told["thresholds"] = [{"threshold": c.threshold.text, "value": c.value, "holds": c.holds} for c in judged]
    unusable = [r.unusable for r in runs if r.unusable]
    if unusable:
        raise LoadError(f"The load cannot be trusted: {unusable[0]}.", **told)
    crossed = [c for c in judged if not c.holds]
    if crossed:
        listed = "; ".join(
            f"{c.threshold.text}, measured {c.value if c.value is None else round(c.value, 4)}" for c in crossed
        )
        raise LoadError(f"{len(crossed)} of {len(judged)} thresholds do not hold: {listed}.", **told)
    return {"changed": True, **told}


def main():
    endpoint = {
        "path": {"type": "str", "required": True},
        "method": {"type": "str", "default": "GET"},
        "name": {"type": "str"},
        "headers": {"type": "dict"},
        "json": {"type": "raw"},
        "weight": {"type": "int", "default": 1},
        "statuses": {"type": "list", "elements": "int", "default": []},
    }
    module = AnsibleModule(
        argument_spec={
            **engine_spec(),
            "project_name": {"type": "str"},
            "setting": {"type": "str", "choices": ["docker", "local"], "default": "docker"},
            "sample_rate": {"type": "float", "default": 2.0},
            "late_limit": {"type": "float", "default": 10.0},
            "abort_on_fail": {"type": "bool", "default": False},
            "host": {"type": "str", "required": True},
            "locustfile": {"type": "path"},
            "endpoints": {"type": "list", "elements": "dict", "options": endpoint},
            "users": {"type": "int", "default": 10},
            "spawn_rate": {"type": "float", "default": 2.0},
            "run_time": {"type": "float", "default": 60.0},
            "warm_up": {"type": "float"},
            "repeats": {"type": "int", "default": 1},
            "arrival_rate": {"type": "float", "default": 0.0},
            "processes": {"type": "int", "default": 1},
            "workers": {"type": "int", "default": 0},
            "master_bind": {"type": "str", "default": "*"},
            "master_port": {"type": "int", "default": 5557},
            "tags": {"type": "list", "elements": "str", "default": []},
            "exclude_tags": {"type": "list", "elements": "str", "default": []},
            "environment": {"type": "dict", "default": {}},
            "locust": {"type": "str", "default": "locust"},
            "results": {"type": "path", "required": True},
            "thresholds": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
        mutually_exclusive=[("locustfile", "endpoints")],
        required_one_of=[("locustfile", "endpoints")],
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
