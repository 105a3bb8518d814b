# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows a section of a run in the controller's terminal, and writes the report when the run is over."""

from __future__ import annotations

import datetime
import errno
import json
import os
import platform
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.release import __version__ as ansible_version
from ansible.utils.color import ANSIBLE_COLOR
from ansible.utils.display import Display
from ansible_collections.vertice.netfix.plugins.module_utils._core.model import to_data
from ansible_collections.vertice.netfix.plugins.module_utils._core.report import journal as journals
from ansible_collections.vertice.netfix.plugins.module_utils._core.report import terminal
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.experiments import (
    experiment_problems,
    tuning_problems,
)
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.final.report import FILE_NAME, NAME, wanted
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.final.words import LANGUAGES
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.html_page import render_html
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.junit import render_junit
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.markdown import render_markdown
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.page import MAXIMUM_WIDTH, MINIMUM_WIDTH
from ansible_collections.vertice.netfix.plugins.module_utils._module.report_files import final_reports, short, write

ARGUMENT_SPEC: dict[str, Any] = {
    "section": {
        "type": "str",
        "required": True,
        "choices": ["diagnosis", "plan", "progress", "attempt", "validation", "local", "runs", "tuning", "experiment", "summary"],
    },
    "data": {"type": "dict", "required": True},
    "moment": {"type": "str", "choices": ["before", "after"], "default": "before"},
    "project": {"type": "str", "default": ""},
    "report_dir": {"type": "path", "default": "netfix-report"},
    "formats": {
        "type": "list",
        "elements": "str",
        "choices": ["json", "markdown", "html", "junit"],
        "default": ["json", "markdown", "html", "junit"],
    },
    "final_name": {"type": "str", "default": NAME},
    "final_title": {"type": "str", "default": ""},
    "final_language": {"type": "list", "elements": "str", "choices": list(LANGUAGES), "default": ["en"]},
    "show": {"type": "bool", "default": True},
    "width": {"type": "int", "default": 0},
}

# Each format's key in the result, its file, and what the summary calls it; the page that one opens first comes first.
FILES = {
    "html": ("html", "report.html", "report"),
    "markdown": ("report", "report.md", "as Markdown"),
    "junit": ("junit", "junit.xml", "as JUnit"),
    "json": ("journal", "journal.json", "journal"),
}

RUN_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


class ActionModule(ActionBase):
    """Works on the controller only, so it also reports about hosts that cannot be reached."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The result of the module; the rendered text is shown, not only returned."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _validated, options = self.validate_argument_spec(argument_spec=ARGUMENT_SPEC)
        width = options["width"] or Display().columns
        if options["width"] and not MINIMUM_WIDTH <= width <= MAXIMUM_WIDTH:
            raise AnsibleActionFail(f"width must be between {MINIMUM_WIDTH} and {MAXIMUM_WIDTH} columns, got {width}")
        host = str((task_vars or {}).get("inventory_hostname", ""))
        data = to_data(options["data"])
        result["changed"] = False
        if options["section"] == "summary":
            return {**result, **self._summary(data, options, width)}
        details = int((task_vars or {}).get("ansible_verbosity") or 0) > 0
        render = _section(options["section"], data, host, options, details)
        return {**result, "text": _show(render, width, options["show"])}

    def _summary(self, data: dict[str, Any], options: dict[str, Any], width: int) -> dict[str, Any]:
        journal = _journal(data)
        final_name = options["final_name"] if wanted(journal) else ""
        if final_name and not FILE_NAME.match(final_name):
            raise AnsibleActionFail(
                f"final_name (netfix_report_name) must be letters, digits, '.', '_' and '-', got {final_name!r}"
            )
        final: list[str] = []
        folder = Path(os.path.abspath(options["report_dir"])) / journal["run_id"]
        written: dict[str, str] = {}
        problem = ""
        if not self._task.check_mode:
            try:
                if folder.is_symlink():
                    raise OSError(errno.ELOOP, "it is a link that somebody else may have put there")
                # First the journal: whatever a report stumbles over, what happened is on record.
                if "json" in options["formats"]:
                    written["json"] = write(folder / FILES["json"][1], _document(journal))
                _check(_host_problems(journal), f" The journal is in {folder}." if written else "")
                for _rendered, texts in _final(journal, options, final_name):
                    final += [write(folder / file, text) for file, text in texts.items()]
                page = os.path.basename(final[0]) if final else ""
                renders: list[tuple[str, Callable[[], str]]] = [
                    ("markdown", lambda: render_markdown(journal, page)),
                    ("html", lambda: render_html(journal, page)),
                    ("junit", lambda: render_junit(journal)),
                ]
                for name, render in renders:
                    if name in options["formats"]:
                        written[name] = write(folder / FILES[name][1], render())
            except ValueError as exc:
                raise AnsibleActionFail(
                    f"This cannot be reported: {exc}. See docs/journal.md. What is written is in {folder}."
                ) from exc
            except OSError as exc:
                problem = (
                    f"The report could not be written to {folder}: {exc.strerror or exc}. "
                    "Set report_dir (netfix_report_dir) to a folder that the user running Ansible can write to."
                )
        _check(_host_problems(journal))
        paths = {label: short(written[name]) for name, (_key, _file, label) in FILES.items() if name in written}
        if final:
            paths = {"final report": short(final[0]), **paths}
        text = _show(lambda w, colour: terminal.render_summary(journal, w, colour, paths), width, options["show"])
        if problem:
            raise AnsibleActionFail(problem, result={"status": journal["status"]})
        results = {key: written.get(name, "") for name, (key, _file, _label) in FILES.items()}
        return {**results, "final": final, "status": journal["status"], "text": text}


Render = Callable[[int, bool], str]


def _final(journal: dict[str, Any], options: dict[str, Any], name: str) -> Iterable[Any]:
    """The final report in each language, where the run has what one is for."""
    if not name:
        return []
    return final_reports(journal, options["final_language"] or ["en"], options["final_title"], name).values()


def _section(section: str, data: dict[str, Any], host: str, options: dict[str, Any], details: bool) -> Render:
    """What renders one section of one host. Raises AnsibleActionFail where the data is not what it should be."""
    project = options["project"] or str(data.get("project", ""))
    where = f"{project} on {host}" if project else host
    if section == "diagnosis":
        moment = options["moment"]
        # A bare diagnosis is taken too, as network_diagnosis_info returns it.
        document = {moment: data} if "walks" in data else data
        document = {"host": host, "project": project, "engine": data.get("engine"), **document}
        _check(journals.diagnosis_problems(document.get(moment), f"data.{moment}"))
        return lambda width, colour: terminal.render_diagnosis(document, width, colour, moment, details)
    if section == "validation":
        _check(journals.validation_problems(data, "data"))
        return lambda width, colour: terminal.render_validation(data, width, colour, where, details)
    problems, render = {
        "plan": (journals.plan_problems, terminal.render_plan),
        "progress": (journals.progress_problems, terminal.render_progress),
        "attempt": (journals.attempt_problems, terminal.render_attempt),
        "local": (journals.local_problems, terminal.render_local),
        "runs": (journals.runs_problems, terminal.render_runs),
        "tuning": (tuning_problems, terminal.render_tuning),
        "experiment": (experiment_problems, terminal.render_experiment),
    }[section]
    _check(problems(data, "data"))
    return lambda width, colour: render(data, width, colour, where)


def _journal(data: dict[str, Any]) -> dict[str, Any]:
    """The whole journal out of the parts that the playbook gathered."""
    problems = []
    if not RUN_ID.match(str(data.get("run_id", ""))):
        problems.append(f"data.run_id must be letters, digits, '.', '_' and '-', got {data.get('run_id')!r}")
    if data.get("mode") not in journals.MODES:
        problems.append(f"data.mode is {data.get('mode')!r}; expected one of {', '.join(journals.MODES)}")
    hosts = data.get("hosts")
    if not isinstance(hosts, list) or not all(isinstance(host, (dict, str)) for host in hosts):
        problems.append("data.hosts must be a list with one dictionary, or only the name, for each host")
    _check(problems)
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return journals.make_journal(
        run_id=data["run_id"],
        mode=data["mode"],
        hosts=[_unheard_of(host) if isinstance(host, str) else host for host in data["hosts"]],
        started_at=str(data.get("started_at") or ""),
        finished_at=str(data.get("finished_at") or now),
        playbook=str(data.get("playbook") or ""),
        collection=str(data.get("collection") or _version()),
        versions=data.get("versions") or {"ansible_core": ansible_version, "python": platform.python_version()},
    )


def _unheard_of(name: str) -> dict[str, Any]:
    """A host that the playbook lost before it was diagnosed, so that it is missing from no report."""
    return {"host": name, "status": "failed", "error": "unreachable, or failed before it could be diagnosed"}


def _host_problems(journal: dict[str, Any]) -> list[str]:
    hosts = enumerate(journal["hosts"])
    return [problem for number, host in hosts for problem in journals.host_problems(host, f"data.hosts[{number}]")]


def _check(problems: list[str], where: str = "") -> None:
    if problems:
        more = f"; and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise AnsibleActionFail(
            f"This cannot be reported: {'; '.join(problems[:5])}{more}. See docs/journal.md.{where}"
        )


def _show(render: Render, width: int, show: bool) -> str:
    """Renders, shows it if asked to, and gives it without colour."""
    text = render(width, False)
    if show:
        display = Display()
        # The callback may print its banner before or after this; the log file gets no colour codes.
        display.display("\n" + (render(width, True) if ANSIBLE_COLOR else text), screen_only=True)
        display.display(text, log_only=True)
    return text


def _document(journal: dict[str, Any]) -> str:
    return json.dumps(journal, ensure_ascii=False, indent=2, default=str) + "\n"


def _version() -> str:
    """The version of this collection: from its manifest when it was installed, from galaxy.yml in a checkout."""
    root = Path(__file__).resolve().parents[2]
    try:
        return str(json.loads((root / "MANIFEST.json").read_text(encoding="utf-8"))["collection_info"]["version"])
    except (OSError, ValueError, KeyError):
        pass
    try:
        return str(yaml.safe_load((root / "galaxy.yml").read_text(encoding="utf-8"))["version"])
    except (OSError, ValueError, KeyError, yaml.YAMLError):
        return ""
