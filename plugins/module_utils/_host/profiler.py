# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Profiles running containers for a while: py-spy from inside their PID namespace, and /proc for what is not Python.

Nothing is written into a container, and nothing of it is restarted. What goes wrong with one container is told in its
profile and ends neither the others nor a load that runs beside.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import IO, Any, Callable, Optional

from .._core.errors import NetfixError, ProfileError
from .._core.performance.cprofile import Entry, Key, cprofile_functions
from .._core.performance.profile import (
    Profile,
    Stack,
    Stacks,
    functions,
    parse_collapsed,
    read_speedscope,
    render_collapsed,
    speedscope_stacks,
    top_functions,
    without_waits,
)
from .._core.redact import redact_text
from .._core.report.flame_graph import render_flame_difference, render_flame_graph
from .._profile import cprofiled, inside
from .files import results_folder, write_whole
from .probe_sources import Source
from .processes import ProcessMeter, family, inside_pid, is_python, read_stat

LOOK_S = 0.25
# how often a container that has ended is asked after, and a program that has only just started is tried again
AGAIN_S = 1.0
TRIES = 5
# py-spy writes its result within this time after it was told to end
WRITES_S = 15.0
# of the time that was asked for; below it a profile is told as one of a part
WHOLE = 0.9
# errors among the samples that are told
MANY_ERRORS = 0.05
LONGEST_ERROR = 300
COLLAPSED = "stacks.collapsed"


@dataclass(frozen=True)
class Settings:
    """How to profile."""

    seconds: float = 60.0
    rate_hz: int = 20
    py_spy: str = "py-spy"
    nonblocking: bool = False
    top: int = 20


def py_spy_version(path: str) -> str:
    """Its version; empty where it cannot be run."""
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().rpartition(" ")[2] if done.returncode == 0 else ""


class PySpy:
    """One py-spy at work on a process and its children, from inside their namespaces. Raises ProfileError at once.

    However the program that started it ends, py-spy ends: by itself after its seconds at the latest.
    """

    def __init__(self, pid: int, settings: Settings, seconds: float) -> None:
        self._pid = pid
        self._stopped = _stopped(pid)
        self._out: IO[bytes] = tempfile.TemporaryFile()
        self._log: IO[bytes] = tempfile.TemporaryFile()
        self.began = time.monotonic()
        try:
            with open(shutil.which(settings.py_spy) or settings.py_spy, "rb") as program:
                command = self._command(program.fileno(), settings, seconds)
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=self._log,
                    stderr=self._log,
                    pass_fds=(program.fileno(), self._out.fileno()),
                    start_new_session=True,
                )
        except OSError as exc:
            self._close()
            raise ProfileError(f"py-spy cannot be started: {exc}.") from exc

    def _command(self, program: int, settings: Settings, seconds: float) -> list[str]:
        line = [sys.executable, "-I", "-c", inspect.getsource(inside), str(self._pid), str(program), "py-spy", "record"]
        line += ["--pid", str(inside_pid(self._pid)), "--subprocesses", "--function", "--full-filenames"]
        line += ["--rate", str(settings.rate_hz), "--duration", str(int(seconds) + 2)]
        line += ["--format", "speedscope", "--output", f"/proc/self/fd/{self._out.fileno()}"]
        return [*line, "--nonblocking"] if settings.nonblocking else line

    @property
    def pid(self) -> int:
        """The process that started it."""
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it ended by itself."""
        return self._process.poll() is not None

    def interrupt(self) -> None:
        """Let it write what it has."""
        if not self.ended:
            self._process.send_signal(signal.SIGINT)

    def result(self) -> tuple[dict[str, Any], str]:
        """The speedscope document and what was said; waits for it. Raises ProfileError where there is none."""
        try:
            self._process.wait(WRITES_S)
        except subprocess.TimeoutExpired:
            self.kill()
        said = _text(self._log)
        found = _text(self._out)
        self._close()
        if not found:
            raise ProfileError(_why(said) or "py-spy ended without a result.")
        return read_speedscope(found), said

    def kill(self) -> None:
        """Ends it at once, and lets go on what it may have stopped in the middle of a sample."""
        if not self.ended:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            for pid in _stopped(self._pid) - self._stopped:
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGCONT)

    def _close(self) -> None:
        self._out.close()
        self._log.close()


def _stopped(pid: int) -> frozenset[int]:
    found = set()
    for process in family(pid):
        with contextlib.suppress(OSError):
            if read_stat(f"/proc/{process}/stat").state == "T":
                found.add(process)
    return frozenset(found)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")


def _why(said: str) -> str:
    """The one line of py-spy's messages that says what went wrong."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    named = [line for line in lines if line.startswith("Error:")]
    reason = named[0][len("Error:") :].strip() if named else ""
    causes = [line for line in lines if line.startswith("Reason:")]
    return redact_text(" ".join([reason or (lines[-1] if lines else ""), *causes[:1]]).strip())[:LONGEST_ERROR]


@dataclass
class Session:
    """One container while it is profiled; ``again`` finds its process anew after it has ended."""

    source: Source
    settings: Settings
    again: Callable[[str], Source]
    unsampled: str = ""
    spy: Optional[PySpy] = None
    speedscope: Optional[dict[str, Any]] = None
    tool: str = "proc"
    reason: str = ""
    restarts: int = 0
    sampled_s: float = 0.0
    _meter: ProcessMeter = field(default_factory=ProcessMeter)
    _asked: float = 0.0
    _tries: int = 0
    _gone: bool = False
    _said: str = ""

    def begin(self, seconds: float, now: float) -> None:
        """Start what fits the process. Never raises: what cannot be done is the reason."""
        self._tries, self._asked = self._tries + 1, now
        if self.source.reason:
            self.tool, self.reason = "none", self.source.reason
            return
        try:
            self.reason = self._start(seconds)
        except PermissionError:
            self.reason = "whether it is Python cannot be seen: run as root (become: true)"
        except ProfileError as exc:
            self.reason = exc.message
        except OSError as exc:
            self.reason = f"its process cannot be looked at: {exc.strerror}"

    def _start(self, seconds: float) -> str:
        if not any(is_python(pid) for pid in family(self.source.pid)):
            return "it is no Python program: CPU, threads and waits are told, functions cannot be"
        if self.unsampled:
            return self.unsampled
        if os.geteuid() != 0:
            return "py-spy has to enter the container: run as root (become: true)"
        self.spy = PySpy(self.source.pid, self.settings, seconds)
        self.tool = "py-spy"
        return ""

    def look(self, now: float, left: float) -> None:
        """Count what the processes do, and see after those that have ended or have only just begun."""
        if self.tool == "none":
            return
        pids = family(self.source.pid)
        self._gone = not pids
        self._meter.look(pids, now)
        if self.spy and self.spy.ended:
            self._collect()
        if left < AGAIN_S or now - self._asked < AGAIN_S:
            return
        if self._gone:
            self._find(now, left)
        elif not self.spy and not self.sampled_s and not self.unsampled and self._tries < TRIES:
            self.begin(left, now)

    def _find(self, now: float, left: float) -> None:
        """The container may have been started again, as another process."""
        self._asked = now
        try:
            found = self.again(self.source.name)
        except NetfixError:
            return
        if found.pid and not found.reason and found.pid != self.source.pid:
            self.source, self._gone = found, False
            self.restarts += 1
            self._tries, self.sampled_s = 0, 0.0
            self.begin(left, now)

    def _collect(self) -> None:
        spy, self.spy = self.spy, None
        if spy is None:
            return
        began, ended = spy.began, time.monotonic()
        try:
            self.speedscope, self._said = spy.result()
            self.sampled_s = min(ended - began, self.settings.seconds)
            self.reason = ""
        except ProfileError as exc:
            self.reason = exc.message

    def interrupt(self) -> None:
        """Ask py-spy for what it has."""
        if self.spy:
            self.spy.interrupt()

    def end(self) -> None:
        """Take what py-spy has; it is gone afterwards."""
        self._collect()

    def kill(self) -> None:
        """Nothing of it keeps running."""
        if self.spy:
            self.spy.kill()

    def told(self, watched_s: float) -> Profile:
        """The profile of the container, without files."""
        profile = Profile(
            service=self.source.service,
            container=self.source.name,
            pid=self.source.pid,
            tool=self.tool,
            reason=self.reason,
            seconds=round(watched_s, 1),
            processes=self._meter.told(),
        )
        if self.speedscope is None:
            return replace(profile, **self._without_samples(profile))
        stacks = speedscope_stacks(self.speedscope)
        busy = without_waits(stacks)
        found = functions(busy, self.settings.rate_hz)
        return replace(
            profile,
            tool="py-spy",
            rate_hz=self.settings.rate_hz,
            seconds=round(self.sampled_s, 1),
            samples=sum(busy.values()),
            waiting=sum(stacks.values()) - sum(busy.values()),
            functions=top_functions(found, self.settings.top),
            **self._judged(found),
        )

    def _without_samples(self, profile: Profile) -> dict[str, Any]:
        reason = self.reason
        if self._gone or self.restarts:
            lost = (
                ", and what was sampled of it went with it"
                if self.tool == "py-spy"
                else f"; {reason}"
                if reason
                else ""
            )
            reason = f"the container {'was started again' if self.restarts else 'ended'} while it was profiled{lost}"
        if not profile.processes:
            return {"tool": "none", "outcome": "not_measured", "reason": reason or "it was not seen at all"}
        return {"tool": "proc", "outcome": "partly", "reason": reason}

    def _judged(self, found: Sequence[Any]) -> dict[str, str]:
        reasons = []
        if self.restarts:
            reasons.append(
                f"the container was started again meanwhile; this is the process that ran last, {self.sampled_s:.0f} s long"
            )
        elif self._gone or self.sampled_s < WHOLE * self.settings.seconds:
            reasons.append(f"only {self.sampled_s:.0f} of {self.settings.seconds:.0f} s could be profiled")
        if not found:
            reasons.append("no thread did anything in any sample: it was idle")
        errors = _errors(self._said)
        if errors > MANY_ERRORS:
            reasons.append(f"{errors:.0%} of the stacks could not be read")
        return {"outcome": "partly" if reasons else "ok", "reason": "; ".join(reasons)}


def _errors(said: str) -> float:
    """The share of samples that py-spy could not read, from its last message."""
    words = said.replace("Errors:", " Errors: ").split()
    try:
        samples, errors = (int(words[words.index(f"{name}:") + 1]) for name in ("Samples", "Errors"))
    except (ValueError, IndexError):
        return 0.0
    return errors / (samples + errors) if errors else 0.0


def record(
    sources: Sequence[Source], settings: Settings, again: Callable[[str], Source], unsampled: str = ""
) -> list[Session]:
    """Profiles all these containers at the same time. However it is left, no py-spy keeps running.

    ``unsampled`` says why py-spy cannot be used at all, and is empty where it can.
    """
    sessions = [Session(source, settings, again, unsampled) for source in sources]
    began = time.monotonic()
    end = began + settings.seconds
    try:
        for session in sessions:
            session.begin(settings.seconds, began)
        while True:
            now = time.monotonic()
            for session in sessions:
                session.look(now, end - now)
            if now >= end:
                break
            time.sleep(max(0.0, min(LOOK_S, end - time.monotonic())))
        for session in sessions:
            session.interrupt()
        for session in sessions:
            session.end()
    finally:
        for session in sessions:
            session.kill()
    return sessions


def keep(profile: Profile, speedscope: Optional[Mapping[str, Any]], folder: str) -> Profile:
    """The profile with its files, which are written below the folder, in one of the container's name."""
    if speedscope is None:
        return profile
    place = os.path.join(folder, profile.container)
    busy = busy_stacks(speedscope)
    title = f"{profile.service or profile.container}: where its time went"
    note = f"{profile.samples} samples in {profile.seconds:g} s, {profile.rate_hz} times a second, container {profile.container}"
    texts = {
        "speedscope": ("speedscope.json", json.dumps(speedscope)),
        "collapsed": (COLLAPSED, render_collapsed(busy)),
        "flamegraph": ("flamegraph.svg", render_flame_graph(busy, title, note)),
    }
    return replace(profile, files={key: _kept(place, name, text) for key, (name, text) in texts.items()})


def _kept(folder: str, name: str, text: str | bytes) -> str:
    try:
        for place in (os.path.dirname(folder), folder):
            results_folder(place)
    except OSError as exc:
        raise ProfileError(f"The folder {exc.filename} for profiles cannot be used: {exc.strerror}.") from exc
    path = os.path.join(folder, name)
    write_whole(path, text)
    return path


def busy_stacks(speedscope: Mapping[str, Any]) -> dict[Stack, int]:
    """The stacks of threads that did something."""
    return without_waits(speedscope_stacks(speedscope))


def stacks_before(folder: str, container: str) -> Optional[dict[Stack, int]]:
    """What keep() wrote of that container into an earlier folder, None where there is nothing. Raises ProfileError."""
    path = os.path.join(folder, container, COLLAPSED)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return parse_collapsed(file.read())
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise ProfileError(f"{path} cannot be read: {exc.strerror}.") from exc


def keep_difference(profile: Profile, before: Stacks, after: Stacks, folder: str) -> str:
    """The path of the differential flame graph."""
    title = f"{profile.service or profile.container}: before and after"
    return _kept(
        os.path.join(folder, profile.container), "difference.svg", render_flame_difference(before, after, title)
    )


def keep_pstats(profile: Profile, data: bytes, folder: str) -> Profile:
    """The profile with its file, as cProfile itself writes it."""
    return replace(profile, files={"pstats": _kept(os.path.join(folder, profile.container), "profile.pstats", data)})


def cprofile_command(command: Sequence[str], seconds: float) -> list[str]:
    """The command that runs ``python [options] program…`` under cProfile for so long at most. Raises ProfileError."""
    words = list(command)
    options = 1
    while options < len(words) and words[options].startswith("-") and words[options] != "-m":
        if words[options] == "-c":
            raise ProfileError("A command with -c has no file to name functions by: give a program or -m and a module.")
        options += 2 if words[options] in ("-W", "-X") else 1
    if options >= len(words) or (words[options] == "-m" and options + 1 >= len(words)):
        raise ProfileError(
            f"The command {words} names no Python program: give [python3, program.py, ...] or -m and a module."
        )
    own = [*words[:options], "-c", inspect.getsource(cprofiled)]
    return [*own, f"{seconds:g}", *words[options:]]


def run_here(command: Sequence[str], seconds: float) -> str:
    """What the command of cprofile_command() prints, run on this host. Nothing of it keeps running."""
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as exc:
        raise ProfileError(f"{command[0]!r} cannot be started: {exc.strerror}.") from exc
    try:
        out, _err = process.communicate(timeout=seconds + WRITES_S)
    except subprocess.TimeoutExpired as exc:
        raise ProfileError(f"The program did not end {WRITES_S:.0f} s after its time; it was stopped.") from exc
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return out.decode("utf-8", "replace")


def read_cprofile(text: str) -> tuple[bytes, str]:
    """The file of cProfile in what the command printed, and the program's error. Raises ProfileError without one."""
    marked = [line[len(cprofiled.MARK) :] for line in text.splitlines() if line.startswith(cprofiled.MARK)]
    errors = [line[len(cprofiled.ERROR) :] for line in text.splitlines() if line.startswith(cprofiled.ERROR)]
    try:
        return base64.b64decode(marked[-1], validate=True), redact_text(errors[-1] if errors else "")[:LONGEST_ERROR]
    except (IndexError, binascii.Error) as exc:
        raise ProfileError(
            f"The program gave no profile; it printed: {redact_text(text.strip())[-LONGEST_ERROR:] or 'nothing'}"
        ) from exc


def told_cprofile(entries: Mapping[Key, Entry], top: int) -> Profile:
    """The profile that a file of cProfile holds."""
    found = cprofile_functions(entries)
    if not found:
        return Profile(tool="cprofile", reason="no Python function was called in it")
    seconds = round(max(f.total_s for f in found), 1)
    return Profile(tool="cprofile", outcome="ok", seconds=seconds, functions=top_functions(found, top))
