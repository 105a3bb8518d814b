# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathering: one project at one moment, as a Snapshot. Reads only; what could not be read becomes a note."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from .._core.diagnosis.answers import START_S, checked_service
from .._core.diagnosis.case import Case, network_names
from .._core.errors import ComposeError, EngineError, NetfixError
from .._core.model import Container, Dependency, Host, LogEvent, Snapshot
from .._core.model import Engine as EngineFacts
from .._core.parsing.config_files import config_files_to_read
from .._core.parsing.declared import read_separation
from .._core.parsing.dependencies import read_dependencies
from .._core.parsing.logs import last_words, read_events
from .._core.parsing.times import instant
from .._core.redact import redact_config, redact_environment, redact_text
from .._core.secrets import hideable, names_used, secrets_in
from .comparisons import compare, nginx_behind
from .compose import Compose
from .container_files import read_in_root
from .engine import Engine
from .fallback import Fallback
from .host_facts import Firewall, read_firewall, read_host, with_refused
from .prober import Prober
from .questions import ask, check
from .reach import Reach, look_into
from .sizes import ask_sizes
from .wanted import Wanted


@dataclass
class Gatherer:
    """Takes snapshots of one project. The effective configuration is read anew only when the files changed.

    ``secrets`` grows with what is read: texts that must not leave the host, wherever they turn up.
    """

    engine: Engine
    compose: Compose
    wanted: Wanted
    secrets: set[str] = field(default_factory=set)
    _config: tuple[dict[str, Any], tuple[str, ...]] | None = None
    _config_key: tuple[Any, ...] = ()
    _files: dict[str, str] = field(default_factory=dict)
    _profiles: dict[str, tuple[str, ...]] | None = None

    def start(self) -> None:
        """Begin to read the configuration while the caller does something else."""
        self._reader = self.compose.start_config()
        self._config, self._profiles, self._config_key = None, None, self._key()

    def config(self) -> tuple[dict[str, Any], tuple[str, ...]]:
        """The effective configuration, with its secrets, and Compose's warnings."""
        if self._config is None or self._config_key != self._key():
            if self._config_key != self._key() or not hasattr(self, "_reader"):
                self.start()
            self._config = self._reader.result()
            self._files = read_files(config_files_to_read(self._config[0]), self.compose.project.source)
            self._learn(self._config[0], redact_config(self._config[0]))
            self._learn(self._files, {path: redact_text(text) for path, text in self._files.items()})
        return self._config

    def mounted(self) -> tuple[dict[str, str], dict[str, tuple[str, ...]]]:
        """The texts of mounted configuration files by path, and the names of all files of a mounted folder of them."""
        config = self.config()[0]
        return dict(self._files), {p: names_in(p) for p in config_files_to_read(config) if os.path.isdir(p)}

    def _learn(self, raw: Any, clean: Any) -> None:
        """The secrets among what was read."""
        config = self._config[0] if self._config else {}
        project = self.compose.project
        names = (*names_used(config), project.name, project.source, *project.effective_files())
        self.secrets |= hideable(secrets_in(raw, clean), names)

    def _key(self) -> tuple[Any, ...]:
        project = self.compose.project
        paths = (*project.effective_files(), *project.env_files, os.path.join(project.source, ".env"))
        return tuple((p, os.stat(p).st_mtime_ns, os.stat(p).st_size) for p in paths if os.path.exists(p))

    def snapshot(self) -> Snapshot:
        """Everything about the project, now."""
        notes: list[str] = []
        unread: dict[str, str] = {}
        listed = self.engine.listed()
        reach = self._reach(listed)
        # a gateway that waits for a dead upstream is waited for while everything else is asked; each thread enters
        # namespaces for itself alone
        with Prober() as near, self._fallback(near, reach) as prober, ThreadPoolExecutor(1) as beside:
            bare = self._inventory(listed, replace(reach, containers=tuple(prober.containers)), notes, unread)
            case = Case(bare)
            checking = beside.submit(check, prober, case, self.wanted)
            probes = ask(prober, case, self.wanted)
            asked = replace(bare, probes=tuple(probes), checks=tuple(checking.result()))
            asked = replace(asked, nginx=nginx_behind(Case(asked)))
            asked = replace(asked, checks=compare(prober, Case(asked), self.wanted))
            asked = replace(asked, probes=(*asked.probes, *ask_sizes(prober, Case(asked), self.wanted)))
        asked = replace(asked, host=with_refused(bare.host), log_events=self._events(Case(asked), unread))
        return replace(asked, notes=(*notes, *prober.notes()), unread=unread)

    def topology(self) -> Case:
        """Who is where, and who needs whom; nothing is probed."""
        listed = self.engine.listed()
        return Case(self._inventory(listed, self._reach(listed), [], {}))

    def _fallback(self, prober: Prober, reach: Reach) -> Fallback:
        return Fallback(prober, self.engine, reach.containers, reach.closed, self.wanted.fallback)

    def _reach(self, listed: Iterable[Container]) -> Reach:
        own = [c.id for c in listed if c.project == self.compose.project.name]
        return look_into(self.engine, self.engine.containers(names=own))

    def _inventory(self, listed: Sequence[Container], reach: Reach, notes: list[str], unread: dict[str, str]) -> Snapshot:
        project, containers = self.compose.project.name, reach.containers
        config, warnings = self.config()
        networks = self.engine.networks(_network_names(config, project, containers))
        own = {c.name for c in containers}
        near = {n for w in networks for n in w.attached if n not in own}
        strangers = self.engine.containers(names=sorted(near))
        for container in (*containers, *strangers):
            # what an image brought along, or somebody set before the files were changed
            self._learn(container.environment, redact_environment(container.environment))
        dependencies = self._dependencies(config)
        # only a network that could not be made tells of pools that ran out
        unmade = set(network_names(config, project).values()) - {n.name for n in networks}
        pools = self.engine.address_pools() if unmade else []
        facts = self.engine.facts()
        if facts.silence:
            notes.append("the engine does not answer: containers are as its files describe them, networks are not known")
        firewall, host = self._host(facts, reach, pools, unread)
        snapshot = Snapshot(
            project=project,
            taken_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            engine=replace(facts, compose_version=_compose_version(containers)),
            config=config,
            config_files=self.compose.project.effective_files(),
            config_warnings=warnings,
            containers=containers,
            strangers=tuple(strangers),
            bystanders=tuple(c for c in listed if c.name not in own | near),
            networks=tuple(networks),
            dependencies=dependencies,
            routes=tuple(dict(r) for r in self.wanted.routes),
            firewall_rules=tuple(firewall.rules),
            rule_packets=dict(firewall.rules),
            host=host,
        )
        return replace(snapshot, disabled=self._disabled(Case(snapshot), notes))

    def _host(
        self, facts: EngineFacts, reach: Reach, pools: Sequence[str], unread: dict[str, str]
    ) -> tuple[Firewall, Host]:
        """Firewall and facts of the host whose kernel the containers use; only its subnets where that is not this one's."""
        subnets = self.engine.subnets()
        elsewhere = (
            f"the engine {self.engine.docker_host} runs on another host"
            if not self.engine.is_here
            else "the containers run in a virtual machine, or under another kernel"
            if reach.foreign
            else "a rootless engine has a network namespace of its own"
            if facts.rootless
            else ""
        )
        if elsewhere:
            unread["the host's firewall and routes"] = elsewhere
            return Firewall(), Host(subnets={k: tuple(v) for k, v in subnets.items()}, address_pools=tuple(pools))
        firewall = read_firewall(unread)
        return firewall, read_host(subnets, pools, firewall, {i.peer for c in reach.containers for i in c.interfaces})

    def _disabled(self, case: Case, notes: list[str]) -> dict[str, tuple[str, ...]]:
        """Services of profiles that are not enabled; Compose is only asked where something is missing or unknown."""
        configured = case.snapshot.config.get("services") or {}
        unknown = [c for c in case.snapshot.containers if c.service not in configured and not c.one_off]
        nameless = [d for d in case.snapshot.dependencies if d.kind not in ("external", "loopback") and not case.provider(d)]
        if not unknown and not nameless:
            return {}
        try:
            if self._profiles is None:
                self._profiles = self.compose.services_of_all_profiles()
        except ComposeError as exc:
            notes.append(f"services of profiles that are not enabled are not known: {exc}")
            return {}
        return {s: profiles for s, profiles in self._profiles.items() if s not in configured}

    def _dependencies(self, config: Mapping[str, Any]) -> tuple[Dependency, ...]:
        wanted = self.wanted
        try:
            return read_dependencies(
                config, self._files, wanted.dependencies, wanted.ignore, project_dir=self.compose.project.source
            ) + tuple(read_separation(s, config.get("services") or {}) for s in wanted.separations)
        except ValueError as exc:
            raise NetfixError(str(exc)) from exc

    def _events(self, case: Case, unread: dict[str, str]) -> tuple[LogEvent, ...]:
        since = int(time.time()) - self.wanted.log_seconds
        refusing = {checked_service(case, r) for r in case.open_checks() if r.status == 404}
        found: list[LogEvent] = []
        for container in case.snapshot.containers:
            try:
                lines = self.engine.logs(container.name, self.wanted.log_lines, since)
                if container.service in refusing:
                    lines = [*self._first_lines(container), *lines]
            except EngineError as exc:
                unread[f"log of {container.name}"] = exc.message
                continue
            found += read_events(container.service, container.name, dict.fromkeys(lines))
            if not container.running or container.restart_count:
                before = container.started_at if container.running else ""
                found += last_words(container.service, container.name, lines, before)
        return tuple(found)

    def _first_lines(self, container: Container) -> list[str]:
        """What it said when it started, however long ago: a gateway may have built its routes then."""
        began = int(instant(container.started_at) or 0)
        return self.engine.logs(container.name, self.wanted.log_lines, began, began + START_S) if began else []


def _compose_version(containers: Iterable[Container]) -> str:
    """The Compose that last made one of the containers; asking the program itself would cost a process."""
    newest = max(containers, key=lambda c: c.created_at, default=None)
    return newest.labels.get("com.docker.compose.version", "") if newest else ""


def _network_names(config: Mapping[str, Any], project: str, containers: Iterable[Container]) -> list[str]:
    configured = network_names(config, project).values()
    used = [e.network for c in containers for e in c.endpoints]
    return sorted({*configured, *used} - {"host", "none"})


def _files_in(folder: str) -> list[str]:
    """The files of a directory and of those directly in it (/etc/nginx and its conf.d); a hundred at most."""
    found: list[str] = []
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(folders) if here == folder else []
        found += [os.path.join(here, name) for name in sorted(names)]
    return found[:100]


def names_in(folder: str) -> tuple[str, ...]:
    """The names of all files below a folder, relative to it, and of links to other folders; a hundred at most."""
    found = (
        os.path.relpath(os.path.join(here, name), folder)
        for here, folders, names in os.walk(folder)
        for name in [*names, *(f for f in folders if os.path.islink(os.path.join(here, f)))]
    )
    return tuple(sorted(itertools.islice(found, 100)))


def read_files(paths: Iterable[str], source: str) -> dict[str, str]:
    """The texts of mounted configuration files by path; where a path is a directory, of its files and theirs."""
    texts: dict[str, str] = {}
    for path in paths:
        full = path if os.path.isabs(path) else os.path.join(source, path)
        for name in _files_in(full) if os.path.isdir(full) else [full]:
            if os.path.isfile(name):
                try:
                    text = read_in_root(0, name)
                except (OSError, NetfixError):
                    text = None
                if text is not None:
                    texts[name] = text
    return texts
