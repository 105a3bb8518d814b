# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy
import json
import re
import statistics

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.final.report import render_final, wanted
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.final.words import LANGUAGES, Words
from unit.journal_schema import undescribed

SECTIONS = (
    "summary problem solution attempts baseline containers bottlenecks experiments before_after criteria recommendations "
    "unmeasured about"
).split()


def section(markdown, title):
    """The text of one section."""
    return markdown.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(text, titles):
    """The rows of the table with these titles, as dictionaries; what stands below in a cell is left out."""
    lines = text.splitlines()
    start = next(n for n, line in enumerate(lines) if line == f"| {' | '.join(titles)} |") + 2
    found = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        found.append(dict(zip(titles, (cell.strip() for cell in line.strip("|").split("|")))))
    return found


def first(cell):
    return cell.split("<br>")[0].strip("`")


def number(text):
    return float(re.sub(r"[^0-9.]", "", text.replace("\\", "")))


def test_the_journal_that_these_tests_use_is_as_the_schema_describes_it(tuned):
    assert undescribed(tuned) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_report_of_a_whole_run_has_every_section_in_each_language(tuned, language):
    words = Words(language)
    rendered = render_final(tuned, language)
    for name in SECTIONS:
        title = words.text(f"heading.{name}")
        assert f"\n## {title}\n" in rendered.markdown
        assert f"<h2>{title}</h2>" in rendered.html
    assert (rendered.met, rendered.not_met, rendered.not_measured) == (18, 0, 2)


def test_no_english_sentence_of_the_catalogue_is_in_the_portuguese_report(tuned):
    english, portuguese = (render_final(tuned, language).markdown for language in LANGUAGES)
    quoted = re.compile(r"\u201c[^\u201d]*\u201d|`[^`]*`|\]\([^)]*\)")
    sentences = {s.strip() for s in re.split(r"[\n.|]", quoted.sub("", english)) if len(s.split()) > 4}
    assert not [s for s in sentences if s in quoted.sub("", portuguese)]


def test_the_figures_of_the_baseline_are_those_of_its_runs(tuned):
    runs = tuned["hosts"][0]["tuning"]["baseline"]["runs"]
    titles = ["endpoint", "requests", "failed", "requests/s", "p50", "p95", "p99"]
    told = rows(section(render_final(tuned).markdown, "Baseline"), titles)
    assert [first(row["endpoint"]) for row in told] == [
        "all requests",
        "/api/v1/kb/items",
        "/api/v1/consciousness/query",
        "/api/v1/health",
    ]
    for row in told:
        name = first(row["endpoint"])
        figures = [run["whole"] if name == "all requests" else run["endpoints"][name] for run in runs]
        assert number(row["requests"]) == sum(f["requests"] for f in figures)
        assert number(first(row["requests/s"])) == pytest.approx(
            statistics.median(f["rps"] for f in figures), rel=0.005
        )
        for metric in ("p50", "p95", "p99"):
            values = [f["latency_ms"][metric] for f in figures]
            assert number(first(row[metric])) == pytest.approx(statistics.median(values), rel=0.005)
            low, high = row[metric].split("<br>")[1].split(" – ")
            assert (number(low), number(high)) == pytest.approx((min(values), max(values)), rel=0.005)


def test_before_and_after_are_the_medians_of_the_runs_of_each_side(tuned):
    final = tuned["hosts"][0]["tuning"]["final"]
    titles = ["metric", "before", "after", "change, 97% interval", "p", "verdict"]
    told = {row["metric"]: row for row in rows(section(render_final(tuned).markdown, "Before and after"), titles)}
    for metric in ("p50", "p95", "p99"):
        for side in ("before", "after"):
            values = [run["whole"]["latency_ms"][metric] for run in final[side]["runs"]]
            assert number(told[metric][side]) == pytest.approx(statistics.median(values), rel=0.005)
        assert told[metric]["verdict"] == "✓ improved"


def test_what_containers_used_is_the_median_over_runs_and_by_request(tuned):
    tuning = tuned["hosts"][0]["tuning"]
    text = section(render_final(tuned).markdown, "What the containers used")
    line = next(line for line in text.splitlines() if line.startswith("| `vertice-postgres-1`"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]

    def cost(runs):
        name = "vertice-postgres-1"
        return statistics.median(run["containers"][name]["cpu_s"] * 1000 / run["whole"]["requests"] for run in runs)

    cores = statistics.median(run["containers"]["vertice-postgres-1"]["cpu"] for run in tuning["baseline"]["runs"])
    assert number(cells[1]) == pytest.approx(cores, abs=0.006)
    assert number(cells[3]) == pytest.approx(cost(tuning["baseline"]["runs"]), rel=0.01)
    assert number(cells[4]) == pytest.approx(cost(tuning["final"]["after"]["runs"]), rel=0.01)


def test_the_page_loads_nothing_and_runs_nothing(tuned):
    page = render_final(tuned).html
    assert "default-src &#x27;none&#x27;; style-src &#x27;sha256-" in page
    assert not re.search(r"<script|<img|<link|src=|\bstyle=|url\(", page)
    assert not re.search(r'href="(?!#)', page)


def test_the_same_journal_gives_the_same_report(tuned):
    again = json.loads(json.dumps(tuned))
    assert render_final(tuned, "pt_BR") == render_final(again, "pt_BR")


def test_the_markdown_names_its_drawings_as_they_are_called(tuned):
    rendered = render_final(tuned, name="LOAD")
    assert sorted(re.findall(r"\]\((LOAD-[^)]*\.svg)\)", rendered.markdown)) == sorted(rendered.plots)
    assert len(rendered.plots) == 3
    assert all(svg.startswith("<svg ") and "http://www.w3.org/2000/svg" in svg for svg in rendered.plots.values())


def test_a_title_of_ones_own_stands_in_both(tuned):
    rendered = render_final(tuned, title="Load tests of <the> shop")
    assert rendered.markdown.startswith("# Load tests of &lt;the&gt; shop\n")
    assert "<h1>Load tests of &lt;the&gt; shop</h1>" in rendered.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_run_without_load_tests_says_that_it_has_none(mended, language):
    rendered = render_final(mended, language)
    words = Words(language)
    assert words.text("baseline.missing") in rendered.markdown
    assert words.text("missing.tuning.why") in section(rendered.markdown, words.text("heading.unmeasured"))
    assert rendered.not_measured == 12


def test_the_network_is_told_from_an_earlier_run_where_this_one_found_it_in_order(tuned, mended):
    host = tuned["hosts"][0]
    host.update(before=copy.deepcopy(host["after"]), after=None, attempts=[], plan={}, status="healthy")
    alone, together = render_final(tuned).markdown, render_final(tuned, network=mended).markdown
    assert "Nothing was broken when the run began" in alone
    assert f"The network's part is told from an earlier run, `{mended['run_id']}`." in together
    assert "`reconnect_endpoints` was kept" in together
    assert "Now 8 of 8 dependencies are ok." in together


def test_an_earlier_run_of_another_project_is_not_taken_for_this_one(tuned, mended):
    tuned["hosts"][0]["attempts"] = []
    mended["hosts"][0]["project"] = "shop"
    assert "earlier run" not in render_final(tuned, network=mended).markdown


def test_local_processes_carry_the_warning_and_are_never_compared(tuned):
    tuned["hosts"][0]["local"] = {
        "state": "present",
        "services": [
            {
                "name": "api_gateway",
                "status": "healthy",
                "address": "127.0.0.1",
                "url": "http://127.0.0.1:8000",
                "reason": "",
            }
        ],
        "refused": [{"service": "visual_cortex_service", "reason": "its image is for another architecture"}],
        "warning": "",
        "validation": {
            "checks": [{"outcome": "ok"}, {"outcome": "failed"}],
            "load": {"requests": 345, "failures": 0, "rps": 34.5, "p95_ms": 12.0, "users": 1, "duration_s": 10.0, "outcome": "ok"},
        },
    }
    told = render_final(tuned).markdown
    assert "Without Docker, 1 of 2 HTTP checks passed. No criterion below is decided by them." in told
    assert "A short load of them: 1 user for 10 s, 345 requests, 0 failures, 34.5/s, p95 12.0 ms." in told
    for language, warning in (
        ("en", "This does not validate the production set-up."),
        ("pt_BR", "Isso não valida a configuração de produção."),
    ):
        rendered = render_final(tuned, language)
        assert rendered.markdown.count(warning) == rendered.html.count(warning) == 2
        assert "its image is for another architecture" in rendered.markdown
    assert "not comparable with those of the Docker setting" in render_final(tuned).markdown


def test_several_hosts_have_a_part_each_with_anchors_of_their_own(tuned, mended):
    tuned["hosts"].append(mended["hosts"][0] | {"host": "db2"})
    rendered = render_final(tuned)
    assert "\n## vertice on localhost\n" in rendered.markdown
    assert "\n## vertice on db2\n" in rendered.markdown
    anchors = re.findall(r'\bid="([^"]+)"', rendered.html)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r"\]\(([^)]*\.svg)\)", rendered.markdown)) == set(rendered.plots)


def test_hostile_text_of_a_journal_stays_text(tuned):
    nasty = "<script>alert(1)</script> ![i](http://e/) | `x`\n# h \x1b[2J {0} {name}"
    host = tuned["hosts"][0]
    host["tuning"]["bottlenecks"]["items"][0].update(title=nasty, service=nasty, advice=nasty, code=nasty)
    host["tuning"]["experiments"][0].update(target=nasty, why=nasty, reason=nasty)
    host["tuning"]["profiles"][0]["functions"][0].update(function=nasty, file=nasty)
    host["tuning"]["baseline"]["runs"][0]["errors"] = {nasty: 3}
    host["host"] = nasty
    for language in LANGUAGES:
        rendered = render_final(tuned, language, title=nasty)
        assert "<script" not in rendered.html
        assert "\x1b" not in rendered.html + rendered.markdown
        assert "<script" not in re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", rendered.markdown)
        assert "\n# h" not in rendered.markdown


def test_a_run_set_that_is_none_is_an_error_that_says_so(tuned):
    tuned["hosts"][0]["tuning"]["baseline"]["runs"] = [7]
    with pytest.raises(ValueError, match="not a RunSet"):
        render_final(tuned)


@pytest.mark.parametrize("tuning", [{"baseline": [1]}, {"bottlenecks": "none"}, ["x"], {"experiments": 3}])
def test_a_tuning_of_another_shape_is_an_error_that_names_it(tuned, tuning):
    tuned["hosts"][0]["tuning"] = tuning
    with pytest.raises(ValueError, match="'tuning' is not as docs/journal.md describes it"):
        render_final(tuned)


def test_a_load_on_local_processes_is_told_as_such_by_its_conditions(tuned):
    tuned["hosts"][0]["tuning"]["baseline"]["fingerprint"]["setting"] = "local"
    assert "⚠ The services ran as local processes, without Docker." in render_final(tuned).markdown


def test_a_final_report_is_wanted_where_there_is_load_or_a_local_process(tuned, mended):
    assert wanted(tuned)
    assert not wanted(mended)
    mended["hosts"][0]["tuning"] = {"settings": {}, "plan": [{"step": "baseline", "text": "", "seconds": 60}]}
    assert not wanted(mended)
    mended["hosts"][0]["local"] = {"state": "absent", "services": []}
    assert not wanted(mended)
    mended["hosts"][0]["local"] = {"state": "running", "services": []}
    assert wanted(mended)


def test_a_network_that_nothing_applied_to_is_not_said_to_have_been_tried(mended):
    host = mended["hosts"][0]
    host.update(status="not_mended", attempts=[], after=None)
    told = render_final(mended).markdown
    assert "It was not solved: no remediation applied, and nothing was changed." in told
    assert "everything tried was undone" not in told


def test_latency_against_a_schedule_is_told_as_such_with_locusts_own_beside_it(tuned):
    for run in tuned["hosts"][0]["tuning"]["baseline"]["runs"]:
        for figures in (run["whole"], *run["endpoints"].values()):
            figures["schedule_ms"] = {metric: 2 * value for metric, value in figures["latency_ms"].items()}
    text = section(render_final(tuned).markdown, "Baseline")
    assert "Open model: " in text
    assert "Closed model: " not in text
    titles = ["endpoint", "requests", "failed", "requests/s", "p50", "p95", "p95 from sending", "p99"]
    told = rows(text, titles)[0]
    assert number(first(told["p95"])) == pytest.approx(2 * number(first(told["p95 from sending"])), rel=0.01)
