# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible_collections.vertice.netfix.plugins.action import final_report as plugin
from ansible_collections.vertice.netfix.plugins.modules import final_report as documentation

FIXTURES = Path(__file__).parents[2] / "fixtures"
RUN = "20261130T184502-7c1e"
PLOTS = [f"-before-after-{kind}.svg" for kind in ("distribution", "percentiles", "timeline")]


def run(check_mode=False, **args):
    task = SimpleNamespace(args=args, check_mode=check_mode, async_val=0, diff=False, environment=None, no_log=False)
    connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
    return plugin.ActionModule(task, connection, SimpleNamespace(), None, None, None).run(task_vars={})


@pytest.fixture
def reports(tmp_path):
    folder = tmp_path / RUN
    folder.mkdir()
    shutil.copy(FIXTURES / "tuning" / "journal.json", folder)
    return tmp_path


def test_options_of_the_plugin_and_of_its_documentation_are_the_same():
    documented = yaml.safe_load(documentation.DOCUMENTATION)["options"]
    keys = ("type", "elements", "required", "choices", "default")
    assert {name: {k: o[k] for k in keys if k in o} for name, o in documented.items()} == plugin.ARGUMENT_SPEC


@pytest.mark.parametrize("given", ["id", "file", "folder"])
def test_a_journal_is_found_by_the_id_of_its_run_or_by_its_path(capsys, reports, given):
    journal = {"id": RUN, "file": str(reports / RUN / "journal.json"), "folder": str(reports / RUN)}[given]
    result = run(journal=journal, report_dir=str(reports), language=["en", "pt_BR"], name="END", width=100)
    assert sorted(Path(path).name for path in result["files"]) == sorted(
        f"{stem}{suffix}" for stem in ("END", "END.pt_BR") for suffix in (".html", ".md", *PLOTS)
    )
    assert {stat.S_IMODE(Path(path).stat().st_mode) for path in result["files"]} == {0o640}
    assert result["criteria"] == {"met": 18, "not_met": 0, "not_measured": 2}
    assert result["changed"] is False
    assert "? 18 of 20 criteria met, 0 not met, 2 not measured" in result["text"]
    assert capsys.readouterr().out == f"\n{result['text']}\n"


def test_check_mode_writes_nothing(reports):
    result = run(check_mode=True, journal=RUN, report_dir=str(reports))
    assert result["files"][0] == str(reports / RUN / "FASE_1_LOAD_TESTING_COMPLETE.html")
    assert [path.name for path in (reports / RUN).iterdir()] == ["journal.json"]


def test_the_network_is_told_from_the_journal_of_an_earlier_run(reports):
    journal = reports / RUN / "journal.json"
    text = journal.read_text(encoding="utf-8").replace('"attempts": [', '"attempts_": [')
    journal.write_text(text, encoding="utf-8")
    earlier = str(FIXTURES / "journals" / "recorded.json")
    result = run(journal=RUN, report_dir=str(reports), network_journal=earlier)
    assert "told from an earlier run" in Path(result["files"][1]).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            {"journal": "20200101T000000-0000"},
            "There is no journal to report from: .*20200101T000000-0000/journal.json",
        ),
        ({"journal": RUN, "name": "../x"}, "must be letters, digits"),
        ({"journal": RUN, "width": 10}, "width must be between"),
        ({"journal": RUN, "network_journal": "nothing"}, "There is no journal to report from: .*nothing"),
    ],
)
def test_wrong_input_is_an_error_that_names_what_was_expected(reports, args, message):
    with pytest.raises(AnsibleActionFail, match=message):
        run(report_dir=str(reports), **args)


@pytest.mark.parametrize("text", ["{", "[]", '{"hosts": 1}'])
def test_a_file_that_is_no_journal_is_an_error_that_names_it(reports, text):
    (reports / RUN / "journal.json").write_text(text, encoding="utf-8")
    with pytest.raises(AnsibleActionFail, match=f"{RUN}/journal.json is no journal"):
        run(journal=RUN, report_dir=str(reports))
