# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a search for bottlenecks looks at, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from ..datastores.model import Cache, Database
from ..runs import Run


@dataclass(frozen=True)
class Function:
    """One function of a profile; ``own`` and ``total`` are shares of the samples."""

    function: str
    file: str = ""
    line: int = 0
    own: float = 0.0
    total: float = 0.0

    @property
    def is_programs_own(self) -> bool:
        """Whether it is the program's, and neither the language's nor a library's."""
        foreign = ("/lib/python", "/lib64/python", "site-packages", "dist-packages", "<frozen", "<built-in")
        return bool(self.file) and not any(part in self.file for part in foreign)


@dataclass(frozen=True)
class Process:
    """One process of a profiled service; ``cpu`` in cores."""

    command: str = ""
    cpu: float = 0.0
    threads: int = 0


@dataclass(frozen=True)
class Profile:
    """What the functions of a service did under load."""

    service: str
    outcome: str = "ok"
    reason: str = ""
    seconds: float = 0.0
    rate_hz: float = 0.0
    samples: int = 0
    functions: tuple[Function, ...] = ()
    processes: tuple[Process, ...] = ()

    @property
    def active(self) -> float:
        """Threads that were at work, on average."""
        taken = self.seconds * self.rate_hz
        return self.samples / taken if taken else 0.0


@dataclass(frozen=True)
class Service:
    """What a service was given: variables, command, cores (0: no limit), and the names of its containers."""

    environment: Mapping[str, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    cpus: float = 0.0
    containers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evidence:
    """Everything that was gathered. ``calls`` are (consumer, provider); ``routes`` are (gateway, path prefix, service)."""

    runs: tuple[Run, ...] = ()
    services: Mapping[str, Service] = field(default_factory=dict)
    calls: tuple[tuple[str, str], ...] = ()
    routes: tuple[tuple[str, str, str], ...] = ()
    profiles: tuple[Profile, ...] = ()
    databases: tuple[Database, ...] = ()
    caches: tuple[Cache, ...] = ()
    cores: int = 0
    warm_up_s: float = 0.0

    @property
    def stores(self) -> frozenset[str]:
        """The services that are databases or caches."""
        return frozenset([d.service for d in self.databases] + [c.service for c in self.caches])


@dataclass(frozen=True)
class Fact:
    """One piece of evidence: where it is from, what it says, and its figure."""

    source: str
    text: str
    value: Optional[float] = None


@dataclass(frozen=True)
class Optimization:
    """What can be tried: ``cache``, ``indexes``, ``workers``, or None, with what it takes."""

    name: Optional[str] = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Bottleneck:
    """One bottleneck. ``cost_s_per_s`` is how many users wait for it at any moment, ``share`` that of all who wait.

    Shares of several may add up to more than 1: a request can wait for one because of the other.
    """

    code: str
    service: str
    endpoint: str
    cost_s_per_s: float
    evidence: tuple[Fact, ...]
    optimization: Optimization = Optimization()
    title: str = ""
    advice: str = ""
    share: float = 0.0
    confidence: str = "possible"
    rank: int = 0


@dataclass(frozen=True)
class Unseen:
    """What could not be looked at, and why."""

    source: str
    reason: str


@dataclass(frozen=True)
class Bottlenecks:
    """The costliest, and what could not be seen. ``waiting_s_per_s`` is how many users waited at any moment."""

    items: tuple[Bottleneck, ...] = ()
    unseen: tuple[Unseen, ...] = ()
    waiting_s_per_s: float = 0.0
