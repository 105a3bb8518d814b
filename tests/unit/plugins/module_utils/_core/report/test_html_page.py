# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import copy
import hashlib
import re
from html.parser import HTMLParser

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.elements import Markup, element, join
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.html_page import render_html
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.text import plain

from .builders import SIZES, finding, stack, told, walk
from .conftest import HOSTILE, poison

VOID = {"meta", "br"}


class Page(HTMLParser):
    """The page as a browser would build it: tags, attributes, text, and what does not nest."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.text, self.stack, self.crossed, self.svg_text = [], "", [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if not self.stack or self.stack.pop()[0] != tag:
            self.crossed.append(tag)

    def handle_data(self, data):
        within = [tag for tag, _attributes in self.stack]
        if "style" not in within:
            self.text += data
        if "svg" in within and "title" not in within and data.strip():
            self.svg_text.append((self.stack[-1][1].get("class", ""), data))

    def of_class(self, name):
        return [attributes for _tag, attributes in self.elements if name in (attributes.get("class") or "").split()]

    def texts(self, name):
        return [text for class_, text in self.svg_text if class_ == name]


def page(journal):
    return Page(render_html(journal))


class TestTopology:
    @pytest.mark.parametrize("size", SIZES)
    def test_every_service_is_drawn_once(self, size):
        diagnosis = stack(size)
        names = [service["name"] for service in diagnosis["topology"]["services"]]
        assert len(names) == size
        assert sorted(page(told(diagnosis)).texts("name")) == sorted([*names, "srvice-02"])

    @pytest.mark.parametrize("size", SIZES)
    def test_every_connection_is_drawn_once_and_as_it_went(self, size):
        diagnosis = stack(size)
        drawn = [a["class"] for a in page(told(diagnosis)).of_class("edge")]
        for outcome in ("ok", "failed", "unknown"):
            pairs = {
                (w["dependency"]["consumer"], w["dependency"]["host"])
                for w in diagnosis["walks"]
                if w["outcome"] == outcome
            }
            # one more is the sample in the legend
            assert drawn.count(f"edge {outcome}") == len(pairs) + bool(pairs)

    @pytest.mark.parametrize("size", SIZES)
    def test_broken_connections_carry_their_cause(self, size):
        causes = page(told(stack(size))).texts("cause")
        counted = {}
        for cause in causes:
            code, _sign, times = cause.partition(" ×")
            counted[code] = counted.get(code, 0) + int(times or 1)
        refused = sum(w.get("cause") == "port.bind_loopback_only" for w in stack(size)["walks"])
        assert counted == {"1 port.bind_loopback_only": refused, "2 name.misspelt_name": 1}

    def test_a_service_that_calls_itself_carries_its_cause_too(self):
        loop = walk("web", "localhost", outcome="failed", cause="name.localhost")
        loop["dependency"]["kind"] = "loopback"
        diagnosis = {"healthy": False, "walks": [loop], "findings": [finding("name.localhost", "itself", [loop])]}
        assert page(told(diagnosis)).texts("number") == ["1"]

    def test_with_many_broken_connections_their_numbers_are_shown_and_the_codes_listed(self):
        walks = [walk(f"a{n}", f"b{n}", outcome="failed", cause=f"port.c{n}") for n in range(20)]
        diagnosis = {
            "healthy": False,
            "walks": walks,
            "findings": [finding(f"port.c{n}", f"cause {n}", walks[n : n + 1]) for n in range(20)],
        }
        seen = page(told(diagnosis))
        assert sorted(seen.texts("cause"), key=int) == [str(n + 1) for n in range(20)]
        assert all(f"port.c{n}" in seen.text for n in range(20))

    def test_networks_are_named_and_marked_on_their_services(self):
        seen = page(told(stack(20)))
        for name in ("front", "back", "data"):
            assert name in seen.text
        assert "bridge, internal" in seen.text
        # three in the legend, two on the gateway, one on each store, two on each other service
        assert len(seen.texts("network")) == 3 + 2 + 2 + 17 * 2

    @pytest.mark.parametrize("size", SIZES)
    def test_boxes_do_not_overlap_and_lie_inside_the_drawing(self, size):
        seen = page(told(stack(size)))
        drawing = next(a for tag, a in seen.elements if tag == "svg" and a.get("role") == "img")
        width, height = (float(number) for number in drawing["viewbox"].split()[2:])
        boxes = [[float(a[key]) for key in ("x", "y", "width", "height")] for a in seen.of_class("box")]
        for number, (x, y, w, h) in enumerate(boxes):
            assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
            for other_x, other_y, other_w, other_h in boxes[:number]:
                assert x + w <= other_x or other_x + other_w <= x or y + h <= other_y or other_y + other_h <= y

    def test_where_everybody_calls_everybody_only_what_is_broken_is_drawn(self):
        names = [f"s{number}" for number in range(40)]
        walks = [walk(one, other) for one in names for other in names if one != other]
        walks[7].update(outcome="failed", cause="port.x")
        html = render_html(told({"healthy": False, "walks": walks, "findings": [finding("port.x", "x", walks[7:8])]}))
        seen = Page(html)
        assert [a["class"] for a in seen.of_class("edge")] == ["edge failed", "edge failed"]
        assert len(seen.texts("name")) == 40
        assert "1559 connections that work are not drawn" in seen.text and "… 559 more in the journal" in seen.text
        assert len(html) < 1_000_000

    def test_without_a_topology_the_services_of_the_walks_are_drawn(self, journal):
        assert sorted(page(journal("not_mended")).texts("name")) == sorted(
            {
                name
                for w in journal("not_mended")["hosts"][0]["before"]["walks"]
                for name in (w["dependency"]["consumer"], w["dependency"]["host"])
            }
        )

    def test_before_and_afterwards_are_two_drawings(self, journal):
        drawings = [a for tag, a in page(journal("mended")).elements if tag == "svg" and a.get("role") == "img"]
        assert len(drawings) == 2


class TestPage:
    def test_every_sample_is_well_formed_and_every_link_leads_somewhere(self, sample):
        seen = page(sample)
        assert (seen.crossed, seen.stack) == ([], [])
        anchors = {a["id"] for _tag, a in seen.elements if "id" in a}
        assert {a["href"][1:] for tag, a in seen.elements if tag == "a"} <= anchors
        assert len([a for _tag, a in seen.elements if "id" in a]) == len(anchors)

    def test_the_page_needs_nothing_and_runs_nothing(self, sample):
        html = render_html(sample)
        seen = Page(html)
        assert {"script", "link", "img", "iframe", "object", "embed", "form", "base"} & {t for t, _a in seen.elements} == set()
        assert not [a for _tag, attributes in seen.elements for a in attributes if a.startswith("on") or a in ("src", "style")]
        assert {a["href"][0] for tag, a in seen.elements if "href" in a} <= {"#"}
        assert "@import" not in html and "url(" not in html

    def test_the_policy_allows_this_style_sheet_and_nothing_else(self, journal):
        html = render_html(journal("mended"))
        policy = next(a["content"] for _t, a in Page(html).elements if a.get("http-equiv") == "Content-Security-Policy")
        style = re.search(r"<style>(.*)</style>", html, re.DOTALL).group(1)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"

    def test_it_tells_what_a_person_who_was_not_there_needs(self, journal):
        text = " ".join(page(journal("mended")).text.split())
        for needed in (
            "vertice on localhost mended",
            "The project works again, and the change is kept.",
            "vertice-api_gateway-1 asks 127.0.0.11 for hcl-kb-service: NXDOMAIN",
            "docker inspect -f '{{json .NetworkSettings.Networks}}' vertice-hcl-kb-service-1 vertice-api_gateway-1",
            "connect vertice-hcl-kb-service-1 to vertice-network as hcl-kb-service",
            "gate: 1 of 1 promised finding mended",
            "load: 98 requests, 0 failures",
            "docker compose -f compose.yml -f compose.netfix.yml up -d",
            "ansible-playbook playbooks/roll_back.yml -e netfix_run_id=20261122T132615-4f2a",
        ):
            assert needed in text

    def test_what_was_not_probed_is_told_with_the_reason(self, journal):
        text = page(journal("not_mended")).text
        assert "1 not probed: no process id: vertice-redis-1 is restarting: hcl-kb-service → redis:6379" in text

    def test_a_warning_is_no_error_and_a_healthy_project_shows_no_red(self, journal):
        data = journal("healthy")
        data["hosts"][0]["before"]["findings"] = [journal("not_mended")["hosts"][0]["before"]["findings"][1]]
        seen = page(data)
        assert seen.of_class("bad") == [] and seen.of_class("failed") == []
        assert "host.neighbour_table_nearly_full" in seen.text

    def test_several_hosts_are_listed_worst_first_and_healthy_ones_folded(self, journal):
        seen = page(journal("failed_on_one_of_four"))
        assert re.findall(r"(failed|mended|healthy)vertice on (db\d)", seen.text) == [
            ("failed", "db2"),
            ("failed", "db4"),
            ("mended", "db1"),
            ("healthy", "db3"),
        ]
        folded = [a["id"] for tag, a in seen.elements if tag == "details" and "id" in a]
        assert folded == ["host4"]

    def test_a_host_that_could_not_be_reached_says_why(self, journal):
        assert "No route to host" in page(journal("failed_on_one_of_four")).text

    def test_a_roll_back_shows_what_was_taken_back_also_without_a_diagnosis(self, journal):
        data = journal("mended")
        attempt = {**data["hosts"][0]["attempts"][0], "verdict": "undone", "reason": "rolled back"}
        data["hosts"][0].update(status="undone", attempts=[attempt], before=None, after=None, validation=None)
        seen = page(data)
        assert "connect vertice-hcl-kb-service-1 to vertice-network" in seen.text and "rolled back" in seen.text
        assert "Findings" not in seen.text and "Topology" not in seen.text

    def test_a_run_without_hosts_is_a_page_that_says_failed(self):
        assert "failed" in page({"run_id": "r1", "hosts": []}).text

    def test_the_same_journal_gives_the_same_page(self, sample):
        assert render_html(copy.deepcopy(sample)) == render_html(sample)


class TestHostile:
    @pytest.fixture
    def harmful(self):
        return poison(told(stack(20)))

    @pytest.mark.parametrize("name", ["hostile", "harmful"])
    def test_hostile_data_stays_data(self, request, name):
        data = request.getfixturevalue(name)
        html = render_html(data)
        seen = Page(html)
        assert (seen.crossed, seen.stack) == ([], [])
        assert {"script", "img"} & {tag for tag, _attributes in seen.elements} == set()
        assert "<script" not in html.lower()
        assert [c for c in html.replace("\n", "") if not c.isprintable()] == []
        assert "<script>alert(1)</script>" in seen.text
        html.encode("utf-8")

    def test_hostile_data_adds_no_element(self, journal, hostile):
        tags = [[tag for tag, _a in page(data).elements] for data in (journal("mended"), hostile)]
        # a poisoned name is no longer the one that its provider goes by, so nodes and edges may differ
        outside = [[tag for tag in found if tag not in ("g", "path", "rect", "text", "circle", "title", "a")] for found in tags]
        assert outside[0].count("article") == outside[1].count("article")
        assert outside[0].count("td") == outside[1].count("td")

    @pytest.mark.parametrize("name", ['"><svg onload=alert(1)>', "' onmouseover='x", "&lt;b&gt;", HOSTILE, "x" * 5000])
    def test_a_hostile_service_name_is_text_in_the_drawing(self, name):
        diagnosis = {"healthy": True, "walks": [walk(name, "db"), walk("web", name)], "findings": []}
        seen = page(told(diagnosis))
        drawings = [a for tag, a in seen.elements if tag == "svg" and a.get("role") == "img"]
        assert len(drawings) == 1 and float(drawings[0]["width"]) < 2000
        assert not [a for _tag, attributes in seen.elements for a in attributes if a.startswith("on")]
        assert plain(name)[:5] in {text[:5] for text in seen.texts("name")}

    def test_one_endless_line_does_not_make_an_endless_page(self, journal):
        data = journal("mended")
        data["hosts"][0]["before"]["findings"][0].update(summary="x" * 1_000_000, evidence=["y" * 1_000_000] * 3)
        assert len(render_html(data)) < 200_000


def test_what_is_not_markup_is_escaped():
    assert element("b", "<i>", title='"') == '<b title="&quot;">&lt;i&gt;</b>'
    assert element("p", Markup("<i></i>"), None, 3, [element("br")]) == "<p><i></i>3<br></p>"
    assert element("p", class_="x", aria_label="y", id=None) == '<p class="x" aria-label="y"></p>'
    assert element("rect", x=1.25, y=2.0) == '<rect x="1.2" y="2"></rect>'
    assert isinstance(join("a" + Markup("<b>")), Markup) and join("a" + Markup("<b>")) == "a&lt;b&gt;"
