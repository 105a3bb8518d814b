# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small files of a running container, read from outside: below its root, and what the kernel shows of its network.

``/proc/PID/root/etc/hosts`` looks like a path into the container and is a trap: an absolute symbolic link met on the
way leads to the *host's* file. So paths are resolved below the container's root, by the kernel where it can
(openat2(2), RESOLVE_IN_ROOT, Linux 5.6), by hand where it cannot.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import stat
from dataclasses import dataclass

from .._core.model import Socket
from .._core.parsing.resolver_files import parse_proc_net_route, parse_proc_net_sockets

MAX_BYTES = 256 * 1024
_SYS_OPENAT2 = 437
_RESOLVE_IN_ROOT = 0x10
_RESOLVE_NO_MAGICLINKS = 0x02
_MAX_LINKS = 40
# A container may put a FIFO or a device where a file is expected: opening it must not block.
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY


class _OpenHow(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


@dataclass(frozen=True)
class Observed:
    """What a container's own namespaces show; the fields are those of model.Container. None where unreadable."""

    resolv_conf: str | None = None
    hosts: str | None = None
    nsswitch: str | None = None
    sockets: tuple[Socket, ...] | None = None
    default_route: str = ""


def observe(pid: int) -> Observed:
    """Everything that diagnosis wants to know of one running container. Never raises: what cannot be read is None."""
    tables = [(name[:3], read_proc_net(pid, name)) for name in ("tcp", "tcp6", "udp", "udp6")]
    return Observed(
        resolv_conf=read_in_root(pid, "/etc/resolv.conf"),
        hosts=read_in_root(pid, "/etc/hosts"),
        nsswitch=read_in_root(pid, "/etc/nsswitch.conf"),
        sockets=None
        if tables[0][1] is None
        else tuple(s for protocol, text in tables if text for s in parse_proc_net_sockets(text, protocol)),
        default_route=parse_proc_net_route(read_proc_net(pid, "route") or ""),
    )


def read_in_root(pid: int, path: str, max_bytes: int = MAX_BYTES) -> str | None:
    """The text of a regular file as the container's processes see it; ``pid`` 0 is the host.

    None where it does not exist, is no regular file or may not be read. Longer files are cut.
    """
    try:
        if not pid:
            return _text(os.open(path, _FLAGS), max_bytes)
        root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return _text(open_below(root, path), max_bytes)
        finally:
            os.close(root)
    except OSError:
        return None


def list_in_root(pid: int, path: str) -> tuple[str, ...]:
    """The names in a directory as the container's processes see it, sorted; none where it does not exist."""
    try:
        root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            directory = open_below(root, path)
        finally:
            os.close(root)
        try:
            return tuple(sorted(os.listdir(directory)))
        finally:
            os.close(directory)
    except OSError:
        return ()


def runs_in(pid: int, container_id: str) -> bool:
    """Whether that process of this host belongs to that container.

    It does not where the engine runs on another host or in a virtual machine: its process ids mean others here. Where
    its control groups name no container its mounts do: the engine mounts /etc/hosts from a folder of that name. Where
    these may not be read, the id is believed.
    """
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
            groups = file.read()
    except OSError:
        return False
    if re.search(r"[0-9a-f]{64}", groups):
        return named_in(groups, container_id)
    try:
        with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="replace") as file:
            return container_id in file.read()
    except OSError:
        return True


def named_in(groups: str, container_id: str) -> bool:
    """Whether a process with those control groups is the container's; where they name none, it is believed."""
    named = re.findall(r"[0-9a-f]{64}", groups)
    return not named or container_id in named


def read_proc_net(pid: int, name: str, max_bytes: int = 16 * MAX_BYTES) -> str | None:
    """``/proc/PID/net/<name>`` of a process, None where it cannot be read; ``pid`` 0 is this one."""
    try:
        return _text(os.open(f"/proc/{pid or 'self'}/net/{name}", _FLAGS), max_bytes)
    except OSError:
        return None


def open_below(root: int, path: str) -> int:
    """A descriptor of that file with every link resolved below the directory ``root``. Raises OSError."""
    how = _OpenHow(flags=_FLAGS, mode=0, resolve=_RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    libc = _libc()
    if libc is None:
        return open_below_by_hand(root, path)
    fd = int(libc.syscall(_SYS_OPENAT2, root, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how)))
    if fd >= 0:
        return fd
    number = ctypes.get_errno()
    if number in (errno.ENOSYS, errno.EPERM, errno.EINVAL):
        return open_below_by_hand(root, path)
    raise OSError(number, os.strerror(number), path)


def open_below_by_hand(root: int, path: str) -> int:
    """The same without openat2: one component at a time, links read and begun again at ``root``."""
    todo = _components(path)
    done: list[str] = []
    links = 0
    while todo:
        name = todo.pop(0)
        if name == "..":
            done = done[:-1]
            continue
        here = _open_directory(root, done)
        try:
            about = os.stat(name, dir_fd=here, follow_symlinks=False)
            if stat.S_ISLNK(about.st_mode):
                links += 1
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                target = os.readlink(name, dir_fd=here)
                done = [] if target.startswith("/") else done
                todo = _components(target) + todo
            elif todo:
                done.append(name)
            else:
                return os.open(name, _FLAGS | os.O_NOFOLLOW, dir_fd=here)
        finally:
            os.close(here)
    raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)


def _components(path: str) -> list[str]:
    return [part for part in path.split("/") if part not in ("", ".")]


def _open_directory(root: int, parts: list[str]) -> int:
    here = os.dup(root)
    for part in parts:
        try:
            below = os.open(part, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        finally:
            os.close(here)
        here = below
    return here


def _text(fd: int, max_bytes: int) -> str:
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return file.read(max_bytes).decode("utf-8", "replace")


_CACHE: dict[str, ctypes.CDLL | None] = {}


def _libc() -> ctypes.CDLL | None:
    if "libc" not in _CACHE:
        try:
            _CACHE["libc"] = ctypes.CDLL(None, use_errno=True)
        except (OSError, TypeError):
            _CACHE["libc"] = None
    return _CACHE["libc"]
