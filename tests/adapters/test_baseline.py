# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role baseline with a real Locust and a server of its own, which is slow while a file is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.docker
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def server(tmp_path):
    """A server that counts what it was asked with and without the change."""
    asked = Counter()
    change = tmp_path / "change"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            changed = change.exists()
            asked["after" if changed else "before"] += 1
            time.sleep(0.05 if changed else 0.005)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_told):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.asked, listening.change = asked, change
        listening.url = f"http://127.0.0.1:{listening.server_address[1]}"
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        yield listening
        listening.shutdown()
        thread.join()


def play(folder, server, door="main", **variables):
    """The end of a playbook that calls that door: what it printed, its exit code, and the facts it left."""
    told = {
        "load_test_host": server.url,
        "load_test_endpoints": [{"path": "/"}],
        "load_test_users": 1,
        "load_test_spawn_rate": 10,
        "load_test_run_time": 1,
        "load_test_warm_up": 0,
        # a user without a pause would make the load generator itself the limit
        "load_test_arrival_rate": 30,
        # whoever else uses the machine must not decide this test
        "load_test_late_limit": 60000,
        "baseline_dir": str(folder / "kept"),
        "baseline_results": str(folder / "results"),
        "baseline_runs": 2,
        **variables,
    }
    left = folder / "left.json"
    tasks = [
        {"ansible.builtin.include_role": {"name": "vertice.netfix.baseline", "tasks_from": door}},
        {
            "ansible.builtin.copy": {
                "dest": str(left),
                "mode": "0600",
                "content": "{{ {'comparison': baseline_comparison | default({}), 'before': baseline_before, "
                "'after': baseline_after | default({}), 'files': baseline_report.files} | to_json }}",
            }
        },
    ]
    book = folder / "book.yml"
    book.write_text(
        yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "vars": told, "tasks": tasks}]), encoding="utf-8"
    )
    command = [str(Path(sys.executable).with_name("ansible-playbook")), str(book)]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    facts = json.loads(left.read_text(encoding="utf-8")) if done.returncode == 0 else {}
    return done.stdout + done.stderr, done.returncode, facts


def tasks(folder, name, *made):
    (folder / name).write_text(yaml.safe_dump(list(made)), encoding="utf-8")
    return name


@pytest.fixture
def doors(tmp_path, server):
    made = {"ansible.builtin.file": {"path": str(server.change), "state": "touch", "mode": "0600"}}
    undone = {"ansible.builtin.file": {"path": str(server.change), "state": "absent"}}
    failed = {"name": "Break", "ansible.builtin.fail": {"msg": "this door is broken"}}
    return {
        "apply": tasks(tmp_path, "apply.yml", made),
        "undo": tasks(tmp_path, "undo.yml", undone),
        "apply_half": tasks(tmp_path, "half.yml", made, failed),
        "undo_not": tasks(tmp_path, "not.yml", failed),
    }


def test_a_change_takes_turns_and_is_taken_back(tmp_path, server, doors):
    said, code, left = play(
        tmp_path, server, "interleaved", baseline_apply=doors["apply"], baseline_undo=doors["undo"], baseline_primary="p50"
    )
    assert code == 0, said
    assert not server.change.exists()
    assert server.asked["before"] and server.asked["after"]
    assert [run["number"] for run in left["before"]["runs"]] == [run["number"] for run in left["after"]["runs"]] == [1, 2]
    times = [run["measured_from"] for side in ("before", "after") for run in left[side]["runs"]]
    assert times[0] < times[2] < times[3] < times[1]
    assert sum(run["whole"]["requests"] for run in left["after"]["runs"]) <= server.asked["after"]
    assert left["comparison"]["verdict"] == "not measured" and "4 are needed" in left["comparison"]["reason"]
    page = Path(left["files"]["html"]).read_text(encoding="utf-8")
    assert "not measured" in page and "<svg" in page and "<script" not in page


def test_half_a_change_is_taken_back(tmp_path, server, doors):
    said, code, _left = play(
        tmp_path, server, "interleaved", baseline_apply=doors["apply_half"], baseline_undo=doors["undo"]
    )
    assert code == 2 and not server.change.exists()
    said = " ".join(said.split())
    assert "the project is without the change, as before. Break: this door is broken" in said


def test_an_undo_that_fails_is_named(tmp_path, server, doors):
    said, code, _left = play(
        tmp_path, server, "interleaved", baseline_apply=doors["apply_half"], baseline_undo=doors["undo_not"]
    )
    said = " ".join(said.split())
    assert code == 2 and "could not be taken back, and the project may still have it: Break: this door is broken" in said
    assert "Take it back by hand (not.yml)" in said


def test_a_baseline_is_kept_and_compared_with_and_never_overwritten(tmp_path, server):
    said, code, left = play(tmp_path, server, baseline_name="monday")
    assert code == 0, said
    kept = json.loads(Path(left["files"]["data"]).read_text(encoding="utf-8"))
    assert Path(left["files"]["data"]) == tmp_path / "kept" / "monday" / "baseline.json"
    assert kept["format"] == 1 and len(kept["runs"]) == 2 and kept["fingerprint"]["users"] == "1"
    assert kept["noise"]["metric"] == "p50" and kept["settings"]["host"] == server.url
    asked = sum(server.asked.values())

    said, code, _left = play(tmp_path, server, baseline_name="monday")
    assert code == 2 and "There is a baseline monday" in " ".join(said.split())
    assert sum(server.asked.values()) == asked

    said, code, left = play(tmp_path, server, "compare", baseline_against="monday", load_test_users=2)
    assert code == 0, said
    assert left["comparison"]["verdict"] == "not comparable"
    assert "users (1, then 2)" in left["comparison"]["reason"]

    said, code, _left = play(tmp_path, server, "compare", baseline_against="tuesday")
    assert code == 2 and "tuesday/baseline.json. Measure a baseline first" in " ".join(said.split())
