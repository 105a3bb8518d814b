# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dockerd as its process and its configuration file show it: what there is to see of an engine that does not answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .container_files import read_in_root

# https://docs.docker.com/reference/cli/dockerd/
SETTINGS = (
    "data-root",
    "firewall-backend",
    "icc",
    "ip-forward",
    "ip-masq",
    "iptables",
    "live-restore",
    "userland-proxy",
)
_PID_FILE = "/var/run/docker.pid"
_CONFIG_FILE = "/etc/docker/daemon.json"


@dataclass(frozen=True)
class Daemon:
    """The system's dockerd; ``pid`` is 0 where it does not run, ``state`` a letter of proc(5).

    ``settings`` are those out of SETTINGS that somebody chose, as text: ``{"iptables": "false"}``.
    """

    pid: int = 0
    state: str = ""
    settings: dict[str, str] = field(default_factory=dict)


def read_daemon() -> Daemon:
    """What /proc and daemon.json say now; what cannot be read is left empty."""
    text = (read_in_root(0, _PID_FILE, 16) or "").strip()
    pid = int(text) if text.isdigit() and (read_in_root(0, f"/proc/{text}/comm", 16) or "").strip() == "dockerd" else 0
    words = (read_in_root(0, f"/proc/{pid}/cmdline") or "").split("\0")[1:-1] if pid else []
    flags = dict(parse_flags(words))
    config = parse_config(read_in_root(0, flags.pop("config-file", _CONFIG_FILE)))
    return Daemon(pid, _state(pid), {**config, **flags})


def parse_flags(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The settings, and ``config-file``, among the words of a command line. A flag without a value is a switch."""
    for word, following in zip(words, [*words[1:], "--"]):
        name, has_value, value = word.lstrip("-").partition("=")
        if word.startswith("--") and name in (*SETTINGS, "config-file"):
            yield name, value if has_value else "true" if following.startswith("-") else following


def parse_config(text: str | None) -> dict[str, str]:
    """The settings in a daemon.json; none where it is no JSON object, with which dockerd would not start."""
    try:
        data: Any = json.loads(text or "{}")
    except ValueError:
        return {}
    found: Mapping[str, Any] = data if isinstance(data, dict) else {}
    return {name: _text(found[name]) for name in SETTINGS if name in found}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _state(pid: int) -> str:
    fields = (read_in_root(0, f"/proc/{pid}/stat", 512) or "").rpartition(")")[2].split() if pid else []
    return fields[0] if fields else ""
