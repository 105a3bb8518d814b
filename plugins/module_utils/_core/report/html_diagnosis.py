# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A diagnosis as HTML: its findings with what they break, the topology drawn, and every dependency and check."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Optional

from ..model import CheckResult, Finding, Outcome, Walk
from .drawing import Cause, chip, draw
from .elements import Markup, element, join
from .graph import Graph, graph
from .reading import SEVERITY_TONES, WORST_FIRST, Group, Reading, answer_of, request_of, tallies
from .text import count, duration, listed, mark, plain

TONES = {Outcome.OK: "good", Outcome.FAILED: "bad", Outcome.UNKNOWN: "warn"}
UNEXPLAINED = "unexplained"
# So much is shown at once, the rest where it is asked for.
OPEN_ROWS = 8
OPEN_EVIDENCE = 4
# Beyond this nobody could follow a line, and the page would be too large to open.
MOST_LINES = 1000
MOST_ROWS = 1000


def tally_list(reading: Reading, moment: str = "") -> Markup:
    """Dependencies, checks and findings counted."""
    items = [element("li", moment, class_="moment")] if moment else []
    for tally in tallies(reading):
        parts = [element("b", words, class_=tone) for words, tone in tally.parts]
        items.append(element("li", element("span", tally.noun), parts))
    return element("ul", items, class_="tally") if tallies(reading) else Markup()


def causes(reading: Reading, anchor: str) -> list[Cause]:
    """What the groups of a reading are called in cards, drawing and tables: numbers from 1, the worst first."""
    found = []
    for number, group in enumerate(reading.groups, start=1):
        link, finding = f"{anchor}-cause{number}", group.finding
        if finding is None:
            found.append(Cause(number, UNEXPLAINED, _unexplained(reading), "bad", link))
        else:
            tone = SEVERITY_TONES[finding.severity]
            found.append(Cause(number, plain(finding.code), plain(finding.summary, 300), tone, link))
    return found


def _unexplained(reading: Reading) -> str:
    if reading.causes:
        return "This fails as well, and no finding of its own explains it: it may be a consequence of the others."
    return "No rule explains why this fails."


def finding_cards(reading: Reading, named: Sequence[Cause]) -> Markup:
    """Each finding with what it breaks, what it rests on, how to see it by hand, and what to do."""
    if not reading.groups:
        return element("p", "None.")
    return join([_card(group, cause) for group, cause in zip(reading.groups, named)])


def _card(group: Group, cause: Cause) -> Markup:
    finding = group.finding
    title = element("code", cause.code) if finding else element("span", cause.code)
    kind = [element("span", f"{finding.severity.value} · {finding.confidence.value}", class_="meta")] if finding else []
    return element(
        "article",
        element("h4", badge(cause), title, kind),
        element("p", finding.summary if finding else cause.summary),
        _broken(group),
        _hints(finding) if finding else None,
        class_=f"card {cause.tone}",
        id=cause.link,
    )


def _broken(group: Group) -> Optional[Markup]:
    rows = [
        element("li", element("code", walk.dependency.name), layer(walk), element("span", walk.detail, class_="seen"))
        for walk in group.walks
    ]
    rows += [
        element("li", element("span", result.check.name), element("i", "check"), _seen(answer_of(result)))
        for result in group.checks
    ]
    return folded(rows, OPEN_ROWS, "what fails", "broken") if rows else None


def layer(walk: Walk) -> Markup:
    """The layer at which a walk ended."""
    return element("i", walk.layer.value)


def _seen(words: str) -> Markup:
    return element("span", words, class_="seen")


def _hints(finding: Finding) -> Markup:
    lines = [element("li", element("code", line)) for line in finding.evidence]
    parts = [folded(lines, OPEN_EVIDENCE, "evidence", "evidence")] if lines else []
    if finding.confirm:
        parts.append(element("p", "To see it by hand:", class_="label"))
        parts.append(command(finding.confirm))
    if finding.advice:
        parts.append(element("p", element("b", "Advice"), Markup(" "), finding.advice))
    if finding.remediations:
        names = Markup(", ").join(element("code", name) for name in finding.remediations)
        parts.append(element("p", element("b", "Remediations"), Markup(" "), Markup(names)))
    return join(parts)


def folded(items: Sequence[Markup], limit: int, noun: str, class_: str = "") -> Markup:
    """A list of which no more than so many are open at first."""
    shown = element("ul", list(items[:limit]), class_=class_ or None)
    if len(items) <= limit:
        return shown
    rest = element("ul", list(items[limit:]), class_=class_ or None)
    return join(shown, element("details", element("summary", f"{len(items) - limit} more: {noun}"), rest))


def command(line: str) -> Markup:
    """A command to copy: one click takes all of it."""
    return element("pre", element("code", line), tabindex=0)


def badge(cause: Cause) -> Markup:
    """The number of a cause."""
    return element("span", cause.number, class_=f"badge {cause.tone}")


def topology_figure(topology: Mapping[str, Any], reading: Reading, named: Sequence[Cause], moment: str) -> Markup:
    """What is wrong, and the topology drawn with it; empty where there is nothing of either."""
    seen = graph(topology, reading)
    reasons = [
        element(
            "li", element("a", badge(cause), element("code", cause.code), href=f"#{cause.link}"), _seen(cause.summary)
        )
        for cause in named
    ]
    told = element("ul", reasons, class_="reasons") if reasons else Markup()
    if not seen.nodes:
        return told
    lines = len(seen.edges)
    if lines > MOST_LINES:
        seen = replace(seen, edges=tuple(edge for edge in seen.edges if edge.outcome is not Outcome.OK))
    services = count(len(seen.nodes), "service")
    title = (
        f"Topology{moment}: {services}, {count(lines, 'connection')}, {reading.failed} failing dependencies"
    )
    return element(
        "figure",
        told,
        _legend(seen, lines - len(seen.edges)),
        element("div", draw(seen, named, title), class_="scroll", tabindex=0, role="group", aria_label=title),
    )


def _legend(seen: Graph, left_out: int) -> Markup:
    lines = [
        element("li", _sample(outcome), words)
        for outcome, words in ((Outcome.OK, "ok"), (Outcome.FAILED, "failed"), (Outcome.UNKNOWN, "not probed"))
        if any(edge.outcome is outcome for edge in seen.edges)
    ]
    if left_out:
        lines.append(element("li", f"{left_out} connections that work are not drawn"))
    networks = []
    for number, network in enumerate(seen.networks):
        kinds = [str(network.get("driver") or ""), "internal" if network.get("internal") else ""]
        members = sum(network["name"] in node.networks for node in seen.nodes)
        told = ", ".join([kind for kind in kinds if kind] + [count(members, "service")])
        networks.append(element("li", _swatch(number), element("code", network["name"]), Markup(" "), _seen(told)))
    return join(
        element("ul", lines, class_="legend") if lines else None,
        element("ul", networks, class_="legend") if networks else None,
    )


def _sample(outcome: Outcome) -> Markup:
    line = element("g", element("path", d="M1 6h26"), class_=f"edge {outcome.value}")
    return element("svg", line, viewBox="0 0 28 12", width=28, height=12, class_="map", aria_hidden="true")


def _swatch(number: int) -> Markup:
    return element("svg", chip(number), viewBox="0 0 16 14", width=16, height=14, class_="map", aria_hidden="true")


def dependency_table(before: Reading, after: Optional[Reading], named: Sequence[Cause]) -> Markup:
    """Every dependency, where it was read and how far it got; those that work are folded away."""
    by_walk = {id(walk): cause for group, cause in zip(before.groups, named) for walk in group.walks}
    later = {(walk.dependency.name, walk.container): walk for walk in after.walks} if after else {}
    ordered = sorted(before.walks, key=lambda walk: WORST_FIRST.index(walk.outcome))

    def row(walk: Walk) -> Markup:
        cells = [
            ("dependency", join(element("code", walk.dependency.name), _source(walk))),
            ("outcome", reached(walk)),
            ("seen", _seen(walk.detail)),
            ("cause", _link(by_walk.get(id(walk)))),
        ]
        if after:
            cells.append(("afterwards", reached(later.get((walk.dependency.name, walk.container)))))
        return table_row(cells)

    titles = ["dependency", "outcome", "seen", "cause"] + ["afterwards"] * bool(after)
    bad = [walk for walk in ordered if walk.outcome is not Outcome.OK]
    good = ordered[len(bad) :]
    parts = [table(titles, [row(walk) for walk in bad])] if bad else []
    if good:
        told = element("summary", f"{count(len(good), 'dependency')} ok")
        rest = element("p", f"… {len(good) - MOST_ROWS} more in the journal") if len(good) > MOST_ROWS else None
        parts.append(element("details", told, table(titles, [row(walk) for walk in good[:MOST_ROWS]]), rest))
    return join(parts)


def _source(walk: Walk) -> Markup:
    told = [f"read in {walk.dependency.origin}" if walk.dependency.origin else "", f"seen from {walk.container}"]
    return element("small", ", ".join(part for part in told if part))


def reached(walk: Optional[Walk]) -> Markup:
    """How far a dependency got."""
    if walk is None:
        return element("span", "no longer there", class_="seen")
    time = f", {duration(walk.latency_ms)}" if walk.latency_ms and walk.outcome is Outcome.OK else ""
    word = "ok" if walk.outcome is Outcome.OK else f"{walk.outcome.value} at {walk.layer.value}"
    return element("span", f"{mark(walk.outcome.value)} {word}{time}", class_=TONES[walk.outcome])


def _link(cause: Optional[Cause]) -> Markup:
    return element("a", badge(cause), element("code", cause.code), href=f"#{cause.link}") if cause else Markup()


def table(titles: Sequence[str], rows: Sequence[Markup]) -> Markup:
    """A table that a narrow screen shows as one block for each row."""
    head = element("thead", element("tr", [element("th", title) for title in titles]))
    return element("div", element("table", head, element("tbody", list(rows))), class_="scroll")


def table_row(cells: Sequence[tuple[str, Markup]]) -> Markup:
    """A row; each cell knows its title, for a narrow screen."""
    return element("tr", [element("td", content, data_title=title) for title, content in cells if content or title])


def check_table(columns: Sequence[tuple[str, Mapping[str, CheckResult]]]) -> Markup:
    """The checks, with what came back at each of the moments; those that pass at all of them are folded away."""
    names = list(dict.fromkeys(name for _moment, results in columns for name in results))
    good = [n for n in names if all(r[n].outcome is Outcome.OK for _moment, r in columns if n in r)]
    bad = [name for name in names if name not in good]
    titles = ["check", "request", *(moment for moment, _results in columns)]

    def row(name: str) -> Markup:
        first = next(results[name] for _moment, results in columns if name in results)
        answers = [(moment, _answer(results.get(name))) for moment, results in columns]
        return table_row([("check", element("span", name)), ("request", element("code", request_of(first))), *answers])

    parts = [table(titles, [row(name) for name in bad])] if bad else []
    if good:
        told = element("summary", f"{count(len(good), 'check')} ok")
        parts.append(element("details", told, table(titles, [row(name) for name in good])))
    return join(parts)


def _answer(result: Optional[CheckResult]) -> Markup:
    if result is None:
        return element("span", "not run", class_="seen")
    return element("span", f"{mark(result.outcome.value)} {answer_of(result)}", class_=TONES[result.outcome])


def unprobed_list(reading: Reading) -> Markup:
    """What could not be probed, by reason, and what could not be gathered."""
    items = [
        element(
            "li",
            element("b", f"{len(one.names)} not probed", class_="warn"),
            Markup(": "),
            one.reason,
            Markup(": "),
            element("span", listed([plain(name) for name in one.names], 20), class_="seen"),
        )
        for one in reading.unprobed
    ]
    items += [element("li", note) for note in reading.notes]
    return element("ul", items, class_="notes") if items else Markup()
