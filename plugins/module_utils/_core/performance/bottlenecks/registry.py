# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of bottleneck, and what is said about it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind. ``bottleneck`` is the folder in ``lab/bottlenecks`` that shows it, empty for none."""

    code: str
    title: str
    meaning: str
    advice: str
    bottleneck: str = ""


_ALL = (
    Kind(
        "performance.missing_index",
        "A statement reads a whole table",
        "A large table is read from beginning to end by a statement that compares columns no valid index begins with.",
        "Make the index; CONCURRENTLY locks no writer out.",
        "missing_index",
    ),
    Kind(
        "performance.uncached_read",
        "A cache is there and switched off",
        "A service has a cache at hand, its configuration switches it off, and it computes or asks anew what it answered before.",
        "Switch the cache on, and see that answers with it equal those without.",
        "uncached_read",
    ),
    Kind(
        "performance.low_hit_ratio",
        "The cache seldom has what it is asked for",
        "Most look-ups miss, more of them than there are keys: entries expire or are evicted before they are asked for again.",
        "Keep entries longer or give the cache more memory; look at what the keys are made of.",
        "low_hit_ratio",
    ),
    Kind(
        "performance.cpu_bound_function",
        "A function computes for long",
        "A service is busy computing, and one of its own functions is where.",
        "Make the function cheaper, or keep its results.",
        "cpu_bound",
    ),
    Kind(
        "performance.cpu_saturated",
        "A service uses all the processor it can",
        "Its processes are busy nearly all the time, and no single function of its own is where.",
        "More processes help where cores are idle.",
    ),
    Kind(
        "performance.throttled",
        "A CPU limit holds a service back",
        "The container used up its share of a period, and the kernel let it wait for the next one.",
        "Raise the limit of the service (cpus), or make it do less.",
        "throttled",
    ),
    Kind(
        "performance.too_few_workers",
        "Requests wait for a free worker",
        "Many more requests are under way than the service has threads to serve them, and these are not computing.",
        "Give the service more worker processes or threads.",
        "few_workers",
    ),
    Kind(
        "performance.small_pool",
        "Requests wait for a database connection",
        "The few connections that the service has are in use most of the time, and many more requests are under way.",
        "Enlarge the pool, and do not keep a connection while something else is waited for.",
        "small_pool",
    ),
    Kind(
        "performance.slow_dependency",
        "A service waits for something",
        "Requests take a steady time that neither computing nor statements nor queues explain: the service sleeps, or waits for "
        "something that was not measured.",
        "Find what it waits for; ask for it less often, at the same time as other things, or with a shorter timeout.",
        "sleeping_dependency",
    ),
)  # fmt: skip
KINDS = {kind.code: kind for kind in _ALL}
