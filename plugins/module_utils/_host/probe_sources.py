# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From where to probe: names of containers and projects become processes of this host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .._core.errors import EngineError
from .._core.model import Container
from .container_files import runs_in


class Containers(Protocol):
    """What is needed of _host/engine.py::Engine."""

    docker_host: str

    def containers(self, project: str | None = None, names: Sequence[str] | None = None) -> list[Container]:
        """A project's containers, or the named ones."""

    def projects(self) -> list[str]:
        """Names of the projects that have containers."""


@dataclass(frozen=True)
class Source:
    """One container to probe from; ``reason`` says why it cannot be, and is empty where it can."""

    name: str
    service: str = ""
    pid: int = 0
    reason: str = ""


HOST = Source("host")


def project_containers(engine: Containers, project: str) -> list[Container]:
    """All containers of a project, stopped ones too. Raises EngineError where it has none."""
    found = engine.containers(project, None)
    if not found:
        known = ", ".join(engine.projects()) or "none"
        raise EngineError(
            f"Project {project!r} has no containers on {engine.docker_host}. Projects with containers: {known}."
        )
    return found


def running_sources(engine: Containers, containers: Sequence[Container], project: str) -> list[Source]:
    """Those of a project's containers that run. Raises EngineError where none does."""
    running = [_source(engine, c) for c in containers if c.running]
    if not running:
        raise EngineError(f"None of the {len(containers)} containers of project {project!r} runs: see docker ps -a.")
    return running


def named_sources(engine: Containers, names: Sequence[str]) -> list[Source]:
    """Those containers, also where they do not run. Raises EngineError for one that does not exist."""
    if not names:
        return []
    found = engine.containers(None, names)
    sources = []
    for name in names:
        wanted = name.lstrip("/")
        container = next((c for c in found if c.name == wanted or (wanted and c.id.startswith(wanted))), None)
        if container is None:
            raise EngineError(f"Container {name!r} does not exist on {engine.docker_host}: see docker ps -a.")
        sources.append(_source(engine, container))
    return sources


def _source(engine: Containers, container: Container) -> Source:
    reason = ""
    if not container.pid:
        reason = f"the container is not running (state: {container.state})"
    elif not engine.docker_host.startswith("unix://"):
        reason = f"the engine {engine.docker_host} runs on another host: run the task there"
    elif not runs_in(container.pid, container.id):
        reason = f"process {container.pid} of the container is not on this host: run the task where its engine runs"
    return Source(container.name, container.service, container.pid, reason)
