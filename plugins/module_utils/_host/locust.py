# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs Locust headless, waits for it no longer than it may take, and reads what it kept."""

from __future__ import annotations

import contextlib
import inspect
import json
import math
import os
import shutil
import signal
import subprocess
import time
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Optional

from .._core.errors import LoadError, TransactionError
from .._core.performance.histogram import histogram
from .._core.performance.runs import Figures, Run, Sample, by_endpoint, figures, from_counts, pictured
from .._core.performance.statistics import percentile
from .._load import capture, endpoints
from .files import write_whole

# how long Locust may take beyond its run time: to start, to wait for the last answers, and to write its reports
GRACE_S = 60.0
LAST_ANSWERS_S = 10
WORKERS_S = 60
POLL_S = 0.1
WATCH_S = 1.0


@dataclass(frozen=True)
class Load:
    """What to run. Either a ``locustfile`` or a list of ``endpoints``; times in seconds.

    ``arrival_rate`` is in arrivals a second (open model); 0 leaves the pace to the users (closed model). ``workers`` are
    machines that send instead of this one, each with so many ``processes``.
    """

    host: str
    locustfile: str = ""
    endpoints: tuple[Mapping[str, Any], ...] = ()
    users: int = 10
    spawn_rate: float = 2.0
    run_time_s: float = 60.0
    warm_up_s: float = 5.0
    arrival_rate: float = 0.0
    processes: int = 1
    workers: int = 0
    master_bind: str = "*"
    master_port: int = 5557
    tags: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    executable: str = "locust"

    @property
    def senders(self) -> int:
        """How many processes send."""
        return max(self.workers, 1) * self.processes

    @property
    def total_s(self) -> int:
        """How long it lasts with its warm-up; Locust takes whole seconds only."""
        return math.ceil(self.run_time_s + self.warm_up_s)

    def settings(self, folder: str, parent: int = 0) -> dict[str, str]:
        """What capture.py and endpoints.py read, as variables; samples go to that folder, and it ends with its parent."""
        told = {"folder": folder, "arrival_rate": self.arrival_rate, "senders": self.senders, "parent": parent}
        found = {**self.environment, "NETFIX_CAPTURE": json.dumps(told), "PYTHONUNBUFFERED": "1"}
        if not self.locustfile:
            found["NETFIX_ENDPOINTS"] = json.dumps(list(self.endpoints))
        return found

    def command(self, folder: str) -> list[str]:
        """The command line, its files being in that folder."""
        own = os.path.join(folder, "capture.py")
        load = self.locustfile or os.path.join(folder, "endpoints.py")
        line = [
            self.executable,
            f"--locustfile={own},{load}",
            "--headless",
            f"--host={self.host}",
            f"--users={self.users}",
            f"--spawn-rate={self.spawn_rate:g}",
            f"--run-time={self.total_s}s",
            f"--stop-timeout={LAST_ANSWERS_S}",
            "--exit-code-on-error=0",
            "--only-summary",
            "--json",
            f"--html={os.path.join(folder, 'locust.html')}",
            f"--csv={os.path.join(folder, 'locust')}",
        ]
        if self.workers:
            line += [
                "--master",
                f"--master-bind-host={self.master_bind}",
                f"--master-bind-port={self.master_port}",
                f"--expect-workers={self.senders}",
                f"--expect-workers-max-wait={WORKERS_S}",
            ]
        elif self.processes > 1:
            line.append(f"--processes={self.processes}")
        for option, values in (("--tags", self.tags), ("--exclude-tags", self.exclude_tags)):
            if values:
                line += [option, *values]
        return line


@dataclass(frozen=True)
class Progress:
    """How far a run has come; its figures are those since its beginning, the warm-up as well."""

    number: int
    elapsed_s: float
    of_s: float
    users: int = 0
    whole: Figures = Figures()
    endpoints: Mapping[str, Figures] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """One line for those who wait."""
        if not self.elapsed_s:
            return f"run {self.number}: Locust starts"
        p95 = self.whole.value("p95")
        return (
            f"run {self.number}: {self.elapsed_s:.0f} of {self.of_s:.0f} s, {self.users} users, {self.whole.rps:.1f} requests/s, "
            f"p95 {'-' if p95 is None else f'{p95:.0f} ms'}, {self.whole.failures} failures"
        )


def run_load(load: Load, folder: str, number: int, watch: Callable[[Progress], bool]) -> Run:
    """One run, its files in ``folder``/run-<number>, which is there as a whole or not at all.

    ``watch`` is told once a second how far it is, and ends it early where it answers True.

    Raises LoadError, with how Locust's own log ends, where there is nothing to take a result from.
    """
    final = os.path.join(folder, f"run-{number}")
    work = f"{final}.new"
    shutil.rmtree(work, ignore_errors=True)
    try:
        os.makedirs(work, mode=0o700)
        for module in (capture, endpoints):
            name = module.__name__.rpartition(".")[2]
            write_whole(os.path.join(work, f"{name}.py"), inspect.getsource(module))
        _locust(load, work, number, watch)
        run = read_run(work, load, number)
        shutil.rmtree(final, ignore_errors=True)
        os.rename(work, final)
    except OSError as exc:
        raise LoadError(f"The results of run {number} cannot be kept in {folder}: {exc.strerror or exc}.") from exc
    except TransactionError as exc:
        raise LoadError(f"The results of run {number} cannot be kept: {exc}") from exc
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return run


def _locust(load: Load, work: str, number: int, watch: Callable[[Progress], bool]) -> None:
    total_s = load.total_s
    beyond_s = LAST_ANSWERS_S + GRACE_S + (WORKERS_S if load.workers else 0)
    with open(os.path.join(work, "locust.json"), "wb") as out, open(os.path.join(work, "locust.log"), "wb") as log:
        try:
            process = subprocess.Popen(
                load.command(work),
                cwd=work,
                env={**os.environ, **load.settings(work, os.getpid())},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )
        except OSError as exc:
            raise LoadError(
                f"Locust cannot be started as {load.executable!r}: {exc.strerror or exc}. Install it (pip install locust), or "
                "say where it is."
            ) from exc
        with _ended(process):
            began = watched = time.monotonic()
            while process.poll() is None:
                now = time.monotonic()
                if now - began > total_s + beyond_s:
                    raise LoadError(f"Locust did not end {beyond_s:.0f} s after its run time; it was stopped.")
                if now - watched >= WATCH_S:
                    watched = now
                    if watch(_progress(work, number, total_s)):
                        process.send_signal(signal.SIGTERM)
                time.sleep(POLL_S)
    if process.returncode:
        how = (
            f"was ended by signal {-process.returncode}"
            if process.returncode < 0
            else f"ended with {process.returncode}"
        )
        raise LoadError(f"Locust {how}. Its log ends with: {log_end(work)}", log=log_end(work, 30))


@contextlib.contextmanager
def _ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Nothing of it keeps running, however this is left."""
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _progress(work: str, number: int, of_s: float) -> Progress:
    counts: dict[str, dict[int, int]] = {}
    failures: dict[str, int] = {}
    try:
        with open(os.path.join(work, "progress.json"), encoding="ascii") as file:
            told = json.load(file)
    except FileNotFoundError:
        return Progress(number, 0.0, of_s)
    elapsed_s = told["elapsed_s"]
    for part in told["parts"]:
        for endpoint, found in part["counts"].items():
            into = counts.setdefault(endpoint, {})
            for ms, count in found.items():
                into[int(ms)] = into.get(int(ms), 0) + count
        for endpoint, count in part["failures"].items():
            failures[endpoint] = failures.get(endpoint, 0) + count
    together: dict[int, int] = {}
    for found in counts.values():
        for ms, count in found.items():
            together[ms] = together.get(ms, 0) + count
    whole = from_counts(together, sum(failures.values()), elapsed_s)
    endpoints_told = {n: from_counts(counts.get(n, {}), failures.get(n, 0), elapsed_s) for n in {*counts, *failures}}
    return Progress(number, elapsed_s, of_s, told["users"], whole, endpoints_told)


def log_end(work: str, lines: int = 3) -> str:
    """How Locust's log in that folder ends."""
    with open(os.path.join(work, "locust.log"), encoding="utf-8", errors="replace") as file:
        return "\n".join([line.rstrip() for line in file if line.strip()][-lines:]) or "nothing"


def read_run(work: str, load: Load, number: int) -> Run:
    """The run whose samples are in a folder. Raises LoadError where no request was sent, or none was answered."""
    parts = read_parts(work)
    if not all(p.whole for p in parts):
        raise LoadError(
            f"A process that sent the load was lost in run {number}, and its samples with it. Locust's log ends with: "
            f"{log_end(work)}"
        )
    began = min((p.began for p in parts if p.columns["ok"]), default=0.0)
    seconds = max((p.stopped for p in parts), default=0.0) - began - load.warm_up_s
    samples = [s for p in parts for s in p.samples(began) if 0 <= s.scheduled_s - load.warm_up_s <= seconds]
    errors: dict[str, int] = {}
    for part in parts:
        for text, count in part.errors.items():
            errors[text] = errors.get(text, 0) + count
    if not samples:
        raise LoadError(f"Run {number} sent no request to {load.host}. Locust's log ends with: {log_end(work)}")
    if not any(s.ok for s in samples):
        worst = max(errors, key=lambda text: errors[text], default="no answer")
        raise LoadError(
            f"None of the {len(samples)} requests of run {number} to {load.host} succeeded; most often: {worst}"
        )
    scheduled = bool(load.arrival_rate)
    write_whole(os.path.join(work, "histograms.json"), json.dumps(histogram(samples)))
    spreads, series = pictured(samples, load.warm_up_s, seconds, scheduled)
    return Run(
        number=number,
        spreads=spreads,
        series=series,
        measured_from=began + load.warm_up_s,
        seconds=round(seconds, 3),
        whole=figures(samples, seconds, scheduled),
        endpoints=by_endpoint(samples, seconds, scheduled),
        errors=dict(sorted(errors.items(), key=lambda item: -item[1])[:10]),
        late_p99_ms=max((p.late_p99_ms for p in parts if p.lags), default=0.0),
        generator_cpu=max((p.cpu for p in parts if p.busy), default=0.0),
    )


def read_parts(work: str) -> list[Part]:
    """The samples in a folder, of each process that sent."""
    names = (n for n in sorted(os.listdir(work)) if n.startswith("samples-") and n.endswith(".bin"))
    return [_read(os.path.join(work, n)) for n in names]


@dataclass(frozen=True)
class Part:
    """The samples of one Locust process."""

    whole: bool
    began: float
    stopped: float
    endpoints: Sequence[str]
    errors: Mapping[str, int]
    columns: Mapping[str, Any]
    lags: Any
    busy: Any

    def samples(self, began: float) -> Iterator[Sample]:
        """In the order of their answers; times since ``began``."""
        later = self.began - began
        columns = self.columns
        for endpoint, scheduled, sent, took, ok in zip(*(columns[name] for name, _code in capture.COLUMNS)):
            yield Sample(self.endpoints[endpoint], scheduled + later, sent + later, sent + later + took, bool(ok))

    @property
    def late_p99_ms(self) -> float:
        """How late the process woke up."""
        return percentile(sorted(self.lags), 99) * 1000

    @property
    def cpu(self) -> float:
        """The share of a core that it used, 0 to 1."""
        return sum(self.busy) / len(self.busy)


def _read(path: str) -> Part:
    with open(path, "rb") as file:
        header = json.loads(file.readline())
        if header["format"] != capture.FORMAT:
            raise LoadError(f"{path} has format {header['format']!r}, this release reads {capture.FORMAT}.")

        def column(code: str, count: int) -> Any:
            values = array(code)
            values.fromfile(file, count)
            return values

        columns = {name: column(code, header["requests"]) for name, code in capture.COLUMNS}
        lags, busy = column("d", header["watched"]), column("d", header["watched"])
    return Part(
        header["whole"], header["began"], header["stopped"], header["endpoints"], header["errors"], columns, lags, busy
    )


def locust_version(executable: str) -> Optional[str]:
    """Its version, None where it cannot be run."""
    try:
        done = subprocess.run([executable, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.split()[1] if done.returncode == 0 and len(done.stdout.split()) > 1 else None
