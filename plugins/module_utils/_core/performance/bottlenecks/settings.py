# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which variable of a service says how many workers or connections it has."""

from __future__ import annotations

import re

from .model import Optimization
from .situation import Situation

_WORKERS = re.compile(r"(^|_)(WEB_CONCURRENCY|(UVICORN_|GUNICORN_)?WORKERS|NUM_WORKERS|WORKER_PROCESSES)$")
_POOL = re.compile(r"(^|_)(POOL|POOL_SIZE|POOL_MAX|MAX_POOL_SIZE|POOL_MAX_SIZE)$")
_THREADS = re.compile(r"(^|_)(MAX_|WORKER_)?THREADS$")
_MOST_WORKERS = 8
_MOST_CONNECTIONS = 20


def workers(situation: Situation, service: str, wanted: float = 0.0) -> Optimization:
    """More worker processes, as its variable or command says them; nothing to try where neither does."""
    # those that wait need no core of their own
    number = max(2, min(_MOST_WORKERS, int(wanted) or situation.evidence.cores or 2))
    found = _variable(situation, service, _WORKERS, number)
    if found.name:
        return found
    words = situation.service(service).command
    for place, (word, value) in enumerate(zip(words, words[1:])):
        if word in ("--workers", "-w") and value.isdigit() and int(value) < number:
            command = [*words[: place + 1], str(number), *words[place + 2 :]]
            return Optimization(
                "workers", {"service": service, "command": command, "from": int(value), "number": number}
            )
    return Optimization()


def said_to_serve(situation: Situation, service: str) -> int:
    """Workers × threads of each, as the variables of a service say them; 0 where none tells of threads."""
    environment = situation.service(service).environment
    threads = next((int(v) for n, v in environment.items() if _THREADS.search(n.upper()) and v.isdigit()), 0)
    processes = next((int(v) for n, v in environment.items() if _WORKERS.search(n.upper()) and v.isdigit()), 1)
    return threads * max(1, processes)


def pool(situation: Situation, service: str, wanted: float) -> Optimization:
    """More connections, as its variable says them; nothing to try where none does."""
    return _variable(situation, service, _POOL, max(2, min(_MOST_CONNECTIONS, int(wanted) + 1)))


def _variable(situation: Situation, service: str, names: re.Pattern[str], number: int) -> Optimization:
    for name, value in situation.service(service).environment.items():
        if names.search(name.upper()) and str(value).isdigit() and 0 < int(value) < number:
            parameters = {
                "service": service,
                "variable": name,
                "from": str(value),
                "value": str(number),
                "number": number,
            }
            return Optimization("workers", parameters)
    return Optimization()
