#!/usr/bin/python
# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible module; see DOCUMENTATION."""

from __future__ import annotations

DOCUMENTATION = r"""
module: process_profile_info
short_description: Where the processes of a Compose project spend their time
version_added: 0.1.0
author:
  - vertice.netfix contributors (@vertice)
description:
  - Watches running containers for some seconds, all at the same time, without restarting anything and without writing
    anything into them. Put them under load meanwhile.
  - Of Python programs, and of their children, C(py-spy) samples the stacks. It is started inside the container's PID
    namespace, because from outside it takes threads for busy that wait. It runs from a descriptor, so the container needs
    neither C(py-spy) nor any other tool.
  - Of other programs, and of Python where it cannot be sampled, CPU, threads, their states and what they wait for are
    told from C(/proc). What could not be seen is told as the reason, and never fails the module.
  - With O(command), a Python program is run under C(cProfile) instead, in a container or here; with O(pstats), a file that
    C(cProfile) wrote is read.
extends_documentation_fragment:
  - vertice.netfix._attributes
  - vertice.netfix._engine
attributes:
  check_mode:
    support: full
    description: Nothing is ever changed but the files in O(results), which are not written then. Nothing is profiled.
  diff_mode:
    support: none
    description: There is nothing to show, because results are new files.
  platform:
    support: full
  idempotent:
    support: none
    description: Every call measures anew.
requirements:
  - py-spy 0.4 or newer on the managed host, linked statically as its wheels are
  - root
options:
  project_name:
    description: Name of the Compose project. Needed for everything but O(pstats), and O(command) on the host itself.
    type: str
  services:
    description:
      - Services whose containers are profiled, each replica for itself; all that run where none is given.
      - With O(command), the one service in whose container it runs; on the host itself where none is given.
    type: list
    elements: str
    default: []
    aliases: [service]
  processes:
    description:
      - Profile these processes of this host, by the names of their services, instead of containers. For services that
        M(vertice.netfix.local_services) runs without Docker; no engine is asked then.
    type: dict
    default: {}
  seconds:
    description: How long to profile. The longest that O(command) runs.
    type: float
    default: 60.0
  rate_hz:
    description:
      - How many times a second the stacks are sampled. Each sample stops the process for a moment, so that a higher rate
        costs more of what is measured.
    type: int
    default: 20
  delay:
    description: Seconds to wait before that, as for users who start one after the other.
    type: float
    default: 0.0
  nonblocking:
    description: Do not stop the process for a sample. Some stacks are torn then, and cannot be read or are wrong.
    type: bool
    default: false
  top:
    description: How many functions to return, by their own time and as many by their total time.
    type: int
    default: 20
  py_spy:
    description: The py-spy to run.
    type: str
    default: py-spy
  results:
    description: Folder for the files, made where it is not there; one folder below it for each container. No files without it.
    type: path
  before:
    description: The O(results) of an earlier call. Each container of the same name is compared with it.
    type: path
  command:
    description: A Python program with its arguments, beginning with the interpreter, to run under C(cProfile).
    type: list
    elements: str
  pstats:
    description: A file that C(cProfile) wrote.
    type: path
seealso:
  - module: vertice.netfix.load_test
  - plugin: vertice.netfix.profile_difference
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Profile two services for a minute
  vertice.netfix.process_profile_info:
    project_name: shop
    services: [web, worker]
    results: /srv/shop/netfix-profile
  become: true
  register: profiled

- name: Name the hottest function of each
  ansible.builtin.debug:
    msg: "{{ item.container }}: {{ (item.functions | first).function | default(item.reason) }}"
  loop: "{{ profiled.profiles }}"

- name: Run a job of the worker under cProfile, in its container
  vertice.netfix.process_profile_info:
    project_name: shop
    services: [worker]
    command: [python3, -m, shop.rebuild_index, --all]
    seconds: 120

- name: Read what an earlier cProfile wrote
  vertice.netfix.process_profile_info:
    pstats: /srv/shop/profile.pstats
"""

RETURN = r"""
profiles:
  description: One for each container, in the order of their names.
  returned: success
  type: list
  elements: dict
  contains:
    service:
      description: Its service.
      type: str
      sample: hcl-kb-service
    container:
      description: Its name.
      type: str
      sample: shop-hcl-kb-service-1
    pid:
      description: Its first process on the host, the last one where it was started again.
      type: int
      sample: 20979
    tool:
      description: V(py-spy), V(cprofile), V(proc) where there are no functions, V(none) where nothing was seen.
      type: str
      sample: py-spy
    outcome:
      description:
        - V(ok); V(partly) where functions are missing or only a part of the time was seen; V(not_measured).
      type: str
      sample: ok
    reason:
      description: Why it is not V(ok).
      type: str
      sample: ""
    seconds:
      description: How long it was profiled.
      type: float
      sample: 60.0
    rate_hz:
      description: Samples a second.
      type: int
      sample: 20
    samples:
      description: Stacks of threads that did something.
      type: int
      sample: 1022
    waiting:
      description: Stacks that were left out because their thread waited for another one or for a selector.
      type: int
      sample: 87
    functions:
      description:
        - The functions with the largest own and the largest total time, sorted by their own.
        - C(own) and C(total) are shares from 0 to 1 of all samples, with C(cProfile) of all time; C(line) is where the function
          begins; C(own_s) and C(total_s) are seconds of threads; C(calls) is only told by C(cProfile).
      type: list
      elements: dict
    processes:
      description:
        - Its processes with their CPU in cores, most threads, shares of thread states (V(R) runs or could, V(S) sleeps,
          V(D) waits for a disk), and the kernel's functions in which the others waited.
      type: list
      elements: dict
    files:
      description: Paths of C(speedscope), C(collapsed) and C(flamegraph), or of C(pstats).
      type: dict
    text:
      description: The hottest functions, or what is known instead, in one line.
      type: str
      sample: "hcl-kb-service: burn (kb.py:41) 57%; Row.get (rows.py:8) 12%; select (selectors.py:451) 3%"
    difference:
      description: With O(before), the functions whose share of own time changed most.
      type: list
      elements: dict
profile:
  description: The first of RV(profiles).
  returned: success
  type: dict
py_spy_version:
  description: Version of py-spy; empty where it does not run.
  returned: success
  type: str
  sample: 0.4.3
"""

import os
import time
from dataclasses import replace

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError, ProfileError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.cprofile import read_pstats
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.profile import (
    Profile,
    functions,
    profile_text,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.profile_difference import difference
from ansible_collections.vertice.netfix.plugins.module_utils._host.engine import Engine
from ansible_collections.vertice.netfix.plugins.module_utils._host.probe_sources import (
    Source,
    named_sources,
    project_containers,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host.profiler import (
    Settings,
    busy_stacks,
    cprofile_command,
    keep,
    keep_difference,
    keep_pstats,
    py_spy_version,
    read_cprofile,
    record,
    run_here,
    stacks_before,
    told_cprofile,
)
from ansible_collections.vertice.netfix.plugins.module_utils._module.common import engine_from, engine_spec, guarded

MOST_PSTATS = 256 * 1024 * 1024
ANSWER_S = 60.0


def read_options(params):
    """How to profile. Raises ProfileError for what makes no sense."""
    for name, least in (("seconds", 1), ("rate_hz", 1), ("top", 1)):
        if params[name] < least:
            raise ProfileError(f"{name} must be {least} or more; found {params[name]:g}.")
    if params["delay"] < 0:
        raise ProfileError(f"delay must be 0 or more; found {params['delay']:g}.")
    if params["rate_hz"] > 1000:
        raise ProfileError(f"rate_hz must be 1000 or less; found {params['rate_hz']}.")
    if not any(params[name] for name in ("pstats", "command", "project_name", "processes")):
        raise ProfileError("Say what to profile: project_name, processes, command or pstats.")
    return Settings(params["seconds"], params["rate_hz"], params["py_spy"], params["nonblocking"], params["top"])


def as_data(profile):
    """The profile as it is returned."""
    return {**to_data(profile), "text": profile_text(profile)}


def chosen(engine, project, services):
    """The containers of these services, of all that run where none is named. Raises ProfileError for an unknown one."""
    containers = project_containers(engine, project)
    known = {c.service for c in containers}
    unknown = [name for name in services if name not in known]
    if unknown:
        raise ProfileError(
            f"Project {project!r} has no container of service {unknown[0]!r}. Services: {', '.join(sorted(known))}."
        )
    wanted = [c.name for c in containers if (c.service in services if services else c.running)]
    return named_sources(engine, sorted(wanted))


def given(processes, services):
    """Those processes as sources, of these services where some are named. Raises ProfileError for what is no process."""
    found = []
    for name, pid in sorted(processes.items()):
        if not str(pid).isdigit() or int(pid) < 1:
            raise ProfileError(f"processes: {name} must be the number of a process; found {pid!r}.")
        found.append(Source(name, name, int(pid)))
    return [source for source in found if not services or source.service in services]


def sampled(module, settings):
    """The profiles of the containers, or processes, that the options name."""
    params = module.params
    if params["processes"]:
        sources = given(params["processes"], params["services"])
        again = {source.name: source for source in sources}.__getitem__
    else:
        engine = engine_from(module)
        sources = chosen(engine, params["project_name"], params["services"])

        def again(name):
            return named_sources(engine, [name])[0]

    if module.check_mode:
        return []
    time.sleep(params["delay"])
    unsampled = (
        ""
        if py_spy_version(settings.py_spy)
        else f"py-spy does not run as {settings.py_spy!r}: install it, or say where it is"
    )
    found = record(sources, settings, again, unsampled)
    told = []
    for session in found:
        profile = session.told(settings.seconds)
        try:
            if params["results"]:
                profile = keep(profile, session.speedscope, os.path.abspath(params["results"]))
            told.append(with_difference(profile, session.speedscope, params))
        except NetfixError as exc:  # the samples are there all the same, and those of the others
            reason = "; ".join(filter(None, (profile.reason, exc.message)))
            told.append(as_data(replace(profile, outcome="partly", reason=reason)))
    return told


def with_difference(profile, speedscope, params):
    """The profile as data, compared with an earlier one of the same container where that is there."""
    data = as_data(profile)
    before = stacks_before(params["before"], profile.container) if params["before"] else None
    if before is None or speedscope is None:
        return data
    after = busy_stacks(speedscope)
    changes = difference(functions(before), functions(after), params["top"])
    if params["results"]:
        data["files"]["difference"] = keep_difference(profile, before, after, os.path.abspath(params["results"]))
    return {**data, "difference": to_data(changes)}


def profiled_command(module, settings):
    """The profile of the command, run in the one service's container or here."""
    params = module.params
    command = cprofile_command(params["command"], settings.seconds)
    source = None
    if params["services"]:
        if len(params["services"]) > 1 or not params["project_name"]:
            raise ProfileError("command runs in one container: give project_name and one service, or neither.")
        engine = Engine(params["docker_host"] or "", timeout=settings.seconds + ANSWER_S)
        source = chosen(engine, params["project_name"], params["services"])[0]
        if source.reason:
            raise ProfileError(f"The command cannot run in {source.name}: {source.reason}.")
    if module.check_mode:
        return []
    text = engine.execute(source.name, command, {}) if source else run_here(command, settings.seconds)
    data, error = read_cprofile(text)
    profile = told_cprofile(read_pstats(data), params["top"])
    if source:
        profile = replace(profile, service=source.service, container=source.name, pid=source.pid)
    if error:
        outcome = "partly" if profile.functions else "not_measured"
        profile = replace(profile, outcome=outcome, reason=f"the program failed: {error}")
    if params["results"]:
        profile = keep_pstats(profile, data, os.path.abspath(params["results"]))
    return [as_data(profile)]


def read_file(path, top):
    """The profile in a file of cProfile. Raises ProfileError where there is none."""
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_PSTATS)
    except OSError as exc:
        raise ProfileError(f"{path} cannot be read: {exc.strerror}.") from exc
    try:
        return told_cprofile(read_pstats(data), top)
    except ProfileError as exc:
        raise ProfileError(f"{path}: {exc.message}") from exc


def run(module):
    params = module.params
    settings = read_options(params)
    if params["pstats"]:
        profile = read_file(params["pstats"], params["top"])
        found = [as_data(replace(profile, files={"pstats": params["pstats"]}))]
    elif params["command"]:
        found = profiled_command(module, settings)
    else:
        found = sampled(module, settings)
    return {
        "profiles": found,
        "profile": found[0] if found else to_data(Profile()),
        "py_spy_version": py_spy_version(settings.py_spy),
    }


def main():
    module = AnsibleModule(
        argument_spec={
            **engine_spec(),
            "project_name": {"type": "str"},
            "services": {"type": "list", "elements": "str", "default": [], "aliases": ["service"]},
            "processes": {"type": "dict", "default": {}},
            "seconds": {"type": "float", "default": 60.0},
            "rate_hz": {"type": "int", "default": 20},
            "delay": {"type": "float", "default": 0.0},
            "nonblocking": {"type": "bool", "default": False},
            "top": {"type": "int", "default": 20},
            "py_spy": {"type": "str", "default": "py-spy"},
            "results": {"type": "path"},
            "before": {"type": "path"},
            "command": {"type": "list", "elements": "str"},
            "pstats": {"type": "path"},
        },
        supports_check_mode=True,
        mutually_exclusive=[("command", "pstats")],
    )
    guarded(module, lambda: run(module))


if __name__ == "__main__":
    main()
