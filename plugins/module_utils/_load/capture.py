# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Loaded by Locust beside the operator's locustfile: keeps every request, and sends on a schedule where one is set.

Locust itself counts in buckets, rounds above 100 ms, and forgets the requests that a hanging server kept waiting.
Nothing here needs the collection: the file is copied to where Locust runs. Its settings come in ``NETFIX_CAPTURE``:
``folder`` for the samples, ``arrival_rate``, arrivals a second of all users together, 0 for none, ``senders``, how many
processes send, and ``parent``, the process without which this one must not go on. A worker hands its samples to the
master once a second, over Locust's own connection, so that they are in one place wherever the workers are.
"""

from __future__ import annotations

import itertools
import json
import os
import signal
import time
from array import array
from typing import Any

# the managed host's Python may have Locust as well, and importing it there would patch the whole process
if "NETFIX_CAPTURE" in os.environ:
    import gevent
    from locust import events
    from locust.runners import MasterRunner, WorkerRunner

FORMAT = 1
# Locust imports this before it divides into processes
FIRST = os.getpid()
# one process's samples, column by column; times are seconds since ``began``
COLUMNS = (("endpoint", "H"), ("scheduled_s", "d"), ("sent_s", "d"), ("took_s", "d"), ("ok", "B"))
WATCH_S = 0.05
PROGRESS_S = 1.0
MOST_ERRORS = 100
# how long the master waits for what the workers still have, beyond what Locust gives the last answers
HAND_OVER_S = 30.0
SAMPLES, STOP = "netfix_samples", "netfix_stop"


class Part:
    """The samples of one process that sends."""

    def __init__(self) -> None:
        self.endpoints: list[str] = []
        self.errors: dict[str, int] = {}
        self.columns = {name: array(code) for name, code in COLUMNS}
        # how late the process woke up each time, and the share of a core that it used since
        self.lags, self.busy = array("d"), array("d")
        self.began = time.time()
        self.stopped = 0.0
        # for those who watch: by endpoint, how many answers took how many milliseconds, and how many failed
        self.counts: dict[str, dict[int, int]] = {}
        self.failures: dict[str, int] = {}
        self.given = self.watched = 0
        self.whole = False

    def news(self) -> dict[str, Any]:
        """What was added since the last time."""
        told = {
            "began": self.began,
            "stopped": self.stopped,
            "now": time.time(),
            "given": self.given,
            "endpoints": self.endpoints,
            "errors": self.errors,
            "counts": self.counts,
            "failures": self.failures,
            "columns": {name: values[self.given :].tobytes() for name, values in self.columns.items()},
            "lags": self.lags[self.watched :].tobytes(),
            "busy": self.busy[self.watched :].tobytes(),
            "whole": self.whole,
        }
        self.given, self.watched = len(self.columns["ok"]), len(self.lags)
        return told

    def take(self, told: dict[str, Any]) -> None:
        """Add them to what is there; what does not follow on it is not taken, and the part never becomes whole."""
        if told["given"] != len(self.columns["ok"]):
            return
        for name, values in self.columns.items():
            values.frombytes(told["columns"][name])
        self.lags.frombytes(told["lags"])
        self.busy.frombytes(told["busy"])
        # the clock of another machine: what arrives has been under way for some time, the least of it counts
        ahead = time.time() - told["now"]
        self.ahead = min(ahead, getattr(self, "ahead", ahead))
        self.began, self.stopped = told["began"] + self.ahead, told["stopped"] and told["stopped"] + self.ahead
        for name in ("endpoints", "errors", "counts", "failures", "whole"):
            setattr(self, name, told[name])

    def write(self, folder: str, name: str, scheduled: bool) -> None:
        """Write the samples, whole or not at all."""
        header = {
            "format": FORMAT,
            "began": self.began,
            "stopped": self.stopped or time.time(),
            "scheduled": scheduled,
            "endpoints": self.endpoints,
            "errors": self.errors,
            "requests": len(self.columns["ok"]),
            "watched": len(self.lags),
            "whole": self.whole,
        }
        path = os.path.join(folder, f"samples-{name}")
        with open(f"{path}.new", "wb") as file:
            file.write(json.dumps(header).encode() + b"\n")
            for values in (*self.columns.values(), self.lags, self.busy):
                values.tofile(file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(f"{path}.new", f"{path}.bin")


class Capture:
    """What one Locust process does for a run: it sends, or is the master of those that do, or both."""

    def __init__(self, folder: str, arrival_rate: float = 0.0, senders: int = 1, parent: int = 0) -> None:
        self.folder = folder
        self.arrival_rate = arrival_rate
        self.senders = senders
        self.arrivals = itertools.count()
        self.own = Part()
        self.numbers: dict[str, int] = {}
        # on the master, by worker
        self.parts: dict[str, Part] = {}
        self.environment: Any = None
        self.watcher: Any = None
        self.parent = FIRST if os.getpid() != FIRST else os.getppid()
        # may be another one, where Locust has a wrapper, and may be dead already
        self.module = parent
        self.over = False

    def install(self, environment: Any) -> None:
        """Listen, and where arrivals have a schedule, let every user wait for the next of them."""
        self.environment = environment
        # the run time counts from when the loop last looked at the clock, which was before everything was imported
        gevent.get_hub().loop.update_now()
        runner = environment.runner
        self.worker, self.master = isinstance(runner, WorkerRunner), isinstance(runner, MasterRunner)
        environment.events.test_start.add_listener(self.begin)
        environment.events.test_stopping.add_listener(self.stop)
        gevent.spawn(self.heed)
        if self.master:
            runner.register_message(SAMPLES, self.take)
            environment.events.test_stop.add_listener(self.gather)
        else:
            environment.events.request.add_listener(self.request)
        if self.worker:
            runner.register_message(STOP, self.hand_over, concurrent=True)
        else:
            environment.events.quit.add_listener(self.end)
        if self.arrival_rate:
            for user_class in environment.user_classes:
                user_class.wait_time = lambda _user: self.wait()

    def heed(self) -> None:
        """End with whoever started this process, even where that was killed."""
        while os.getppid() == self.parent and (not self.module or os.path.exists(f"/proc/{self.module}")):
            gevent.sleep(PROGRESS_S)
        os.kill(os.getpid(), signal.SIGKILL)

    def begin(self, **_kwargs: Any) -> None:
        """The first user is about to start."""
        self.own.began = time.time()
        if self.master:
            self.parts = {worker: Part() for worker in self.environment.runner.clients}
        self.watcher = gevent.spawn(self.watch)

    def watch(self) -> None:
        """Whether this process itself keeps up; and tell how far it is, for those who watch."""
        wall, cpu = time.perf_counter(), time.process_time()
        told = wall
        while not self.over:
            gevent.sleep(WATCH_S)
            now, used = time.perf_counter(), time.process_time()
            if not self.own.stopped:
                self.own.lags.append(now - wall - WATCH_S)
                self.own.busy.append((used - cpu) / (now - wall))
            wall, cpu = now, used
            if now - told >= PROGRESS_S:
                self.tell()
                told = now

    def tell(self) -> None:
        """How far it is: a worker tells its master, and everybody else a file."""
        if self.worker:
            self.environment.runner.send_message(SAMPLES, self.own.news())
            return
        path = os.path.join(self.folder, "progress")
        runner = self.environment.runner
        parts = [{"counts": p.counts, "failures": p.failures} for p in (self.own, *self.parts.values())]
        with open(f"{path}.new", "w", encoding="ascii") as file:
            elapsed_s = time.time() - self.own.began
            json.dump({"elapsed_s": elapsed_s, "users": runner.user_count if runner else 0, "parts": parts}, file)
        os.rename(f"{path}.new", f"{path}.json")

    def wait(self) -> float:
        """Seconds until the next arrival. A user that comes too late for it starts at once, and its request is late."""
        # those who send take turns
        number = next(self.arrivals) * self.senders + getattr(self.environment.runner, "worker_index", 0) % self.senders
        arrival = self.own.began + number / self.arrival_rate
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
        own = self.own
        if endpoint not in self.numbers:
            self.numbers[endpoint] = len(own.endpoints)
            own.endpoints.append(endpoint)
        columns = own.columns
        columns["endpoint"].append(self.numbers[endpoint])
        columns["scheduled_s"].append(scheduled - own.began)
        columns["sent_s"].append(sent - own.began)
        columns["took_s"].append(took)
        columns["ok"].append(exception is None)
        if exception is None:
            counts = own.counts.setdefault(endpoint, {})
            milliseconds = int((sent + took - scheduled) * 1000)
            counts[milliseconds] = counts.get(milliseconds, 0) + 1
        else:
            own.failures[endpoint] = own.failures.get(endpoint, 0) + 1
            text = f"{endpoint}: {exception}"[:300]
            if text in own.errors or len(own.errors) < MOST_ERRORS:
                own.errors[text] = own.errors.get(text, 0) + 1

    def take(self, msg: Any, **_kwargs: Any) -> None:
        """On the master: what a worker has measured since it last told."""
        if msg.node_id in self.parts:
            self.parts[msg.node_id].take(msg.data)

    def stop(self, **_kwargs: Any) -> None:
        """No user begins anything from now on; those that wait for an answer still get it."""
        self.own.stopped = self.own.stopped or time.time()

    def gather(self, **_kwargs: Any) -> None:
        """On the master: let the workers end, and wait for their last samples; Locust itself would not."""
        runner = self.environment.runner
        runner.send_message(STOP)
        until = time.monotonic() + (self.environment.stop_timeout or 0) + HAND_OVER_S
        while time.monotonic() < until and any(not p.whole and self.lives(w) for w, p in self.parts.items()):
            gevent.sleep(WATCH_S)

    def lives(self, worker: str) -> bool:
        """Whether the master still hears of it."""
        return getattr(self.environment.runner.clients.get(worker), "state", "missing") != "missing"

    def hand_over(self, **_kwargs: Any) -> None:
        """On a worker: wait for the last answers, and give what is left."""
        self.environment.runner.stop()
        self.over = True
        if self.watcher:
            # what it is about to tell comes first
            self.watcher.join()
        self.own.whole = True
        self.tell()

    def end(self, **_kwargs: Any) -> None:
        """Write the samples of all who sent."""
        self.stop()
        self.over = self.own.whole = True
        parts = self.parts if self.master else {"own": self.own}
        for number, part in enumerate(parts.values()):
            part.write(self.folder, str(number), bool(self.arrival_rate))


if "NETFIX_CAPTURE" in os.environ:

    @events.init.add_listener
    def _install(environment: Any, **_kwargs: Any) -> None:
        Capture(**json.loads(os.environ["NETFIX_CAPTURE"])).install(environment)
