# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A timer on the managed host that takes a change back by itself, unless its run renews or disarms it in time.

It is a process of its own: a transient unit where systemd runs, detached otherwise. The modules of Ansible are gone
when their task ends, so it brings its code along: all of ours that is loaded, as one file that Python runs. Its folder
``timer-*`` beside the checkpoints is what arms it; once that is gone, it ends.
"""

from __future__ import annotations

import glob
import json
import math
import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from typing import Any, Callable, Optional

from .._core.errors import NetfixError, TransactionError
from .._core.remediation.persist import OVERRIDE_FILE
from .attempts import Attempts
from .compose import Compose, Project
from .detached import START_S, program, start
from .engine import Engine
from .executor import Executor
from .files import private_folder, read_text, remove, write_whole
from .undoing import Undoing

WHO = "undone by the timer on this host"
PROGRAM, ARMED, READY, LOG = "undo.zip", "armed.json", "ready", "log"
POLL_S = 0.5
TRIES, RETRY_S = 10, 30.0


@dataclass
class Timer:
    """The timer of one project; ``folder`` is that of the project's attempts. Whoever sets it holds the lock."""

    folder: str

    def arm(self, seconds: float) -> str:
        """Start a timer in place of any other, and see that it runs; what to call it.

        Raises TransactionError where it does not run.
        """
        old = self._armed()
        private_folder(self.folder)
        new = tempfile.mkdtemp(prefix="timer-", dir=self.folder)
        try:
            write_whole(os.path.join(new, PROGRAM), program(__name__))
            # Compose fills variables of the environment into the configuration
            _write(new, {"deadline": _now() + seconds, "environment": dict(os.environ)})
            name = _start(new)
        except (OSError, NetfixError) as exc:
            _disarm(new)
            raise TransactionError(
                f"The timer that would undo the change cannot be armed, so nothing was changed: {exc}"
            ) from exc
        for folder in old:
            _disarm(folder)
        return name

    def renew(self, seconds: float) -> None:
        """Let the armed timer wait for so long from now on."""
        for folder in self._armed():
            _write(folder, {**(_read(folder) or {}), "deadline": _now() + seconds})

    def disarm(self) -> None:
        """Whatever is armed ends, and does nothing any more."""
        for folder in self._armed():
            _disarm(folder)

    def _armed(self) -> list[str]:
        return glob.glob(os.path.join(glob.escape(self.folder), "timer-*"))


def _start(folder: str) -> str:
    """Run the program of a timer, and wait until it says that it runs; what to call it."""
    line = [sys.executable, os.path.join(folder, PROGRAM)]
    # the name of a folder of ours, and of Compose's project: both are fit for a unit
    unit = f"netfix-{os.path.basename(os.path.dirname(folder))}-{os.path.basename(folder)}"
    name = start(unit, "undoes an unconfirmed change of vertice.netfix", line, os.path.join(folder, LOG))
    end = time.monotonic() + START_S
    while not os.path.exists(os.path.join(folder, READY)):
        if time.monotonic() > end:
            last = (read_text(os.path.join(folder, LOG)) or "").strip().rpartition("\n")[2]
            raise TransactionError(f"{name} does not run{f' ({last})' if last else ''}.")
        time.sleep(0.05)
    return name


def main(path: str) -> Optional[str]:
    """The life of a timer whose program lies at ``path``; why it failed, None where it did not."""
    folder = os.path.dirname(os.path.abspath(path))
    os.environ.clear()
    os.environ.update((_read(folder) or {}).get("environment") or {})
    write_whole(os.path.join(folder, READY), "")
    state_dir, project = os.path.split(os.path.dirname(folder))
    return watch(folder, Attempts(state_dir, project), executor_of)


def watch(folder: str, attempts: Attempts, executor_for: Callable[[dict[str, Any]], Executor]) -> Optional[str]:
    """Wait until the time is up, then undo what nobody confirmed; why that failed, None where it did not.

    An engine that is just being restarted is no reason to give up at once.
    """
    failures = 0
    while True:
        left = _left(folder)
        if left is None:
            return None
        if left > 0:
            time.sleep(min(left, POLL_S))
            continue
        try:
            fire(folder, attempts, executor_for)
        except NetfixError as exc:
            failures += 1
            if failures == TRIES:
                return str(exc)
            time.sleep(RETRY_S)


def fire(folder: str, attempts: Attempts, executor_for: Callable[[dict[str, Any]], Executor]) -> None:
    """Undo what is unfinished or unconfirmed. The lock decides: nothing, where a run renewed or disarmed it first."""
    with attempts.lock(wait_s=math.inf):
        left = _left(folder)
        if left is None or left > 0:
            return
        pending = attempts.unfinished()
        if pending:
            Undoing(executor_for(pending[-1]["where"]), attempts).settle(pending, WHO)
        Timer(attempts.folder).disarm()


def executor_of(where: dict[str, Any]) -> Executor:
    """Acts on the project that an attempt's ``where`` names, without asking what it looks like now."""
    source = where["project_src"]
    project = Project(
        where["project_name"], source, tuple(where["files"]), os.path.join(source, OVERRIDE_FILE),
        tuple(where["profiles"]), tuple(where["env_files"]),
    )  # fmt: skip
    return Executor(Engine(where["docker_host"]), Compose(project, where["docker_host"]))


def _now() -> float:
    """Seconds since the host booted: no change of the clock moves it, and it goes on while the host sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _left(folder: str) -> Optional[float]:
    """Seconds until the time is up, None where the timer is disarmed."""
    armed = _read(folder)
    return None if armed is None else armed["deadline"] - _now()


def _read(folder: str) -> Optional[dict[str, Any]]:
    text = read_text(os.path.join(folder, ARMED))
    return None if text is None else dict(json.loads(text))


def _write(folder: str, armed: dict[str, Any]) -> None:
    write_whole(os.path.join(folder, ARMED), json.dumps(armed))


def _disarm(folder: str) -> None:
    remove(os.path.join(folder, ARMED))
    shutil.rmtree(folder, ignore_errors=True)
