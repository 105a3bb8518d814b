# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which containers can be looked into from here, what is seen there, and why the others stay closed.

A process id is only worth something on the host whose kernel gave it: an engine on another host or in a virtual machine
tells ids that belong to somebody else here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from .._core.model import Container
from .container_files import observe, read_in_root, runs_in
from .host_facts import read_interfaces
from .netns import Namespace, NamespaceError


class Containers(Protocol):
    """What is needed of _host/engine.py::Engine."""

    docker_host: str
    is_here: bool

    def containers(self, project: str | None = None, names: Sequence[str] | None = None) -> list[Container]:
        """A project's containers, or the named ones."""


@dataclass(frozen=True)
class Reach:
    """The containers, with what their namespaces show; ``closed`` says by name why one could not be entered.

    A container whose process id means somebody else here has none. ``foreign`` is whether that is so for all of them.
    """

    containers: tuple[Container, ...]
    closed: dict[str, str]
    foreign: bool


def look_into(engine: Containers, containers: Sequence[Container]) -> Reach:
    """What can be seen of containers that were just inspected."""
    found, closed = [], {}
    for container in containers:
        if not container.pid:
            found.append(container)
        elif not engine.is_here:
            found.append(replace(container, pid=0))
            closed[container.name] = f"the engine {engine.docker_host} runs on another host"
        elif runs_in(container.pid, container.id):
            entered, reason = _entered(container)
            found.append(entered)
            closed.update({container.name: reason} if reason else {})
        else:
            found.append(_again(engine, container))
            if found[-1].running:
                closed[container.name] = "its process is not on this host"
    running = [c for c in found if c.running]
    return Reach(tuple(found), closed, bool(running) and not any(c.pid for c in running))


def _again(engine: Containers, container: Container) -> Container:
    """It may have stopped since it was inspected."""
    now = next(iter(engine.containers(names=[container.id])), replace(container, state="removed"))
    return replace(now, pid=0) if now.running else now


def _entered(container: Container) -> tuple[Container, str]:
    """The container with what is seen inside, and why it cannot be entered, empty where it can."""
    try:
        with Namespace(container.pid) as namespace, namespace.entered():
            text = read_in_root(0, "/proc/sys/net/ipv4/ip_local_port_range", 64) or ""
    except NamespaceError as exc:
        return container, exc.message.replace(f" of process {container.pid}", "")
    seen = observe(container.pid)
    opened = replace(
        container,
        # those of the host are listed with the host
        interfaces=() if container.network_mode == "host" else read_interfaces(container.pid),
        local_ports=tuple(int(word) for word in text.split() if word.isdigit()),
        resolv_conf=seen.resolv_conf,
        hosts=seen.hosts,
        nsswitch=seen.nsswitch,
        sockets=seen.sockets,
        default_route=seen.default_route,
    )
    return opened, ""
