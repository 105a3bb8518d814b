# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.markdown import render_markdown
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.markup import block, cell, code, prose

markdown_it = pytest.importorskip("markdown_it")


class Page(HTMLParser):
    """The rendered report: its tags, its text, and its tables as rows of cells."""

    def __init__(self, markdown):
        super().__init__()
        self.tags, self.text, self.rows, self.in_cell = [], "", [], False
        parser = markdown_it.MarkdownIt("commonmark", {"html": True}).enable("table")
        self.feed(parser.render(markdown))

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self.in_cell = True

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.in_cell = False

    def handle_data(self, data):
        self.text += data
        if self.in_cell:
            self.rows[-1][-1] += data


def test_report_holds_what_a_person_who_was_not_there_needs(journal):
    page = Page(render_markdown(journal("mended")))
    assert page.text.startswith("Network repair: mended")
    for needed in (
        "vertice-api_gateway-1 asks 127.0.0.11 for hcl-kb-service: NXDOMAIN",
        "Confirm by hand:",
        "no finding unlocks it: an address pinned across two networks would still be unreachable",
        "gate: 1 of 1 promised finding mended",
        "load: 98 requests, 0 failures",
        "docker compose -f compose.yml -f compose.netfix.yml up -d",
        "ansible-playbook playbooks/roll_back.yml -e netfix_run_id=20261122T132615-4f2a",
        "Docker Engine 26.1.5, Compose 2.26.1",
        "does not prove the cause",
    ):
        assert needed in page.text


def test_every_dependency_is_listed_before_and_after_failures_first(journal):
    rows = Page(render_markdown(journal("mended"))).rows
    start = rows.index(["dependency", "before", "cause", "after"])
    assert rows[start + 1] == [
        "api_gateway → hcl-kb-service:8001",
        "✗ failed at name: NXDOMAIN from 127.0.0.11 in 1 ms",
        "name.disjoint_networks",
        "✓ ok",
    ]
    assert [row[1] for row in rows[start + 3 : start + 11]] == ["✓ ok"] * 8


def test_all_of_sixty_dependencies_are_in_the_report(journal, crowd):
    data = journal("not_mended")
    data["hosts"][0]["before"] = crowd["before"]
    rows = Page(render_markdown(data)).rows
    assert len([row for row in rows if row and row[0].startswith("consumer-")]) == 60


def test_checks_are_compared_before_and_after(journal):
    rows = Page(render_markdown(journal("mended"))).rows
    query = next(row for row in rows if row[0] == "query")
    assert query[2:] == ["✗ 502 by uvicorn", "✓ 200 by uvicorn"]


def test_hostile_data_stays_data(hostile):
    text = render_markdown(hostile)
    page = Page(text)
    assert {"script", "img", "a"} & set(page.tags) == set()
    assert "em" not in page.tags
    assert [character for character in text.replace("\n", "") if not character.isprintable()] == []
    assert "<script>alert(1)</script>" in page.text


def test_hostile_data_adds_no_row_and_no_cell(journal, hostile):
    harmless, poisoned = Page(render_markdown(journal("mended"))).rows, Page(render_markdown(hostile)).rows
    assert [len(row) for row in poisoned] == [len(row) for row in harmless]


def test_every_sample_renders_to_well_formed_tables(sample):
    for table in re.findall(r"(?:^\|.*\n)+", render_markdown(sample), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_several_hosts_get_an_overview_worst_first(journal):
    rows = Page(render_markdown(journal("failed_on_one_of_four"))).rows
    start = rows.index(["where", "status", "meaning"])
    assert [row[:2] for row in rows[start + 1 : start + 5]] == [
        ["vertice on db2", "failed"],
        ["vertice on db4", "failed"],
        ["vertice on db1", "mended"],
        ["vertice on db3", "healthy"],
    ]


def test_a_run_without_hosts_is_reported_as_failed():
    assert render_markdown({"run_id": "r1", "hosts": []}).startswith("# Network repair: failed\n")


@pytest.mark.parametrize(
    ("given", "markup"),
    [
        ("name_with_underscores", "name_with_underscores"),
        ("_private_", "\\_private\\_"),
        ("# no heading", "\\# no heading"),
        ("1. no list", "1\\. no list"),
        ("- no item", "\\- no item"),
        ("a < b & c", "a &lt; b &amp; c"),
        ("[text](url)", "\\[text\\](url)"),
    ],
)
def test_prose_keeps_its_meaning_as_text(given, markup):
    assert prose(given) == markup
    assert Page(prose(given)).text.strip() == given


@pytest.mark.parametrize("text", ["plain", "a`b", "``", "`start", "a|b", "x\\"])
def test_code_shows_its_text_also_in_a_table(text):
    assert Page(code(text)).text.strip() == text
    assert Page(f"| a |\n| --- |\n| {cell(code(text))} |").rows[1] == [text]


def test_a_block_is_not_left_by_backticks_in_it():
    assert block("echo ``` ````")[0] == "`````"
