# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel says about the well-being of the host, and what machine it is."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass

from ansible_collections.vertice.netfix.plugins.module_utils._host.netns import Namespace
from ansible_collections.vertice.netfix.plugins.module_utils._host.prober import table_use
from ansible_collections.vertice.netfix.plugins.module_utils._host.probing.neighbours import Neighbours


@dataclass(frozen=True)
class Health:
    """Entries in the neighbour table now; since boot, how often it was full and how many packets were dropped unseen."""

    entries: int
    table_fulls: int
    softnet_drops: int


def health() -> Health:
    """The host's, for all network namespaces."""
    use = table_use()
    with open("/proc/net/softnet_stat", encoding="ascii") as file:
        drops = sum(int(line.split()[1], 16) for line in file)
    return Health(use.entries, use.overflows, drops)


def forget_neighbours(pids: Iterable[int]) -> None:
    """Empties the neighbour tables of those processes, so that whoever is measured next finds nothing prepared."""
    for pid in pids:
        with Namespace(pid) as namespace:
            table = Neighbours(namespace)
            known = {address for _index, address in table.before}
            table.before.clear()
            table.sweep(known)
            table.close()


def machine(engine_version: str) -> str:
    """In one line what was measured on."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.partition(":")[2].strip() for line in file if line.startswith("model name")), "unknown")
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} x {model}, kernel {platform.release()}, Engine {engine_version}, "
        f"Python {platform.python_version()}, load before {load:.1f}"
    )
