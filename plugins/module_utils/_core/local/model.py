# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A project's services as they run without Docker: what each needs, as plain data that a supervisor can be handed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Optional

WARNING = (
    "This runs the services without Docker, to let work go on. It does not validate the production set-up: networks, limits "
    "and images are not those of the containers, and no figure may be compared with one measured in Docker."
)
RELAY_ADDRESS = "127.0.0.1"
# names are also answered where Docker's own nameserver would: some configurations name it
DNS_ADDRESS = "127.0.0.11"


@dataclass(frozen=True)
class Health:
    """A health check as Compose means it; times in seconds."""

    argv: tuple[str, ...]
    interval_s: float = 30.0
    timeout_s: float = 30.0
    retries: int = 3
    start_period_s: float = 0.0


@dataclass(frozen=True)
class Image:
    """An image that can be read here, with its configuration as the image specification has it.

    ``layers`` are folders, the uppermost first; ``origin`` says where they come from: layers, export, archive, or host for the
    host's own file system.
    """

    id: str
    origin: str
    layers: tuple[str, ...]
    architecture: str = ""
    environment: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    workdir: str = ""
    user: str = ""
    stop_signal: str = ""
    health: Optional[Health] = None
    # what is copied into it when it starts: source on the host, target
    copies: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Mount:
    """``kind`` is volume (private data below our folder), bind (read-only), copy (writes go to a private layer), or tmpfs.

    ``source`` is a path on the host; of a volume, its name.
    """

    kind: str
    source: str
    target: str


@dataclass(frozen=True)
class Published:
    """A port that is offered on the host's loopback; ``wanted`` is 0 where any will do."""

    wanted: int
    target: int


@dataclass(frozen=True)
class Need:
    """Another service, and the state in which it must be before this one starts."""

    service: str
    condition: str = "service_started"


@dataclass(frozen=True)
class Service:
    """One service. ``network`` is own, none, or the name of the service whose network it shares."""

    name: str
    image: str
    image_id: str
    origin: str
    layers: tuple[str, ...]
    argv: tuple[str, ...]
    environment: dict[str, str]
    workdir: str
    user: str
    hostname: str
    hosts: str
    address: str
    fixed_addresses: tuple[str, ...] = ()
    network: str = "own"
    groups: tuple[str, ...] = ()
    mounts: tuple[Mount, ...] = ()
    copies: tuple[tuple[str, str], ...] = ()
    files: dict[str, str] = field(default_factory=dict)
    published: tuple[Published, ...] = ()
    health: Optional[Health] = None
    needs: tuple[Need, ...] = ()
    restart: str = "no"
    stop_signal: str = "SIGTERM"
    stop_grace_s: float = 10.0
    capabilities: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A service that cannot run so, why, and what would help."""

    service: str
    reason: str


@dataclass(frozen=True)
class Volume:
    """A named volume of the project; ``name`` as the engine has it."""

    key: str
    name: str


@dataclass(frozen=True)
class Plan:
    """All that is to run, what cannot, and the names that the nameserver answers."""

    project: str
    services: tuple[Service, ...]
    refused: tuple[Refused, ...] = ()
    volumes: tuple[Volume, ...] = ()
    names: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
