# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signals that end a module, as an exception or not at all."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from typing import Any


class Interrupted(BaseException):
    """The run is told to end (SIGTERM, SIGHUP, SIGINT): undo first."""


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Turn the signals that end a module into an exception, so that what it began is taken back."""

    def interrupt(number: int, _frame: Any) -> None:
        raise Interrupted(signal.Signals(number).name)

    with _handlers(interrupt):
        yield


@contextlib.contextmanager
def uninterruptible() -> Iterator[None]:
    """Let none of them end what must come to its end."""
    with _handlers(signal.SIG_IGN):
        yield


@contextlib.contextmanager
def _handlers(handler: Any) -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    old = {n: signal.signal(n, handler) for n in numbers}
    try:
        yield
    finally:
        for number, previous in old.items():
            signal.signal(number, previous)
