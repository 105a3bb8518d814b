# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Locust workers on this machine, for a master on another one."""

from __future__ import annotations

import contextlib
import inspect
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import Optional

from .._core.errors import LoadError
from .._load import capture, endpoints, worker
from .files import write_whole
from .locust import Load, log_end

SETTINGS = "worker.json"
END_S = 10.0
POLL_S = 0.05


def start_worker(load: Load, locustfile: str, folder: str, master: str, seconds: float) -> None:
    """Start it in a new folder, for so many seconds at most. Raises LoadError where there is something already."""
    try:
        os.mkdir(folder, 0o700)
    except OSError as exc:
        raise LoadError(f"The worker's folder {folder} cannot be made: {exc.strerror or exc}.") from exc
    try:
        for module in (capture, endpoints, worker):
            name = module.__name__.rpartition(".")[2]
            write_whole(os.path.join(folder, f"{name}.py"), inspect.getsource(module))
        write_whole(os.path.join(folder, "locustfile.py"), locustfile)
        files = ("capture.py", "locustfile.py" if locustfile else "endpoints.py")
        command = [
            load.executable,
            f"--locustfile={','.join(os.path.join(folder, f) for f in files)}",
            "--worker",
            f"--master-host={master}",
            f"--master-port={load.master_port}",
            *([f"--processes={load.processes}"] if load.processes > 1 else []),
        ]
        settings = {"command": command, "environment": load.settings(folder), "seconds": seconds}
        write_whole(os.path.join(folder, SETTINGS), json.dumps(settings))
        subprocess.Popen(
            [sys.executable, "-I", os.path.join(folder, "worker.py"), folder],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except BaseException:
        stop_worker(folder)
        raise


def stop_worker(folder: str) -> Optional[str]:
    """End it, and give how its log ended; None where there is none. Raises LoadError for a folder that is not a worker's."""
    if not os.path.lexists(folder):
        _end(folder)
        return None
    owner = os.lstat(folder)
    if os.path.islink(folder) or owner.st_uid != os.geteuid() or not os.path.exists(os.path.join(folder, "capture.py")):
        raise LoadError(f"{folder} is no folder of a load worker of this user; it was left alone.")
    _end(folder)
    told = ""
    with contextlib.suppress(OSError):
        told = log_end(folder, 10)
    shutil.rmtree(folder, ignore_errors=True)
    return told


def _end(folder: str) -> None:
    """No process that works in that folder goes on."""
    until = time.monotonic() + END_S
    while True:
        groups = _groups(folder)
        if not groups:
            return
        if time.monotonic() > until:
            raise LoadError(f"Processes of the load worker in {folder} cannot be ended: see ps ax | grep {folder}.")
        for group in groups:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)
        time.sleep(POLL_S)


def _groups(folder: str) -> set[int]:
    """The process groups with a command line that names it, but our own."""
    found = set()
    for name in os.listdir("/proc"):
        # one that ends meanwhile, or is another user's
        with contextlib.suppress(OSError):
            if name.isdigit():
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    # the folder or what lies in it, also as one of several in an option
                    if any(_names(word, folder) for word in file.read().decode("utf-8", "replace").split("\0")):
                        found.add(os.getpgid(int(name)))
    return found - {os.getpgrp()}


def _names(word: str, folder: str) -> bool:
    return word == folder or f"{folder}/" in word
