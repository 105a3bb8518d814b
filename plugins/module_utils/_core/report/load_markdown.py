# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load runs as Markdown, with the plots as files beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .load_reading import WHOLE, LoadReading, Row
from .markup import code, prose, table

TITLES = {"distributions": "How latency is spread", "percentiles": "Percentiles", "timeline": "Over the time of a run"}

USE_TITLES = ("container", "CPU a request", "cores", "memory, peak", "throttled")


def render_load_markdown(reading: LoadReading, title: str, plots: Mapping[str, str]) -> str:
    """The whole report as GitHub Flavored Markdown. ``plots`` are the paths of the drawings, by name, beside the file."""
    lines = [f"# {prose(title)}: {prose(reading.verdict)}", ""]
    lines += [prose(reading.lead), ""] if reading.lead else []
    lines += [prose(reading.model), ""]
    lines += [f"- {prose(note)}" for note in reading.notes] + [""] * bool(reading.notes)
    lines += ["## All requests", "", *_rows([r for r in reading.rows if r.endpoint == WHOLE], reading.titles()), ""]
    for name, path in plots.items():
        lines += [f"## {TITLES[name]}", "", f"![{TITLES[name]}]({path})", ""]
    endpoints = [r for r in reading.rows if r.endpoint != WHOLE]
    if endpoints:
        lines += ["## Endpoints", "", *_rows(endpoints, ["endpoint", *reading.titles()]), ""]
    if reading.uses:
        rows = [[code(use.container), *use[1:]] for use in reading.uses]
        lines += ["## Containers", "", *table(USE_TITLES, rows), ""]
    lines += ["## Conditions", "", *table(["condition", "value"], [(prose(n), code(v)) for n, v in reading.conditions])]
    return "\n".join(lines).rstrip("\n") + "\n"


def _rows(rows: Sequence[Row], titles: Sequence[str]) -> list[str]:
    told = []
    for row in rows:
        verdict = f"**{row.verdict}** (decides)" if row.decides else row.verdict
        cells = [row.metric, row.before, row.after, prose(row.change), row.p, verdict]
        told.append(([code(row.endpoint), *cells] if titles[0] == "endpoint" else cells)[: len(titles)])
    return table(titles, told)
