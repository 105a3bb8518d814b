# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of services without Docker share: small projects, and looking for what is left of them."""

from __future__ import annotations

import json
import os
import subprocess
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOWHERE = "tcp://127.0.0.1:9"
WAIT_S = 120


class Project:
    """A Compose project in a folder of its own, run by the module without asking the engine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"netfix-plain-{uuid.uuid4().hex[:8]}"
        self.state_dir = folder / "state"

    def write(self, text: str) -> None:
        (self.folder / "compose.yml").write_text(text)

    def module(self, check=False, fails=False, **options):
        """The module's result."""
        wanted = {"project_src": str(self.folder), "project_name": self.name, "docker_host": NOWHERE,
                  "state_dir": str(self.state_dir), "timeout": WAIT_S, **options}  # fmt: skip
        line = ["ansible", "localhost", "-m", "vertice.netfix.local_services", "-a", json.dumps(wanted)]
        environment = {**os.environ, "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1", "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.minimal",
                       "ANSIBLE_CALLBACK_RESULT_FORMAT": "json", "ANSIBLE_NOCOLOR": "1"}  # fmt: skip
        done = subprocess.run(
            [*line, *(["--check"] if check else [])], cwd=ROOT, env=environment, capture_output=True, text=True,
            timeout=WAIT_S + 60, check=False,
        )  # fmt: skip
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return json.loads(done.stdout[done.stdout.index("=> {") + 3 :])

    def service(self, result, name):
        return next(s for s in result["services"] if s["name"] == name)

    def left(self):
        """Processes, mounts and files of the project that are there."""
        mark = str(self.state_dir)
        found = [f"process {pid}" for pid in processes_with(mark)]
        found += [line for line in Path("/proc/mounts").read_text().splitlines() if mark in line]
        return found + ([mark] if self.state_dir.exists() else [])


def processes_with(mark):
    """Living processes that have ``mark`` in their command line: a project's supervisor and what it forked."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes()
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if mark.encode() in words and b"supervisor.zip" in words and state != "Z":
            found.append(int(pid))
    return found


def eventually(condition, what, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not happen: {what}"
        time.sleep(0.1)


def lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
