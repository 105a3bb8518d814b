# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows load runs in the controller's terminal, and writes their report there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.color import ANSIBLE_COLOR
from ansible.utils.display import Display
from ansible_collections.vertice.netfix.plugins.module_utils._core.errors import NetfixError
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import from_data, to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.baselines import Noise
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.comparison import Comparison, RunSet
from ansible_collections.vertice.netfix.plugins.module_utils._core.redact import redact_words
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.load_markdown import render_load_markdown
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.load_page import render_load_html
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.load_plots import (
    as_file,
    render_distributions,
    render_percentiles,
    render_timeline,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.load_reading import (
    read_baseline,
    read_comparison,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.load_terminal import render_load
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.page import MAXIMUM_WIDTH, MINIMUM_WIDTH
from ansible_collections.vertice.netfix.plugins.module_utils._host.files import write_whole

ARGUMENT_SPEC: dict[str, Any] = {
    "before": {"type": "dict", "required": True},
    "after": {"type": "dict"},
    "comparison": {"type": "dict"},
    "noise": {"type": "dict"},
    "settings": {"type": "dict"},
    "title": {"type": "str", "default": ""},
    "dest": {"type": "path", "default": ""},
    "formats": {
        "type": "list",
        "elements": "str",
        "choices": ["markdown", "html"],
        "default": ["markdown", "html"],
    },
    "show": {"type": "bool", "default": True},
    "width": {"type": "int", "default": 0},
}
BASELINE_FORMAT = 1


class ActionModule(ActionBase):
    """Works on the controller only."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(
            argument_spec=ARGUMENT_SPEC, required_together=[("after", "comparison")]
        )
        if options["width"] and not MINIMUM_WIDTH <= options["width"] <= MAXIMUM_WIDTH:
            raise AnsibleActionFail(f"width must be between {MINIMUM_WIDTH} and {MAXIMUM_WIDTH} columns")
        width = options["width"] or Display().columns
        try:
            before = from_data(RunSet, to_data(options["before"]))
            after = from_data(RunSet, to_data(options["after"])) if options["after"] else None
            comparison = from_data(Comparison, to_data(options["comparison"])) if options["comparison"] else None
            noise = from_data(Noise, to_data(options["noise"])) if options["noise"] else None
        except ValueError as exc:
            raise AnsibleActionFail(f"These are no load runs: {exc}. Give what load_test and load_comparison return.") from exc
        if after and comparison:
            reading = read_comparison(before, after, comparison)
            endpoint = comparison.primary.endpoint if comparison.primary else ""
        else:
            reading, endpoint = read_baseline(before, noise), noise.endpoint if noise else ""
        title = options["title"] or (f"{before.name} and {after.name}" if after else before.name)
        text = render_load(reading, width, False, title)
        if options["show"]:
            display = Display()
            display.display("\n" + (render_load(reading, width, True, title) if ANSIBLE_COLOR else text), screen_only=True)
            display.display(text, log_only=True)
        result.update(changed=False, text=text, verdict=reading.verdict, files={})
        if options["dest"] and not self._task.check_mode:
            plots = {
                "distributions": render_distributions(before, after, endpoint),
                "percentiles": render_percentiles(before, after, endpoint),
                "timeline": render_timeline(before, after),
            }
            plots = {name: svg for name, svg in plots.items() if svg}
            files = {"data": (_name(after), _data(options, to_data))}
            if "markdown" in options["formats"]:
                files.update({name: (f"{name}.svg", as_file(svg)) for name, svg in plots.items()})
                files["markdown"] = (
                    "load.md",
                    render_load_markdown(reading, title, {name: f"{name}.svg" for name in plots}),
                )
            if "html" in options["formats"]:
                files["html"] = ("load.html", render_load_html(reading, title, plots))
            result["files"] = _write(Path(os.path.abspath(options["dest"])), files)
        return result


def _name(after: RunSet | None) -> str:
    return "comparison.json" if after else "baseline.json"


def _data(options: dict[str, Any], plain: Any) -> str:
    """All that the report was made from, so that it can be made again, or compared with."""
    before = plain(options["before"])
    if options["after"]:
        told = {"before": before, "after": plain(options["after"]), "comparison": plain(options["comparison"])}
    else:
        told = {**before, **plain(options["settings"] or {}), "noise": plain(options["noise"] or {})}
    return json.dumps({"format": BASELINE_FORMAT, **_clean(told)}, ensure_ascii=False) + "\n"


def _clean(told: dict[str, Any]) -> dict[str, Any]:
    """Without what a URL or a command line may hold of secrets."""
    settings = told.get("settings")
    if settings:
        words = [settings.get("host", ""), *settings.get("command", [])]
        host, *command = redact_words(words)
        told = {**told, "settings": {**settings, "host": host, "command": command}}
    return told


def _write(folder: Path, files: dict[str, tuple[str, str]]) -> dict[str, str]:
    written = {}
    try:
        if folder.is_symlink():
            raise OSError(0, "it is a link that somebody else may have put there")
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        for name, (file, text) in files.items():
            write_whole(str(folder / file), text, 0o640)
            written[name] = str(folder / file)
    except (OSError, NetfixError) as exc:
        why = getattr(exc, "strerror", None) or exc
        raise AnsibleActionFail(
            f"The load report could not be written to {folder}: {why}. Choose a folder (dest) that the user running Ansible "
            "can write to."
        ) from exc
    return written
