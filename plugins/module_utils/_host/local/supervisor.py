# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts services in their order, watches over them, and ends them. One process of a project on the managed host.

It is single-threaded and holds all that the project needs: when it ends, however it ends, the kernel kills every process
of the services, and with them go their mounts, their network and their ports. It reads its plan again on SIGHUP, and ends
on SIGTERM, services that are needed by others last.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import time
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Optional

from ..._core.errors import NetfixError
from ..._core.local.model import DNS_ADDRESS, RELAY_ADDRESS, Plan, Published, Service
from ..._core.local.planning import stop_order
from ..._core.model import from_data, to_data
from ..files import read_text, write_whole
from . import kernel, processes
from .relay import Relay

WHO, LOCK = "supervisor.json", "supervisor.lock"
PLAN, STATUS, VOLUMES, LOGS, SERVICES = "plan.json", "status.json", "volumes", "logs", "services"
STARTING_S, SETTLED_S, IDLE_S = 0.2, 1.0, 5.0
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
GOOD = ("healthy", "running", "completed")
ENDED = ("exited", "completed", "failed")
_WATCHED = processes.BLOCKED


@dataclass
class Part:
    """One service and how it is."""

    spec: Service
    pid: int = 0
    state: str = "waiting"
    reason: str = ""
    started: float = 0.0
    exit_code: Optional[int] = None
    restarts: int = 0
    again_at: float = 0.0
    failures: int = 0
    check_pid: int = 0
    check_due: float = 0.0
    check_until: float = 0.0
    stopping_until: float = 0.0
    goes: bool = False
    comes_back: bool = False


@dataclass
class Door:
    """A published port."""

    service: str
    published: Published
    listener: socket.socket
    port: int


@dataclass
class Supervisor:
    """The life of a project without Docker. ``folder`` holds its plan, and all that it writes."""

    folder: str
    plan: Plan = field(default_factory=lambda: Plan("", ()))
    parts: dict[str, Part] = field(default_factory=dict)
    doors: list[Door] = field(default_factory=list)
    networks: dict[str, int] = field(default_factory=dict)
    cables: int = 0
    relay: int = 0
    ending: bool = False
    told: str = ""
    asked: str = ""

    def run(self) -> None:
        """Until every service has ended after SIGTERM."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _WATCHED)
        os.umask(0o022)
        # one that is just starting is not known yet to who starts another
        self._lock = os.open(os.path.join(self.folder, LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self._pids = os.open("/proc/self/ns/pid", os.O_RDONLY)
        kernel.unshare(kernel.CLONE_NEWNET)
        self._hub = os.open("/proc/self/ns/net", os.O_RDONLY)
        kernel.bring_up(kernel.LOOPBACK)
        kernel.add_bridge()
        kernel.set_address(kernel.BRIDGE, "10.203.0.1")
        kernel.setns(self._home, kernel.CLONE_NEWNET)
        write_whole(os.path.join(self.folder, WHO), json.dumps(identity(os.getpid())))
        self._reload()
        while True:
            self._step()
            self._tell()
            if self.ending and not any(p.pid for p in self.parts.values()):
                return
            told = signal.sigtimedwait(_WATCHED, self._pause())
            if told is None or told.si_signo == signal.SIGCHLD:
                continue
            if told.si_signo == signal.SIGHUP and not self.ending:
                self._reload()
            elif told.si_signo in (signal.SIGTERM, signal.SIGINT):
                self.ending = True
                for part in self.parts.values():
                    part.goes, part.comes_back = True, False

    def _reload(self) -> None:
        """Take over the plan as it is now: what is equal runs on, what ended starts again."""
        raw = json.loads(read_text(os.path.join(self.folder, PLAN)) or "{}")
        self.asked, plan = str(raw.get("asked") or ""), from_data(Plan, raw)
        wanted = {service.name: service for service in plan.services}
        for name, part in self.parts.items():
            if wanted.get(name) != part.spec:
                part.goes, part.comes_back = True, name in wanted
            elif part.state in ENDED and part.state != "completed":
                part.state, part.reason, part.restarts = "waiting", "", 0
        self.plan = plan
        for name, service in wanted.items():
            if name not in self.parts:
                self.parts[name] = Part(service)
        self._open_doors()

    def _open_doors(self) -> None:
        """Listen on loopback for every published port, on another one where it is taken; then let the relay serve them."""
        wanted = [(s.name, p) for s in self.plan.services for p in s.published if s.network != "none"]
        for door in [d for d in self.doors if (d.service, d.published) not in wanted]:
            door.listener.close()
            self.doors.remove(door)
        known = {(d.service, d.published) for d in self.doors}
        for name, published in wanted:
            if (name, published) not in known:
                listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    listener.bind((RELAY_ADDRESS, published.wanted))
                except OSError:
                    listener.bind((RELAY_ADDRESS, 0))
                listener.listen(512)
                self.doors.append(Door(name, published, listener, listener.getsockname()[1]))
        self._start_relay()

    def _start_relay(self) -> None:
        if self.relay:
            os.kill(self.relay, signal.SIGKILL)
            os.waitpid(self.relay, 0)
        nameservers = [self._nameserver(s) for s in self.plan.services if s.network == "own"]
        addresses = {s.name: s.address for s in self.plan.services}
        self.relay = os.fork()
        if self.relay == 0:
            try:
                kernel.die_with_parent()
                signal.pthread_sigmask(signal.SIG_SETMASK, set())
                kernel.setns(self._hub, kernel.CLONE_NEWNET)
                served = [(d.listener, (addresses[d.service], d.published.target)) for d in self.doors]
                Relay(served, nameservers, self.plan.names).run()
            finally:
                os._exit(1)
        for nameserver in nameservers:
            nameserver.close()

    def _nameserver(self, service: Service) -> socket.socket:
        kernel.setns(self._network(service), kernel.CLONE_NEWNET)
        try:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sock.bind((DNS_ADDRESS, 53))
            return sock
        finally:
            kernel.setns(self._home, kernel.CLONE_NEWNET)

    def _network(self, service: Service) -> int:
        """The network namespace of a service, made where it is not there yet."""
        key = service.name if service.network in ("own", "none") else service.network
        if key in self.networks:
            return self.networks[key]
        kernel.unshare(kernel.CLONE_NEWNET)
        try:
            made = os.open("/proc/self/ns/net", os.O_RDONLY)
            kernel.bring_up(kernel.LOOPBACK)
            if service.network != "none":
                kernel.setns(self._hub, kernel.CLONE_NEWNET)
                self.cables += 1
                kernel.plug_in(f"nf{self.cables}", made)
                kernel.setns(made, kernel.CLONE_NEWNET)
                kernel.bring_up(kernel.INTERFACE)
                kernel.set_address(kernel.INTERFACE, service.address)
                for number, address in enumerate(service.fixed_addresses):
                    kernel.set_address(f"{kernel.INTERFACE}:{number}", address, "255.255.255.255")
                for other in self.plan.services:
                    for address in other.fixed_addresses if other.name != service.name else ():
                        kernel.add_host_route(address, kernel.INTERFACE)
        finally:
            kernel.setns(self._home, kernel.CLONE_NEWNET)
        self.networks[key] = made
        return made

    def _step(self) -> None:
        """Reap, stop, start and check whatever it is time for."""
        self._reap()
        now = time.monotonic()
        for name, part in list(self.parts.items()):
            if part.goes:
                self._stop(part, now)
                if part.goes and not part.pid and not self.ending:
                    self._replace(name, part)
            elif part.pid:
                self._watch(part, now)
            elif part.state == "waiting" and now >= part.again_at:
                part.reason = self._waits_for(part.spec)
                if not part.reason:
                    self._start(part, now)

    def _replace(self, name: str, part: Part) -> None:
        service = next((s for s in self.plan.services if s.name == name), None)
        if part.comes_back and service:
            # its address may be another, so its network is made anew
            self.parts[name] = Part(service)
            self._leave_network(name)
            self._start_relay()
        else:
            del self.parts[name]
            self._leave_network(name)

    def _leave_network(self, name: str) -> None:
        if name in self.networks:
            os.close(self.networks.pop(name))

    def _waits_for(self, service: Service) -> str:
        for need in service.needs:
            part = self.parts.get(need.service)
            if part is None:
                continue
            good = {
                "service_healthy": part.state in ("healthy", "running")
                if part.spec.health is None
                else part.state == "healthy",
                "service_completed_successfully": part.state == "completed",
            }.get(need.condition, bool(part.pid) or part.state == "completed")
            if not good:
                return f"it waits for {need.service}, which is {part.state}"
        return ""

    def _start(self, part: Part, now: float) -> None:
        service = part.spec
        folder = os.path.join(self.folder, SERVICES, service.name)
        os.makedirs(folder, exist_ok=True)
        log = os.open(
            os.path.join(self.folder, LOGS, f"{service.name}.log"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
        )
        try:
            volumes = os.path.join(self.folder, VOLUMES)
            part.pid = processes.start(service, folder, volumes, log, self._network(service), self._pids)
        finally:
            os.close(log)
        part.state, part.started, part.exit_code, part.failures = "starting", now, None, 0
        part.check_due = now + STARTING_S

    def _watch(self, part: Part, now: float) -> None:
        health = part.spec.health
        if health is None:
            if part.state == "starting" and now - part.started >= SETTLED_S:
                part.state = "running"
            return
        if part.check_pid:
            if now >= part.check_until:
                os.kill(part.check_pid, signal.SIGKILL)
                part.check_until = now + STARTING_S
        elif now >= part.check_due:
            part.check_until = now + health.timeout_s
            part.check_pid = processes.check(part.pid, part.spec, health, 2)

    def _checked(self, part: Part, code: int, now: float) -> None:
        health = part.spec.health
        if health is None:
            return
        if code == 0:
            part.state, part.reason, part.failures = "healthy", "", 0
        elif part.state != "starting" or now - part.started > health.start_period_s:
            part.failures += 1
            if part.failures >= health.retries:
                part.state = "unhealthy"
                part.reason = (
                    f"its health check ended with {code} {part.failures} times in a row: {' '.join(health.argv)}"
                )
        # until it was healthy for the first time, it is asked more often: others wait for it
        part.check_due = now + (min(health.interval_s, STARTING_S) if part.state == "starting" else health.interval_s)

    def _stop(self, part: Part, now: float) -> None:
        if not part.pid:
            return
        needed_by = stop_order(self.plan.services).get(part.spec.name, set())
        if self.ending and any(self.parts[n].pid for n in needed_by if n in self.parts):
            return
        if not part.stopping_until:
            number = getattr(signal, part.spec.stop_signal, None) or getattr(
                signal, f"SIG{part.spec.stop_signal}", None
            )
            part.stopping_until = now + part.spec.stop_grace_s
            part.state = "stopping"
            # its first process passes on only what it knows
            os.kill(part.pid, number if number in _WATCHED and number != signal.SIGCHLD else signal.SIGTERM)
        elif now >= part.stopping_until:
            os.kill(part.pid, signal.SIGKILL)
            part.stopping_until = now + IDLE_S

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            now, code = time.monotonic(), os.waitstatus_to_exitcode(status)
            if pid == self.relay:
                self.relay = 0
                if not self.ending:
                    self._start_relay()
            for part in self.parts.values():
                if pid == part.check_pid:
                    part.check_pid = 0
                    if part.pid:
                        self._checked(part, code, now)
                elif pid == part.pid:
                    self._ended(part, code, now)

    def _ended(self, part: Part, code: int, now: float) -> None:
        lived = now - part.started
        part.pid, part.exit_code, part.stopping_until = 0, code, 0.0
        if part.check_pid:
            os.kill(part.check_pid, signal.SIGKILL)
        policy = part.spec.restart.partition(":")[0]
        limit = part.spec.restart.partition(":")[2]
        part.reason = f"it ended with {code} after {lived:.1f} s"
        if part.goes:
            part.state = "exited"
        elif policy in ("always", "unless-stopped") or (policy == "on-failure" and code):
            part.restarts = part.restarts + 1 if lived < LONGEST_PAUSE_S else 1
            if policy == "on-failure" and limit.isdigit() and part.restarts > int(limit):
                part.state = "failed"
                return
            part.state = "waiting"
            part.again_at = now + min(FIRST_PAUSE_S * 2 ** (part.restarts - 1), LONGEST_PAUSE_S)
        else:
            part.state = "completed" if code == 0 else "failed"

    def _pause(self) -> float:
        """Seconds until something is due."""
        now = time.monotonic()
        due = [now + IDLE_S]
        for part in self.parts.values():
            if part.pid and part.goes:
                due.append(part.stopping_until or now + STARTING_S)
            elif part.pid and part.spec.health:
                due.append(part.check_until if part.check_pid else part.check_due)
            elif part.pid and part.state == "starting":
                due.append(part.started + SETTLED_S)
            elif part.state == "waiting":
                due.append(max(part.again_at, now + STARTING_S))
        return min(max(min(due) - now, 0.01), IDLE_S)

    def _tell(self) -> None:
        """Write down how every service is, where that changed."""
        listed = [self._told(part) for _name, part in sorted(self.parts.items())]
        text = json.dumps({"services": listed, "ending": self.ending, "digest": digest(self.plan), "asked": self.asked})
        if text != self.told:
            self.told = text
            write_whole(os.path.join(self.folder, STATUS), text)

    def _told(self, part: Part) -> dict[str, Any]:
        ports = [
            {"port": d.port, "wanted": d.published.wanted, "target": d.published.target}
            for d in self.doors
            if d.service == part.spec.name
        ]
        return {
            "name": part.spec.name,
            "status": part.state,
            "pid": _program_of(part.pid) if part.pid else 0,
            "address": part.spec.address,
            "ports": ports,
            "log": os.path.join(self.folder, LOGS, f"{part.spec.name}.log"),
            "reason": part.reason,
            "restarts": part.restarts,
        }


def identity(pid: int) -> dict[str, Any]:
    """What tells a process from any other that has, had or will have its number. Raises OSError where there is none."""
    with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
        fields = file.read().rpartition(")")[2].split()
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return {"pid": pid, "started": fields[19], "boot": file.read().strip()}


def digest(plan: Plan) -> str:
    """A plan by its content."""
    return sha256(json.dumps(to_data(replace(plan, notes=())), sort_keys=True).encode()).hexdigest()[:16]


def _program_of(first: int) -> int:
    """The number, as this host sees it, of the program whose parent is a service's first process."""
    try:
        with open(f"/proc/{first}/task/{first}/children", encoding="ascii") as file:
            children = file.read().split()
    except OSError:
        return 0
    return int(children[0]) if children else 0


def main(path: str) -> Optional[str]:
    """The life of a supervisor whose program lies at ``path``; why it failed, None where it did not."""
    folder = os.path.dirname(os.path.abspath(path))
    try:
        Supervisor(folder).run()
    except (OSError, ValueError, NetfixError) as exc:
        return f"the supervisor ends: {exc}"
    return None
