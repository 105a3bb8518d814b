# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's network namespace, entered by process id to create sockets in it.

A socket stays in the namespace in which it was created, wherever its thread goes: so the calling thread enters,
creates the socket, goes home, and one event loop at home serves the sockets of all namespaces. Nothing is run in
the container, so it needs no tool, no shell and no image.

::

    NamespaceError             the namespace cannot be entered
    ├── NoPermission           not root (CAP_SYS_ADMIN over the namespace)
    ├── ProcessGone            no such process on this host (any more)
    └── NotSupported           not Linux, or no setns in this kernel or libc
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Callable

from .._core.errors import NetfixError

CLONE_NEWNET = 0x40000000
HOST = 0


class NamespaceError(NetfixError):
    """A network namespace cannot be entered."""


class NoPermission(NamespaceError):
    """This process may not enter it."""


class ProcessGone(NamespaceError):
    """The process that held it has ended."""


class NotSupported(NamespaceError):
    """This system has no network namespaces, or no way to enter one."""


class Namespace:
    """The network namespace of one process; ``pid`` 0 is the one this thread is in. Close it after use.

    ``key`` is equal for processes that share a namespace.
    """

    def __init__(self, pid: int = HOST) -> None:
        self.pid = pid
        self._fd, self.key = _open(pid)
        self._home: int | None = None
        try:
            home, home_key = _open(HOST)
        except NamespaceError:
            os.close(self._fd)
            raise
        if home_key == self.key:
            os.close(home)
        else:
            self._home = home

    @contextmanager
    def entered(self) -> Iterator[None]:
        """The calling thread is in the namespace until the block ends, however it ends."""
        if self._home is None:
            yield
            return
        _setns(self._fd, self.pid)
        try:
            yield
        finally:
            _setns(self._home, HOST)

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A new non-blocking socket in the namespace. Raises OSError as socket.socket() does."""
        kind |= socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        if self._home is None:
            return socket.socket(family, kind, protocol)
        # as entered(), without a generator for each of the many sockets of an all-pairs probe
        _setns(self._fd, self.pid)
        try:
            return socket.socket(family, kind, protocol)
        finally:
            _setns(self._home, HOST)

    def close(self) -> None:
        """Gives the namespace's descriptors back; sockets that were made in it live on."""
        for fd in (self._fd, self._home):
            if fd is not None and fd >= 0:
                os.close(fd)
        self._fd, self._home = -1, None

    def __enter__(self) -> Namespace:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _open(pid: int) -> tuple[int, tuple[int, int]]:
    path = f"/proc/{pid}/ns/net" if pid else "/proc/thread-self/ns/net"
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as exc:
        raise _explained(exc, pid) from exc
    about = os.fstat(fd)
    return fd, (about.st_dev, about.st_ino)


def _explained(exc: OSError, pid: int) -> NamespaceError:
    whose = f"process {pid}" if pid else "this process"
    if exc.errno in (errno.EPERM, errno.EACCES):
        return NoPermission(
            f"no permission to enter the network namespace of {whose}: run as root (become: true)", pid=pid
        )
    if exc.errno in (errno.ENOENT, errno.ESRCH) and os.path.isdir("/proc/self/ns"):
        return ProcessGone(
            f"{whose} is not on this host (any more): the container stopped, or its engine runs on another host",
            pid=pid,
        )
    return NotSupported(f"the network namespace of {whose} cannot be entered here: {exc.strerror}", pid=pid)


def _find_setns() -> Callable[[int, int], None] | None:
    """setns(2), which raises OSError; None where there is none."""
    # since Python 3.12
    own: Callable[[int, int], None] | None = getattr(os, "setns", None)
    if own:
        return own
    try:
        function = ctypes.CDLL(None, use_errno=True).setns
    except (AttributeError, OSError, TypeError):
        return None
    function.argtypes = [ctypes.c_int, ctypes.c_int]

    def setns(fd: int, kind: int) -> None:
        if function(fd, kind) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))

    return setns


_SETNS = _find_setns()


def _setns(fd: int, pid: int) -> None:
    if _SETNS is None:
        raise NotSupported("this libc has no setns()", pid=pid)
    try:
        _SETNS(fd, CLONE_NEWNET)
    except OSError as exc:
        raise _explained(exc, pid) from exc
