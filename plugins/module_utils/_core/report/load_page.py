# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load runs as one HTML page that needs nothing else: no script, no file, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .elements import Markup, element, join
from .html_diagnosis import table, table_row
from .html_page import document
from .load_markdown import TITLES, USE_TITLES
from .load_plots import PLOT_STYLES
from .load_reading import WHOLE, LoadReading, Row
from .stylesheet import STYLESHEET

LOAD_STYLES = """
.plots {
  display: grid; grid-template: auto 1fr / repeat(auto-fit, minmax(min(100%, 26rem), 1fr)); gap: 14px; align-items: start;
}
.plots figure { padding: 12px 12px 8px; }
.plots .timeline { grid-row: span 2; }
.plots figcaption { font-weight: 600; margin-bottom: 4px; }
td { font-variant-numeric: tabular-nums; }
"""


def render_load_html(reading: LoadReading, title: str, plots: Mapping[str, str]) -> str:
    """The whole report as one document. ``plots`` are the drawings, as load_plots makes them, by name."""
    header = element(
        "header",
        element("p", element("b", "netfix"), Markup(" load"), class_="eyebrow"),
        element("h1", title, Markup(" "), element("span", reading.verdict, class_=f"chip {reading.tone}")),
        element("p", reading.lead, class_="lead") if reading.lead else None,
        element("p", reading.model, class_="meta"),
        element("ul", [element("li", note) for note in reading.notes]) if reading.notes else None,
    )
    figures = [
        element("figure", element("figcaption", TITLES[name]), Markup(plots[name]), class_=name)
        for name in ("distributions", "timeline", "percentiles")
        if plots.get(name)
    ]
    whole = [row for row in reading.rows if row.endpoint == WHOLE]
    endpoints = [row for row in reading.rows if row.endpoint != WHOLE]
    parts = [
        join(element("h3", "All requests"), _rows(whole, reading.titles())),
        join(element("h3", "Pictures"), element("div", figures, class_="plots")) if figures else Markup(),
        join(element("h3", "Endpoints"), _rows(endpoints, ["endpoint", *reading.titles()])) if endpoints else Markup(),
        join(element("h3", "Containers"), _uses(reading)) if reading.uses else Markup(),
        join(element("h3", "Conditions"), _conditions(reading)),
    ]
    body = element("main", header, element("section", parts))
    return document(f"{title}: {reading.verdict}", body, STYLESHEET + PLOT_STYLES + LOAD_STYLES)


def _rows(rows: Sequence[Row], titles: Sequence[str]) -> Markup:
    told = []
    for row in rows:
        cells = [element("b" if row.decides else "span", row.metric)]
        cells += [element("span", text) for text in (row.before, row.after, row.change, row.p)] + [_verdict(row)]
        if titles[0] == "endpoint":
            cells.insert(0, element("code", row.endpoint))
        told.append(table_row(list(zip(titles, cells))))
    return table(titles, told)


def _verdict(row: Row) -> Markup:
    chip = element("span", row.verdict, class_=f"chip {row.tone}" if row.decides else row.tone)
    return join(chip, join(Markup(" "), element("span", "decides", class_="meta")) if row.decides else None)


def _uses(reading: LoadReading) -> Markup:
    rows = [
        table_row(
            list(zip(USE_TITLES, [element("code", use.container), *(element("span", text) for text in use[1:])]))
        )
        for use in reading.uses
    ]
    return table(USE_TITLES, rows)


def _conditions(reading: LoadReading) -> Markup:
    return element(
        "dl",
        [join(element("dt", name), element("dd", element("code", value))) for name, value in reading.conditions],
        class_="facts",
    )
