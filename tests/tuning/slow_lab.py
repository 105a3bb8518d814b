# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of the lab's stack that is slow: an index is missing, and a cache is off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

from lab_options import module_options

ROOT = Path(__file__).parents[2]
PROJECT = f"{os.environ.get('LAB_PROJECT', 'netfix-tuning')}"
SETTINGS = {
    "LAB_GATEWAY_PORT": os.environ.get("LAB_GATEWAY_PORT", "18600"),
    "LAB_EDGE_PORT": os.environ.get("LAB_EDGE_PORT", "18680"),
    "LAB_SUBNET": os.environ.get("LAB_SUBNET", "10.214.98.0/24"),
}
GATEWAY = f"http://127.0.0.1:{SETTINGS['LAB_GATEWAY_PORT']}"
EDGE = f"http://127.0.0.1:{SETTINGS['LAB_EDGE_PORT']}"
PLUGINS = ROOT / ".ansible" / "collections" / "ansible_collections" / "vertice" / "netfix" / "plugins" / "modules"
# nothing here may depend on how fast the machine is
LONGEST_S = 60


class Lab:
    """The project in a folder, and its modules' checkpoints beside it."""

    def __init__(self, folder):
        self.folder = folder / "stack"
        self.state_dir = folder / "state"

    def run(self, action, *words):
        """One action of scripts/lab; AssertionError with what it said where it fails."""
        done = subprocess.run(
            [ROOT / "scripts" / "lab", action, self.folder, PROJECT, *words],
            env={**os.environ, **SETTINGS, "LAB_STACK": "stack"}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"lab {action} {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, module, **options):
        """A module in a process of its own."""
        arguments = {
            **module_options(self.folder, PROJECT, GATEWAY, EDGE), "state_dir": str(self.state_dir), **options
        }  # fmt: skip
        path = self.folder.parent / "arguments.json"
        path.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}))
        return subprocess.Popen(
            [sys.executable, PLUGINS / f"{module}.py", path], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env={**os.environ, "PYTHONPATH": str(ROOT / ".ansible" / "collections")},
        )  # fmt: skip

    def optimize(self, **options):
        """What the module optimization returns."""
        said = self.start("optimization", **options).communicate()[0].strip()
        found = json.loads(said) if said.startswith("{") else {"failed": True, "msg": said}
        assert not found.get("failed"), found["msg"]
        return found

    def sql(self, statement):
        """What the database answers."""
        return docker("exec", f"{PROJECT}-postgres-1", "psql", "-XqAt", "-U", "netfix", "-d", "kb", "-c", statement)

    def indexes(self):
        """The names of the indexes on items, those that nothing can use with a mark."""
        query = """SELECT c.relname || CASE WHEN i.indisvalid THEN '' ELSE ' (invalid)' END FROM pg_index i
                   JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = 'items'::regclass ORDER BY 1"""
        return self.sql(query).split("\n")

    def rows(self):
        """A digest of all rows."""
        return self.sql("SELECT md5(string_agg(i::text, ',' ORDER BY id)) FROM items i")

    def containers(self):
        """Every container with its id and what it was made from; Compose writes variables in any order."""
        names = docker("ps", "-a", "--filter", f"label=com.docker.compose.project={PROJECT}", "--format", "{{.Names}}")
        found = [(c["Name"], c["Id"], c["Config"]) for c in json.loads(docker("inspect", *names.split()))]
        return sorted(f"{name} {id_} {sorted(made['Env'])} {made['Cmd']}" for name, id_, made in found)


def docker(*words):
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def await_that(condition, what):
    """Until it holds; AssertionError where that takes longer than anything should."""
    end = time.monotonic() + LONGEST_S
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {LONGEST_S} s"
        time.sleep(0.1)
