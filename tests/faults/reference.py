# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small reference project on the real engine: brought up, broken, diagnosed as the modules do it, taken down."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import yaml
from ansible_collections.vertice.netfix.plugins.module_utils._core.diagnosis.diagnose import diagnose
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import Severity, Snapshot, from_data
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import open_gatherer
from lab_options import module_options

ROOT = Path(__file__).parents[2]
FAULTS = ROOT / "lab" / "faults"
# several copies can live side by side
PROJECT = os.environ.get("LAB_PROJECT", "netfix-reference")
SETTINGS = {
    "LAB_GATEWAY_PORT": os.environ.get("LAB_GATEWAY_PORT", "18400"),
    "LAB_EDGE_PORT": os.environ.get("LAB_EDGE_PORT", "18480"),
    "LAB_SUBNET": os.environ.get("LAB_SUBNET", "10.214.92.0/24"),
}
GATEWAY = f"http://127.0.0.1:{SETTINGS['LAB_GATEWAY_PORT']}"
EDGE = f"http://127.0.0.1:{SETTINGS['LAB_EDGE_PORT']}"


def fault(name):
    """What a fault's fault.yml says."""
    return yaml.safe_load((FAULTS / name / "fault.yml").read_text(encoding="utf-8"))


def names(stack="reference"):
    """The faults of the reference project, on the machine's engine or on a nested one, or those of the larger stack."""
    return sorted(p.parent.name for p in FAULTS.glob("*/fault.yml") if fault(p.parent.name).get("stack", "stack") == stack)


def assert_blamed(findings, expected):
    """The cause that a fault.yml expects is named, and nothing else is."""
    assert [f.code for f in findings if f.code == expected["finding"]], [f"{f.code}: {f.summary}" for f in findings]
    assert {f.code for f in findings} >= set(expected.get("warnings", ()))
    errors = [f.code for f in findings if f.severity is Severity.ERROR]
    severe = next(f for f in findings if f.code == expected["finding"]).severity is Severity.ERROR
    assert errors == ([expected["finding"], *expected.get("also", ())] if severe else [])


class Lab:
    """One copy of the reference project in a folder; a fault of the larger stack puts that in its place."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, action, *words):
        """One action of scripts/lab; AssertionError with what it said where it fails."""
        done = subprocess.run(
            [ROOT / "scripts" / "lab", action, self.folder, PROJECT, *words],
            env={**os.environ, **SETTINGS, **({"LAB_STACK": "reference"} if action == "up" else {})},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise AssertionError(f"lab {action} {' '.join(words)}: {done.stdout}{done.stderr}")
        return done.stdout

    def gatherer(self, **more):
        """The modules' own, with what the lab's netfix.yml says; ``more`` are options of it."""
        return open_gatherer({**module_options(self.folder, PROJECT, GATEWAY, EDGE), **more})

    def snapshot(self, **more):
        """What the module gathers."""
        return self.gatherer(**more).snapshot()

    def diagnosis(self, **more):
        """The findings for it."""
        return diagnose(self.snapshot(**more))

    def nested(self, *command):
        """What a command on the nested host prints."""
        done = subprocess.run(
            ["docker", "exec", "-e", "LAB_GATEWAY_PORT", f"{PROJECT}-host", *command],
            env={**os.environ, **SETTINGS}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def nested_snapshot(self):
        """What is gathered on the nested host."""
        return from_data(Snapshot, json.loads(self.nested("/netfix/lab/nested/snapshot", "/srv/lab", PROJECT)))

    def nested_attempts(self, run_id, *words):
        """What becomes of the attempts there; the words are those of lab/nested/attempt."""
        return json.loads(self.nested("/netfix/lab/nested/attempt", "/srv/lab", PROJECT, run_id, *words))


def command(lab, playbook, **variables):
    """The line that runs a playbook of ours on the lab; ``variables`` win over what its netfix.yml says."""
    options = {"netfix_project_src": str(lab.folder), "netfix_validate_load": False, **variables}
    program = Path(sys.executable).with_name("ansible-playbook")
    return [
        program, ROOT / "playbooks" / f"{playbook}.yml", "-e", f"@{lab.folder}/netfix.yml", "-e", json.dumps(options)
    ]  # fmt: skip


def play(lab, playbook, folder, **variables):
    """Exit code, what was printed, and the journal's host."""
    done = subprocess.run(
        command(lab, playbook, **variables), cwd=folder, env=environment(), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    journals = sorted(folder.glob("netfix-report/*/journal.json"), key=os.path.getmtime)
    return done.returncode, done.stdout + done.stderr, json.loads(journals[-1].read_text())["hosts"][0]


def environment():
    """That of a playbook, run from anywhere."""
    return {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg")}
