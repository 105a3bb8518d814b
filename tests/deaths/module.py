# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module as Ansible does, and asks a turnstile for leave before a file is put in place or removed.

usage: python module.py SOCKET ARGUMENTS.json
"""

from __future__ import annotations

import os
import runpy
import socket
import sys
from urllib.parse import quote

# what nobody goes back to: half a file, and how far a run is
PASSING = (".new", "/progress")
MODULE = "ansible_collections.vertice.netfix.plugins.modules.remediation"


def ask(path, change):
    """Returns when the change may be made."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
        connection.sendall(f"POST /file/{quote(change)} HTTP/1.1\r\nContent-Length: 0\r\n\r\n".encode())
        connection.recv(64)


def main():
    path = sys.argv.pop(1)
    replace, unlink = os.replace, os.unlink

    def replace_when_allowed(source, target, **more):
        if not str(target).endswith(PASSING):
            ask(path, f"replace {os.path.basename(target)}")
        replace(source, target, **more)

    def unlink_when_allowed(target, **more):
        if os.path.exists(target) and not str(target).endswith(PASSING):
            ask(path, f"remove {os.path.basename(target)}")
        unlink(target, **more)

    os.replace, os.unlink = replace_when_allowed, unlink_when_allowed
    runpy.run_module(MODULE, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
