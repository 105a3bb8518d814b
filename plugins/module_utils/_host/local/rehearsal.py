# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking into a service's file system before it runs, from a process that is gone afterwards with all its mounts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable

from ..._core.local.model import Service
from . import kernel
from .root import account, build, read_file, why_not

_MAX_TEXT = 4096


def why_it_cannot_run(service: Service) -> str:
    """Why its program could not be started in its file system; empty where it could."""

    def look() -> str:
        try:
            account(service.user, service.groups, read_file)
        except LookupError as exc:
            return str(exc)
        return why_not(service.argv, service.environment, service.workdir)

    return in_root(service, "", look)


def in_root(service: Service, volumes: str, work: Callable[[], str], network: int = 0) -> str:
    """What ``work`` says in a process whose root is the service's; what it writes outside of ``volumes`` is gone after it.

    Without ``volumes`` they are empty ones. ``network`` is a process whose network it shares. An error is told as text.
    """
    scratch = tempfile.mkdtemp(prefix="netfix-look-")
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        said = ""
        try:
            os.close(read)
            kernel.die_with_parent()
            said = _within(service, scratch, volumes, work, network)
        except BaseException as exc:
            said = f"its file system cannot be put together: {exc}"
        finally:
            os.write(write, said.encode("utf-8", "replace")[:_MAX_TEXT])
            os._exit(0)
    os.close(write)
    try:
        with os.fdopen(read, "rb") as pipe:
            said = pipe.read().decode("utf-8", "replace")
        os.waitpid(pid, 0)
    finally:
        os.rmdir(scratch)
    return said


def _within(service: Service, scratch: str, volumes: str, work: Callable[[], str], network: int) -> str:
    if network:
        fd = os.open(f"/proc/{network}/ns/net", os.O_RDONLY)
        kernel.setns(fd, kernel.CLONE_NEWNET)
        os.close(fd)
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("tmpfs", scratch, "tmpfs", kernel.MS_NODEV, "mode=0755")
    build(service, scratch, volumes or os.path.join(scratch, "volumes"), live=False)
    return work()
