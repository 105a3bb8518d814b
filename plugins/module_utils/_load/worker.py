# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs Locust workers one run after the other in a folder of their own, until their time is over; then nothing is left.

Like capture.py it needs nothing else. A worker ends with its master, and waits for the next one anew.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

AGAIN_S = 0.5


def work(folder: str) -> None:
    """Until the end of the time that ``worker.json`` gives."""
    with open(os.path.join(folder, "worker.json"), encoding="utf-8") as file:
        settings = json.load(file)
    end = time.monotonic() + settings["seconds"]
    while time.monotonic() < end:
        with open(os.path.join(folder, "locust.log"), "wb") as log:
            process = subprocess.Popen(
                settings["command"],
                cwd=folder,
                env={**os.environ, **settings["environment"]},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            process.wait(max(0.0, end - time.monotonic()))
        time.sleep(AGAIN_S)


if __name__ == "__main__":
    try:
        work(sys.argv[1])
    finally:
        shutil.rmtree(sys.argv[1], ignore_errors=True)
        os.killpg(0, signal.SIGKILL)
