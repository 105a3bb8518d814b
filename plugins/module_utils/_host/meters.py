# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a project's containers used, read from files that stay open: no work for the engine, however often it is read.

Where these cannot be read (another host's engine, no root), the engine is asked instead, which costs it work.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, Optional, Union

from .._core.errors import EngineError, NetfixError
from .._core.parsing.cgroup import V1_FILES, V2_FILES, Reading, cgroup_paths, read_api, read_v1, read_v2
from .probe_sources import Source

CGROUPS = "/sys/fs/cgroup"
# a buffer of a page is got three times as fast as one for all that a file may ever hold
PAGE, MOST_BYTES, LONGEST_LINE = 4096, 65536, 512


@dataclass
class Meter:
    """One container's open files. Raises NetfixError where they cannot be opened: another host, or no rights."""

    name: str
    pid: int
    files: dict[str, int] = field(default_factory=dict)
    network: int = -1
    read: Callable[[Mapping[str, str], str], Reading] = read_v2

    def __post_init__(self) -> None:
        try:
            with open(f"/proc/{self.pid}/cgroup", encoding="ascii") as file:
                paths = cgroup_paths(file.read())
            unified = os.path.exists(os.path.join(CGROUPS, "cgroup.controllers"))
            self.read = read_v2 if unified else read_v1
            for controller, names in (V2_FILES if unified else V1_FILES).items():
                folder = os.path.join(CGROUPS, controller, paths.get(controller, "/").lstrip("/"))
                for name in names:
                    # a controller that the kernel does not have counts nothing
                    with contextlib.suppress(FileNotFoundError):
                        self.files[name] = os.open(os.path.join(folder, name), os.O_RDONLY | os.O_CLOEXEC)
            self.network = os.open(f"/proc/{self.pid}/net/dev", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as exc:
            self.close()
            raise NetfixError(
                f"What container {self.name!r} uses cannot be read from the control group of its process {self.pid} "
                f"({exc.strerror}): run on the engine's own host, as root."
            ) from exc

    def reading(self) -> Optional[Reading]:
        """Its counters now, None once it has ended."""
        try:
            texts = {name: _text(file) for name, file in self.files.items()}
            return self.read(texts, _text(self.network))
        except OSError:
            return None

    def close(self) -> None:
        """Let go of the files."""
        for file in (*self.files.values(), self.network):
            if file >= 0:
                os.close(file)
        self.files, self.network = {}, -1


@dataclass
class ApiMeter:
    """One container, by the engine's stats; ``reason`` says why not by its files."""

    name: str
    reason: str
    stats: Callable[[str], Mapping[str, Any]]

    def reading(self) -> Optional[Reading]:
        """Its counters now, None once it has ended or the engine does not say."""
        try:
            return read_api(self.stats(self.name))
        except EngineError:
            return None

    def close(self) -> None:
        """There is nothing to let go of."""


def open_meters(sources: Iterable[Source], stats: Callable[[str], Mapping[str, Any]]) -> list[Union[Meter, ApiMeter]]:
    """One for each of them; ``stats`` is Engine.stats, for those whose files cannot be read."""
    found: list[Union[Meter, ApiMeter]] = []
    for source in sources:
        reason = source.reason
        if not reason:
            try:
                found.append(Meter(source.name, source.pid))
                continue
            except NetfixError as exc:
                reason = exc.message
        found.append(ApiMeter(source.name, reason, stats))
    return found


def _text(file: int) -> str:
    text = os.pread(file, PAGE, 0)
    if len(text) > PAGE - LONGEST_LINE:
        # the kernel gives whole lines of some files, a page of them at most
        while more := os.pread(file, MOST_BYTES, len(text)):
            text += more
    return text.decode("ascii", "replace")


@dataclass
class Sampler:
    """Reads every meter so many times a second, in a thread, until it is told to end. Times as ``time.time()``."""

    meters: Sequence[Union[Meter, ApiMeter]]
    rate_hz: float = 2.0
    times: list[float] = field(default_factory=list)
    readings: dict[str, list[Optional[Reading]]] = field(default_factory=dict)
    cpu_s: float = 0.0

    @contextlib.contextmanager
    def running(self) -> Iterator[Sampler]:
        """Sample as long as the block takes, once before and once after it."""
        end = threading.Event()
        thread = threading.Thread(target=self._run, args=(end,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            end.set()
            thread.join()
            for meter in self.meters:
                meter.close()

    def _run(self, end: threading.Event) -> None:
        began = time.monotonic()
        number = 0
        while True:
            self._sample()
            number += 1
            if end.wait(max(0.0, began + number / self.rate_hz - time.monotonic())):
                break
        self._sample()
        self.cpu_s = time.thread_time()

    def _sample(self) -> None:
        self.times.append(time.time())
        for meter in self.meters:
            self.readings.setdefault(meter.name, []).append(meter.reading())
