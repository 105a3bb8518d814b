# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module as ever, and shows meanwhile how far its load is."""

from __future__ import annotations

import shlex
from typing import Any

from ansible_collections.vertice.netfix.plugins.module_utils._core.report.progress import LoadNarrator
from ansible_collections.vertice.netfix.plugins.plugin_utils.watched import WatchedModule


class ActionModule(WatchedModule):
    """The module, watched."""

    def watch_command(self) -> str:
        """The module keeps a line in the folder of its results while it runs."""
        folder = str(self._task.args.get("results", ""))
        # a path's tilde is the module's home, which is the shell's as well
        home, folder = ('"$HOME"/', folder[2:]) if folder.startswith("~/") else ("", folder)
        return f"date +%s; cat {home}{shlex.quote(folder)}/progress 2>/dev/null; true"

    def narrator(self) -> Any:
        """Elapsed time, users, requests a second, p95 and failures, every few seconds."""
        narrator = LoadNarrator()
        return lambda output: (narrator.line(output), "")
