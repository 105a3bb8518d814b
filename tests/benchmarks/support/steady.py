# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A steady probe: requests on a schedule that does not wait for answers, in a process of its own.

As a program it takes the port and then pairs PATH RATE, says "began" and asks 127.0.0.1 until its input ends or its time
is over; then it writes a list of [path, due, done, status] as JSON, 0 where nothing answered in time. Times are the
monotonic clock's, in seconds, and the same for all processes of the machine.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

TIMEOUT_S = 2.0
LONGEST_S = 60.0
OK = 200


@dataclass(frozen=True)
class Seen:
    """What a probe saw of some paths: how many requests it made, those that were lost by what was answered instead.

    ``gap_s`` is the longest time without an answer on any path. ``back_at`` is when the first answer came after the last
    loss, on the monotonic clock; 0 without a loss.
    """

    asked: int
    losses: Counter[int]
    gap_s: float
    back_at: float

    @property
    def lost(self) -> int:
        """How many."""
        return self.losses.total()


class Steady:
    """The probe as a context; ``seen`` afterwards."""

    def __init__(self, port: int, rates: Mapping[str, float]) -> None:
        words = [str(word) for pair in rates.items() for word in pair]
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(port), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._requests: list[tuple[str, float, float, int]] = []

    def __enter__(self) -> Steady:
        assert self._process.stdout and self._process.stdout.readline() == "began\n"
        return self

    def __exit__(self, *_exc: Any) -> None:
        said, _err = self._process.communicate()
        self._requests = [tuple(request) for request in json.loads(said)]

    def seen(self, paths: Iterable[str]) -> Seen:
        """What was seen of those paths."""
        losses: Counter[int] = Counter()
        asked, gap_s, back_at = 0, 0.0, 0.0
        for path in paths:
            requests = [(due, done, status) for p, due, done, status in self._requests if p == path]
            losses.update(status for _due, _done, status in requests if status != OK)
            asked += len(requests)
            began, ended = requests[0][0], max(done for _due, done, _status in requests)
            points = [began, *sorted(done for _due, done, status in requests if status == OK), ended]
            gap_s = max(gap_s, *(b - a for a, b in zip(points, points[1:])))
            last = max((due for due, _done, status in requests if status != OK), default=None)
            if last is not None:
                back_at = max(back_at, min((done for due, done, s in requests if s == OK and due > last), default=ended))
        return Seen(asked, losses, gap_s, back_at)


async def _ask(port: int, path: str) -> int:
    """The status of the answer, 0 where none came in time."""
    writer = None
    try:
        async with asyncio.timeout(TIMEOUT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(f"GET {path} HTTP/1.0\r\nHost: steady\r\n\r\n".encode())
            answer = await reader.read()
            return int(answer[9:12] or 0)
    except OSError:
        return 0
    finally:
        if writer:
            writer.close()


async def _probe(port: int, rates: Mapping[str, float]) -> list[tuple[str, float, float, int]]:
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, over.set)
    requests: list[tuple[str, float, float, int]] = []

    async def ask(path: str, due: float) -> None:
        status = await _ask(port, path)
        requests.append((path, due, time.monotonic(), status))

    async def keep_asking(path: str, rate: float) -> None:
        async with asyncio.TaskGroup() as tasks:
            for number in range(int(rate * LONGEST_S)):
                due = began + number / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                if over.is_set():
                    return
                tasks.create_task(ask(path, due))

    began = time.monotonic()
    print("began", flush=True)
    await asyncio.gather(*(keep_asking(path, rate) for path, rate in rates.items()))
    return sorted(requests, key=lambda request: request[1])


if __name__ == "__main__":
    pairs = sys.argv[2:]
    json.dump(asyncio.run(_probe(int(sys.argv[1]), dict(zip(pairs[::2], map(float, pairs[1::2]))))), sys.stdout)
