# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One service as processes: its first process, which ends with all others of it, and the programs of its health checks."""

from __future__ import annotations

import os
import resource
import signal
import socket
from collections.abc import Mapping
from typing import NoReturn

from ..._core.local.model import Health, Service
from . import kernel
from .root import Account, account, build, read_file

BLOCKED = {
    signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2,
    signal.SIGWINCH,
}  # fmt: skip
_FORWARDED = BLOCKED - {signal.SIGCHLD}
_NAMESPACES = {
    "mnt": kernel.CLONE_NEWNS,
    "uts": kernel.CLONE_NEWUTS,
    "ipc": kernel.CLONE_NEWIPC,
    "net": kernel.CLONE_NEWNET,
}
_COULD_NOT_START = 127
_DESCRIPTORS = 4096


def start(service: Service, folder: str, volumes: str, log: int, network: int, home_pids: int) -> int:
    """Start a service in namespaces of its own; the number of its first process, which dies with this one.

    ``network`` and ``home_pids`` are open namespaces, ``log`` an open file.
    """
    kernel.unshare(kernel.CLONE_NEWPID)
    pid = os.fork()
    if pid == 0:
        _first(service, folder, volumes, log, network)
    kernel.setns(home_pids, kernel.CLONE_NEWPID)
    return pid


def check(pid: int, service: Service, health: Health, log: int) -> int:
    """Start a health check beside the service whose first process is ``pid``; the process whose end tells how it went."""
    mine = os.fork()
    if mine:
        return mine
    try:
        kernel.die_with_parent()
        spaces = {name: os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY) for name in (*_NAMESPACES, "pid")}
        kernel.setns(spaces.pop("pid"), kernel.CLONE_NEWPID)
        for name in ("uts", "ipc", "net", "mnt"):
            kernel.setns(spaces[name], _NAMESPACES[name])
        inner = os.fork()
        if inner == 0:
            _become(service, health.argv, os.open("/dev/null", os.O_WRONLY))
        _pid, status = os.waitpid(inner, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 255)
    except BaseException as exc:
        os.write(log, f"netfix: the health check cannot run: {exc}\n".encode())
    os._exit(_COULD_NOT_START)


def _first(service: Service, folder: str, volumes: str, log: int, network: int) -> NoReturn:
    """The first process of a service's PID namespace: starts its program, passes signals on, reaps, ends with it."""
    try:
        kernel.die_with_parent()
        os.setsid()
        kernel.setns(network, kernel.CLONE_NEWNET)
        for fd in (1, 2):
            os.dup2(log, fd)
        # a listener that is still open here would keep its port
        os.closerange(3, _DESCRIPTORS)
        log = 1
        kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS)
        socket.sethostname(service.hostname[:64])
        build(service, folder, volumes)
        child = os.fork()
        if child == 0:
            # programs open their /dev/stdout by its name
            os.fchown(log, account(service.user, service.groups, read_file).uid, -1)
            _become(service, service.argv, log)
        _end(_reap(child))
    except BaseException as exc:
        os.write(log, f"netfix: it cannot be started: {exc}\n".encode())
    os._exit(_COULD_NOT_START)


def _reap(child: int) -> int:
    """Wait for the program's end, whatever else ends meanwhile."""
    while True:
        told = signal.sigwait(BLOCKED)
        if told in _FORWARDED:
            try:
                os.kill(child, told)
            except ProcessLookupError:
                continue
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if pid == child:
                return status
            if pid == 0:
                break


def _end(status: int) -> NoReturn:
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _become(service: Service, argv: tuple[str, ...], log: int) -> NoReturn:
    """Become the program, as the service's user and with no more rights than in a container."""
    try:
        os.setsid()
        who = account(service.user, service.groups, read_file)
        quiet = os.open("/dev/null", os.O_RDONLY)
        for source, fd in ((quiet, 0), (log, 1), (log, 2)):
            os.dup2(source, fd)
        _leave_rights(service, who)
        os.chdir(service.workdir)
        kernel.die_with_parent()
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        for number in BLOCKED | {signal.SIGPIPE}:
            signal.signal(number, signal.SIG_DFL)
        os.execvpe(argv[0], list(argv), _environment(service.environment, who))
    except BaseException as exc:
        os.write(2, f"netfix: {argv[0]} cannot be started: {exc}\n".encode())
    os._exit(_COULD_NOT_START)


def _environment(environment: Mapping[str, str], who: Account) -> dict[str, str]:
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    return {"PATH": path, "HOME": who.home, **environment}


def _leave_rights(service: Service, who: Account) -> None:
    kept = set(kernel.DEFAULT_CAPABILITIES)
    if "ALL" in service.dropped:
        kept.clear()
    kept -= {name.replace("CAP_", "") for name in service.dropped}
    kept |= {name.replace("CAP_", "") for name in service.capabilities}
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    kernel.keep_capabilities(kernel.CAPABILITIES if "ALL" in service.capabilities else kept)
    os.setgroups(who.groups)
    os.setgid(who.gid)
    os.setuid(who.uid)
