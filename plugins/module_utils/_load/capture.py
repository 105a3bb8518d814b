# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loaded by Locust beside the operator's locustfile: keeps every request, and sends on a schedule where one is set.

Locust itself counts in buckets, rounds above 100 ms, and forgets the requests that a hanging server kept waiting.
Nothing here needs the collection: the file is copied to where Locust runs. Its settings come in ``NETFIX_CAPTURE``:
``folder`` for the samples, and ``arrival_rate``, arrivals a second of all users of one process together, 0 for none.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from array import array
from typing import Any

# the managed host's Python may have Locust as well, and importing it there would patch the whole process
if "NETFIX_CAPTURE" in os.environ:
    import gevent
    from locust import events

FORMAT = 1
# one process's samples, column by column; times are seconds since ``began``
COLUMNS = (("endpoint", "H"), ("scheduled_s", "d"), ("sent_s", "d"), ("took_s", "d"), ("ok", "B"))
WATCH_S = 0.05
PROGRESS_S = 1.0
MOST_ERRORS = 100


class Capture:
    """The samples of one Locust process."""

    def __init__(self, folder: str, arrival_rate: float = 0.0) -> None:
        self.folder = folder
        self.arrival_rate = arrival_rate
        self.arrivals = itertools.count()
        self.endpoints: dict[str, int] = {}
        self.errors: dict[str, int] = {}
        self.columns = {name: array(code) for name, code in COLUMNS}
        # how late this process woke up each time, and the share of a core that it used since
        self.lags, self.busy = array("d"), array("d")
        self.began = time.time()
        self.stopped = 0.0
        # for those who watch: by endpoint, how many answers took how many milliseconds, and how many failed
        self.counts: dict[str, dict[int, int]] = {}
        self.failures: dict[str, int] = {}
        self.environment: Any = None

    def install(self, environment: Any) -> None:
        """Listen, and where arrivals have a schedule, let every user wait for the next of them."""
        self.environment = environment
        environment.events.request.add_listener(self.request)
        environment.events.test_start.add_listener(self.begin)
        environment.events.test_stopping.add_listener(self.stop)
        environment.events.quit.add_listener(self.end)
        if self.arrival_rate:
            for user_class in environment.user_classes:
                user_class.wait_time = lambda _user: self.wait()

    def begin(self, **_kwargs: Any) -> None:
        """The first user is about to start."""
        self.began = time.time()
        gevent.spawn(self.watch)

    def watch(self) -> None:
        """Whether this process itself keeps up."""
        wall, cpu = time.perf_counter(), time.process_time()
        told = wall
        while not self.stopped:
            gevent.sleep(WATCH_S)
            now, used = time.perf_counter(), time.process_time()
            self.lags.append(now - wall - WATCH_S)
            self.busy.append((used - cpu) / (now - wall))
            wall, cpu = now, used
            if now - told >= PROGRESS_S:
                self.tell()
                told = now

    def tell(self) -> None:
        """How far it is, for those who watch."""
        path = os.path.join(self.folder, f"progress-{os.getpid()}")
        runner = self.environment.runner
        with open(f"{path}.new", "w", encoding="ascii") as file:
            json.dump(
                {"users": runner.user_count if runner else 0, "counts": self.counts, "failures": self.failures}, file
            )
        os.rename(f"{path}.new", f"{path}.json")

    def wait(self) -> float:
        """Seconds until the next arrival. A user that comes too late for it starts at once, and its request is late."""
        arrival = self.began + next(self.arrivals) / self.arrival_rate
        gevent.getcurrent().netfix_scheduled = arrival
        return max(0.0, arrival - time.time())

    def request(
        self,
        request_type: str,
        name: str,
        response_time: float,
        exception: Any = None,
        start_time: float = 0.0,
        **_kwargs: Any,
    ) -> None:
        """One answer, or the lack of one; ``response_time`` in milliseconds."""
        took = response_time / 1000
        sent = start_time or time.time() - took
        user = gevent.getcurrent()
        scheduled = getattr(user, "netfix_scheduled", None) or sent
        user.netfix_scheduled = None  # what a task sends after its first request follows from the answer to that
        endpoint = f"{request_type} {name}"
        columns = self.columns
        columns["endpoint"].append(self.endpoints.setdefault(endpoint, len(self.endpoints)))
        columns["scheduled_s"].append(scheduled - self.began)
        columns["sent_s"].append(sent - self.began)
        columns["took_s"].append(took)
        columns["ok"].append(exception is None)
        if exception is None:
            counts = self.counts.setdefault(endpoint, {})
            milliseconds = int((sent + took - scheduled) * 1000)
            counts[milliseconds] = counts.get(milliseconds, 0) + 1
        else:
            self.failures[endpoint] = self.failures.get(endpoint, 0) + 1
            text = f"{endpoint}: {exception}"[:300]
            if text in self.errors or len(self.errors) < MOST_ERRORS:
                self.errors[text] = self.errors.get(text, 0) + 1

    def stop(self, **_kwargs: Any) -> None:
        """No user begins anything from now on; those that wait for an answer still get it."""
        self.stopped = self.stopped or time.time()

    def end(self, **_kwargs: Any) -> None:
        """Write the samples, whole or not at all."""
        self.stop()
        header = {
            "format": FORMAT,
            "began": self.began,
            "stopped": self.stopped,
            "scheduled": bool(self.arrival_rate),
            "endpoints": list(self.endpoints),
            "errors": self.errors,
            "requests": len(self.columns["ok"]),
            "watched": len(self.lags),
        }
        path = os.path.join(self.folder, f"samples-{os.getpid()}")
        with open(f"{path}.new", "wb") as file:
            file.write(json.dumps(header).encode() + b"\n")
            for values in (*self.columns.values(), self.lags, self.busy):
                values.tofile(file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(f"{path}.new", f"{path}.bin")


if "NETFIX_CAPTURE" in os.environ:

    @events.init.add_listener
    def _install(environment: Any, **_kwargs: Any) -> None:
        Capture(**json.loads(os.environ["NETFIX_CAPTURE"])).install(environment)
