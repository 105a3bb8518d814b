# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible_collections.vertice.netfix.plugins.action import run_report as plugin
from ansible_collections.vertice.netfix.plugins.modules import run_report as documentation

JOURNALS = Path(__file__).parents[2] / "fixtures" / "journals"


@pytest.fixture
def journal():
    return json.loads((JOURNALS / "mended.json").read_text(encoding="utf-8"))


@pytest.fixture
def parts(journal):
    """What a playbook hands in: everything but what the plugin works out itself."""
    return {key: journal[key] for key in ("run_id", "mode", "started_at", "playbook", "hosts")}


FILES = {"html": "report.html", "report": "report.md", "junit": "junit.xml", "journal": "journal.json"}


def run(check_mode=False, verbosity=0, **args):
    task = SimpleNamespace(args=args, check_mode=check_mode, async_val=0, diff=False, environment=None, no_log=False)
    connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
    action = plugin.ActionModule(task, connection, SimpleNamespace(), None, None, None)
    return action.run(task_vars={"inventory_hostname": "db1", "ansible_verbosity": verbosity})


def test_options_of_the_plugin_and_of_its_documentation_are_the_same():
    documented = yaml.safe_load(documentation.DOCUMENTATION)["options"]
    keys = ("type", "elements", "required", "choices", "default")
    assert {name: {k: o[k] for k in keys if k in o} for name, o in documented.items()} == plugin.ARGUMENT_SPEC


@pytest.mark.parametrize(
    ("section", "part", "title"),
    [
        ("plan", lambda host: host["plan"], "── Plan · shop on db1 ─"),
        ("attempt", lambda host: host["attempts"][0], "── Attempt 1 · reconnect_endpoints · shop on db1 ─"),
        ("validation", lambda host: host["validation"], "── Validation · shop on db1 ─"),
        ("diagnosis", lambda host: host["before"], "── Diagnosis · shop on db1 ─"),
        ("diagnosis", lambda host: host, "── Diagnosis · vertice on localhost ─"),
    ],
)
def test_a_section_is_shown_and_says_which_host_it_is_about(capsys, journal, section, part, title):
    result = run(section=section, data=part(journal["hosts"][0]), project="shop", width=100)
    assert capsys.readouterr().out == f"\n{result['text']}\n"
    assert result["text"].startswith(title)
    assert result["changed"] is False


def test_the_diagnosis_after_the_attempts_can_be_shown(journal):
    text = run(section="diagnosis", data=journal["hosts"][0], moment="after")["text"]
    assert text.startswith("── Diagnosis afterwards · vertice on localhost ─")
    assert "all 10 dependencies ok" in text


def test_nothing_is_shown_when_asked_not_to(capsys, journal):
    assert "reconnect_endpoints" in run(section="plan", data=journal["hosts"][0]["plan"], show=False)["text"]
    assert capsys.readouterr().out == ""


def test_colour_is_ansibles_own_decision(capsys, monkeypatch, journal):
    monkeypatch.setattr(plugin, "ANSIBLE_COLOR", True)
    result = run(section="plan", data=journal["hosts"][0]["plan"])
    assert "\033[1m" in capsys.readouterr().out
    assert "\033" not in result["text"]


def test_with_v_all_of_the_evidence_is_shown(journal):
    host = journal["hosts"][0]
    assert "… 2 more with -v" in run(section="diagnosis", data=host)["text"]
    text = run(section="diagnosis", data=host, verbosity=1)["text"]
    assert "vertice-api_gateway-1 asks 127.0.0.11 for hcl-kb-service: NXDOMAIN" in text
    assert "with -v" not in text
    assert "http://" not in run(section="validation", data=host["validation"])["text"]
    assert "http://" in run(section="validation", data=host["validation"], verbosity=1)["text"]


def test_the_summary_writes_every_format_and_tells_where(capsys, tmp_path, parts):
    result = run(section="summary", data=parts, report_dir=str(tmp_path / "reports"))
    folder = tmp_path / "reports" / parts["run_id"]
    assert {key: result[key] for key in FILES} == {key: str(folder / file) for key, file in FILES.items()}
    assert (result["status"], result["changed"]) == ("mended", False)
    shown = capsys.readouterr().out
    assert all(str(folder / file) in shown for file in FILES.values())
    assert shown.splitlines()[-1].startswith("netfix: mended (vertice on localhost) in ")


@pytest.mark.parametrize(
    ("formats", "files"),
    [
        (["html"], ["report.html"]),
        (["junit", "json"], ["journal.json", "junit.xml"]),
        (["markdown"], ["report.md"]),
        ([], []),
    ],
)
def test_only_the_formats_that_are_asked_for_are_written(capsys, tmp_path, parts, formats, files):
    result = run(section="summary", data=parts, report_dir=str(tmp_path), formats=formats)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == files
    assert {key for key in FILES if result[key]} == {key for key, file in FILES.items() if file in files}
    shown = capsys.readouterr().out
    assert [file in shown for file in FILES.values()] == [file in files for file in FILES.values()]


def test_a_format_that_there_is_not_is_an_error_before_anything_is_written(tmp_path, parts):
    with pytest.raises(Exception, match="formats must be one or more of: json, markdown, html, junit.*pdf"):
        run(section="summary", data=parts, report_dir=str(tmp_path), formats=["json", "pdf"])
    assert list(tmp_path.iterdir()) == []


def test_the_files_are_whole_readable_by_the_group_and_leave_nothing_else(tmp_path, parts, journal):
    for _twice in range(2):
        run(section="summary", data=parts, report_dir=str(tmp_path), show=False)
    folder = tmp_path / parts["run_id"]
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES.values())
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o640}
    written = json.loads((folder / "journal.json").read_text(encoding="utf-8"))
    assert {key: written[key] for key in journal if key != "finished_at"} == {
        key: value for key, value in journal.items() if key != "finished_at"
    }
    assert (folder / "report.md").read_text(encoding="utf-8").startswith("# Network repair: mended\n")


def test_text_that_is_no_utf8_does_not_keep_the_report_from_being_written(tmp_path, parts):
    parts["hosts"][0]["before"]["findings"][0]["evidence"] = ["half\udc80"]
    result = run(section="summary", data=parts, report_dir=str(tmp_path), show=False)
    written = json.loads(Path(result["journal"]).read_text(encoding="utf-8"))
    assert written["hosts"][0]["before"]["findings"][0]["evidence"] == ["half\udc80"]
    assert all(Path(result[key]).stat().st_size for key in FILES)


def test_a_host_that_was_lost_on_the_way_is_reported_as_failed(tmp_path, parts):
    parts["hosts"].append("db4")
    result = run(section="summary", data=parts, report_dir=str(tmp_path))
    assert result["status"] == "failed"
    assert "✗ failed  db4: unreachable, or failed before it could be diagnosed" in result["text"]


def test_check_mode_shows_the_summary_and_writes_nothing(capsys, tmp_path, parts):
    result = run(check_mode=True, section="summary", data=parts, report_dir=str(tmp_path))
    assert (result["status"], [result[key] for key in FILES]) == ("mended", [""] * len(FILES))
    assert "netfix: mended" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_cannot_be_written_is_still_shown_and_names_the_way_out(capsys, tmp_path, parts):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(AnsibleActionFail, match="Set report_dir .* to a folder") as error:
        run(section="summary", data=parts, report_dir=str(tmp_path / "file"))
    assert error.value.result["status"] == "mended"
    assert "netfix: mended" in capsys.readouterr().out


def test_a_planted_link_in_place_of_the_folder_is_not_followed(tmp_path, parts):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / parts["run_id"]).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(AnsibleActionFail, match="it is a link that somebody else may have put there"):
        run(section="summary", data=parts, report_dir=str(tmp_path))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_host_that_cannot_be_rendered_is_on_record_before_the_task_fails(tmp_path, parts):
    parts["hosts"][0]["before"]["walks"][0]["layer"] = "nowhere"
    with pytest.raises(AnsibleActionFail, match=r"data.hosts\[0\].before.walks\[0\] is 'nowhere' is not a valid Layer"):
        run(section="summary", data=parts, report_dir=str(tmp_path))
    assert (tmp_path / parts["run_id"] / "journal.json").exists()


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ({"section": "sumary", "data": {}}, "value of section must be one of"),
        ({"section": "plan"}, "missing required arguments: data"),
        ({"section": "plan", "data": {}}, "data.items must be a list, got nothing"),
        ({"section": "plan", "data": {"items": []}, "width": 20}, "width must be between 60 and 120"),
        ({"section": "diagnosis", "data": {"walks": []}}, "data.before has no 'healthy'"),
        ({"section": "attempt", "data": {}}, "data has no 'remediation'"),
        ({"section": "validation", "data": {"checks": "all"}}, "data.checks must be a list, got text"),
        ({"section": "summary", "data": {"run_id": "../x", "mode": "apply", "hosts": []}}, "data.run_id must be"),
        ({"section": "summary", "data": {"run_id": "x\n", "mode": "apply", "hosts": []}}, "data.run_id must be"),
        (
            {"section": "summary", "data": {"run_id": "r1", "mode": "fix", "hosts": []}},
            "expected one of diagnose, plan",
        ),
        (
            {"section": "summary", "data": {"run_id": "r1", "mode": "apply", "hosts": [3]}},
            "one dictionary, or only the name, for each host",
        ),
    ],
)
def test_wrong_input_is_an_error_that_names_what_was_expected(args, message):
    with pytest.raises(Exception, match=message):
        run(**args)


def tuned():
    return json.loads((JOURNALS.parent / "tuning" / "journal.json").read_text(encoding="utf-8"))


def test_a_run_with_load_tests_leaves_its_final_report_in_each_language_and_links_it(capsys, tmp_path):
    data = {key: tuned()[key] for key in ("run_id", "mode", "started_at", "playbook", "hosts")}
    result = run(section="summary", data=data, report_dir=str(tmp_path), final_language=["pt_BR", "en"])
    pages = [Path(path) for path in result["final"] if path.endswith(".html")]
    assert [page.name for page in pages] == ["FASE_1_LOAD_TESTING_COMPLETE.html", "FASE_1_LOAD_TESTING_COMPLETE.en.html"]
    assert all(Path(path).stat().st_size for path in result["final"])
    assert 'lang="pt-BR"' in pages[0].read_text(encoding="utf-8")
    assert 'href="FASE_1_LOAD_TESTING_COMPLETE.html"' in Path(result["html"]).read_text(encoding="utf-8")
    assert "](FASE_1_LOAD_TESTING_COMPLETE.html)" in Path(result["report"]).read_text(encoding="utf-8")
    assert "FASE_1_LOAD_TESTING_COMPLETE.html" in capsys.readouterr().out


def test_the_reports_tell_load_tests_shortly(tmp_path):
    data = {key: tuned()[key] for key in ("run_id", "mode", "started_at", "playbook", "hosts")}
    result = run(section="summary", data=data, report_dir=str(tmp_path), final_name="", width=120)
    text = Path(result["report"]).read_text(encoding="utf-8")
    assert "- Baseline: p95 of all requests 49.3 ms, median of 6 runs (46.9 to 50.2)\n" in text
    assert "- Optimization: database index of items (tag): kept, improved\n" in text
    assert "- Before, after: p95 of all requests 49.9 ms → 15.7 ms (−68.3%): improved\n" in text
    page = Path(result["html"]).read_text(encoding="utf-8")
    assert "<dd>Redis cache of maximus_core_service: kept, improved</dd>" in page
    assert not [path.name for path in (tmp_path / data["run_id"]).iterdir() if "FASE" in path.name]


def test_a_run_without_load_tests_has_no_final_report(tmp_path, parts):
    assert run(section="summary", data=parts, report_dir=str(tmp_path))["final"] == []


def test_a_name_of_the_final_report_that_leads_elsewhere_is_an_error(tmp_path):
    data = {key: tuned()[key] for key in ("run_id", "mode", "started_at", "playbook", "hosts")}
    with pytest.raises(AnsibleActionFail, match="got '../x'"):
        run(section="summary", data=data, report_dir=str(tmp_path), final_name="../x")
