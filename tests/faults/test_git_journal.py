# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run on a project in a Git repository: what it says while it lasts, what it commits, and what it writes down."""

from __future__ import annotations

import json
import subprocess

import pytest
from faults.reference import GATEWAY, PROJECT, play
from unit.journal_schema import undescribed

pytestmark = pytest.mark.docker
USERS = f"{PROJECT}-users-1"
NETWORK = f"{PROJECT}_default"
RUN = {"netfix_run_id": "run", "lab_gateway": GATEWAY, "netfix_git_journal": True}


@pytest.fixture
def repository(lab):
    """A container has lost its name, and the operator was just about to commit something else."""
    lab.run("up")
    subprocess.run(["docker", "network", "disconnect", NETWORK, USERS], check=True)
    subprocess.run(["docker", "network", "connect", NETWORK, USERS], check=True)
    git(lab, "init", "--quiet")
    git(lab, "config", "user.name", "Ada")
    git(lab, "config", "user.email", "ada@example.org")
    git(lab, "add", "compose.yml")
    git(lab, "commit", "--quiet", "--message", "begin")
    git(lab, "add", "netfix.yml")
    return lab


def git(lab, *words):
    return subprocess.run(["git", "-C", lab.folder, *words], check=True, capture_output=True, text=True).stdout


def test_each_attempt_is_a_commit_of_what_it_changed_and_is_told_while_it_lasts(repository, tmp_path):
    untracked = git(repository, "status", "--porcelain")
    asked = {
        **RUN, "netfix_state_dir": str(tmp_path / "state"), "netfix_gate_timeout": 4,
        "netfix_remediations": ["refresh_upstreams", "static_hosts"],
    }  # fmt: skip
    code, said, host = play(repository, "fix_network", tmp_path, **asked)
    assert code == 0 and host["status"] == "mended", said
    assert "→ attempt 1, refresh_upstreams: gate: 2 of 3 pass, up to" in " ".join(said.split())

    subjects = git(repository, "log", "--format=%s").splitlines()
    assert [" ".join(s.split()[:3]) for s in subjects] == ["netfix: static_hosts kept:", "netfix: refresh_upstreams undone:", "begin"]
    files = git(repository, "log", "-2", "--name-status", "--format=tformat:commit").split()
    assert files == ["commit", "A", "compose.netfix.yml", "commit"]
    message = git(repository, "log", "-1", "--format=%b")
    assert [line.partition(":")[0] for line in message.splitlines() if line[:4] in ("Prob", "Solu", "Resu", "Next")] == [
        "Problem", "Solution", "Result", "Next",
    ]  # fmt: skip
    assert git(repository, "status", "--porcelain") == untracked
    undone, kept = host["attempts"]
    assert kept["commit"]["id"] == git(repository, "rev-parse", "HEAD").strip() and kept["commit"]["files"] == ["compose.netfix.yml"]
    assert f"git: committed {kept['commit']['id'][:10]}, compose.netfix.yml" in said

    assert undescribed(json.loads((tmp_path / "netfix-report" / "run" / "journal.json").read_text())) == []
    assert host["inputs"]["netfix_gate_timeout"] == 4 and host["python"] and host["engine"]["version"]
    looks = [(look["when"], look["passing"], look["failing"]) for look in undone["looks"]]
    assert looks[0] == ("before", 2, ["gateway → users:8000"]) and {when for when, *_rest in looks} == {"before", "during", "after"}
    assert kept["looks"][-1]["failing"] == [] and all(s["started_at"] for s in kept["steps"])

    code, said, host = play(repository, "roll_back", tmp_path, netfix_rollback_id="back", **asked)
    assert code == 0 and host["status"] == "undone", said
    assert git(repository, "log", "-1", "--name-status", "--format=%s").split("\n\n") == [
        "netfix: run run rolled back: static_hosts", "D\tcompose.netfix.yml\n",
    ]  # fmt: skip
    assert git(repository, "status", "--porcelain") == untracked and host["attempts"][0]["undo"]["steps"]
    assert undescribed(json.loads((tmp_path / "netfix-report" / "back" / "journal.json").read_text())) == []


def test_what_a_later_run_undoes_of_an_earlier_one_is_committed_by_it(repository, tmp_path):
    asked = {**RUN, "netfix_state_dir": str(tmp_path / "state")}
    code, said, _host = play(repository, "fix_network", tmp_path, **asked, netfix_remediations=["static_hosts"])
    assert code == 0, said
    # as if it had died before it could say that it keeps its change
    (path,) = (tmp_path / "state" / PROJECT).glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "phase": "gating", "verdict": ""}))

    later = {**asked, "netfix_run_id": "later", "netfix_remediations": ["reconnect_endpoints"]}
    code, said, host = play(repository, "fix_network", tmp_path, **later)
    assert code == 0 and host["status"] == "mended", said
    assert "run-01-static_hosts, undone meanwhile: committed" in " ".join(said.split())
    told = git(repository, "log", "-3", "--format=%s", "--name-status").splitlines()
    assert [" ".join(line.split()[:3]) for line in told if line] == [
        "netfix: reconnect_endpoints kept:", "netfix: static_hosts undone:", "D compose.netfix.yml",
        "netfix: static_hosts kept:", "A compose.netfix.yml",
    ]  # fmt: skip
