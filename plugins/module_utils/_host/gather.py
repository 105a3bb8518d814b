# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathering: one project at one moment, as a Snapshot. Reads only; what could not be read becomes a note."""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from .._core.diagnosis.case import EMBEDDED_DNS, NO_EMBEDDED_DNS, Case, network_names
from .._core.errors import NetfixError
from .._core.model import (
    Check,
    CheckResult,
    Container,
    Dependency,
    LogEvent,
    Outcome,
    Probe,
    Snapshot,
)
from .._core.parsing.config_files import config_files_to_read
from .._core.parsing.dependencies import read_dependencies
from .._core.parsing.logs import read_events
from .compose import Compose
from .container_files import observe, read_in_root, read_proc_net
from .engine import Engine
from .prober import HttpJob, Job, NameJob, Prober, TcpJob

# chains that Docker leaves to the operator: https://docs.docker.com/engine/network/packet-filtering-firewalls/
OPERATOR_CHAINS = ("-A DOCKER-USER ", "-A INPUT ", "-A OUTPUT ", "-A PREROUTING ")
HTTP_SCHEMES = ("http", "https")
# an answer with one of these comes from somebody who could not or would not pass the request on
BAD_STATUSES = frozenset((400, 421, 502, 503, 504))
LIVING_STATUSES = tuple(s for s in range(100, 600) if s not in BAD_STATUSES)


@dataclass(frozen=True)
class Wanted:
    """What the operator wants looked at: added and ignored dependencies, checks, routes; and how patiently.

    ``log_seconds`` is how far back logs are read, ``log_lines`` how many lines a container.
    """

    dependencies: Sequence[Any] = ()
    ignore: Sequence[str] = ()
    checks: Sequence[Check] = ()
    routes: Sequence[Mapping[str, Any]] = ()
    timeout_s: float = 1.0
    attempts: int = 2
    log_seconds: int = 900
    log_lines: int = 300


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
        with Prober() as prober:
            probes = _probe(prober, case, self.wanted)
            checks = _check(prober, case, self.wanted)
        events = self._events(bare.containers)
        return replace(bare, probes=tuple(probes), checks=tuple(checks), log_events=events, notes=tuple(notes))

    def topology(self) -> Case:
        """Who is where, and who needs whom; nothing is probed."""
        return Case(self._inventory([]))

    def _inventory(self, notes: list[str]) -> Snapshot:
        project = self.compose.project.name
        containers = [_observed(c, notes) for c in self.engine.containers(project)]
        config, warnings = self.config()
        networks = self.engine.networks(_network_names(config, project, containers))
        own = {c.name for c in containers}
        strangers = self.engine.containers(names=sorted({n for w in networks for n in w.attached if n not in own}))
        return Snapshot(
            project=project,
            taken_at=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            engine=replace(self.engine.facts(), compose_version=_compose_version(containers)),
            config=config,
            config_files=self.compose.project.effective_files(),
            config_warnings=warnings,
            containers=tuple(containers),
            strangers=tuple(strangers),
            networks=tuple(networks),
            dependencies=self._dependencies(config),
            routes=tuple(dict(r) for r in self.wanted.routes),
            firewall_rules=tuple(operator_rules(notes)),
        )

    def _dependencies(self, config: Mapping[str, Any]) -> tuple[Dependency, ...]:
        wanted = self.wanted
        try:
            return read_dependencies(
                config, self._files, wanted.dependencies, wanted.ignore, project_dir=self.compose.project.source
            )
        except ValueError as exc:
            raise NetfixError(str(exc)) from exc

    def _events(self, containers: Iterable[Container]) -> tuple[LogEvent, ...]:
        since = int(time.time()) - self.wanted.log_seconds
        found: list[LogEvent] = []
        for container in containers:
            lines = self.engine.logs(container.name, self.wanted.log_lines, since)
            found += read_events(container.service, container.name, lines)
        return tuple(found)


def _observed(container: Container, notes: list[str]) -> Container:
    if not container.pid:
        return container
    seen = observe(container.pid)
    if seen.resolv_conf is None and seen.sockets is None:
        notes.append(f"the namespaces of {container.name} could not be read: root is needed (become: true)")
    return replace(
        container,
        resolv_conf=seen.resolv_conf,
        hosts=seen.hosts,
        nsswitch=seen.nsswitch,
        sockets=seen.sockets,
        default_route=seen.default_route,
    )


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


def host_subnets() -> list[str]:
    """Subnets that the host itself has routes to, those of Docker's bridges left out."""
    found = []
    for line in (read_proc_net(0, "route") or "").splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[7] != "00000000" and not fields[0].startswith(("br-", "docker", "veth")):
            network, mask = (ipaddress.ip_address(bytes.fromhex(f)[::-1]) for f in (fields[1], fields[7]))
            found.append(f"{network}/{mask}")
    return found


def operator_rules(notes: list[str]) -> list[str]:
    """The rules in chains that belong to the operator; a note where they cannot be read."""
    program = shutil.which("iptables-save", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not program or os.geteuid() != 0:
        return []
    try:
        done = subprocess.run(
            [program], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10, check=False
        )
    except subprocess.TimeoutExpired:
        notes.append("iptables-save did not end within 10 s; firewall rules are not known")
        return []
    return [line for line in done.stdout.splitlines() if line.startswith(OPERATOR_CHAINS) and not _dockers_own(line)]


def _dockers_own(rule: str) -> bool:
    return rule == "-A DOCKER-USER -j RETURN" or rule.endswith("-j DOCKER") or "-j DOCKER-" in rule


def _probe(prober: Prober, case: Case, wanted: Wanted) -> list[Probe]:
    """Names first, then the ports of what they resolved to and of the providers' own addresses, then HTTP."""
    pairs = [
        (dependency, container)
        for dependency in case.snapshot.dependencies
        if dependency.kind == "call"
        for container in case.containers_of(dependency.consumer)
        if container.running and container.pid
    ]
    names = _names(prober, pairs, wanted)
    jobs: dict[tuple[str, str, int], Job] = {}
    for dependency, container in pairs:
        probe = names.get((container.name, dependency.host))
        if dependency.port and probe is not None:
            addresses = {*probe.answers, *_direct(case, dependency, container)}
            for address in sorted(addresses):
                jobs[container.name, address, dependency.port] = TcpJob(
                    container.name, container.pid, address, dependency.port
                )
    ports = prober.run(list(jobs.values()), timeout_s=wanted.timeout_s, attempts=wanted.attempts)
    is_open = {(p.container, p.host, p.port) for p in ports if p.outcome is Outcome.OK}
    requests: dict[tuple[str, str, int], Job] = {}
    for dependency, container in pairs:
        probe = names.get((container.name, dependency.host))
        address = (
            next((a for a in probe.answers if (container.name, a, dependency.port) in is_open), "") if probe else ""
        )
        if dependency.scheme in HTTP_SCHEMES and address:
            url = (
                f"{dependency.scheme}://{_bracketed(dependency.host)}:{dependency.port}{_quiet_path(case, dependency)}"
            )
            requests[container.name, dependency.host, dependency.port] = HttpJob(
                container.name, container.pid, url, connect=address, statuses=LIVING_STATUSES
            )
    answers = prober.run(list(requests.values()), timeout_s=max(wanted.timeout_s, 2.0), attempts=1)
    return [*names.values(), *_embedded(prober, pairs, names, wanted), *ports, *answers]


def _names(
    prober: Prober, pairs: Sequence[tuple[Dependency, Container]], wanted: Wanted
) -> dict[tuple[str, str], Probe]:
    jobs = {(c.name, d.host): NameJob(c.name, c.pid, d.host) for d, c in pairs}
    return dict(zip(jobs, prober.run(list(jobs.values()), timeout_s=wanted.timeout_s, attempts=wanted.attempts)))


def _embedded(
    prober: Prober,
    pairs: Sequence[tuple[Dependency, Container]],
    names: Mapping[tuple[str, str], Probe],
    wanted: Wanted,
) -> list[Probe]:
    """What the embedded DNS says where the container's own resolver failed or did not ask it."""
    jobs: dict[tuple[str, str], Job] = {}
    for dependency, container in pairs:
        own = names.get((container.name, dependency.host))
        has_embedded = any(e.network not in NO_EMBEDDED_DNS for e in container.endpoints)
        if own and own.via != EMBEDDED_DNS and own.outcome is not Outcome.UNKNOWN and has_embedded:
            jobs[container.name, dependency.host] = NameJob(
                container.name, container.pid, dependency.host, EMBEDDED_DNS
            )
    asked = prober.run(list(jobs.values()), timeout_s=wanted.timeout_s, attempts=wanted.attempts)
    return [replace(p, nameserver=EMBEDDED_DNS) for p in asked]


def _direct(case: Case, dependency: Dependency, consumer: Container) -> list[str]:
    """The provider's own addresses on networks that the consumer shares."""
    found = []
    for provider in case.containers_of(case.provider(dependency)):
        for network in case.shared_networks(consumer, provider):
            endpoint = provider.endpoint(network)
            if provider.running and endpoint and endpoint.address:
                found.append(endpoint.address)
    return found


def _quiet_path(case: Case, dependency: Dependency) -> str:
    """A path that is safe to ask: the one that the provider's own healthcheck asks, else the root."""
    config = (case.snapshot.config.get("services") or {}).get(case.provider(dependency)) or {}
    test = (config.get("healthcheck") or {}).get("test") or []
    for word in (
        " ".join([test] if isinstance(test, str) else [str(w) for w in test])
        .replace("'", " ")
        .replace('"', " ")
        .split()
    ):
        parts = urlsplit(word)
        if parts.scheme in HTTP_SCHEMES and parts.path:
            return parts.path
    return "/"


def _check(prober: Prober, case: Case, wanted: Wanted) -> list[CheckResult]:
    jobs, sources = [], []
    for check in wanted.checks:
        container = next((c for c in case.containers_of(check.source) if c.running), None)
        sources.append(container)
        jobs.append(
            HttpJob(
                container.name if container else "",
                container.pid if container else 0,
                check.url,
                method=check.method,
                headers=check.headers,
                json_body=check.json_body,
                statuses=check.statuses,
                timeout_s=max(10.0, wanted.timeout_s),
            )
        )
    runnable = [j for j, c, k in zip(jobs, sources, wanted.checks) if c or k.source == "host"]
    probes = iter(prober.run(runnable, timeout_s=wanted.timeout_s, attempts=1))
    results = []
    for check, container in zip(wanted.checks, sources):
        if container is None and check.source != "host":
            known = check.source in case.services()
            reason = (
                f"service '{check.source}' does not run"
                if known
                else f"there is no service '{check.source}' to ask from"
            )
            results.append(CheckResult(check, Outcome.FAILED if known else Outcome.UNKNOWN, error=reason))
            continue
        probe = next(probes)
        # the status says it all where there is one, and an answer that passed is nobody's evidence
        error = "" if probe.status else probe.error
        body = "" if probe.outcome is Outcome.OK else probe.body[:300]
        results.append(CheckResult(check, probe.outcome, probe.status, error, probe.server, body, probe.latency_ms))
    return results


def parse_checks(entries: Iterable[Mapping[str, Any]]) -> list[Check]:
    """Checks from what the operator wrote. Raises NetfixError naming the entry that is wrong."""
    checks = []
    for entry in entries:
        url = str(entry.get("url") or "")
        parts = urlsplit(url)
        if parts.scheme not in HTTP_SCHEMES or not parts.hostname:
            raise NetfixError(f"The check {entry.get('name') or entry!r} needs an http or https url; found {url!r}.")
        statuses = entry.get("statuses") or ()
        checks.append(
            Check(
                name=str(entry.get("name") or f"{entry.get('method') or 'GET'} {url}"),
                url=url,
                method=str(entry.get("method") or "GET").upper(),
                source=str(entry.get("source") or "host"),
                headers={str(k): str(v) for k, v in (entry.get("headers") or {}).items()},
                json_body=entry.get("json"),
                statuses=tuple(int(s) for s in (statuses if isinstance(statuses, (list, tuple)) else [statuses])),
            )
        )
    return checks


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
