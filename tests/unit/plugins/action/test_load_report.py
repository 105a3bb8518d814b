# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import stat
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import yaml
from ansible.errors import AnsibleActionFail
from ansible_collections.vertice.netfix.plugins.action import load_report as plugin
from ansible_collections.vertice.netfix.plugins.filter.load_comparison import load_comparison
from ansible_collections.vertice.netfix.plugins.filter.load_noise import load_noise
from ansible_collections.vertice.netfix.plugins.modules import load_report as documentation

HOSTILE = "</svg><script>alert(1)</script>|`x`"


def side(name, *p50s, failures=0, scheduled=False, users="10", endpoint="GET /", retaken=0):
    """A set of runs as the module returns them."""

    def figures(p50):
        times = {"mean": p50, "p50": p50, "p90": p50 * 1.5, "p95": p50 * 2, "p99": p50 * 2.5, "max": p50 * 3}
        told = {"requests": 500, "failures": failures, "rps": 50.0, "latency_ms": times}
        return {**told, "schedule_ms": times} if scheduled else told

    runs = [
        {
            "number": number,
            "measured_from": 0.0,
            "seconds": 10.0,
            "whole": figures(p50),
            "endpoints": {endpoint: figures(p50)},
            "containers": {"shop-api-1": {"name": "shop-api-1", "cpu_s": p50 / 20, "cpu": 0.4, "memory_peak": 64 << 20}},
            "spreads": {"": {f"{p50 * 500:.0f}": 400, f"{p50 * 1000:.0f}": 100}},
            "series": {"step_s": 0.5, "rps": [50.0] * 20, "failures": [0.0] * 20, "p95_ms": [p50] * 20},
            "retaken": retaken,
        }
        for number, p50 in enumerate(p50s, 1)
    ]
    return {"name": name, "fingerprint": {"users": users, "seconds": "10"}, "runs": runs}


SLOW = side("before", 100.0, 102.0, 98.0, 101.0, 99.0)
FAST = side("after", 50.0, 51.0, 49.0, 50.5, 49.5)


def run(check_mode=False, **args):
    task = SimpleNamespace(args=args, check_mode=check_mode, async_val=0, diff=False, environment=None, no_log=False)
    connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None))
    return plugin.ActionModule(task, connection, SimpleNamespace(), None, None, None).run(task_vars={})


def compared(before, after, **args):
    told = {"show": False, "width": 110, **args}
    return run(before=before, after=after, comparison=load_comparison(before, after, interleaved=True), **told)


def row(text, metric):
    return next(line for line in text.splitlines() if line.startswith(f"    {metric} ")).split()


def test_options_of_the_plugin_and_of_its_documentation_are_the_same():
    documented = yaml.safe_load(documentation.DOCUMENTATION)["options"]
    keys = ("type", "elements", "required", "choices", "default")
    assert {name: {k: o[k] for k in keys if k in o} for name, o in documented.items()} == plugin.ARGUMENT_SPEC


def test_the_table_tells_before_after_change_p_and_verdict_as_benchstat_does():
    text = compared(SLOW, FAST)["text"]
    assert row(text, "p50") == "p50 100 ms ± 2% 50 ms ± 2% -50% (-51 to -48) 0.008 improved ◂ decides".split()
    assert row(text, "requests/s") == "requests/s 50 ± 0% 50 ± 0% ~ 1.000 no difference shown".split()
    assert "shop-api-1  10 ms → 5 ms, 0.40 → 0.40, 64 MiB → 64 MiB" in text


def test_a_gain_that_is_void_is_told_as_such():
    result = compared(SLOW, side("after", 50.0, 51.0, 49.0, 50.5, 49.5, failures=50))
    assert result["verdict"] == "regressed" and "more requests fail: 0.00% before, 10.00% after" in result["text"]
    assert " ".join(row(result["text"], "p99")).endswith("no difference shown, gain is void")
    assert row(result["text"], "failures")[1:5] == ["0.00%", "10.00%", "+10.00", "points"]


def test_it_says_from_when_times_run():
    assert "(closed model), as Locust counts them" in " ".join(compared(SLOW, FAST)["text"].split())
    scheduled = side("before", *[100.0] * 5, scheduled=True)
    assert "meant to be sent (open model)" in " ".join(compared(scheduled, scheduled)["text"].split())


def test_sets_that_cannot_be_compared_are_shown_side_by_side_with_the_reason():
    text = compared(SLOW, side("after", *[50.0] * 5, users="20"))["text"]
    assert "the two sets differ in users (10, then 20)" in text and row(text, "p50")[:7] == "p50 100 ms ± 2% 50 ms".split()


def test_one_set_alone_tells_its_noise():
    text = run(before=SLOW, noise=load_noise(SLOW["runs"]), show=False, width=110)["text"]
    assert "Equal runs differ by 1.6% in p50 of all requests" in text and "5 runs a side would show a change" in " ".join(text.split())
    assert row(text, "p50") == "p50 100 ms ± 2%".split()


def test_runs_that_were_taken_anew_are_told():
    assert "before: 5 runs taken anew" in compared(side("before", *[100.0] * 5, retaken=1), FAST)["text"]


def test_the_report_is_written_as_markdown_with_drawings_and_as_one_page(tmp_path):
    files = compared(SLOW, FAST, dest=str(tmp_path / "made" / "here"))["files"]
    assert set(files) == {"data", "markdown", "html", "distributions", "percentiles", "timeline"}
    assert all(stat.S_IMODE(Path(path).stat().st_mode) == 0o640 for path in files.values())
    page = Path(files["html"]).read_text(encoding="utf-8")
    assert page.count("<svg") == 3 and "default-src &#x27;none&#x27;" in page and "<script" not in page
    told = Path(files["markdown"]).read_text(encoding="utf-8")
    for name in ("distributions", "percentiles", "timeline"):
        assert f"({name}.svg)" in told and ElementTree.parse(files[name])
    assert "| `GET /` | p50 | 100 ms ± 2% | 50 ms ± 2% |" in told
    assert json.loads(Path(files["data"]).read_text(encoding="utf-8"))["comparison"]["verdict"] == "improved"


def test_a_baseline_is_kept_without_the_secrets_of_its_command(tmp_path):
    settings = {"made_at": "2026-11-30T12:00:00Z", "settings": {"host": "http://me:pw1@shop", "command": ["--token", "pw2"]}}
    files = run(before=SLOW, settings=settings, noise=load_noise(SLOW["runs"]), dest=str(tmp_path), show=False)["files"]
    text = Path(files["data"]).read_text(encoding="utf-8")
    kept = json.loads(text)
    assert Path(files["data"]).name == "baseline.json" and kept["format"] == 1 and len(kept["runs"]) == 5
    assert kept["noise"]["metric"] == "p50" and "pw1" not in text and "pw2" not in text


def test_names_stay_text(tmp_path):
    hostile = side(HOSTILE, *[50.0] * 5, endpoint=HOSTILE)
    files = compared(SLOW, hostile, dest=str(tmp_path))["files"]
    assert "<script" not in Path(files["html"]).read_text(encoding="utf-8")
    assert "<script" not in Path(files["percentiles"]).read_text(encoding="utf-8")


def test_check_mode_shows_and_writes_nothing(tmp_path):
    result = compared(SLOW, FAST, dest=str(tmp_path / "x"), check_mode=True)
    assert result["text"] and not (tmp_path / "x").exists() and result["files"] == {}


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(AnsibleActionFail, match="could not be written to .*file: "):
        compared(SLOW, FAST, dest=str(tmp_path / "file"))


def test_what_are_no_runs_is_refused():
    with pytest.raises(AnsibleActionFail, match="These are no load runs"):
        run(before={"name": "x"}, show=False)
