# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one would script by hand to find out who resolves and reaches whom, and the ceiling for names alone.

Each way takes pairs and gives how many of them were found to be well.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from .mesh import IMAGE, PORT, Member, Mesh, Pair

_AT_ONCE = 8
_ENGINE = "127.0.0.11"


class Ways:
    """The other ways, for one mesh."""

    def __init__(self, mesh: Mesh) -> None:
        self._busybox = mesh.busybox

    def exec_each(self, pairs: Sequence[Pair]) -> int:
        """``docker exec CONTAINER nslookup NAME``, one after the other. Names only: the port would double it."""
        return sum(_passes("docker", "exec", a.container, "/nslookup", b.host) for a, b in pairs)

    def helper_each(self, pairs: Sequence[Pair]) -> int:
        """``docker run --rm --network container:CONTAINER IMAGE nslookup NAME``, one after the other. Names only."""
        volume = f"{self._busybox}:/nslookup:ro"
        run = ("docker", "run", "--rm", "-v", volume, "--entrypoint", "/nslookup")
        return sum(_passes(*run, "--network", f"container:{a.container}", IMAGE, b.host) for a, b in pairs)

    def nsenter_image(self, pairs: Sequence[Pair]) -> int:
        """One ``nsenter`` for each pair, 8 in parallel: the name by the image's own nslookup (BIND's), then the port."""

        def well(pair: Pair) -> bool:
            source, target = pair
            script = f"nslookup {target.host} && : </dev/tcp/{target.address}/{PORT}"
            return _passes("nsenter", "-t", str(source.pid), "-n", "-m", "bash", "-c", script)

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return sum(pool.map(well, pairs))

    def nsenter_each(self, pairs: Sequence[Pair]) -> int:
        """The same with the host's busybox, whose nslookup is small: no container needs to have a tool."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return sum(pool.map(lambda pair: self._nsenter(pair[0], [pair[1]]), pairs))

    def nsenter_loops(self, pairs: Sequence[Pair]) -> int:
        """One ``nsenter`` for each source, 8 in parallel, with a shell loop over its targets, by the host's busybox."""
        targets: dict[Member, list[Member]] = {}
        for source, target in pairs:
            targets.setdefault(source, []).append(target)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return sum(pool.map(self._nsenter, targets, targets.values()))

    def _nsenter(self, source: Member, targets: Sequence[Member]) -> int:
        box = self._busybox
        lines = [
            f"{box} nslookup {t.host} {_ENGINE} >/dev/null && {box} nc -w 1 {t.address} {PORT} </dev/null && echo well"
            for t in targets
        ]
        enter = ["nsenter", "-t", str(source.pid), "-n", box, "sh", "-c", "\n".join(lines)]
        return subprocess.run(enter, capture_output=True, text=True, check=False).stdout.count("well")


def dnsperf(source: Member, members: Sequence[Member], count: int) -> float | None:
    """Questions that the engine answers in a second to dnsperf in that namespace, None where it is not installed."""
    if not shutil.which("dnsperf"):
        return None
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as questions:
        questions.writelines(f"{members[i % len(members)].host} A\n" for i in range(count))
        questions.flush()
        command = ["dnsperf", "-s", _ENGINE, "-d", questions.name, "-n", "1", "-c", "1", "-q", "64", "-t", "2"]
        done = subprocess.run(
            ["nsenter", "-t", str(source.pid), "-n", *command], capture_output=True, text=True, check=True
        )
    found = re.search(r"Queries per second:\s+([0-9.]+)", done.stdout)
    if not found:
        raise SystemExit(f"dnsperf says something new: {done.stdout}")
    return float(found.group(1))


def _passes(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
