# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a program of the host inside a container: ``PID FD WORD...``, with the program open as descriptor FD.

A profiler outside of the container's PID namespace cannot tell which of its threads are idle: Python knows them by the
numbers that they have inside. The program is executed by its descriptor, so nothing is copied into the container; it has
to be linked statically, since it finds the container's libraries there and none of the host's.

This runs as a process of its own, by ``python -c``, because whoever enters a PID namespace can never leave it again.
Whatever ends it ends the program as well, by SIGINT, upon which py-spy writes what it has.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_CLONE_NEWNS = 0x00020000
_CLONE_NEWPID = 0x20000000
_PR_SET_PDEATHSIG = 1


def enter(libc: ctypes.CDLL, pid: int) -> None:
    """The children of this process are in the container's PID namespace, and it is in its mount namespace itself."""
    opened = [
        (os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY | os.O_CLOEXEC), kind)
        for name, kind in (("pid", _CLONE_NEWPID), ("mnt", _CLONE_NEWNS))
    ]
    for descriptor, kind in opened:
        if libc.setns(descriptor, kind):
            number = ctypes.get_errno()
            raise OSError(number, f"the namespaces of process {pid} cannot be entered: {os.strerror(number)}")


def main(words: list[str]) -> int:
    """The exit status of the program."""
    pid, program, command = int(words[0]), int(words[1]), words[2:]
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
    child = 0

    def end(_number: int, _frame: object) -> None:
        if child:
            os.kill(child, signal.SIGINT)
        else:
            os._exit(130)

    signal.signal(signal.SIGINT, end)
    enter(libc, pid)
    child = os.fork()
    if not child:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT)
        os.execve(program, command, {})
    _pid, status = os.waitpid(child, 0)
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


if __name__ == "__main__":
    try:
        raise SystemExit(main(sys.argv[1:]))
    except OSError as exc:
        raise SystemExit(str(exc)) from exc
