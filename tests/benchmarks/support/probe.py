# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The process that is measured: reads what to probe as JSON, runs the prober once, and writes how it went as JSON."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / ".ansible" / "collections"))

from ansible_collections.vertice.netfix.plugins.module_utils._host.prober import (  # noqa: E402
    Job,
    NameJob,
    Prober,
    TcpJob,
)


def _most_memory_kib() -> int:
    """The largest resident size so far. getrusage() would count that of the process which started this one."""
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM:"))


def main() -> None:
    """``members`` as in mesh.Member, ``port``; ``names`` and ``ports`` say whether to probe those of all pairs.

    With ``nameserver`` that one is asked for the names, with ``address`` that one is connected to instead.
    """
    asked = json.load(sys.stdin)
    members, port = asked["members"], asked["port"]
    jobs: list[Job] = []
    if asked["names"]:
        jobs += [
            NameJob(a["container"], a["pid"], b["host"], asked["nameserver"])
            for a in members
            for b in members
            if a is not b
        ]
    if asked["ports"]:
        jobs += [TcpJob(a["container"], a["pid"], b["host"], port) for a in members for b in members if a is not b]
    if asked["address"]:
        jobs += [TcpJob(a["container"], a["pid"], asked["address"], port) for a in members]
    began = time.perf_counter()
    with Prober() as prober:
        probes = prober.run(jobs)
    seconds = time.perf_counter() - began
    use = resource.getrusage(resource.RUSAGE_SELF)
    json.dump(
        {
            "seconds": seconds,
            "cpu_s": use.ru_utime + use.ru_stime,
            "rss_mib": _most_memory_kib() / 1024,
            "probes": len(probes),
            "outcomes": Counter(f"{p.layer.value} {p.error or p.outcome.value}" for p in probes),
        },
        sys.stdout,
    )


if __name__ == "__main__":
    main()
