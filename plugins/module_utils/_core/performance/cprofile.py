# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What cProfile wrote (``.pstats``, ``.prof``), read without running the marshal module over a stranger's bytes.

Python warns that marshal may crash on data that was not made for it
(https://docs.python.org/3/library/marshal.html), and a container's file is such data. The few types that a profile is
made of are read here, whichever Python wrote them: versions 2 to 5 of the format, Python 3.4 to 3.14.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

from ..errors import ProfileError
from .profile import Function

_FLAG_REF = 0x80
_MOST_NESTED = 20
# a built-in or a function of an extension: cProfile gives it this file
_NO_FILE = "~"
# built-ins in which a thread waits: cProfile's clock goes on meanwhile, and no sample of py-spy would be taken in them
_WAITS = re.compile(
    r"time\.sleep|'acquire' of '_thread|select\.|'(?:accept|recv|recv_into|recvfrom|read|poll|get)' of '(?:_socket|_ssl|select|_queue)"
    r"|posix\.(?:wait|read|poll)"
)


class Key(NamedTuple):
    """A function as cProfile names it."""

    file: str
    line: int
    function: str


class Calls(NamedTuple):
    """How often a function was called, and how many seconds it took without and with what it called."""

    calls: int
    own_s: float
    total_s: float


class Entry(NamedTuple):
    """A function, and what of it each caller asked for."""

    calls: Calls
    callers: Mapping[Key, Calls]


def read_pstats(data: bytes) -> dict[Key, Entry]:
    """The functions in a file of cProfile. Raises ProfileError for anything else."""
    try:
        told = _Reader(data).value()
        return {
            Key(str(key[0]), int(key[1]), str(key[2])): Entry(
                _calls(value), {Key(str(c[0]), int(c[1]), str(c[2])): _calls(v) for c, v in value[4].items()}
            )
            for key, value in told.items()
        }
    except (ValueError, TypeError, AttributeError, IndexError, KeyError, struct.error, UnicodeDecodeError) as exc:
        raise ProfileError(f"This is no profile that cProfile wrote: {exc or exc!r}.") from exc


def _calls(value: Any) -> Calls:
    return Calls(int(value[1]), float(value[2]), float(value[3]))


def cprofile_functions(entries: Mapping[Key, Entry]) -> list[Function]:
    """Every Python function, those with the most time of their own first; shares are those of all time.

    The time of a built-in belongs to whoever called it, as in samples of Python's stacks, and that of waiting to nobody.
    """
    own = {key: entry.calls.own_s for key, entry in entries.items() if key.file != _NO_FILE}
    for key, entry in entries.items():
        if key.file == _NO_FILE and not _WAITS.search(key.function):
            for caller, calls in entry.callers.items():
                if caller in own:
                    own[caller] += calls.own_s
    everything = sum(own.values())
    told = [
        Function(
            key.function,
            key.file,
            key.line,
            own=round(own[key] / everything, 4) if everything else 0.0,
            total=round(min(1.0, entries[key].calls.total_s / everything), 4) if everything else 0.0,
            own_s=round(own[key], 6),
            total_s=round(entries[key].calls.total_s, 6),
            calls=entries[key].calls.calls,
        )
        for key in own
    ]
    return sorted(told, key=lambda f: (-f.own, -f.total, f.file, f.line))


class _Reader:
    """The part of CPython's Python/marshal.c that dictionaries, tuples, text and numbers need."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0
        self._kept: list[Any] = []

    def _take(self, count: int) -> bytes:
        if count < 0 or self._at + count > len(self._data):
            raise ValueError("it ends too early")
        self._at += count
        return self._data[self._at - count : self._at]

    def _int(self) -> int:
        number: int = struct.unpack("<i", self._take(4))[0]
        return number

    def value(self, nested: int = 0) -> Any:
        code = self._take(1)[0]
        kind = chr(code & ~_FLAG_REF)
        if nested > _MOST_NESTED:
            raise ValueError("it is nested too deeply")
        if kind == "r":
            return self._kept[self._int()]
        place = len(self._kept)
        if code & _FLAG_REF:
            self._kept.append(None)
        made = self._made(kind, nested + 1)
        if code & _FLAG_REF:
            self._kept[place] = made
        return made

    def _made(self, kind: str, nested: int) -> Any:
        if kind == "i":
            return self._int()
        if kind == "g":
            return struct.unpack("<d", self._take(8))[0]
        if kind == "l":
            return self._long()
        if kind in "zZ":
            return self._take(self._take(1)[0]).decode("ascii")
        if kind in "aA":
            return self._take(self._int()).decode("ascii")
        if kind in "ut":
            return self._take(self._int()).decode("utf-8", "surrogatepass")
        if kind in "()":
            count = self._int() if kind == "(" else self._take(1)[0]
            if not 0 <= count <= len(self._data):
                raise ValueError("a tuple is longer than the file")
            return tuple(self.value(nested) for _index in range(count))
        if kind == "{":
            return self._dictionary(nested)
        raise ValueError(f"it holds a value of the type {kind!r}")

    def _dictionary(self, nested: int) -> dict[Any, Any]:
        made = {}
        while self._data[self._at : self._at + 1] != b"0":
            key = self.value(nested)
            made[key] = self.value(nested)
        self._at += 1
        return made

    def _long(self) -> int:
        count = self._int()
        digits = struct.unpack(f"<{abs(count)}H", self._take(2 * abs(count)))
        whole = sum(digit << (15 * place) for place, digit in enumerate(digits))
        return int(-whole if count < 0 else whole)
