# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole plan in one command, on a broken and slow project.

Verdicts of measurements are asserted only where the effect is so large that no noise hides it: without its index, every look-up
reads the whole table. For everything else there are invariants: what was not improved is undone, and a roll back restores all.
"""

from __future__ import annotations

import json
import os
import subprocess

import pytest
import yaml
from tuning.slow_lab import GATEWAY, PROJECT, ROOT, SETTINGS, docker

pytestmark = pytest.mark.docker

FAULT = "reconnected_without_alias"
# no query looks for titles
USELESS = {"name": "indexes", "service": "postgres", "table": "items", "columns": ["title"]}
SCRIPT = {
    "name": "indexes", "service": "hcl-kb-service", "command": ["python3", "scripts/optimize_database.py"],
    "undo_command": ["python3", "scripts/optimize_database.py", "--drop"], "endpoint": "GET /api/v1/kb/items",
}  # fmt: skip


@pytest.fixture(scope="module")
def cycle(lab):
    lab.run("up", FAULT)
    found = Cycle(lab)
    found.play("full_cycle", "first")
    return found


class Cycle:
    """Runs of playbooks on the lab, by their names."""

    def __init__(self, lab):
        self.lab = lab
        self.before = {"indexes": lab.indexes(), "rows": lab.rows(), "settings": self.settings()}
        self.said = {}
        folder = lab.folder.parent
        self.variables = folder / "tuning.yml"
        self.reports = folder / "report"
        self.variables.write_text(
            yaml.safe_dump(
                {
                    "netfix_project_src": str(lab.folder), "netfix_project_name": PROJECT,
                    "netfix_state_dir": str(lab.state_dir), "netfix_report_dir": str(self.reports),
                    "netfix_load_host": GATEWAY, "netfix_locustfile": str(lab.folder / "tests/load_testing/locustfile.py"),
                    "netfix_load_users": 4, "netfix_load_spawn_rate": 8.0, "netfix_load_seconds": 2, "tune_warm_up": 1,
                    "netfix_baseline_runs": 4, "netfix_baseline_primary": "p50", "netfix_profile_seconds": 2,
                    "netfix_baseline_dir": str(folder / "baselines"), "tune_results": str(folder / "load"),
                    # a busy machine wakes a load generator up late, and that is no matter here
                    "netfix_load_late_limit": 5000.0,
                    "netfix_answers_ignore": ["cached"], "netfix_optimizations": [SCRIPT, USELESS], "tune_bottlenecks": 1,
                    "netfix_report_language": ["en", "pt_BR"],
                }
            )
        )  # fmt: skip

    def play(self, playbook, run_id="", *words):
        command = ["ansible-playbook", f"playbooks/{playbook}.yml", "-e", f"@{self.lab.folder}/netfix.yml"]
        command += ["-e", f"@{self.variables}", *(["-e", f"netfix_run_id={run_id}"] if run_id else []), *words]
        done = subprocess.run(
            command, cwd=ROOT, env={**os.environ, **SETTINGS, "ANSIBLE_LOCALHOST_WARNING": "false"}, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        self.said[run_id] = done.stdout

    def host(self, run_id):
        return json.loads((self.reports / run_id / "journal.json").read_text())["hosts"][0]

    def settings(self):
        """What containers were made from; a recreated one has another id."""
        return [" ".join([line.split()[0], *line.split()[2:]]) for line in self.lab.containers()]


def index_of(host, wish):
    (found,) = [e for e in host["tuning"]["experiments"] if (e["optimization"], e["target"]) == ("indexes", wish["service"])]
    return found


def test_the_network_is_mended_before_anything_is_measured(cycle):
    host = cycle.host("first")
    assert host["status"] == "mended", host["error"]
    assert [a["verdict"] for a in host["attempts"]] == ["kept"]
    assert all(r["whole"]["requests"] and not r["whole"]["failures"] for r in host["tuning"]["baseline"]["runs"])


def test_the_missing_index_is_found_and_its_script_kept(cycle):
    host = cycle.host("first")
    assert "performance.missing_index" in [i["code"] for i in host["tuning"]["bottlenecks"]["items"]]
    index = index_of(host, SCRIPT)
    assert (index["verdict"], index["decision"]) == ("improved", "kept"), index["reason"]
    assert index["answers"]["compared"] and index["answers"]["equal"]
    assert index["parameters"]["command"] == SCRIPT["command"] and "items_tag_score" in cycle.lab.indexes()


def test_what_did_not_provably_help_is_undone(cycle):
    host = cycle.host("first")
    for one in host["tuning"]["experiments"]:
        assert one["decision"] == ("kept" if one["verdict"] == "improved" else "undone"), one["reason"]
        assert one["decision"] == "kept" or one["undo_verified"]
        assert len(one["before"]["runs"]) == len(one["after"]["runs"]) == 4
    assert ("netfix_items_title" in cycle.lab.indexes()) == (index_of(host, USELESS)["decision"] == "kept")


def test_no_row_is_touched_and_compose_has_nothing_to_do(cycle):
    assert cycle.lab.rows() == cycle.before["rows"]
    before = cycle.lab.containers()
    files = [cycle.lab.folder / name for name in ("compose.yml", "compose.netfix.yml")]
    words = [word for f in files if f.exists() for word in ("--file", str(f))]
    docker("compose", "--project-directory", str(cycle.lab.folder), "-p", PROJECT, *words, "up", "-d")
    assert cycle.lab.containers() == before


def test_the_report_is_there_in_both_languages(cycle):
    names = {p.name for p in (cycle.reports / "first").iterdir()}
    assert {"journal.json", "report.html"} <= names
    assert sum(name.startswith("FASE_1_LOAD_TESTING_COMPLETE") and name.endswith(".md") for name in names) == 2


def test_a_second_run_does_not_try_anything_again(cycle):
    before = cycle.lab.containers(), cycle.lab.indexes()
    # what shows up behind what was mended is another run's business
    cycle.play("tune", "second", "-e", "tune_profile=false", "-e", "tune_bottlenecks=0")
    assert (cycle.lab.containers(), cycle.lab.indexes()) == before
    host = cycle.host("second")
    assert [e["decision"] for e in host["tuning"]["experiments"]] == ["refused", "refused"]
    assert host["tuning"]["final"] is None


def test_a_dry_run_tells_every_step_and_changes_nothing(cycle):
    before = cycle.lab.containers(), cycle.lab.indexes()
    # with --check as well, which writes no journal
    cycle.play("full_cycle", "dry", "-e", "netfix_mode=plan")
    assert (cycle.lab.containers(), cycle.lab.indexes()) == before
    host = cycle.host("dry")
    assert host["status"] == "planned"
    assert {s["step"] for s in host["tuning"]["plan"]} >= {"baseline", "profile", "bottlenecks", "experiment", "re-test", "compare"}
    assert all(s["seconds"] > 0 for s in host["tuning"]["plan"]) and "Tuning plan" in cycle.said["dry"]


def test_a_roll_back_takes_all_of_it_back(cycle):
    cycle.play("roll_back", "first", "-e", "netfix_rollback_id=back")
    assert all(a["undo"]["verified"] for a in cycle.host("back")["attempts"])
    found = {"indexes": cycle.lab.indexes(), "rows": cycle.lab.rows(), "settings": cycle.settings()}
    assert found == cycle.before and not (cycle.lab.folder / "compose.netfix.yml").exists()
    cycle.lab.run("symptom", FAULT)
