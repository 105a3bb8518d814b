# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plays cost on the eight services of the lab, beside a play with one module that does nothing.

    sudo .venv/bin/python tests/benchmarks/bench_plays.py --rounds 7

Rounds are interleaved, because absolute times wobble on a shared machine: compare the ratios. Needs root, a Docker
Engine and the lab's image. The lab that it makes is taken down at the end.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "netfix-bench"
SETTINGS = {"LAB_STACK": "stack", "LAB_GATEWAY_PORT": "18500", "LAB_EDGE_PORT": "18580", "LAB_SUBNET": "10.214.98.0/24"}
NOTHING = "- hosts: localhost\n  connection: local\n  gather_facts: false\n  tasks:\n    - ansible.builtin.ping:\n"
FAULT = "stale_extra_hosts"


def lab(*words: object) -> None:
    subprocess.run(
        [ROOT / "scripts" / "lab", *words], env={**os.environ, **SETTINGS}, check=True, stdout=subprocess.DEVNULL
    )


def play(*words: object) -> float:
    """Seconds that one ansible-playbook took; it must not fail."""
    began = time.perf_counter()
    done = subprocess.run(
        [Path(sys.executable).parent / "ansible-playbook", *words],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{words[0]} failed:\n{done.stdout}")
    return time.perf_counter() - began


def measure(name: str, plays: dict[str, tuple[object, ...]], rounds: int) -> None:
    for words in plays.values():
        play(*words)
    seconds: dict[str, list[float]] = {what: [] for what in plays}
    for number in range(rounds):
        # there and back, so that a drift of the machine favours nobody
        for what in list(plays) if number % 2 else reversed(list(plays)):
            seconds[what].append(play(*plays[what]))
    base = statistics.median(next(iter(seconds.values())))
    print(f"{name}, medians of {rounds} rounds")
    for what, taken in seconds.items():
        median = statistics.median(taken)
        print(f"  {what:<42} {median:6.2f} s  {median / base:5.2f} ×   ({min(taken):.2f} to {max(taken):.2f})")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory(prefix="netfix-bench-") as folder:
        nothing, stack = Path(folder) / "nothing.yml", Path(folder) / PROJECT
        nothing.write_text(NOTHING)
        common = ("-e", f"netfix_project_src={stack}", "-e", f"netfix_report_dir={folder}/reports")
        diagnose = (ROOT / "playbooks" / "diagnose.yml", *common)
        checked = (*diagnose, "-e", f"@{stack}/netfix.yml")
        fix = (ROOT / "playbooks" / "fix_network.yml", *common)
        try:
            lab("up", stack, PROJECT)
            measure(
                "healthy project of eight services",
                {
                    "a play with one module that does nothing": (nothing,),
                    "diagnose": diagnose,
                    "diagnose with 15 checks": checked,
                    "fix_network": fix,
                },
                rounds,
            )
            lab("break", stack, PROJECT, FAULT)
            measure(
                f"the same, broken ({FAULT}: an address that nobody has)",
                {"a play with one module that does nothing": (nothing,), "diagnose": diagnose},
                max(3, rounds // 2),
            )
        finally:
            lab("down", stack, PROJECT)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
