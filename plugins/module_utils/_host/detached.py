# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that outlive the module that starts them: their code comes along, as the modules of Ansible are gone by then."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import zipfile

COLLECTION = "ansible_collections.vertice.netfix"
SYSTEMD = "/run/systemd/system"  # what sd_booted(3) looks for
START_S = 20.0


def program(entry: str) -> bytes:
    """Our loaded modules as a Python program: an archive whose ``__main__`` is main() of the module ``entry``."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("__main__.py", f"import sys\nfrom {entry} import main\nsys.exit(main(sys.argv[0]))\n")
        parts = COLLECTION.split(".") + ["plugins"]
        for depth in range(len(parts)):
            archive.writestr("/".join(parts[: depth + 1]) + "/__init__.py", "")
        for name, module in sorted(sys.modules.items()):
            if name.startswith(f"{COLLECTION}.plugins.module_utils"):
                path = name.replace(".", "/") + ("/__init__.py" if hasattr(module, "__path__") else ".py")
                archive.writestr(path, module.__spec__.loader.get_source(name) or "")
    return buffer.getvalue()


def start(unit: str, description: str, line: list[str], log: str) -> str:
    """Have the program run beyond our end, and write to the file ``log``; what to call it.

    Where systemd runs it is a transient unit: one that a login's end does not take along.
    """
    if _is_unit(unit, description, line, log):
        return f"systemd unit {unit}"
    with open(log, "ab") as file:
        process = subprocess.Popen(
            line, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd="/", start_new_session=True
        )
    return f"process {process.pid}"


def _is_unit(unit: str, description: str, line: list[str], log: str) -> bool:
    if not os.path.isdir(SYSTEMD) or os.geteuid() != 0:
        return False
    begin = ["systemd-run", "--quiet", f"--unit={unit}", f"--description={description}", "--collect"]
    begin += [f"--property=Standard{stream}=append:{log}" for stream in ("Output", "Error")]
    # systemd puts variables in the place of $NAME
    words = [word.replace("$", "$$") for word in line]
    try:
        done = subprocess.run(
            [*begin, *words], stdin=subprocess.DEVNULL, capture_output=True, timeout=START_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
