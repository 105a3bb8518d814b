# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container's control group files say, both versions, and its network's counters.

Sources: https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/, and for
what Docker calls used memory https://docs.docker.com/reference/cli/docker/container/stats/.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Optional


class Reading(NamedTuple):
    """A container's counters at one moment: seconds, bytes and counts since it started, but ``memory`` and ``pids`` now."""

    cpu_s: float = 0.0
    periods: int = 0
    throttled_periods: int = 0
    throttled_s: float = 0.0
    memory: int = 0
    pids: int = 0
    read: int = 0
    written: int = 0
    received: int = 0
    sent: int = 0


# the files that are read, by version; the key is the controller that has them
V2_FILES = {"": ("cpu.stat", "memory.current", "memory.stat", "io.stat", "pids.current")}
V1_FILES = {
    "cpuacct": ("cpuacct.usage",),
    "cpu": ("cpu.stat",),
    "memory": ("memory.usage_in_bytes", "memory.stat"),
    "blkio": ("blkio.throttle.io_service_bytes_recursive",),
    "pids": ("pids.current",),
}


def cgroup_paths(text: str) -> dict[str, str]:
    """Controller → path of ``/proc/<pid>/cgroup``; the unified hierarchy's controller is empty."""
    paths: dict[str, str] = {}
    for line in text.splitlines():
        _number, _colon, rest = line.partition(":")
        controllers, _colon, path = rest.partition(":")
        for controller in controllers.split(","):
            paths[controller] = path
    return paths


def read_v2(texts: Mapping[str, str], network: str) -> Reading:
    """A reading from a unified control group's files, by name; one that is not there counts nothing."""
    cpu = texts.get("cpu.stat", "")
    read, written = 0, 0
    for line in texts.get("io.stat", "").splitlines():
        for word in line.split()[1:]:
            key, _sign, value = word.partition("=")
            read += int(value) if key == "rbytes" else 0
            written += int(value) if key == "wbytes" else 0
    received, sent = network_bytes(network)
    return Reading(
        cpu_s=_value(cpu, "usage_usec") / 1e6,
        periods=_value(cpu, "nr_periods"),
        throttled_periods=_value(cpu, "nr_throttled"),
        throttled_s=_value(cpu, "throttled_usec") / 1e6,
        memory=_used(texts.get("memory.current", ""), texts.get("memory.stat", ""), "inactive_file"),
        pids=_number(texts.get("pids.current", "")),
        read=read,
        written=written,
        received=received,
        sent=sent,
    )


def read_v1(texts: Mapping[str, str], network: str) -> Reading:
    """A reading from the files of the separate controllers, by name."""
    cpu = texts.get("cpu.stat", "")
    blocks: dict[str, int] = {}
    for line in texts.get("blkio.throttle.io_service_bytes_recursive", "").splitlines():
        words = line.split()
        if len(words) == 3:
            blocks[words[1]] = blocks.get(words[1], 0) + int(words[2])
    received, sent = network_bytes(network)
    return Reading(
        cpu_s=_number(texts.get("cpuacct.usage", "")) / 1e9,
        periods=_value(cpu, "nr_periods"),
        throttled_periods=_value(cpu, "nr_throttled"),
        throttled_s=_value(cpu, "throttled_time") / 1e9,
        memory=_used(texts.get("memory.usage_in_bytes", ""), texts.get("memory.stat", ""), "total_inactive_file"),
        pids=_number(texts.get("pids.current", "")),
        read=blocks.get("Read", 0),
        written=blocks.get("Write", 0),
        received=received,
        sent=sent,
    )


def read_api(stats: Mapping[str, Any]) -> Optional[Reading]:
    """A reading from the Engine API's stats of one container; None for one that does not run.

    Source: https://docs.docker.com/reference/api/engine/version/v1.45/#tag/Container/operation/ContainerStats
    """
    cpu, memory = stats.get("cpu_stats") or {}, stats.get("memory_stats") or {}
    pids = int((stats.get("pids_stats") or {}).get("current") or 0)
    used = int((cpu.get("cpu_usage") or {}).get("total_usage") or 0)
    if not pids and not used:
        return None
    throttling = cpu.get("throttling_data") or {}
    parts = memory.get("stats") or {}
    # version 1 tells total_inactive_file, version 2 inactive_file
    cache = parts.get("total_inactive_file", parts.get("inactive_file", 0))
    blocks: dict[str, int] = {}
    for entry in (stats.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ():
        kind = str(entry.get("op", "")).lower()
        blocks[kind] = blocks.get(kind, 0) + int(entry.get("value") or 0)
    networks = (stats.get("networks") or {}).values()
    return Reading(
        cpu_s=used / 1e9,
        periods=int(throttling.get("periods") or 0),
        throttled_periods=int(throttling.get("throttled_periods") or 0),
        throttled_s=int(throttling.get("throttled_time") or 0) / 1e9,
        memory=max(0, int(memory.get("usage") or 0) - int(cache)),
        pids=pids,
        read=blocks.get("read", 0),
        written=blocks.get("write", 0),
        received=sum(int(n.get("rx_bytes") or 0) for n in networks),
        sent=sum(int(n.get("tx_bytes") or 0) for n in networks),
    )


def network_bytes(text: str) -> tuple[int, int]:
    """Bytes received and sent over all interfaces but loopback, of ``/proc/<pid>/net/dev``."""
    received, sent = 0, 0
    # two lines of headings
    for line in text.splitlines()[2:]:
        name, _colon, rest = line.partition(":")
        words = rest.split(None, 9)
        if len(words) >= 9 and name.strip() != "lo":
            received += int(words[0])
            sent += int(words[8])
    return received, sent


def _value(text: str, key: str) -> int:
    """The number behind a key at the beginning of a line; 0 without one. Searches only: this is read ten times a second."""
    place = f"\n{text}".find(f"\n{key} ")
    if place < 0:
        return 0
    place += len(key) + 1
    return _number(text[place : text.find("\n", place)])


def _number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        return 0


def _used(current: str, stat: str, cache: str) -> int:
    """Memory in use without the file cache that the kernel can take back at once: what Docker shows."""
    return max(0, _number(current) - _value(stat, cache))
