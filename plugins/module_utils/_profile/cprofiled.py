# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a Python program under cProfile and prints the profile: ``SECONDS WORD...``, the words being those after ``python``.

This runs by ``python -c`` with the Python of the program, in a container or not, and writes no file. The program is
interrupted after so many seconds; one that takes no notice is ended five seconds later. What it prints is thrown away.
"""

from __future__ import annotations

import base64
import cProfile
import marshal
import os
import runpy
import signal
import sys

MARK = "netfix-cprofile:"
ERROR = "netfix-error:"
_PATIENCE_S = 5.0


def main(words: list[str]) -> None:
    """Profiles the program, and tells what came of it on the standard output as it was."""
    seconds, command = float(words[0]), words[1:]
    told = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    profile = cProfile.Profile()
    ended = []

    def tell(error: str = "") -> None:
        profile.create_stats()
        with os.fdopen(os.dup(told), "w") as out:
            if error:
                out.write(ERROR + error.replace("\n", " ") + "\n")
            out.write(MARK + base64.b64encode(marshal.dumps(profile.stats, 2)).decode() + "\n")

    def end(_number: int, _frame: object) -> None:
        if ended:
            tell()
            os._exit(0)
        ended.append(True)
        signal.setitimer(signal.ITIMER_REAL, _PATIENCE_S)
        raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, end)
    error = ""
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        if command[0] == "-m":
            sys.argv = command[1:]
            sys.path[0] = os.getcwd()
            profile.runcall(runpy.run_module, command[1], run_name="__main__", alter_sys=True)
        else:
            sys.argv = command
            sys.path[0] = os.path.dirname(os.path.abspath(command[0]))
            profile.runcall(runpy.run_path, command[0], run_name="__main__")
    except KeyboardInterrupt:
        pass
    except SystemExit as exc:
        error = "" if not exc.code else f"it ended with {exc.code}"
    except BaseException as exc:
        error = f"{type(exc).__name__}: {exc}"
    signal.setitimer(signal.ITIMER_REAL, 0)
    tell(error)
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
