# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An engine that does not answer. With live-restore, or where it hangs, its containers live on without their DNS.

What it wrote down about them (``<data-root>/containers/ID/config.v2.json``, for root to read) is near enough to what
its API tells, and the kernel knows which of them run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from .._core.errors import EngineSilent
from .._core.model import Container, Network
from .._core.model import Engine as EngineFacts
from .._core.parsing.inspect import LABEL_PROJECT, container_from_inspect
from .container_files import read_in_root, runs_in
from .daemon import Daemon, read_daemon
from .engine import Engine

_DATA_ROOT = "/var/lib/docker"
_MAX_BYTES = 4 * 1024 * 1024


def open_engine(docker_host: str = "") -> Engine:
    """The engine of that address; what is left of the system's own where it does not answer.

    Raises EngineError where it cannot be asked, and EngineSilent where nothing is left either.
    """
    engine = Engine(docker_host)
    try:
        engine.must_answer()
    except EngineSilent as exc:
        if not engine.is_default:
            raise
        silent = SilentEngine(exc, read_daemon())
        if not silent.daemon.pid and not any(c.running for c in silent.listed()):
            raise
        return silent
    return engine


class SilentEngine(Engine):
    """Reads what there is to read; everything else raises the error with which the engine failed to answer."""

    def __init__(self, error: EngineSilent, daemon: Daemon) -> None:
        super().__init__()
        self._error = error
        self.daemon = daemon
        self._inspected = sorted(_written_down(daemon), key=lambda c: str(c["Name"]))

    def must_answer(self) -> None:
        """Raises the error."""
        raise self._error

    def facts(self) -> EngineFacts:
        """Why it does not answer."""
        return EngineFacts(
            silence=str(self._error.details["silence"]), process=self.daemon.state, settings=self.daemon.settings
        )

    def inspect_containers(self, project: str | None = None, names: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """As its files show them."""
        wanted = None if names is None else set(names)
        return [
            c
            for c in self._inspected
            if (not project or _labels(c).get(LABEL_PROJECT) == project)
            and (wanted is None or not wanted.isdisjoint((c["Id"], c["Name"].lstrip("/"))))
        ]

    def listed(self) -> list[Container]:
        """All containers."""
        return [container_from_inspect(c) for c in self._inspected]

    def labels(self) -> list[dict[str, str]]:
        """Those of all containers."""
        return [_labels(c) for c in self._inspected]

    def inspect_networks(self, names: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """None: only the engine knows its networks."""
        return []

    def project_networks(self, project: str) -> list[Network]:
        """None."""
        return []

    def subnets(self) -> dict[str, list[str]]:
        """None."""
        return {}

    def address_pools(self) -> list[str]:
        """None."""
        return []


def _written_down(daemon: Daemon) -> list[dict[str, Any]]:
    """Inspect data of all containers; none where they may not be read, and none of those whose file is damaged."""
    folder = os.path.join(daemon.settings.get("data-root", _DATA_ROOT), "containers")
    try:
        ids = os.listdir(folder)
    except OSError:
        return []
    found = []
    for name in ids:
        texts = [read_in_root(0, os.path.join(folder, name, f"{part}.json"), _MAX_BYTES) for part in ("config.v2", "hostconfig")]
        try:
            config, host = (json.loads(text or "{}") for text in texts)
        except ValueError:
            continue
        if config.get("Name"):
            found.append({**config, "Id": name, "HostConfig": host, "State": _state(config.get("State") or {}, name)})
    return found


def _state(written: Mapping[str, Any], container_id: str) -> dict[str, Any]:
    """What the engine last wrote, corrected by what runs."""
    pid = int(written.get("Pid") or 0)
    if not pid or not runs_in(pid, container_id):
        return {**written, "Pid": 0, "Status": "exited"}
    return {**written, "Status": "paused" if written.get("Paused") else "running"}


def _labels(inspected: Mapping[str, Any]) -> dict[str, str]:
    return (inspected.get("Config") or {}).get("Labels") or {}
