# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathering: one project at one moment, as a Snapshot. Reads only; what could not be read becomes a note."""

from __future__ import annotations

import calendar
import os
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from .._core.diagnosis.answers import START_S, checked_service
from .._core.diagnosis.case import Case, network_names
from .._core.errors import ComposeError, NetfixError
from .._core.model import Container, Dependency, LogEvent, Snapshot
from .._core.parsing.config_files import config_files_to_read
from .._core.parsing.declared import read_separation
from .._core.parsing.dependencies import read_dependencies
from .._core.parsing.logs import read_events
from .comparisons import compare, nginx_behind
from .compose import Compose
from .container_files import observe, read_in_root
from .engine import Engine
from .host_facts import Firewall, read_firewall, read_host, read_interfaces
from .netns import Namespace, NamespaceError
from .prober import Prober
from .questions import ask, check
from .wanted import Wanted


@dataclass
class Gatherer:
    """Takes snapshots of one project. The effective configuration is read anew only when the files changed."""

    engine: Engine
    compose: Compose
    wanted: Wanted
    _config: tuple[dict[str, Any], tuple[str, ...]] | None = None
    _config_key: tuple[Any, ...] = ()
    _files: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Begin to read the configuration while the caller does something else."""
        self._reader = self.compose.start_config()
        self._config, self._config_key = None, self._key()

    def config(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The effective configuration, with its secrets, and Compose's warnings."""
        if self._config is None or self._config_key != self._key():
            if self._config_key != self._key() or not hasattr(self, "_reader"):
                self.start()
            self._config = self._reader.result()
            self._files = read_files(config_files_to_read(self._config[0]), self.compose.project.source)
        return self._config

    def _key(self) -> tuple[Any, ...]:
        project = self.compose.project
        paths = (*project.effective_files(), *project.env_files, os.path.join(project.source, ".env"))
        return tuple((p, os.stat(p).st_mtime_ns, os.stat(p).st_size) for p in paths if os.path.exists(p))

    def snapshot(self) -> Snapshot:
        """Everything about the project, now."""
        notes: list[str] = []
        bare = self._inventory(notes)
        if not self.engine.docker_host.startswith("unix://"):
            notes.append(
                f"nothing was probed: the engine on {self.engine.docker_host} runs on another host; run the play there"
            )
            return replace(bare, notes=tuple(notes))
        case = Case(bare)
        # a gateway that waits for a dead upstream is waited for while everything else is asked; each thread enters
        # namespaces for itself alone
        with Prober() as prober, ThreadPoolExecutor(1) as beside:
            checking = beside.submit(check, prober, case, self.wanted)
            probes = ask(prober, case, self.wanted)
            checks = checking.result()
        events = self._events(bare.containers)
        return replace(bare, probes=tuple(probes), checks=tuple(checks), log_events=events, notes=tuple(notes))

    def topology(self) -> Case:
        """Who is where, and who needs whom; nothing is probed."""
        return Case(self._inventory([]))

    def _inventory(self, notes: list[str]) -> Snapshot:
        project = self.compose.project.name
        listed = self.engine.listed()
        containers = [
            _observed(c, notes) for c in self.engine.containers(names=[c.id for c in listed if c.project == project])
        ]
        config, warnings = self.config()
        networks = self.engine.networks(_network_names(config, project, containers))
        own = {c.name for c in containers}
        near = {n for w in networks for n in w.attached if n not in own}
        strangers = self.engine.containers(names=sorted(near))
        dependencies = self._dependencies(config)
        firewall = read_firewall(notes) if self.engine.is_here else Firewall()
        # only a network that could not be made tells of pools that ran out
        unmade = set(network_names(config, project).values()) - {n.name for n in networks}
        pools = self.engine.address_pools() if unmade else []
        peers = {i.peer for c in containers for i in c.interfaces}
        snapshot = Snapshot(
            project=project,
            taken_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            engine=replace(self.engine.facts(), compose_version=_compose_version(containers)),
            config=config,
            config_files=self.compose.project.effective_files(),
            config_warnings=warnings,
            containers=tuple(containers),
            strangers=tuple(strangers),
            bystanders=tuple(c for c in listed if c.name not in own | near),
            networks=tuple(networks),
            dependencies=dependencies,
            routes=tuple(dict(r) for r in self.wanted.routes),
            firewall_rules=tuple(firewall.rules),
            rule_packets=dict(firewall.rules),
            host=read_host(self.engine.subnets(), pools, firewall, peers),
        )
        return replace(snapshot, disabled=self._disabled(Case(snapshot), notes))

    def _disabled(self, case: Case, notes: list[str]) -> dict[str, tuple[str, ...]]:
        """Services of profiles that are not enabled; Compose is only asked where something is missing or unknown."""
        configured = case.snapshot.config.get("services") or {}
        unknown = [c for c in case.snapshot.containers if c.service not in configured and not c.one_off]
        nameless = [d for d in case.snapshot.dependencies if d.kind != "external" and not case.provider(d)]
        if not unknown and not nameless:
            return {}
        try:
            whole = self.compose.services_of_all_profiles()
        except ComposeError as exc:
            notes.append(f"services of profiles that are not enabled are not known: {exc}")
            return {}
        return {s: profiles for s, profiles in whole.items() if s not in configured}

    def _dependencies(self, config: Mapping[str, Any]) -> tuple[Dependency, ...]:
        wanted = self.wanted
        try:
            return read_dependencies(
                config, self._files, wanted.dependencies, wanted.ignore, project_dir=self.compose.project.source
            ) + tuple(read_separation(s, config.get("services") or {}) for s in wanted.separations)
        except ValueError as exc:
            raise NetfixError(str(exc)) from exc

    def _events(self, case: Case) -> tuple[LogEvent, ...]:
        since = int(time.time()) - self.wanted.log_seconds
        refusing = {checked_service(case, r) for r in case.open_checks() if r.status == 404}
        found: list[LogEvent] = []
        for container in case.snapshot.containers:
            lines = self.engine.logs(container.name, self.wanted.log_lines, since)
            if container.service in refusing:
                lines = [*self._first_lines(container), *lines]
            found += read_events(container.service, container.name, dict.fromkeys(lines))
        return tuple(found)

    def _first_lines(self, container: Container) -> list[str]:
        """What it said when it started, however long ago: a gateway may have built its routes then."""
        try:
            began = calendar.timegm(time.strptime(container.started_at[:19], "%Y-%m-%dT%H:%M:%S"))
        except ValueError:
            return []
        return self.engine.logs(container.name, self.wanted.log_lines, began, began + START_S)


def _observed(container: Container, notes: list[str]) -> Container:
    if not container.pid:
        return container
    seen = observe(container.pid)
    if seen.resolv_conf is None and seen.sockets is None:
        notes.append(f"the namespaces of {container.name} could not be read: root is needed (become: true)")
    return replace(
        container,
        interfaces=read_interfaces(container.pid),
        local_ports=_local_ports(container.pid),
        resolv_conf=seen.resolv_conf,
        hosts=seen.hosts,
        nsswitch=seen.nsswitch,
        sockets=seen.sockets,
        default_route=seen.default_route,
    )


def _local_ports(pid: int) -> tuple[int, ...]:
    """The first and the last port that connections from that namespace come from; empty where not known."""
    try:
        with Namespace(pid) as namespace, namespace.entered():
            text = read_in_root(0, "/proc/sys/net/ipv4/ip_local_port_range", 64) or ""
    except NamespaceError:
        return ()
    return tuple(int(word) for word in text.split() if word.isdigit())


def _compose_version(containers: Iterable[Container]) -> str:
    """The Compose that last made one of the containers; asking the program itself would cost a process."""
    newest = max(containers, key=lambda c: c.created_at, default=None)
    return newest.labels.get("com.docker.compose.version", "") if newest else ""


def _network_names(config: Mapping[str, Any], project: str, containers: Iterable[Container]) -> list[str]:
    configured = network_names(config, project).values()
    used = [e.network for c in containers for e in c.endpoints]
    return sorted({*configured, *used} - {"host", "none"})


def read_files(paths: Iterable[str], source: str) -> dict[str, str]:
    """The texts of mounted configuration files by path; the files of a directory where a path is one."""
    texts: dict[str, str] = {}
    for path in paths:
        full = path if os.path.isabs(path) else os.path.join(source, path)
        names = [os.path.join(full, n) for n in sorted(os.listdir(full))[:50]] if os.path.isdir(full) else [full]
        for name in names:
            if os.path.isfile(name):
                try:
                    text = read_in_root(0, name)
                except (OSError, NetfixError):
                    text = None
                if text is not None:
                    texts[name] = text
    return texts
