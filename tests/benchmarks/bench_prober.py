# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the all-pairs probe is (every container, every name, DNS and TCP), beside what one would script by hand.

    sudo .venv/bin/python tests/benchmarks/bench_prober.py

All ways are measured in turn, round after round, because absolute times wobble on a shared machine: compare the ratios.
The slow ways run on a sample of the pairs and are scaled up; how large it is stands beside them. The prober always
runs on all pairs, in a process of its own. Every load is bounded: the engine's memory grows by some KB a question.

Needs root, a Docker Engine, the image netfix-lab (make images), busybox (static) and nsenter; dnsperf if it is there.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / ".ansible" / "collections"), str(HERE)]

import docker  # noqa: E402
from support.host import Health, forget_neighbours, health, machine  # noqa: E402
from support.mesh import PORT, Mesh, Pair  # noqa: E402
from support.ways import Ways, dnsperf  # noqa: E402

TIMEOUT_S = 1.0
ATTEMPTS = 2
QUESTIONS = 4000


@dataclass(frozen=True)
class Plan:
    """How often everything is measured with so many containers, and on how many pairs the other ways are."""

    rounds: int
    sources: int
    targets: int
    execs: int
    helpers: int


# the other ways keep no account of the host's neighbour table, so that with many containers their samples must be small
PLANS = {10: Plan(5, 10, 9, 20, 5), 20: Plan(5, 20, 19, 20, 5), 100: Plan(5, 8, 16, 20, 5)}
LARGEST = Plan(3, 8, 16, 20, 5)


class Harm:
    """What the prober's own runs did to the host."""

    def __init__(self) -> None:
        self._runs: list[tuple[Health, Health]] = []

    def add(self, before: Health, after: Health) -> None:
        """Counts one run."""
        self._runs.append((before, after))

    def __str__(self) -> str:
        entries = ", ".join(f"{before.entries} > {after.entries}" for before, after in self._runs)
        fulls = sum(after.table_fulls - before.table_fulls for before, after in self._runs)
        drops = sum(after.softnet_drops - before.softnet_drops for before, after in self._runs)
        return f"by the prober's runs: neighbour entries {entries}; table_fulls {fulls:+d}, softnet drops {drops:+d}"


class Bench:
    """Measures one mesh."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh
        self._harm = Harm()

    def probe(self, names: bool = True, ports: bool = True, nameserver: str = "", address: str = "") -> dict[str, Any]:
        """One run of the prober over all pairs, in a process of its own; ``process_s`` includes starting Python."""
        asked = {
            "members": self._mesh.data(),
            "port": PORT,
            "names": names,
            "ports": ports,
            "nameserver": nameserver,
            "address": address,
        }
        self._cool_down()
        before, began = health(), time.perf_counter()
        done = subprocess.run(
            [sys.executable, str(HERE / "support" / "probe.py")],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=True,
        )
        took_s = time.perf_counter() - began
        self._harm.add(before, health())
        return {**json.loads(done.stdout), "process_s": took_s}

    def compare(self, plan: Plan) -> None:
        """The prober beside the other ways."""
        count = len(self._mesh.members)
        pairs = count * (count - 1)
        ways = Ways(self._mesh)
        others: list[tuple[str, Callable[[Sequence[Pair]], int], int]] = [
            ("nsenter x 8, nslookup for each pair", ways.nsenter_image, plan.sources * plan.targets),
            ("nsenter x 8, busybox for each pair", ways.nsenter_each, plan.sources * plan.targets),
            ("nsenter x 8, busybox loop for each source", ways.nsenter_loops, plan.sources * plan.targets),
            ("docker exec for each name", ways.exec_each, plan.execs),
            ("docker run --network container: for each name", ways.helper_each, plan.helpers),
        ]
        ours: list[dict[str, Any]] = []
        seconds: defaultdict[str, list[float]] = defaultdict(list)
        well: Counter[str] = Counter()
        tried: Counter[str] = Counter()
        self._harm = Harm()
        for number in range(plan.rounds):
            ours.append(self.probe())
            sample = self._mesh.sample(plan.sources, plan.targets, number)
            for name, way, size in others:
                chosen = sample[:: max(1, len(sample) // size)][:size]
                self._cool_down()
                began = time.perf_counter()
                well[name] += way(chosen)
                tried[name] += len(chosen)
                seconds[name].append((time.perf_counter() - began) * pairs / len(chosen))
        median_s = statistics.median(run["seconds"] for run in ours)
        print(f"\n{count} containers, {pairs} pairs, name and port of each; {plan.rounds} rounds, medians")
        whole_s = statistics.median(run["process_s"] for run in ours)
        rss_mib = max(run["rss_mib"] for run in ours)
        _row("prober", median_s, "", f"{_range(ours)}, {whole_s:.2f} s with starting Python, {rss_mib:.0f} MiB")
        for name, values in seconds.items():
            other_s = statistics.median(values)
            share = "" if tried[name] == pairs * plan.rounds else f"scaled up from {tried[name]} pairs, "
            _row(name, other_s, f"{other_s / median_s:.0f} x", f"{share}{well[name]} of {tried[name]} well")
        print(f"  outcomes of the prober: {_outcomes(ours)}")
        print(f"  {self._harm}")

    def _cool_down(self) -> None:
        forget_neighbours(member.pid for member in self._mesh.members)

    def names(self, rounds: int) -> None:
        """Names alone, beside dnsperf."""
        members = self._mesh.members
        ours, ceiling = [], []
        for number in range(rounds):
            run = self.probe(ports=False)
            ours.append(run["probes"] / run["seconds"])
            rate = dnsperf(members[number % len(members)], members, QUESTIONS)
            if rate:
                ceiling.append(rate)
        print(f"\nnames alone, {len(members)} containers; {rounds} rounds, medians, questions a second")
        print(f"  prober  {statistics.median(ours):8.0f}   (once each: {run['probes']} questions)")
        if ceiling:
            share = statistics.median(ours) / statistics.median(ceiling)
            print(f"  dnsperf {statistics.median(ceiling):8.0f}   ({QUESTIONS} questions in one namespace)")
            print(f"  the prober reaches {share:.0%} of dnsperf")
        else:
            print("  dnsperf is not installed: skipped")

    def dead(self, nameserver: str, address: str) -> None:
        """What silence costs."""
        self._harm = Harm()
        print(f"\nsilence, {len(self._mesh.members)} containers; {ATTEMPTS} timeouts are {ATTEMPTS * TIMEOUT_S:.1f} s")
        for name, run in (
            ("nameserver that hangs", self.probe(ports=False, nameserver=nameserver)),
            ("address that nobody has", self.probe(names=False, ports=False, address=address)),
        ):
            over_s = run["seconds"] - ATTEMPTS * TIMEOUT_S
            _row(f"{name}, {run['probes']} jobs", run["seconds"], "", f"{over_s:+.2f} s: {_outcomes([run])}")
        print(f"  {self._harm}")


def _row(name: str, seconds: float, ratio: str, more: str) -> None:
    print(f"  {name:<46}{seconds:9.3f} s {ratio:>7}   {more}")


def _range(runs: Sequence[dict[str, Any]]) -> str:
    return f"{min(r['seconds'] for r in runs):.3f} to {max(r['seconds'] for r in runs):.3f} s"


def _outcomes(runs: Sequence[dict[str, Any]]) -> str:
    total: Counter[str] = Counter()
    for run in runs:
        total.update(run["outcomes"])
    return ", ".join(f"{name} {count}" for name, count in sorted(total.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10, 20, 100], help="numbers of containers")
    parser.add_argument("--prefix", default="netfix-bench", help="what names of containers and networks begin with")
    options = parser.parse_args()
    client = docker.from_env()
    print(machine(client.version()["Version"]))
    with Mesh(client, options.prefix) as mesh:
        bench = Bench(mesh)
        nameserver = mesh.hung_nameserver()
        for size in sorted(options.sizes):
            mesh.grow(size)
            bench.compare(PLANS.get(size, LARGEST))
            bench.dead(nameserver, mesh.nobodys_address())
        bench.names(LARGEST.rounds)


if __name__ == "__main__":
    main()
