# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the command to all health checks green, for the lab of eight services without Docker.

    sudo .venv/bin/python tests/benchmarks/bench_local.py --rounds 5

No engine is asked: its address leads nowhere, and images are read in place. The goal is 20 s. Needs root and the lab's image.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAME = "netfix-bench-local"
GOAL_S = 20.0


def play(folder: Path, state: str) -> float:
    """Seconds that the playbook took; it must not fail."""
    options = {
        "netfix_project_src": str(folder), "netfix_project_name": NAME, "netfix_docker_host": "tcp://127.0.0.1:9",
        "netfix_local_state": state, "netfix_validate_load": False, "netfix_report_dir": str(folder / "report"),
    }  # fmt: skip
    line = [Path(sys.executable).parent / "ansible-playbook", "playbooks/run_local.yml"]
    line += ["-e", f"@{folder}/netfix.yml", "-e", json.dumps(options)]
    began = time.perf_counter()
    done = subprocess.run(line, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"run_local failed:\n{done.stdout}")
    return time.perf_counter() - began


def services_s(folder: Path) -> float:
    """Seconds of the last journal until all services were healthy, without Ansible."""
    journal = max((folder / "report").glob("*/journal.json"), key=lambda path: path.stat().st_mtime)
    return float(json.loads(journal.read_text())["hosts"][0]["local"]["seconds"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "stack"
        shutil.copytree(ROOT / "lab" / "stack", folder)
        (folder / ".env").write_text("LAB_GATEWAY_PORT=18590\nLAB_EDGE_PORT=18591\n")
        with (folder / "netfix.yml").open("a") as file:
            file.write("\nlab_gateway_port: 18590\nlab_edge_port: 18591\n")
        up, inner, again, down = [], [], [], []
        for _round in range(rounds):
            up.append(play(folder, "present"))
            inner.append(services_s(folder))
            again.append(play(folder, "present"))
            down.append(play(folder, "absent"))
    print(f"the lab without Docker, medians of {rounds} rounds")
    for what, taken in (
        ("from the command to all checks green", up),
        ("  of it until all services are healthy", inner),
        ("the same once more, nothing to do", again),
        ("until nothing of it is left", down),
    ):
        print(f"  {what:<42} {statistics.median(taken):6.2f} s   ({min(taken):.2f} to {max(taken):.2f})")
    print(f"  goal {GOAL_S:.0f} s: {'met' if statistics.median(up) <= GOAL_S else 'NOT met'}")


if __name__ == "__main__":
    main()
