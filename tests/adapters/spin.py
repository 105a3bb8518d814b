# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A program to profile: burn() does twenty times the work of light(), a second thread waits for ever.

``child`` starts another process that only burns, in child_burn(). ``SECONDS`` ends it after so long.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time


def burn(rounds):
    total = 0
    for number in range(rounds):
        total += number * number
    return total


def light(rounds):
    total = 0
    for number in range(rounds):
        total += number * number
    return total


def child_burn():
    while True:
        total = 0
        for number in range(100_000):
            total += number


def wait():
    threading.Event().wait()


def main(words):
    if words == ["as-child"]:
        child_burn()
    end = time.monotonic() + float(words[-1]) if words and words[-1].isdigit() else float("inf")
    threading.Thread(target=wait, daemon=True).start()
    if "child" in words:
        subprocess.Popen([sys.executable, __file__, "as-child"])
    while time.monotonic() < end:
        burn(200_000)
        light(10_000)


if __name__ == "__main__":
    main(sys.argv[1:])
