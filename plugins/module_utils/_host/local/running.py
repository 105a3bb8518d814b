# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisor of a project as the module sees it: starting it, telling it of a new plan, and ending it.

A process is known by its number, the time at which it started and the boot, and is signalled through a descriptor of it:
a number that was given to another process meanwhile is never met.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from ..._core.errors import LocalError
from ..._core.local.model import Plan
from ..._core.model import to_data
from ..detached import START_S, program, start
from ..files import private_folder, read_text, write_whole
from . import supervisor
from .supervisor import ENDED, GOOD, LOGS, PLAN, SERVICES, STATUS, WHO, digest

PROGRAM, LOG = "supervisor.zip", "supervisor.log"
POLL_S = 0.1
END_S = 15.0


@dataclass
class Running:
    """The services of one project that run without Docker, in ``folder``."""

    folder: str
    _asked: str = ""

    def status(self) -> dict[str, Any]:
        """What the supervisor last wrote; empty where none runs."""
        with self._process() as process:
            if process is None:
                return {}
            return _json(os.path.join(self.folder, STATUS))

    def exists(self) -> bool:
        """Whether anything is there to be taken away."""
        return os.path.isdir(self.folder)

    def prepare(self) -> None:
        """The folder, for its owner alone."""
        private_folder(self.folder)
        for name in (LOGS, SERVICES):
            os.makedirs(os.path.join(self.folder, name), exist_ok=True)

    def apply(self, plan: Plan, unit: str) -> None:
        """Have the plan carried out, by the supervisor that is there or by a new one."""
        # the status repeats it: until then it tells of the time before
        self._asked = os.urandom(8).hex()
        write_whole(os.path.join(self.folder, PLAN), json.dumps({**to_data(plan), "asked": self._asked}))
        with self._process() as process:
            if process is not None:
                signal.pidfd_send_signal(process, signal.SIGHUP)
                return
        # what a supervisor left that was killed
        shutil.rmtree(os.path.join(self.folder, SERVICES), ignore_errors=True)
        os.makedirs(os.path.join(self.folder, SERVICES))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.folder, STATUS))
        write_whole(os.path.join(self.folder, PROGRAM), program(supervisor.__name__))
        line = [sys.executable, os.path.join(self.folder, PROGRAM)]
        start(unit, "services without Docker, by vertice.netfix", line, os.path.join(self.folder, LOG))

    def wait(self, plan: Plan, seconds: float) -> dict[str, Any]:
        """The status, once every service of the plan is as it should be, or has ended, or the time is up."""
        end, began = time.monotonic() + seconds, time.monotonic()
        wanted = digest(plan)
        while True:
            now = _json(os.path.join(self.folder, STATUS))
            heard = self._asked in ("", now.get("asked"))
            if heard and now.get("digest") == wanted and now["services"] and _settled(now["services"], plan):
                return now
            if time.monotonic() >= end:
                return now
            with self._process() as process:
                if process is None and time.monotonic() - began > START_S:
                    said = (read_text(os.path.join(self.folder, LOG)) or "").strip().splitlines()
                    raise LocalError(
                        f"The supervisor of the services does not run{f': {said[-1]}' if said else ''}. "
                        f"{os.path.join(self.folder, LOG)} says more."
                    )
            time.sleep(POLL_S)

    def end(self) -> bool:
        """End the supervisor with all services, and remove everything that is ours; whether there was anything."""
        if not self.exists():
            return False
        plan = _json(os.path.join(self.folder, PLAN))
        grace = sum(float(s.get("stop_grace_s") or 0) for s in plan.get("services") or ())
        with self._process() as process:
            if process is not None:
                signal.pidfd_send_signal(process, signal.SIGTERM)
                if not select.select([process], [], [], grace + END_S)[0]:
                    # with it the kernel kills every process of every service
                    signal.pidfd_send_signal(process, signal.SIGKILL)
                    select.select([process], [], [], END_S)
        _remove(self.folder)
        with contextlib.suppress(OSError):
            os.rmdir(os.path.dirname(self.folder))
        return True

    @contextlib.contextmanager
    def _process(self) -> Iterator[Optional[int]]:
        """A descriptor of the supervisor that runs, None where none does."""
        who = _json(os.path.join(self.folder, WHO))
        descriptor = None
        try:
            descriptor = os.pidfd_open(int(who.get("pid") or 0))
            # looked at after it was opened: the number cannot change hands any more
            known = who == supervisor.identity(int(who["pid"])) and not select.select([descriptor], [], [], 0)[0]
        except (OSError, ValueError, OverflowError):
            known = False
        try:
            yield descriptor if known else None
        finally:
            if descriptor is not None:
                os.close(descriptor)


def _settled(services: Sequence[Mapping[str, Any]], plan: Plan) -> bool:
    """Whether nothing more is to come: none starts, and who waits does so for one that ended."""
    lost = {s["name"] for s in services if s["status"] in ("exited", "failed")}
    needs = {s.name: {n.service for n in s.needs} for s in plan.services}
    waiting = {s["name"] for s in services if s["status"] == "waiting"}
    while more := {name for name in waiting - lost if needs[name] & lost}:
        lost |= more
    return all(s["status"] in (*GOOD, *ENDED, "unhealthy") or s["name"] in lost for s in services)


def _json(path: str) -> dict[str, Any]:
    try:
        return dict(json.loads(read_text(path) or "{}"))
    except ValueError:
        return {}


def _remove(folder: str) -> None:
    """The folder is gone afterwards. What the kernel still takes apart is waited for."""
    for _unused in range(50):
        shutil.rmtree(folder, ignore_errors=True)
        if not os.path.exists(folder):
            return
        time.sleep(POLL_S)
    shutil.rmtree(folder)
