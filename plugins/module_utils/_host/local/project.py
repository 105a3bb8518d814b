# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project without Docker, from its configuration to services that run: gathering, and what the module decides with it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional, Union

from ..._core.errors import EngineError, LocalError
from ..._core.local.dockerfile import image_from_dockerfile
from ..._core.local.model import Image, Plan
from ..._core.local.planning import image_name, plan_services
from ..._core.local.servers import server_for, stand_in
from ..._core.local.urls import local_checks
from ..._core.model import CheckResult, Outcome
from ..compose import Compose, find_project, project_name
from ..daemon import read_daemon
from ..engine import Engine
from ..files import private_folder
from ..prober import HttpJob, Prober
from ..questions import parse_checks
from .images import DATA_ROOT, Images
from .rehearsal import why_it_cannot_run
from .running import Running

# no project can be called so: _core's names begin with a letter or digit
PLACE = ".local"
LOCK_S = 120.0


@dataclass
class Local:
    """One project, as far as it can be read without its engine."""

    compose: Compose
    engine: Optional[Engine]
    silence: str
    state_dir: str

    @property
    def name(self) -> str:
        """The project's name."""
        return self.compose.project.name

    @property
    def running(self) -> Running:
        """What runs of it without Docker."""
        return Running(os.path.join(self.state_dir, PLACE, self.name))

    def configuration(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The effective configuration and Compose's warnings; Compose asks no engine for it."""
        return self.compose.start_config().result()

    def data_root(self, given: str) -> str:
        """Where the engine keeps images and volumes."""
        if given:
            return given
        if self.engine is not None and self.engine.is_here:
            with contextlib.suppress(EngineError):
                return self.engine.data_root()
        return read_daemon().settings.get("data-root", DATA_ROOT)

    def plan(
        self,
        config: Mapping[str, Any],
        data_root: str,
        archives: Sequence[str],
        sources: Sequence[str],
        rehearsed: bool,
    ) -> Plan:
        """What would run, every program having been found in its file system."""
        images = Images(
            os.path.join(self.running.folder, "images"), self.engine, data_root, archives, sources, rehearsed
        )
        found = {name: self._image(name, spec or {}, images) for name, spec in (config.get("services") or {}).items()}
        machine = os.uname().machine
        plan = plan_services(config, found, self.name, machine)
        # what has to be unpacked first cannot be looked into by a rehearsal
        seen = [s for s in plan.services if not s.layers or os.path.isdir(s.layers[0])]
        reasons = {s.name: why for s in seen if (why := why_it_cannot_run(s))}
        if not reasons:
            return plan
        for name, why in reasons.items():
            found[name] = f"{why}. {_what_to_install(name, config, plan)}"
        return plan_services(config, found, self.name, machine)

    def _image(self, name: str, spec: Mapping[str, Any], images: Images) -> Union[Image, str]:
        wanted = image_name(name, spec, self.name)
        found = images.find(wanted)
        if isinstance(found, Image):
            return found
        server = server_for(wanted)
        if server is not None and not spec.get("build"):
            return stand_in(wanted, server)
        return _built(spec["build"], self.compose.project.source) or found if spec.get("build") else found


def open_local(params: Mapping[str, Any], state_dir: str) -> Local:
    """The project that the options name. Raises NetfixError where it cannot be told."""
    asked = Engine(params.get("docker_host") or "")
    engine: Optional[Engine] = asked
    silence, labels, projects = "", {}, []
    source = os.path.realpath(params["project_src"]) if params.get("project_src") else ""
    name = params.get("project_name") or ""
    host = asked.docker_host
    try:
        asked.must_answer()
        name = name or asked.project_in(source)
        labels, projects = asked.labels_of(name) if name else {}, asked.projects()
    except EngineError as exc:
        engine, silence = None, exc.message
    files = tuple(params.get("files") or ())
    if not source and not labels:
        raise LocalError(
            "Say which project: project_src, its directory. The engine, which might know it by its name, "
            f"{'does not answer' if engine is None else 'has no container of it'}."
        )
    name = name or project_name(source, files, host)
    project = find_project(
        labels, source, name, files, params.get("profiles") or (), params.get("env_files") or (), projects
    )
    return Local(Compose(project, host), engine, silence, state_dir)


@contextlib.contextmanager
def held(state_dir: str) -> Iterator[None]:
    """One at a time may start and stop services without Docker on this host. What is empty afterwards is gone."""
    place = os.path.join(state_dir, PLACE)
    end = time.monotonic() + LOCK_S
    while True:
        private_folder(state_dir)
        private_folder(place)
        descriptor = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # whoever held it may have removed it, and another one may have made it anew
            if os.path.isdir(place) and os.path.samestat(os.fstat(descriptor), os.stat(place)):
                break
        except BlockingIOError:
            if time.monotonic() > end:
                os.close(descriptor)
                raise LocalError(
                    f"Another run starts or stops services in {place}; wait for its end and run again."
                ) from None
            time.sleep(0.1)
        except FileNotFoundError:
            pass
        os.close(descriptor)
    try:
        yield
    finally:
        for folder in (place, state_dir):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        os.close(descriptor)


def ask(checks: Sequence[Mapping[str, Any]], services: Sequence[Mapping[str, Any]]) -> list[CheckResult]:
    """How the operator's checks go: from the host through the published ports, from a service inside its own network."""
    wanted = parse_checks(local_checks(checks, services))
    pids = {s["name"]: int(s.get("pid") or 0) for s in services}
    results = []
    with Prober() as prober:
        jobs = {
            i: HttpJob(
                one.source if pids.get(one.source) else "", pids.get(one.source, 0), one.url, method=one.method,
                headers=one.headers, json_body=one.json_body, statuses=one.statuses, timeout_s=10.0,
            )
            for i, one in enumerate(wanted)
            if one.source == "host" or pids.get(one.source)
        }  # fmt: skip
        probes = dict(zip(jobs, prober.run(list(jobs.values()), timeout_s=2.0, attempts=1)))
    for i, one in enumerate(wanted):
        probe = probes.get(i)
        if probe is None:
            results.append(CheckResult(one, Outcome.FAILED, error=f"service '{one.source}' does not run"))
        else:
            error = "" if probe.status else probe.error
            body = "" if probe.outcome is Outcome.OK else probe.body[:300]
            results.append(CheckResult(one, probe.outcome, probe.status, error, probe.server, body, probe.latency_ms))
    return results


def _what_to_install(name: str, config: Mapping[str, Any], plan: Plan) -> str:
    service = next(s for s in plan.services if s.name == name)
    if service.origin != "host":
        return f"Its image {service.image} is not fit to run it: build it anew, or correct its command or its mounts."
    server = server_for(str((config["services"][name] or {}).get("image") or ""))
    what = server.package if server else f"the package that has {service.argv[0]}"
    return (
        f"Install {what} on this host, or bring its image (docker save -o FILE) and name it with netfix_local_archives."
    )


def _built(build: Any, source: str) -> Optional[Image]:
    """The service on the host's own file system, from its Dockerfile; None where there is none."""
    spec = build if isinstance(build, Mapping) else {"context": str(build)}
    context = os.path.normpath(os.path.join(source, str(spec.get("context") or ".")))
    path = os.path.join(context, str(spec.get("dockerfile") or "Dockerfile"))
    text = spec.get("dockerfile_inline")
    if text is None:
        try:
            with open(path, encoding="utf-8") as file:
                text = file.read()
        except OSError:
            return None
    arguments = spec.get("args") or {}
    return image_from_dockerfile(text, context, {k: str(v) for k, v in arguments.items() if v is not None})
