# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sampled stacks: what py-spy wrote, and which functions the samples were in.

The outermost frame comes first. A share is one of all samples, from 0 to 1: ``own`` of those taken in the function
itself, ``total`` of those taken in it or in what it called, a recursion counted once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Optional

from ..errors import ProfileError
from ..redact import redact_text, redact_words


class Frame(NamedTuple):
    """A function by its file and the line where it begins. One without a file is a process or a thread."""

    function: str
    file: str = ""
    line: int = 0

    @property
    def label(self) -> str:
        """As a collapsed stack has it."""
        return f"{self.function} ({self.file}:{self.line})" if self.file else self.function


Stack = tuple[Frame, ...]
Stacks = Mapping[Stack, int]

_LABEL = re.compile(r"(?s)(.*) \((.+):(\d+)\)\Z")
_PROCESS = re.compile(r'(?s)process (\d+):"(.*)"\Z')
# Where a thread waits for another one or for a selector. py-spy takes a thread for busy that the kernel holds ready to
# run, and on a machine that has no core to spare, each sample leaves the idle ones in that state for a while.
_WAITS = frozenset(
    {
        ("threading.py", "wait"),
        ("threading.py", "_wait_for_tstate_lock"),
        ("thread.py", "_worker"),
        ("selectors.py", "select"),
        ("connection.py", "_poll"),
        ("popen_fork.py", "poll"),
        ("subprocess.py", "_try_wait"),
        # psycopg, for its database
        ("waiting.py", "wait_selector"),
        ("waiting.py", "wait_select"),
        ("waiting.py", "wait_epoll"),
        ("waiting.py", "wait_poll"),
    }
)


@dataclass(frozen=True)
class Function:
    """How much of a profile one function was. ``calls`` and samples only where the profiler counts them."""

    function: str
    file: str
    line: int
    own: float
    total: float
    own_s: float = 0.0
    total_s: float = 0.0
    own_samples: int = 0
    total_samples: int = 0
    calls: Optional[int] = None


@dataclass(frozen=True)
class ProcessUse:
    """One process while it was watched: cores in use, most threads, and how often they were in which state.

    ``states`` are shares of all looks at all threads by the letters of proc(5) (R runs or could, S sleeps, D waits for a
    disk); ``waits`` are the places in the kernel where those that did not run were.
    """

    pid: int
    command: str
    cpu: float
    threads: int
    states: Mapping[str, float] = field(default_factory=dict)
    waits: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """What was seen of one container. ``tool`` is ``py-spy``, ``cprofile``, ``proc`` or ``none``.

    ``outcome`` is ``ok``, ``partly`` (no functions, or not of the whole time) or ``not_measured``, ``reason`` says why.
    ``waiting`` are samples that were left out because the thread waited in them.
    """

    service: str = ""
    container: str = ""
    pid: int = 0
    tool: str = "none"
    outcome: str = "not_measured"
    reason: str = ""
    seconds: float = 0.0
    rate_hz: int = 0
    samples: int = 0
    waiting: int = 0
    functions: tuple[Function, ...] = ()
    processes: tuple[ProcessUse, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)


def read_speedscope(text: str) -> dict[str, Any]:
    """A speedscope document that holds samples, the command lines in it without secrets.

    Raises ProfileError for anything else. Format: https://www.speedscope.app/file-format-schema.json
    """
    try:
        data = json.loads(text)
        frames = data["shared"]["frames"]
        for frame in frames:
            frame["name"] = _clean(str(frame["name"]))
        for profile in data["profiles"]:
            if profile["type"] != "sampled" or any(not 0 <= i < len(frames) for s in profile["samples"] for i in s):
                raise ValueError("a profile without samples, or with frames that are not there")
        data["name"] = redact_text(str(data.get("name", "")))
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ProfileError(f"This is no speedscope profile of samples: {exc!r}.") from exc
    return dict(data)


def speedscope_stacks(data: Mapping[str, Any]) -> dict[Stack, int]:
    """How many samples each stack has in what read_speedscope() gave, over all processes and threads."""
    frames = [Frame(f["name"], str(f.get("file") or ""), int(f.get("line") or 0)) for f in data["shared"]["frames"]]
    counted: dict[Stack, int] = {}
    for profile in data["profiles"]:
        for sample in profile["samples"]:
            stack = tuple(frames[i] for i in sample)
            counted[stack] = counted.get(stack, 0) + 1
    return counted


def parse_collapsed(text: str) -> dict[Stack, int]:
    """Stacks as py-spy (``--format raw``) and stackcollapse write them: ``a (f.py:1);b (f.py:2) 17``.

    Raises ProfileError, with the line, for text that is something else.
    """
    counted: dict[Stack, int] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        names, _blank, samples = line.rpartition(" ")
        if not names or not samples.isdigit():
            raise ProfileError(f"Line {number} is no collapsed stack with a count at its end: {line[:80]!r}.")
        stack = tuple(map(_frame, _split(names)))
        counted[stack] = counted.get(stack, 0) + int(samples)
    return counted


def render_collapsed(stacks: Stacks) -> str:
    """The text that parse_collapsed() reads, sorted."""
    told = (
        (";".join(frame.label.replace(";", ",").replace("\n", " ") for frame in stack), samples)
        for stack, samples in stacks.items()
    )
    return "".join(f"{names} {samples}\n" for names, samples in sorted(told))


def _split(names: str) -> list[str]:
    """At semicolons, unless they are inside a process's command line."""
    return re.findall(r'process \d+:".*?"(?=;|\Z)|[^;]+', names)


def _frame(label: str) -> Frame:
    found = _LABEL.match(label)
    return Frame(found[1], found[2], int(found[3])) if found else Frame(_clean(label))


def _clean(name: str) -> str:
    """A process's frame holds its whole command line."""
    found = _PROCESS.match(name)
    return f'process {found[1]}:"{clean_command(found[2].split(" "))}"' if found else name


def clean_command(words: Iterable[str]) -> str:
    """A command line without its secrets."""
    return " ".join(str(word) for word in redact_words(list(words)))


def without_waits(stacks: Stacks) -> dict[Stack, int]:
    """The stacks of threads that did something: none that waits for another thread, a child or a selector."""
    return {stack: samples for stack, samples in stacks.items() if not (stack and _waits(stack[-1]))}


def _waits(frame: Frame) -> bool:
    return (frame.file.rpartition("/")[2], frame.function.rpartition(".")[2]) in _WAITS


def functions(stacks: Stacks, rate_hz: float = 0.0) -> list[Function]:
    """Every function in the stacks, those with the most samples of their own first. Processes and threads are none."""
    own: dict[Frame, int] = {}
    total: dict[Frame, int] = {}
    for stack, samples in stacks.items():
        for frame in {f for f in stack if f.file}:
            total[frame] = total.get(frame, 0) + samples
        if stack and stack[-1].file:
            own[stack[-1]] = own.get(stack[-1], 0) + samples
    everything = sum(stacks.values())
    period = 1 / rate_hz if rate_hz else 0.0
    told = (
        Function(
            *frame,
            own=round(own.get(frame, 0) / everything, 4),
            total=round(samples / everything, 4),
            own_s=round(own.get(frame, 0) * period, 3),
            total_s=round(samples * period, 3),
            own_samples=own.get(frame, 0),
            total_samples=samples,
        )
        for frame, samples in total.items()
    )
    return sorted(told, key=_hottest)


def _hottest(function: Function) -> tuple[float, float, str, int]:
    return -function.own, -function.total, function.file, function.line


def top_functions(found: Iterable[Function], top: int) -> tuple[Function, ...]:
    """The ``top`` by their own share together with the ``top`` by their total share, in the order of the own share."""
    by_own = sorted(found, key=_hottest)
    wanted = {id(f) for f in (*by_own[:top], *sorted(by_own, key=lambda f: -f.total)[:top])}
    return tuple(f for f in by_own if id(f) in wanted)


def profile_text(profile: Profile) -> str:
    """A profile in one line: the three hottest functions, or what the processes did instead, and why not more."""
    what = [f"{f.function} ({f.file.rpartition('/')[2]}:{f.line}) {f.own:.0%}" for f in profile.functions[:3]]
    if not what and profile.processes:
        busiest = profile.processes[0]
        states = ", ".join(f"{name} {share:.0%}" for name, share in list(busiest.states.items())[:2])
        what = [f"{busiest.command.partition(' ')[0]}: {busiest.cpu:.2f} cores, {busiest.threads} threads, {states}"]
    told = "; ".join([*what, *([profile.reason] if profile.reason else [])])
    return f"{profile.service or profile.container or profile.tool}: {told}"
