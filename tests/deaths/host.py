# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A managed host whose runs die where the test wants it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from deaths.picture import picture, unlike
from deaths.turnstile import LONGEST_S, Turnstile
from faults.reference import GATEWAY, PROJECT, ROOT
from lab_options import module_options

MODULE = Path(__file__).with_name("module.py")
SETTLED = ("kept", "undone", "unchanged")


class Host:
    """The module on a lab, behind a turnstile. ``deaths`` counts by what the next run found: undone or mended."""

    def __init__(self, lab, folder):
        self.lab, self.folder, self.deaths = lab, folder, Counter()
        self.turnstile = Turnstile(folder / "docker.sock")
        self.state_dir = folder / "state"

    def start(self, stop_before=0, kind="", **options):
        """A run of the module, in a process."""
        self.turnstile.stop_before(stop_before, kind)
        arguments = {
            **module_options(self.lab.folder, PROJECT, GATEWAY),
            "docker_host": self.turnstile.docker_host, "state_dir": str(self.state_dir), **options,
        }  # fmt: skip
        path = self.folder / "arguments.json"
        path.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
        with open(self.folder / "said", "wb") as said:
            return subprocess.Popen(
                [sys.executable, MODULE, self.folder / "docker.sock", path], stdin=subprocess.DEVNULL, stdout=said,
                stderr=said, env={**os.environ, "PYTHONPATH": str(ROOT / ".ansible" / "collections")},
            )  # fmt: skip

    def result(self, process):
        """What a run returned that comes to its end."""
        process.wait()
        said = (self.folder / "said").read_text().strip()
        found = json.loads(said) if said.startswith("{") else {"msg": said}
        assert not process.returncode, found["msg"]
        return found

    def run(self, **options):
        return self.result(self.start(**options))

    def die(self, number, kind="", **options):
        """A run that dies with all that it started before the change of that number; False where it makes fewer."""
        process = self.start(number, kind, **options)
        if not self.turnstile.holds(process):
            return False
        kill(process, *descendants(process.pid))
        self.turnstile.release()
        return True

    def settle(self, was):
        """The next run, and what it must leave: the picture of before."""
        died = f"died before {self.turnstile.passed[-1:]}"
        self.run(state="settled")
        self.assert_is(was, died)
        self.deaths["undone"] += 1

    def settle_either(self, was, mended=None):
        """The same, or else the project mended, as in that picture where there is one. It is rolled back then."""
        died = f"died before {self.turnstile.passed[-1:]}"
        self.run(state="settled")
        found = self.attempts()[-1]["phase"]
        if found == "kept":
            self.assert_is(mended or self.picture(), died)
            self.lab.run("healthy")
            self.run(state="absent", run_id="run")
        self.assert_is(was, died)
        self.deaths["mended" if found == "kept" else "undone"] += 1

    def assert_is(self, was, why=""):
        """It looks as in that picture, and nothing waits for anybody."""
        found = unlike(was, self.picture())
        assert found == [], "\n".join([why, *found])
        assert {a["phase"] for a in self.attempts()} <= set(SETTLED)
        assert list(self.state_dir.rglob("*.new")) == []
        with open(self.state_dir / PROJECT / "lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def picture(self):
        return picture(PROJECT, self.lab.folder)

    def attempts(self):
        """The records of all attempts, oldest first."""
        paths = sorted((self.state_dir / PROJECT).glob("*.json"), key=os.path.getmtime)
        return [json.loads(p.read_text()) for p in paths]


def descendants(process):
    """The processes that it started, and theirs."""
    children = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            number, _paren, rest = stat.read_text().partition(" (")
            children.setdefault(int(rest.rpartition(") ")[2].split()[1]), []).append(int(number))
    found = list(children.get(process, ()))
    for one in found:
        found += children.get(one, ())
    return found


def lives(process):
    """Whether it runs; one that has ended may still have its number, until somebody asks how it ended."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return False
    return state not in ("Z", "X")


def await_end(processes, seconds=LONGEST_S):
    """Until none of them lives; AssertionError where that takes longer."""
    end = time.monotonic() + seconds
    while living := [p for p in processes if lives(p)]:
        assert time.monotonic() < end, f"processes {living} live on"
        time.sleep(0.05)


def kill(process, *others):
    """SIGKILL, the one that could react to another's death first."""
    process.kill()
    for number in others:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    process.wait()
