# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a module as ever, and shows meanwhile what it says about how far it is.

The module stays in the foreground, so that what ends it on the controller still reaches it. A thread reads its file over
a second connection of the same kind. Whatever goes wrong with that ends the watching, and never the module.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import shlex
import threading
import time
from collections.abc import Iterator
from typing import Any

from ansible.plugins.action.normal import ActionModule as NormalAction
from ansible.plugins.loader import become_loader, connection_loader
from ansible.utils.color import ANSIBLE_COLOR
from ansible.utils.display import Display
from ansible_collections.vertice.netfix.plugins.module_utils._core.report import terminal
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.progress import QUIET_S

LOOK_S = 1.0


class WatchedModule(NormalAction):
    """The module, watched. A plugin says what to look at, and what of it is worth a line."""

    def watch_command(self) -> str:
        """The shell's command that prints the host's clock, and how far the module is."""
        raise NotImplementedError

    def narrator(self) -> Any:
        """A function that makes a line of what the command printed, and of whom it tells; empty for nothing new."""
        raise NotImplementedError

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of the module."""
        if self._task.check_mode or self._task.async_val or self._task.no_log:
            return super().run(tmp, task_vars)
        with self._watched(str((task_vars or {}).get("inventory_hostname", ""))):
            return super().run(tmp, task_vars)

    @contextlib.contextmanager
    def _watched(self, host: str) -> Iterator[None]:
        over = threading.Event()
        context = contextvars.copy_context()
        threading.Thread(target=context.run, args=(self._watch, host, over), daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def _watch(self, host: str, over: threading.Event) -> None:
        try:
            if over.wait(QUIET_S):
                return
            look, narrate = self._look(), self.narrator()
            pause = 0.0
            while not over.wait(pause):
                began = time.monotonic()
                line, whom = narrate(look())
                if line and not over.is_set():
                    _show(line, " on ".join(filter(None, (whom, host))))
                # a slow way to the host is not kept busy with it
                pause = max(LOOK_S, 5 * (time.monotonic() - began))
        except Exception as exc:
            Display().vvv(f"The progress cannot be watched: {exc}", host=host)

    def _look(self) -> Any:
        """A function that reads the host's clock and the files over a connection of its own, as the module's user."""
        first = self._connection
        # the third argument is what ansible-core before 2.19 wants, and later ones ignore
        second = connection_loader.get(first._load_name, self._play_context, os.devnull, shell=first._shell)
        second.set_options(direct=first.get_options())
        command = f"/bin/sh -c {shlex.quote(self.watch_command())}"
        become = getattr(first, "become", None)
        if become:
            # one of its own, for it keeps in mind what it has just been asked
            again = become_loader.get(become._load_name)
            again.set_options(direct=become.get_options())
            second.set_become_plugin(again)

        def look() -> str:
            line = second.become.build_become_command(command, first._shell) if become else command
            return second.exec_command(line, in_data=None, sudoable=bool(become))[1].decode(errors="replace")

        return look


def _show(text: str, where: str) -> None:
    display = Display()
    plain, coloured = (
        terminal.render_progress({"text": text}, display.columns, colour, where) for colour in (False, ANSIBLE_COLOR)
    )
    # the log file gets no colour codes
    display.display(coloured, screen_only=True)
    display.display(plain, log_only=True)
