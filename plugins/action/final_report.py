# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the final report of a run again, from its journal on the controller and from nothing else."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.utils.color import ANSIBLE_COLOR
from ansible.utils.display import Display
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.final.report import FILE_NAME, NAME
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.final.terminal import render_written
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.final.words import LANGUAGES
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.page import MAXIMUM_WIDTH, MINIMUM_WIDTH
from ansible_collections.vertice.netfix.plugins.module_utils._module.report_files import final_reports, short, write

ARGUMENT_SPEC: dict[str, Any] = {
    "journal": {"type": "str", "required": True},
    "network_journal": {"type": "str", "default": ""},
    "report_dir": {"type": "path", "default": "netfix-report"},
    "name": {"type": "str", "default": NAME},
    "title": {"type": "str", "default": ""},
    "language": {"type": "list", "elements": "str", "choices": list(LANGUAGES), "default": ["en"]},
    "show": {"type": "bool", "default": True},
    "width": {"type": "int", "default": 0},
}
RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


class ActionModule(ActionBase):
    """Works on the controller only: the journal and the report both lie there."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of the module."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        if not FILE_NAME.match(options["name"]):
            raise AnsibleActionFail(
                f"name (netfix_report_name) must be letters, digits, '.', '_' and '-', got {options['name']!r}"
            )
        width = options["width"] or Display().columns
        if options["width"] and not MINIMUM_WIDTH <= width <= MAXIMUM_WIDTH:
            raise AnsibleActionFail(f"width must be between {MINIMUM_WIDTH} and {MAXIMUM_WIDTH} columns, got {width}")
        path, journal = _read(options["journal"], options["report_dir"])
        network = _read(options["network_journal"], options["report_dir"])[1] if options["network_journal"] else None
        try:
            reports = final_reports(journal, options["language"] or ["en"], options["title"], options["name"], network)
        except (ValueError, TypeError, AttributeError) as exc:
            raise AnsibleActionFail(f"{path} cannot be reported: {exc}. See docs/journal.md.") from exc
        written, shown = [], {}
        for language, (_rendered, texts) in reports.items():
            for file, text in texts.items():
                target = path.parent / file
                written.append(str(target) if self._task.check_mode else _written(target, text))
            if not self._task.check_mode:
                page = next(file for file in texts if file.endswith(".html"))
                shown[f"report {language}"] = short(str(path.parent / page))
        rendered = next(iter(reports.values()))[0]
        text = render_written(journal, rendered, shown, width)
        if options["show"]:
            display = Display()
            coloured = render_written(journal, rendered, shown, width, True) if ANSIBLE_COLOR else text
            display.display("\n" + coloured, screen_only=True)
            display.display(text, log_only=True)
        return {
            **result,
            "changed": False,
            "files": written,
            "criteria": {"met": rendered.met, "not_met": rendered.not_met, "not_measured": rendered.not_measured},
            "text": text,
        }


def _read(given: str, report_dir: str) -> tuple[Path, dict[str, Any]]:
    """The journal that is meant, by the id of its run or by its path, and where it lies."""
    path = Path(os.path.abspath(given))
    if RUN_ID.match(given) and not path.is_file():
        path = Path(os.path.abspath(report_dir)) / given / "journal.json"
    elif path.is_dir():
        path = path / "journal.json"
    try:
        journal = json.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise AnsibleActionFail(
            f"There is no journal to report from: {path}: {exc.strerror or exc}. Give a run's id (the name of a folder "
            f"below {os.path.abspath(report_dir)}), or the path of a journal.json."
        ) from exc
    except ValueError as exc:
        raise AnsibleActionFail(f"{path} is no journal: {exc}") from exc
    if not isinstance(journal, dict) or not isinstance(journal.get("hosts"), list):
        raise AnsibleActionFail(f"{path} is no journal: expected a dictionary with 'hosts'. See docs/journal.md.")
    return path, journal


def _written(target: Path, text: str) -> str:
    try:
        return write(target, text)
    except OSError as exc:
        raise AnsibleActionFail(f"The report could not be written to {target}: {exc.strerror or exc}.") from exc
