# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The playbooks: the lab without any engine to ask, and the last rung of a repair."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from faults.reference import GATEWAY, PROJECT, Lab, environment, play
from local.project import NOWHERE, ROOT, Project, lives
from unit.journal_schema import undescribed

pytestmark = pytest.mark.docker
STACK = ROOT / "lab" / "stack"
RECAP = re.compile(r"changed=(\d+)")


@pytest.fixture
def stack(tmp_path):
    """The lab of eight services as files; nothing of it was ever started."""
    folder = tmp_path / "stack"
    shutil.copytree(STACK, folder)
    (folder / ".env").write_text("LAB_GATEWAY_PORT=18000\nLAB_EDGE_PORT=18080\n")
    made = Project(folder)
    yield made
    if made.state_dir.exists():
        made.module(state="absent")


def run_local(project, folder, *words, **more):
    """Exit code, what was printed, and the journal's host."""
    options = {"netfix_project_src": str(project.folder), "netfix_project_name": project.name, "netfix_docker_host": NOWHERE,
               "netfix_state_dir": str(project.state_dir), "netfix_load_seconds": 3, **more}  # fmt: skip
    done = subprocess.run(
        [Path(sys.executable).with_name("ansible-playbook"), ROOT / "playbooks" / "run_local.yml",
         "-e", f"@{project.folder}/netfix.yml", "-e", json.dumps(options), *words],
        cwd=folder, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    journals = sorted(folder.glob("netfix-report/*/journal.json"), key=os.path.getmtime)
    journal = json.loads(journals[-1].read_text())
    assert undescribed(journal) == []
    return done.returncode, done.stdout + done.stderr, journal["hosts"][0], journals[-1].parent


def test_the_lab_runs_without_an_engine_and_leaves_nothing(stack, tmp_path):
    code, said, host, report = run_local(stack, tmp_path)
    assert code == 0 and host["status"] == "diagnosed", said
    local = host["local"]
    assert local["state"] == "running" and local["comparable"] is False
    assert [s["status"] for s in local["services"]] == ["healthy"] * 8 and local["refused"] == []
    assert [c["outcome"] for c in local["validation"]["checks"]] == ["ok"] * 15
    load = local["validation"]["load"]
    assert load["outcome"] == "ok" and load["requests"] > 0 and load["failures"] == 0
    for name in ("report.md", "report.html"):
        assert "does not validate the production set-up" in (report / name).read_text(), name
    assert "not comparable with Docker" in " ".join(said.split())

    code, said, again, _report = run_local(stack, tmp_path, netfix_validate_load=False)
    assert code == 0 and set(RECAP.findall(said)) == {"0"}, said
    assert [s["pid"] for s in again["local"]["services"]] == [s["pid"] for s in local["services"]]

    code, said, _before, _report = run_local(stack, tmp_path, "--check", netfix_local_state="absent")
    assert code == 0 and "netfix: planned" in said and "would be ended" in said, said
    assert all(lives(s["pid"]) for s in local["services"])

    code, said, ended, _report = run_local(stack, tmp_path, netfix_local_state="absent")
    assert code == 0 and ended["status"] == "undone" and ended["local"]["state"] == "absent", said
    assert stack.left() == [] and not any(lives(s["pid"]) for s in local["services"])


def test_a_repair_that_finds_no_engine_goes_on_without_docker_and_names_what_it_lacks(tmp_path):
    made = Project(tmp_path / "reference")
    shutil.copytree(ROOT / "lab" / "reference", made.folder)
    part, lacking = "  orders:\n    <<: *part\n", "    image: netfix-no-such-image:1\n"
    made.write((made.folder / "compose.yml").read_text().replace(part, part + lacking))
    try:
        code, said, host = play(
            made, "fix_network", tmp_path, lab_gateway=GATEWAY, netfix_project_name=made.name, netfix_docker_host=NOWHERE,
            netfix_escape_hatch=True, netfix_state_dir=str(made.state_dir),
        )  # fmt: skip
        assert code == 2 and host["status"] == "failed" and "does not answer" in host["error"], said
        local = host["local"]
        assert {s["name"]: s["status"] for s in local["services"]} == {"gateway": "running", "users": "running"}, said
        assert [r["service"] for r in local["refused"]] == ["orders"]
        assert {c["check"]["name"]: c["outcome"] for c in local["validation"]["checks"]} == {
            "users through the gateway": "ok", "orders through the gateway": "failed"
        }  # fmt: skip
        words = " ".join(said.split())
        assert "orders cannot run so: its image netfix-no-such-image:1" in words
        assert "checks fail without Docker as well: orders through the gateway (orders cannot run so)" in words
    finally:
        if made.state_dir.exists():
            made.module(state="absent")
    assert made.left() == []


def test_a_repair_without_time_tries_nothing_and_goes_on_without_docker(tmp_path):
    lab = Lab(tmp_path / "reference")
    state = tmp_path / "state"
    users, network = f"{PROJECT}-users-1", f"{PROJECT}_default"
    try:
        lab.run("up")
        subprocess.run(["docker", "network", "disconnect", network, users], check=True)
        subprocess.run(["docker", "network", "connect", network, users], check=True)
        code, said, host = play(
            lab, "fix_network", tmp_path, lab_gateway=GATEWAY, netfix_time_budget=5, netfix_escape_hatch=True,
            netfix_state_dir=str(state),
        )  # fmt: skip
        assert code == 2 and host["status"] == "not_mended" and host["attempts"] == [], said
        assert host["budget"]["seconds"] == 5 and "none was begun" in host["budget"]["reason"]
        local = host["local"]
        assert local["state"] == "running", said
        # the project is as it was, its gateway's port too: the services without Docker are found elsewhere
        gateway = next(p for s in local["services"] for p in s["ports"] if f":{p['wanted']}" in GATEWAY)
        assert gateway["port"] != gateway["wanted"]
        assert {c["outcome"] for c in local["validation"]["checks"]} == {"ok"}
    finally:
        ended = Project(lab.folder)
        ended.name, ended.state_dir = PROJECT, state
        if state.exists() and lab.folder.exists():
            ended.module(state="absent")
        lab.run("down")
