# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A journal as one HTML page that needs nothing else: no script, no file, no network."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Optional

from ..model import CheckResult, from_data
from .diagnosis import place
from .elements import Markup, element, join
from .final.brief import brief
from .html_diagnosis import (
    causes,
    check_table,
    command,
    dependency_table,
    finding_cards,
    tally_list,
    topology_figure,
    unprobed_list,
)
from .html_run import attempt_card, load_block, plan_list
from .journal import overall_status, worst_first
from .outline import MEANINGS, Outline, commands, outline, took
from .reading import Reading, read, verdict
from .stylesheet import STYLESHEET
from .summary import last_line
from .text import count, plain

STATUS_TONES = {
    "healthy": "good",
    "mended": "good",
    "failed": "bad",
    "not_mended": "bad",
    "diagnosed": "warn",
    "planned": "warn",
}


def render_html(journal: Mapping[str, Any], final: str = "") -> str:
    """The whole journal as one HTML document; ``final`` is the file of the final report beside it.

    The page's policy allows its own style sheet and nothing else, so that even markup which got through could
    neither run nor load anything. Raises ValueError where a diagnosis or check result in the journal is not one.
    """
    hosts = worst_first(journal.get("hosts") or [])
    status = overall_status(hosts)
    alone = len(hosts) == 1
    title = place(hosts[0]) if alone else count(len(hosts), "host")
    banner = element(
        "header",
        element("p", element("b", "netfix"), Markup(" "), plain(journal.get("mode")), class_="eyebrow"),
        element("h1", title, Markup(" "), status_chip(status)),
        element("p", _sentence(MEANINGS[status]), class_="lead") if not alone else None,
        _overview(hosts) if not alone else None,
        element("p", element("a", "Final report of the load tests", href=final)) if final else None,
    )
    sections = [_host(host, journal, f"host{number}", alone) for number, host in enumerate(hosts, start=1)]
    main = element("main", banner, sections, element("footer", _facts(journal)))
    return document(last_line(journal), main, STYLESHEET)


def document(title: str, body: Markup, style: str, lang: str = "en") -> str:
    """A whole document whose policy allows its own style sheet and nothing else."""
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup(style)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, element('body', body), lang=lang)}\n"


def status_chip(status: str) -> Markup:
    """The status, coloured."""
    return element("span", status.replace("_", " "), class_=f"chip {STATUS_TONES.get(status, 'idle')}")


def _facts(journal: Mapping[str, Any]) -> Markup:
    facts = [
        ("run", element("code", journal.get("run_id"))),
        ("started", element("span", journal.get("started_at"))),
        ("finished", element("span", journal.get("finished_at"))),
        ("took", element("span", took(journal))),
        ("playbook", element("code", journal.get("playbook"))),
        ("collection", element("span", f"vertice.netfix {journal.get('collection') or ''}")),
    ]
    return element("dl", [join(element("dt", label), element("dd", value)) for label, value in facts], class_="facts")


def _overview(hosts: list[Mapping[str, Any]]) -> Markup:
    items = []
    for number, host in enumerate(hosts, start=1):
        seen = outline(host, overall_status([host]))
        link = element("a", place(host), href=f"#host{number}")
        items.append(element("li", status_chip(seen.status), link, element("span", seen.meaning, class_="seen")))
    return element("ul", items, class_="overview")


def _host(host: Mapping[str, Any], journal: Mapping[str, Any], anchor: str, alone: bool) -> Markup:
    seen = outline(host, overall_status([host]))
    lead = element("p", _sentence(seen.meaning), class_="lead") if seen.meaning else None
    if alone:
        return element("section", lead, _parts(host, seen, journal, anchor), id=anchor)
    title = element("h2", place(host), Markup(" "), status_chip(seen.status))
    if seen.status == "healthy":
        return element("details", element("summary", title), lead, _parts(host, seen, journal, anchor), id=anchor)
    return element("section", title, lead, _parts(host, seen, journal, anchor), id=anchor)


def _parts(host: Mapping[str, Any], seen: Outline, journal: Mapping[str, Any], anchor: str) -> Markup:
    # After a roll back there is only the diagnosis afterwards.
    first = host.get("before") or host.get("after") or {}
    last = host.get("after") if host.get("before") and host.get("after") else None
    before, after = read(first), read(last) if last else None
    named, moment = causes(before, anchor), " before the attempts" if after else ""
    parts = [
        tally_list(before, "before" if after else ""),
        tally_list(after, "afterwards") if after else Markup(),
        _outline(seen, host),
        _part(f"Topology{moment}", topology_figure(first.get("topology") or {}, before, named, moment)),
        _part(f"Findings{moment}", finding_cards(before, named) if first else Markup()),
        _part("Dependencies", dependency_table(before, after, named)),
        _part("Checks", _checks(host, before, after)),
        _part("Plan", plan_list(host.get("plan") or {})),
        _part("Attempts", join([attempt_card(attempt) for attempt in host.get("attempts") or []])),
        _afterwards(last or {}, after, anchor),
        _part("Load", load_block(load) if (load := (host.get("validation") or {}).get("load")) else Markup()),
        _part("What could not be seen", unprobed_list(after or before)),
        _hand_over(host, seen, journal),
    ]
    return join(parts)


def _part(title: str, content: Markup) -> Markup:
    return join(element("h3", title), content) if content else Markup()


def _outline(seen: Outline, host: Mapping[str, Any]) -> Markup:
    rows = [
        ("what helped", seen.helped),
        ("what did not help", seen.in_vain),
        ("taken back", seen.taken_back),
        ("still wrong", seen.remains),
        ("not probed", seen.unknown),
        ("what to do", seen.advice),
        ("worth a look", seen.worth_a_look),
        ("restarted", [", ".join(seen.restarts) or "nothing"] if host.get("attempts") else []),
        ("validation", [f"{sign} {words}" for sign, words in seen.validation]),
        ("time budget", [seen.budget] if seen.budget else []),
        ("without Docker", [f"{sign} {words}" for sign, words in seen.without_docker]),
    ]
    for label, sentence in brief(host):
        if rows[-1][0] == label:
            rows[-1][1].append(sentence)
        else:
            rows.append((label, [sentence]))
    told = [
        join(element("dt", label), [element("dd", sentence) for sentence in sentences])
        for label, sentences in rows
        if sentences
    ]
    return element("dl", told, class_="outline") if told else Markup()


def _checks(host: Mapping[str, Any], before: Reading, after: Optional[Reading]) -> Markup:
    validated = [from_data(CheckResult, data) for data in (host.get("validation") or {}).get("checks") or []]
    moments = [
        ("before" if after else "answer", before.checks),
        ("afterwards", after.checks if after else ()),
        # it may repeat what the last diagnosis has seen
        ("validation", validated if validated != list((after or before).checks) else ()),
    ]
    return check_table([(moment, {r.check.name: r for r in results}) for moment, results in moments if results])


def _afterwards(diagnosis: Mapping[str, Any], after: Optional[Reading], anchor: str) -> Markup:
    """The diagnosis after the attempts, folded away where all is well."""
    if after is None:
        return Markup()
    named = causes(after, f"{anchor}-after")
    figure = topology_figure(diagnosis.get("topology") or {}, after, named, " afterwards")
    sign, words = verdict(after)
    if sign == "✓" and not after.groups:
        return _part("Afterwards", element("details", element("summary", f"{sign} {words}"), figure))
    return _part("Afterwards", join(element("p", f"{sign} {words}"), finding_cards(after, named), figure))


def _hand_over(host: Mapping[str, Any], seen: Outline, journal: Mapping[str, Any]) -> Markup:
    undo, repair = commands(journal)
    told = []
    if seen.changed and seen.helped and host.get("compose_command"):
        told.append(
            ("Start the project so from now on, or the next up takes the change away", str(host["compose_command"]))
        )
    if seen.changed:
        told.append(("Undo everything this run changed", undo))
    if seen.status in ("diagnosed", "planned") and seen.wrong:
        told.append(("Repair it", repair))
    return _part("What next", join([join(element("p", f"{label}:"), command(line)) for label, line in told]))


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:] + ("" if words.endswith((".", "!", "?")) else ".")
