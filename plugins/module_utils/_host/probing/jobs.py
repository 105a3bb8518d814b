# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be asked of the prober. ``pid`` is a process of the container, 0 for the host itself.

``types`` are the record types that names are resolved to, empty for those that the container's libc would use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Union


@dataclass(frozen=True)
class NameJob:
    """Resolve a name as the application's libc would, or ask exactly one nameserver for exactly that name."""

    container: str
    pid: int
    host: str
    nameserver: str = ""
    types: tuple[str, ...] = ()


@dataclass(frozen=True)
class TcpJob:
    """Connect to a port and hang up. A name is resolved first, as NameJob does."""

    container: str
    pid: int
    host: str
    port: int
    types: tuple[str, ...] = ()


@dataclass(frozen=True)
class HttpJob:
    """Send one HTTP request. ``connect`` is an address to send it to instead of the URL's host.

    ``statuses`` are those that count as ok, empty for any below 400. ``timeout_s`` is the longest wait for the answer,
    0 for the timeout of the run; ``longest_body`` is how many octets of its body are read.
    Certificates are not checked: the question is who answers, not whether to trust it.
    """

    container: str
    pid: int
    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, hash=False)
    json_body: Any = field(default=None, hash=False)
    connect: str = ""
    statuses: tuple[int, ...] = ()
    timeout_s: float = 0.0
    types: tuple[str, ...] = ()
    longest_body: int = 2048


@dataclass(frozen=True)
class PingJob:
    """Send one ICMP echo. ``size`` is that of its whole packet, which no router may cut up; 0 for a small one."""

    container: str
    pid: int
    host: str
    size: int = 0
    types: tuple[str, ...] = ()


Job = Union[NameJob, TcpJob, HttpJob, PingJob]
