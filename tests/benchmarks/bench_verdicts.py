# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records short runs on a lab whose gateway is slower by a known share, taking turns, for the trials of verdicts.

    scripts/lab up DIR PROJECT
    mkdir DIR/slowdown && cp lab/slowdown/sitecustomize.py DIR/slowdown && echo 0 0 >DIR/slowdown/share
    cp lab/slowdown/compose.override.yml DIR && docker compose --project-directory DIR -p PROJECT up -d --wait
    .venv/bin/python tests/benchmarks/bench_verdicts.py --host http://127.0.0.1:18000 --share DIR/slowdown/share \\
        --locustfile DIR/tests/load_testing/locustfile.py --cycles 6 --out runs.json

A run is 4 s after 1 s of warm-up; a cycle is four of them, two without a slowdown. Runs are added to the file.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / ".ansible" / "collections"))

from ansible_collections.vertice.netfix.plugins.module_utils._core.model import to_data  # noqa: E402
from ansible_collections.vertice.netfix.plugins.module_utils._host.locust import Load, run_load  # noqa: E402

SHARES = {"equal": "0", "slower_20": "0.2", "slower_10": "0.1"}
CYCLES = (("equal", "slower_20", "slower_10", "equal"), ("equal", "slower_10", "slower_20", "equal"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", required=True)
    parser.add_argument("--share", type=Path, required=True)
    parser.add_argument("--locustfile", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cycles", type=int, default=6)
    parser.add_argument("--users", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--wait", type=float, default=0.0, help="seconds that every answer waits besides")
    options = parser.parse_args()
    load = Load(
        host=options.host,
        locustfile=options.locustfile,
        users=options.users,
        spawn_rate=float(options.users),
        run_time_s=options.seconds,
        warm_up_s=1.0,
        executable=str(Path(sys.executable).with_name("locust")),
    )
    runs = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else []
    try:
        for cycle in range(options.cycles):
            for condition in CYCLES[cycle % 2]:
                options.share.write_text(f"{SHARES[condition]} {options.wait:g}", encoding="ascii")
                with tempfile.TemporaryDirectory() as folder:
                    run = to_data(run_load(load, folder, len(runs) + 1, lambda _progress: False))
                told = {key: run[key] for key in ("number", "seconds", "whole", "late_p99_ms", "generator_cpu")}
                runs.append({"condition": condition, "measured_from": round(run["measured_from"], 1), **told})
                options.out.write_text(json.dumps(runs), encoding="utf-8")
                times = run["whole"]["latency_ms"]
                print(
                    f"{len(runs)} {condition} {run['whole']['requests']} requests, p50 {times['p50']:.2f}, "
                    f"p95 {times['p95']:.2f} ms, late {run['late_p99_ms']:.1f} ms, cpu {run['generator_cpu']:.0%}",
                    flush=True,
                )
    finally:
        options.share.write_text("0 0", encoding="ascii")


if __name__ == "__main__":
    main()
