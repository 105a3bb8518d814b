# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What /proc shows of a container's processes, looked at again and again: CPU, threads, and what they wait for."""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from .._core.performance.profile import ProcessUse, clean_command
from .._core.report.text import clip

MOST_THREADS = 64
MOST_PROCESSES = 20
COMMAND_LENGTH = 200
_TICKS = os.sysconf("SC_CLK_TCK")
_PYTHON = re.compile(r"(?:python|pypy)[\d.]*\Z")


@dataclass(frozen=True)
class Stat:
    """A line of /proc/PID/stat or of one of its threads: state, parent and CPU seconds."""

    state: str
    parent: int
    cpu_s: float


def read_stat(path: str) -> Stat:
    """Raises OSError where the process is gone."""
    with open(path, encoding="utf-8", errors="replace") as file:
        words = file.read().rpartition(") ")[2].split()
    if len(words) < 13:
        raise ProcessLookupError(path)
    return Stat(words[0], int(words[1]), (int(words[11]) + int(words[12])) / _TICKS)


def family(pid: int) -> list[int]:
    """That process and all that descend from it, it first; nothing where it is gone."""
    children: dict[int, list[int]] = {}
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                children.setdefault(read_stat(f"/proc/{name}/stat").parent, []).append(int(name))
                if int(name) == pid:
                    found = [pid]
    for process in found:
        found += children.get(process, [])
    return found


def is_python(pid: int) -> bool:
    """Whether a Python interpreter runs in the process, also inside another program. Raises PermissionError."""
    try:
        if _PYTHON.match(os.path.basename(os.readlink(f"/proc/{pid}/exe"))):
            return True
        with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
            return any("libpython" in line for line in file)
    except (FileNotFoundError, ProcessLookupError):
        return False


def command_of(pid: int) -> str:
    """Its command line without secrets, its short name where it has none; empty where it is gone."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as file:
            words = file.read().rstrip("\0").split("\0")
        if words == [""]:
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                words = [file.read().strip()]
        return clip(clean_command(words), COMMAND_LENGTH)
    return ""


def inside_pid(pid: int) -> int:
    """The number that a process has in its own PID namespace. Raises OSError where it is gone."""
    with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
    return pid


@dataclass
class _Seen:
    command: str
    began_at: float
    began_cpu_s: float
    at: float
    cpu_s: float
    threads: int = 0
    states: Counter[str] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)


class ProcessMeter:
    """Looks at the family of one process each time it is told to."""

    def __init__(self) -> None:
        self._seen: dict[int, _Seen] = {}

    def look(self, pids: Iterable[int], now: float) -> None:
        """Count what these processes and their threads do at this moment."""
        for pid in pids:
            with contextlib.suppress(OSError):
                self._look(pid, now)

    def _look(self, pid: int, now: float) -> None:
        stat = read_stat(f"/proc/{pid}/stat")
        seen = self._seen.get(pid)
        if seen is None:
            seen = self._seen[pid] = _Seen(command_of(pid), now, stat.cpu_s, now, stat.cpu_s)
        seen.at, seen.cpu_s = now, stat.cpu_s
        threads = os.listdir(f"/proc/{pid}/task")
        seen.threads = max(seen.threads, len(threads))
        for thread in threads[:MOST_THREADS]:
            with contextlib.suppress(OSError):
                folder = f"/proc/{pid}/task/{thread}"
                # py-spy holds a thread in "t" while it reads its stack: it ran or was about to
                state = read_stat(f"{folder}/stat").state.replace("t", "R")
                seen.states[state] += 1
                if state != "R":
                    seen.waits[_wait(folder)] += 1

    def told(self) -> tuple[ProcessUse, ...]:
        """Every process that was seen, the busiest first."""
        told = [
            ProcessUse(
                pid,
                seen.command,
                round((seen.cpu_s - seen.began_cpu_s) / (seen.at - seen.began_at), 4)
                if seen.at > seen.began_at
                else 0.0,
                seen.threads,
                _shares(seen.states),
                _shares(seen.waits, 4),
            )
            for pid, seen in self._seen.items()
        ]
        return tuple(sorted(told, key=lambda p: (-p.cpu, p.pid))[:MOST_PROCESSES])


def _wait(folder: str) -> str:
    """The kernel's function in which a thread waits; ``unknown`` where the kernel does not say."""
    try:
        with open(f"{folder}/wchan", encoding="ascii", errors="replace") as file:
            name = file.read().strip().partition(".")[0]
    except PermissionError:
        return "unknown"
    return name if name and name != "0" else "unknown"


def _shares(counted: Counter[str], most: int = 0) -> dict[str, float]:
    everything = sum(counted.values())
    return {name: round(n / everything, 4) for name, n in counted.most_common(most or None)}
