# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users notice of a repair: requests lost, and the longest gap, with a steady probe through the published port.

    sudo .venv/bin/python tests/benchmarks/bench_availability.py --rounds 5
    sudo .venv/bin/python tests/benchmarks/bench_availability.py --only rebuild_network

Ten services (support/shop.py), one route broken. Each remediation runs as the module runs it, from the first look to the
verdict of the gate, beside what the original plan does: docker compose down, up --build. All of them in every round, in
turn. The probe asks 200 times a second for routes that worked, and 20 times a second for the broken one, whatever became
of earlier requests. Needs root, a Docker Engine and the lab's image.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Callable

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / ".ansible" / "collections"), str(HERE)]

import docker  # noqa: E402
from ansible_collections.vertice.netfix.plugins.module_utils._host.attempts import Attempts  # noqa: E402
from ansible_collections.vertice.netfix.plugins.module_utils._host.executor import Executor  # noqa: E402
from ansible_collections.vertice.netfix.plugins.module_utils._host.transaction import Transaction  # noqa: E402
from ansible_collections.vertice.netfix.plugins.module_utils._module.project import open_gatherer  # noqa: E402
from support.host import machine  # noqa: E402
from support.shop import ORDERS, SHOP, STOCK, Shop  # noqa: E402
from support.steady import Seen, Steady  # noqa: E402

RATE = 200.0
RATE_BROKEN = 20.0
# before and after what is measured
MARGIN_S = 0.5
NOTHING = "nothing (control)"
ORIGINAL = "docker compose down, up --build"
RELOAD = "refresh_upstreams"
NAME_LOST = ("reconnect_endpoints", "static_hosts", "direct_routes", "rebuild_network")
RUNS = (f"{number:04d}" for number in itertools.count())


def attempt(shop: Shop, state: str, name: str, run_id: str) -> str:
    """The verdict of one forced attempt."""
    made = transaction(shop, state).attempt(name, run_id, 1, forced=True)
    if made["verdict"] != "kept":
        print(f"{name} was {made['verdict']}: {made['reason']}", flush=True)
    return str(made["verdict"])


def transaction(shop: Shop, state: str) -> Transaction:
    gatherer = open_gatherer(shop.options)
    executor = Executor(gatherer.engine, gatherer.compose)
    return Transaction(gatherer, executor, Attempts(state, shop.project))


def rebuilt_as_planned(shop: Shop) -> str:
    shop.compose("down")
    shop.compose("up", "--detach", "--build")
    return "kept"


def nothing() -> str:
    time.sleep(1.0)
    return "kept"


class Bench:
    """Measures what is done to one shop."""

    def __init__(self, shop: Shop, state: str, only: Sequence[str] = ()) -> None:
        self._shop, self._state, self._only = shop, state, only
        self._verdicts: Counter[str] = Counter()
        self._seen: defaultdict[str, list[tuple[float, Seen, float]]] = defaultdict(list)

    def round(self, number: int) -> None:
        """Everything once; every other round goes the other way."""
        shop = self._shop
        self._measure(NOTHING, SHOP, nothing)
        shop.take_a_name_away()
        chosen = [name for name in NAME_LOST if name in (self._only or NAME_LOST)]
        for name in chosen if number % 2 else reversed(chosen):
            run = next(RUNS)
            self._measure(name, SHOP, partial(attempt, shop, self._state, name, run))
            transaction(shop, self._state).roll_back(run)
            shop.wait(ORDERS, STOCK)
            shop.wait(SHOP, status=502)
        if not self._only:
            self._measure(ORIGINAL, SHOP, partial(rebuilt_as_planned, shop))
            shop.move_stock()
            self._measure(RELOAD, STOCK, partial(attempt, shop, self._state, RELOAD, next(RUNS)))
        # everybody under the first addresses again
        rebuilt_as_planned(shop)
        shop.wait(ORDERS, STOCK, SHOP)

    def _measure(self, what: str, broken: str, act: Callable[[], str]) -> None:
        others = [path for path in (ORDERS, STOCK, SHOP) if path != broken]
        rates = {**{path: RATE / len(others) for path in others}, broken: RATE_BROKEN}
        with Steady(self._shop.port, rates) as probe:
            time.sleep(MARGIN_S)
            began = time.monotonic()
            verdict = act()
            took_s = time.monotonic() - began
            self._shop.wait(*others, *([broken] if verdict == "kept" else []))
            time.sleep(MARGIN_S)
        self._verdicts[what] += verdict == "kept"
        worked, again = probe.seen(others), probe.seen([broken])
        self._seen[what].append((took_s, worked, max(0.0, again.back_at - began)))
        if worked.lost:
            print(f"{what}: {worked.lost} of {worked.asked} lost: {dict(worked.losses)}", flush=True)

    def table(self) -> str:
        """Medians, and the worst of all rounds."""
        rounds = len(self._seen[NOTHING])
        lines = [
            f"medians of {rounds} rounds (the worst of them)",
            "| | kept | takes | routes that worked: lost | longest gap | the broken route answers after |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        for what in (w for w in (NOTHING, NAME_LOST[0], RELOAD, *NAME_LOST[1:], ORIGINAL) if self._seen[w]):
            took, worked, broken = zip(*self._seen[what])
            of = round(statistics.median(s.asked for s in worked))
            cells = (
                f"{self._verdicts[what]} of {rounds}",
                f"{statistics.median(took):.2f} s",
                f"{_median([s.lost for s in worked], '.0f')} of {of}",
                _median([s.gap_s * 1000 for s in worked], ".0f", " ms"),
                _median(list(broken), ".2f", " s"),
            )
            lines.append(f"| {what} | {' | '.join(cells)} |")
        return "\n".join(lines)


def _median(values: list[float], form: str, unit: str = "") -> str:
    return f"{statistics.median(values):{form}}{unit} ({max(values):{form}})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", action="append", choices=NAME_LOST, default=[], help="beside the control; as often as needed")
    parser.add_argument("--project", default="netfix-bench-shop")
    parser.add_argument("--port", type=int, default=18590, help="of 127.0.0.1, for the edge")
    parser.add_argument("--subnet", default="10.214.99.0/24", help="that nothing else uses")
    options = parser.parse_args()
    print(machine(docker.from_env().version()["Version"]), flush=True)
    with tempfile.TemporaryDirectory(prefix="netfix-bench-") as folder:
        with Shop(Path(folder) / "shop", options.project, options.port, options.subnet) as shop:
            bench = Bench(shop, f"{folder}/state", options.only)
            for number in range(options.rounds):
                bench.round(number)
            print(bench.table())


if __name__ == "__main__":
    main()
