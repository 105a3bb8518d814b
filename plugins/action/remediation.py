# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module as ever, and shows meanwhile how far its attempt is."""

from __future__ import annotations

import shlex
from typing import Any

from ansible_collections.vertice.netfix.plugins.module_utils._core.report.progress import Narrator, read_progress
from ansible_collections.vertice.netfix.plugins.plugin_utils.watched import WatchedModule

# where _module/project.py puts the state of its projects, for root and for others
STATE = '"$(if [ "$(id -u)" = 0 ]; then echo /var/lib/netfix; else echo "${XDG_STATE_HOME:-$HOME/.local/state}/netfix"; fi)"'


class ActionModule(WatchedModule):
    """The module, watched."""

    def watch_command(self) -> str:
        """See _host/progress.py."""
        state_dir = self._task.args.get("state_dir")
        folder = shlex.quote(state_dir) if state_dir else STATE
        return f"date +%s; cat {folder}/*/progress 2>/dev/null; true"

    def narrator(self) -> Any:
        """The stages of the attempt."""
        narrator = Narrator()

        def narrate(output: str) -> tuple[str, str]:
            now, progress = read_progress(output, self._task.args)
            return (narrator.line(progress, now), progress["project"]) if progress else ("", "")

        return narrate
