# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two profiles beside each other: which functions gained, and which lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .profile import Frame, Function, Stack, Stacks

# a change of fewer samples than this share is told as none
LEAST = 0.005


@dataclass(frozen=True)
class Change:
    """One function before and after; shares from 0 to 1. ``what`` is ``new``, ``gone``, ``gained``, ``lost`` or ``same``."""

    function: str
    file: str
    line: int
    own_before: float
    own_after: float
    own_change: float
    total_before: float
    total_after: float
    total_change: float
    what: str


def difference(before: Iterable[Function], after: Iterable[Function], top: int = 0) -> list[Change]:
    """Every function of either side, the largest change of its own share first; ``top`` of them where it is above 0.

    A function is the same by its name and file: its line moves when a file is edited. Two of one name in one file are
    told apart by their order.
    """
    old, new = _keyed(before), _keyed(after)
    told = []
    for key in {**old, **new}:
        was, is_ = old.get(key), new.get(key)
        known = old[key] if is_ is None else is_
        own_before, own_after = was.own if was else 0.0, is_.own if is_ else 0.0
        total_before, total_after = was.total if was else 0.0, is_.total if is_ else 0.0
        what = "new" if was is None else "gone" if is_ is None else _what(own_after - own_before)
        told.append(
            Change(
                known.function,
                known.file,
                known.line,
                own_before,
                own_after,
                round(own_after - own_before, 4),
                total_before,
                total_after,
                round(total_after - total_before, 4),
                what,
            )
        )
    told.sort(key=lambda c: (-abs(c.own_change), -abs(c.total_change), c.file, c.line))
    return told[:top] if top else told


def _what(change: float) -> str:
    return "same" if abs(change) < LEAST else "gained" if change > 0 else "lost"


def _keyed(found: Iterable[Function]) -> dict[tuple[str, str, int], Function]:
    keyed: dict[tuple[str, str, int], Function] = {}
    for function in sorted(found, key=lambda f: f.line):
        number = 0
        while (function.function, function.file, number) in keyed:
            number += 1
        keyed[(function.function, function.file, number)] = function
    return keyed


def without_numbers(stacks: Stacks) -> dict[Stack, int]:
    """The stacks with no process and no line, so that those of two moments can be laid over each other."""
    made: dict[Stack, int] = {}
    for stack, samples in stacks.items():
        bare = tuple(Frame(f.function, f.file) for f in stack if f.file)
        made[bare] = made.get(bare, 0) + samples
    return made


def shares(stacks: Stacks) -> Mapping[Stack, float]:
    """What share of all samples each stack has."""
    everything = sum(stacks.values())
    return {stack: samples / everything for stack, samples in stacks.items()} if everything else {}
