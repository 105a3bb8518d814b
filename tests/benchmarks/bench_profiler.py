# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What profiling costs a service at its ceiling: requests a second and CPU a request beside those without it, and memory.

    sudo .venv/bin/python tests/benchmarks/bench_profiler.py --rounds 12
    sudo .venv/bin/python tests/benchmarks/bench_profiler.py --rounds 40 --only "py-spy 100 Hz"

A FastAPI service of the lab answers as many requests as it can. Every round takes all ways in turn, the other way round
every other time, and each is compared with the mean of the windows without a profiler in the same round. The service keeps
the first core, who asks and who profiles share the second: the scheduler would move them about, which costs more than what
is measured. On a machine that others use, the control shows that requests a second say nothing; CPU a request and py-spy's
own CPU still do. Needs root, two cores, a Docker Engine, the lab's image and py-spy.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / ".ansible" / "collections"), str(HERE)]

import docker  # noqa: E402
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.statistics import interval  # noqa: E402
from ansible_collections.vertice.netfix.plugins.module_utils._host.processes import family, read_stat  # noqa: E402
from ansible_collections.vertice.netfix.plugins.module_utils._host.profiler import PySpy, Settings  # noqa: E402
from support.ceiling import ceiling  # noqa: E402
from support.host import machine  # noqa: E402

IMAGE = "netfix-lab:latest"
PORT, PATH = 8002, "/health"
PROGRAM = ("cortex.py", "visual_cortex_service", "/api/v1/visual", str(PORT))
STARTS_S = 0.7
CONNECTIONS = 8
SERVICE_CORE, OTHER_CORE = 0, 1


class Way(NamedTuple):
    """One way to profile; none at a rate of 0. ``first`` is ahead of everything else that wants a core."""

    name: str
    rate_hz: int = 0
    nonblocking: bool = False
    first: bool = False
    cprofile: bool = False


WAYS = (
    Way("nothing"),
    Way("py-spy 100 Hz", 100),
    Way("py-spy 100 Hz, real-time priority", 100, first=True),
    Way("py-spy 100 Hz --nonblocking", 100, nonblocking=True),
    Way("nothing (control)"),
    Way("py-spy 20 Hz", 20),
    Way("cProfile", cprofile=True),
)


class Seen(NamedTuple):
    """One window: answers a second, CPU milliseconds of the service for each, py-spy's cores, and the memory added in MiB."""

    rps: float
    cost_ms: float
    cpu: float = 0.0
    memory: float = 0.0


class Service:
    """One container that serves, with its Python under cProfile or not."""

    def __init__(self, client: Any, *options: str) -> None:
        self.container = client.containers.run(
            IMAGE,
            ["python3", *options, *PROGRAM],
            name=f"netfix-bench-profiler-{secrets.token_hex(3)}",
            detach=True,
            log_config=docker.types.LogConfig(type="none"),
        )
        self.container.reload()
        self.pid = int(self.container.attrs["State"]["Pid"])
        os.sched_setaffinity(self.pid, {SERVICE_CORE})
        self.address = self.container.attrs["NetworkSettings"]["IPAddress"]

    def wait(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            with contextlib.suppress(Exception):
                ceiling(self.address, PORT, PATH, 1, 0.1)
                return
            time.sleep(0.2)
        raise TimeoutError("the service did not answer within a minute")

    def asked(self, seconds: float) -> Seen:
        """As fast as it answers for so long."""
        before = _cpu([self.pid])
        rps = ceiling(self.address, PORT, PATH, CONNECTIONS, seconds)
        return Seen(rps, (_cpu([self.pid]) - before) * 1000 / max(1.0, rps * seconds))


@contextlib.contextmanager
def services(client: Any) -> Iterator[tuple[Service, Service]]:
    """One as it is, one under cProfile."""
    made: list[Service] = []
    try:
        for options in ((), ("-m", "cProfile", "-o", "/dev/null")):
            made.append(Service(client, *options))
        for service in made:
            service.wait()
        yield made[0], made[1]
    finally:
        for service in made:
            service.container.remove(force=True, v=True)


def measure(way: Way, plain: Service, profiled: Service, py_spy: str, seconds: float) -> Seen:
    if way.cprofile:
        return profiled.asked(seconds)._replace(memory=_mib(profiled.pid, "VmRSS") - _mib(plain.pid, "VmRSS"))
    if not way.rate_hz:
        return plain.asked(seconds)
    spy = PySpy(plain.pid, Settings(rate_hz=way.rate_hz, py_spy=py_spy, nonblocking=way.nonblocking), 60)
    try:
        time.sleep(STARTS_S)
        spies = family(spy.pid)
        if way.first:
            for pid in spies:
                os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))
        began, before = time.monotonic(), _cpu(spies)
        seen = plain.asked(seconds)
        cpu = (_cpu(spies) - before) / (time.monotonic() - began)
        memory = max(_mib(pid, "VmHWM") for pid in spies[1:])
        spy.interrupt()
        spy.result()
    finally:
        spy.kill()
    return seen._replace(cpu=cpu, memory=memory)


def _cpu(pids: list[int]) -> float:
    return sum(read_stat(f"/proc/{pid}/stat").cpu_s for pid in pids)


def _mib(pid: int, name: str) -> float:
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith(f"{name}:"))


def table(seen: dict[Way, list[Seen]]) -> str:
    """Medians of all rounds, with their intervals (95 %)."""
    bare = [values for way, values in seen.items() if way.name.startswith("nothing")]
    rps, cost = ([statistics.mean(values) for values in zip(*([s[i] for s in w] for w in bare))] for i in (0, 1))
    lines = [
        f"{len(rps)} rounds; without a profiler {statistics.median(rps):.0f} requests/s, {statistics.median(cost):.2f} ms of CPU each",
        "| | requests/s (95 %) | CPU a request (95 %) | cores of py-spy | memory |",
        "| --- | --- | --- | --- | --- |",
    ]
    for way in (w for w in WAYS[1:] if w in seen):
        fast = _middle([s.rps / base for s, base in zip(seen[way], rps)])
        dear = _middle([s.cost_ms / base for s, base in zip(seen[way], cost)])
        cpu, memory = (statistics.median(values) for values in list(zip(*seen[way]))[2:])
        told = (f"{cpu:.3f}" if cpu else "", f"{memory:.0f} MiB" if memory else "")
        lines.append(f"| {way.name} | {fast} | {dear} | {' | '.join(told)} |")
    return "\n".join(lines)


def _middle(values: list[float]) -> str:
    low, high = interval(values)
    return f"{statistics.median(values):.1%} ({low:.1%} to {high:.1%})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one window")
    named = [w.name for w in WAYS if not w.name.startswith("nothing")]
    parser.add_argument("--only", action="append", choices=named, default=[], help="beside the control; as often as needed")
    parser.add_argument("--py-spy", default=os.path.join(os.path.dirname(sys.executable), "py-spy"))
    options = parser.parse_args()
    client = docker.from_env()
    print(machine(client.version()["Version"]), flush=True)
    ways = [w for w in WAYS if w.name.startswith("nothing") or w.name in (options.only or named)]
    seen: defaultdict[Way, list[Seen]] = defaultdict(list)
    os.sched_setaffinity(0, {OTHER_CORE})
    with services(client) as (plain, profiled):
        for number in range(max(6, options.rounds)):
            for way in ways if number % 2 else reversed(ways):
                seen[way].append(measure(way, plain, profiled, options.py_spy, options.seconds))
    print(table(seen))


if __name__ == "__main__":
    main()
