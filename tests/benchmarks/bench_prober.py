# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the whole connectivity matrix is, beside what one would script by hand; and whether our codec pays.

    sudo .venv/bin/python tests/benchmarks/bench_prober.py --containers 20

Rounds are interleaved, because absolute times wobble on a shared machine: compare the ratios. On a busy machine even
those favour whoever has more processes, so processor seconds are shown as well (without the engine's own share). The
peers run on a sample of the pairs and are scaled up. Needs root, a Docker Engine, busybox (static), nsenter and nslookup.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / ".ansible" / "collections"), str(ROOT / "tests")]

import dns.message  # noqa: E402
import docker  # noqa: E402
from adapters.sandbox import Running, Sandbox  # noqa: E402
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.dns_message import (  # noqa: E402
    decode_response,
    encode_query,
)
from ansible_collections.vertice.netfix.plugins.module_utils._host.prober import (  # noqa: E402
    NameJob,
    Prober,
    TcpJob,
    table_use,
)

Pair = tuple[Running, Running]
ANSWER = bytes.fromhex(
    "12348180000100020000000004706169720000010001047061697200000100010000025800040ad50702"
    "047061697200000100010000025800040ad50703"
)


def all_pairs(containers: Sequence[Running]) -> list[Pair]:
    return [(a, b) for a in containers for b in containers if a is not b]


def service(container: Running) -> str:
    """The alias to which it answers."""
    return container.name.rpartition("-")[2]


def by_prober(pairs: Sequence[Pair]) -> Counter[str]:
    names = [NameJob(a.name, a.pid, service(b), types=("A", "AAAA")) for a, b in pairs]
    ports = [TcpJob(a.name, a.pid, service(b), 8000, types=("A", "AAAA")) for a, b in pairs]
    with Prober() as prober:
        return Counter(f"{p.layer.value} {p.outcome.value} {p.error}".strip() for p in prober.run([*names, *ports]))


def by_exec(pairs: Sequence[Pair]) -> Counter[str]:
    """Names only: a second exec for the port would double it."""
    return Counter(_status("docker", "exec", a.name, "/nslookup", service(b)) for a, b in pairs)


def by_nsenter(pairs: Sequence[Pair]) -> Counter[str]:
    busybox = shutil.which("busybox") or "busybox"

    def one(pair: Pair) -> str:
        a, b = pair
        command = f"{busybox} nslookup {service(b)} 127.0.0.11 && {busybox} nc -w 1 {b.address} 8000 </dev/null"
        return _status("nsenter", "-t", str(a.pid), "-n", "sh", "-c", command)

    with ThreadPoolExecutor(8) as pool:
        return Counter(pool.map(one, pairs))


def _status(*command: str) -> str:
    return f"exit {subprocess.run(command, capture_output=True, check=False).returncode}"


def timed(
    work: Callable[[Sequence[Pair]], Counter[str]], pairs: Sequence[Pair], whole: int
) -> tuple[float, float, Counter[str]]:
    """Seconds and processor seconds for the whole matrix, scaled up from those pairs, and what came of them."""
    began, began_cpu = time.perf_counter(), _cpu_s()
    outcomes = work(pairs)
    scale = whole / len(pairs)
    return (time.perf_counter() - began) * scale, (_cpu_s() - began_cpu) * scale, outcomes


def _cpu_s() -> float:
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def bench_matrix(count: int, rounds: int, sample: int) -> dict[str, object]:
    busybox = shutil.which("busybox")
    if not busybox:
        raise SystemExit("needs a static busybox (package busybox-static)")
    sandbox = Sandbox(docker.from_env(), busybox, ("httpd", "nslookup"))
    try:
        network = sandbox.network("bench")
        containers = [sandbox.container(f"svc{i}", network) for i in range(count)]
        pairs = all_pairs(containers)
        before = table_use()
        seconds: dict[str, list[float]] = {"prober": [], "exec": [], "nsenter": []}
        cpu: dict[str, list[float]] = {"prober": [], "exec": [], "nsenter": []}
        outcomes: dict[str, Counter[str]] = {}
        for number in range(rounds):
            chosen = random.Random(number).sample(pairs, min(sample, len(pairs)))
            for name, work, used in (
                ("prober", by_prober, pairs),
                ("exec", by_exec, chosen),
                ("nsenter", by_nsenter, chosen),
            ):
                if used:
                    took, busy, outcomes[name] = timed(work, used, len(pairs))
                    seconds[name].append(took)
                    cpu[name].append(busy)
        after = table_use()
    finally:
        sandbox.close()
    medians = {name: statistics.median(values) for name, values in seconds.items() if values}
    busy_medians = {name: statistics.median(values) for name, values in cpu.items() if values}
    return {
        "containers": count,
        "pairs": len(pairs),
        "seconds": {name: [round(v, 4) for v in values] for name, values in seconds.items()},
        "median_s": {name: round(value, 4) for name, value in medians.items()},
        "times_faster_than": {n: round(v / medians["prober"], 1) for n, v in medians.items() if n != "prober"},
        "median_cpu_s": {name: round(value, 4) for name, value in busy_medians.items()},
        "times_less_cpu_than": {
            n: round(v / busy_medians["prober"], 1) for n, v in busy_medians.items() if n != "prober"
        },
        "outcomes": {name: dict(counter) for name, counter in outcomes.items()},
        "neighbour_entries": [before.entries, after.entries],
        "neighbour_overflows": after.overflows - before.overflows,
        "rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def bench_codec(rounds: int = 7, times: int = 3000) -> dict[str, object]:
    def ours() -> None:
        encode_query(1, "visual_cortex_service", "A")
        assert decode_response(ANSWER).addresses

    def theirs() -> None:
        dns.message.make_query("visual_cortex_service.", "A", id=1).to_wire()
        assert dns.message.from_wire(ANSWER).answer

    microseconds: dict[str, list[float]] = {"ours": [], "dnspython": []}
    for _unused in range(rounds):
        for name, work in (("ours", ours), ("dnspython", theirs)):
            began = time.perf_counter()
            for _unused in range(times):
                work()
            microseconds[name].append((time.perf_counter() - began) / times * 1e6)
    medians = {name: statistics.median(values) for name, values in microseconds.items()}
    return {
        "us_per_question_and_answer": {name: round(value, 1) for name, value in medians.items()},
        "times_faster": round(medians["dnspython"] / medians["ours"], 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--containers", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=30, help="pairs that the peers probe in each round, 0 for none")
    options = parser.parse_args()
    result = {"codec": bench_codec(), "matrix": bench_matrix(options.containers, options.rounds, options.sample)}
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
