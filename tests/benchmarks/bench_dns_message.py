# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a codec of our own pays: one question and its answer, beside dnspython, in turn."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".ansible" / "collections"))

import dns.message  # noqa: E402
from ansible_collections.vertice.netfix.plugins.module_utils._core.parsing.dns_message import (  # noqa: E402
    decode_response,
    encode_query,
)

ROUNDS, TIMES = 7, 3000
# what Engine 26.1.5 answers for an alias with two holders
ANSWER = bytes.fromhex(
    "12348180000100020000000004706169720000010001047061697200000100010000025800040ad50702"
    "047061697200000100010000025800040ad50703"
)


def ours() -> None:
    encode_query(1, "visual_cortex_service", "A")
    assert decode_response(ANSWER).addresses


def theirs() -> None:
    dns.message.make_query("visual_cortex_service.", "A", id=1).to_wire()
    assert dns.message.from_wire(ANSWER).answer


def main() -> None:
    microseconds: dict[str, list[float]] = {"ours": [], "dnspython": []}
    for _unused in range(ROUNDS):
        for name, work in (("ours", ours), ("dnspython", theirs)):
            began = time.perf_counter()
            for _unused in range(TIMES):
                work()
            microseconds[name].append((time.perf_counter() - began) / TIMES * 1e6)
    medians = {name: statistics.median(values) for name, values in microseconds.items()}
    print(f"one question and its answer, median of {ROUNDS} rounds")
    for name, value in medians.items():
        print(f"  {name:<10}{value:7.1f} us")
    print(f"  {medians['dnspython'] / medians['ours']:.0f} x")


if __name__ == "__main__":
    main()
