# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What measuring a load costs: plain Locust, with the capture, and with 20 containers sampled ten times a second beside it.

    sudo .venv/bin/python tests/benchmarks/bench_load.py --rounds 12

All ways send with the same locustfile to the same server, in turn, round after round, and each is compared with the plain
one of its round. Requests, and how long they took, are Locust's own figures in each of them. The server keeps the second
core; Locust has the first, with everything that measures it, so that all of its cost is taken from Locust. Needs root, two
cores, a Docker Engine and the lab's image.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / ".ansible" / "collections"))

from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.statistics import interval, median  # noqa: E402
from ansible_collections.vertice.netfix.plugins.module_utils._host.locust import Load, run_load  # noqa: E402
from ansible_collections.vertice.netfix.plugins.module_utils._host.meters import Meter, Sampler  # noqa: E402

LOCUST = str(Path(sys.executable).with_name("locust"))
IMAGE = "netfix-lab:latest"
PREFIX = f"netfix-bench-load-{os.getpid()}"
CONTAINERS, RATE_HZ, SECONDS = 20, 10.0, 4.0
LOCUST_CORE, SERVER_CORE = 0, 1
PACES = {"as fast as it can": "constant(0)", "400 a second": "constant_throughput(40)"}
USER = """\
from locust import FastHttpUser, constant, constant_throughput, task

class User(FastHttpUser):
    wait_time = {pace}

    @task
    def one(self):
        self.client.get("/one")
"""


# what the capture adds to one request, without anything else
OWN = """\
import json, os, sys, time
os.environ["NETFIX_CAPTURE"] = "{}"
sys.path.insert(0, sys.argv[1])
import capture
one = capture.Capture("/nowhere")
least = 1.0
for _unused in range(30):
    began = time.process_time()
    for number in range(10000):
        one.request("GET", "/one", 1.5, start_time=one.own.began + number)
    least = min(least, (time.process_time() - began) / 10000)
print(least * 1e6)
"""


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True).stdout


@contextmanager
def containers() -> Iterator[dict[str, int]]:
    """Their names and processes; they do nothing."""
    names = [f"{PREFIX}-{number}" for number in range(CONTAINERS)]
    try:
        for name in names:
            docker("run", "-d", "--name", name, "--network", "none", "--entrypoint", "sleep", IMAGE, "600")
        yield {name: int(docker("inspect", "--format", "{{.State.Pid}}", name)) for name in names}
    finally:
        subprocess.run(["docker", "rm", "-f", *names], check=False, capture_output=True)


@contextmanager
def server() -> Iterator[str]:
    """Its URL."""
    process = subprocess.Popen([sys.executable, ROOT / "tests/adapters/server.py"], stdout=subprocess.PIPE, text=True)
    os.sched_setaffinity(process.pid, {SERVER_CORE})
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}"
    finally:
        process.kill()
        process.wait()


def told(path: Path, cpu_s: float) -> tuple[float, float, float]:
    """Requests a second, mean milliseconds and microseconds of CPU a request, by what Locust printed."""
    entries = json.loads(path.read_text())
    requests = sum(e["num_requests"] for e in entries)
    seconds = max(e["last_request_timestamp"] for e in entries) - min(e["start_time"] for e in entries)
    return requests / seconds, sum(e["total_response_time"] for e in entries) / requests, cpu_s / requests * 1e6


def used() -> float:
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime


def run(way: str, load: Load, folder: Path, processes: dict[str, int]) -> tuple[float, float, float]:
    """One turn of one way."""
    before = used()
    if way == "plain":
        out = folder / "plain.json"
        own = f"{folder}/capture.py,"
        line = [word.replace(own, "") for word in load.command(str(folder))]
        with out.open("wb") as file:
            subprocess.run(line, cwd=folder, stdout=file, stderr=subprocess.DEVNULL, check=True)
        return told(out, used() - before)
    meters = [Meter(name, pid) for name, pid in processes.items()] if way == "sampled" else []
    with Sampler(meters, RATE_HZ).running():
        run_load(load, str(folder), 1, lambda _progress: False)
    return told(folder / "run-1" / "locust.json", used() - before)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=6)
    rounds = max(6, parser.parse_args().rounds)
    os.sched_setaffinity(0, {LOCUST_CORE})
    ways = ("plain", "captured", "sampled")
    with tempfile.TemporaryDirectory() as name, containers() as processes, server() as url:
        folder = Path(name)
        sampler = Sampler([Meter(n, pid) for n, pid in processes.items()], RATE_HZ)
        with sampler.running():
            time.sleep(5)
        own = subprocess.run(
            [sys.executable, "-c", OWN, ROOT / "plugins/module_utils/_load"], check=True, capture_output=True, text=True
        )
        print(f"the capture's own code: {float(own.stdout):.2f} µs of CPU a request")
        print(f"{CONTAINERS} containers, {RATE_HZ:g} times a second: {sampler.cpu_s / 5:.2%} of a core")
        for pace, wait in PACES.items():
            (folder / "locustfile.py").write_text(USER.format(pace=wait))
            load = Load(
                url, str(folder / "locustfile.py"), users=10, spawn_rate=100.0, run_time_s=SECONDS, warm_up_s=0.0, executable=LOCUST
            )  # fmt: skip
            found: dict[str, list[tuple[float, float, float]]] = {way: [] for way in ways}
            for number in range(rounds):
                # there and back, so that a drift of the machine favours nobody
                for way in ways if number % 2 else reversed(ways):
                    found[way].append(run(way, load, folder, processes))
            print(f"{pace}, medians of {rounds} rounds (and 95 % intervals)")
            plain = [turn[0] for turn in found["plain"]]
            for way, turns in found.items():
                rps, ms, cpu = (median(column) for column in zip(*turns))
                share = [turn[0] / base for turn, base in zip(turns, plain)]
                low, high = interval(share)
                print(
                    f"  {way:<9} {rps:8.1f} requests/s, {median(share):6.1%} of plain ({low:.1%} to {high:.1%}), mean {ms:6.2f} ms, "
                    f"{cpu:5.0f} µs of CPU a request (least {min(t[2] for t in turns):.0f})"
                )


if __name__ == "__main__":
    main()
