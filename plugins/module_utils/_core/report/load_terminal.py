# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load runs in the terminal, in the manner of benchstat: metric, before, after, change, p, verdict."""

from __future__ import annotations

from collections.abc import Sequence

from .load_reading import LoadReading, Row
from .page import Cell, Page
from .text import clip, columns, plain

DECIDES = "◂ decides"
GAP = 2
INDENT = 4


def render_load(reading: LoadReading, width: int, colour: bool, title: str) -> str:
    """The table, what it was measured by, and what must be known to trust it."""
    page = Page(width, colour)
    page.title(plain(title), [plain(reading.verdict)])
    if reading.lead:
        page.text(plain(reading.lead), "bold" if reading.tone == "idle" else reading.tone)
    titles = reading.titles()
    widths = _widths(reading.rows, len(titles), page.width - INDENT)
    page.row([Cell(t, w, "dim") for t, w in zip(["", *titles[1:]], widths)], INDENT)
    for name in reading.endpoints():
        page.text(plain(name), "bold")
        for row in reading.rows:
            if row.endpoint == name:
                cells = [Cell(text, w, _style(row, n)) for n, (text, w) in enumerate(zip(_cells(row), widths))]
                page.row(cells, INDENT)
    if reading.uses:
        page.text("containers: CPU a request, cores, memory at its peak", "bold")
    for use in reading.uses:
        told = f"{use.cpu_a_request}, {use.cores}, {use.memory_peak}"
        label = max(min(max(columns(plain(u.container)) for u in reading.uses), page.width // 2), 10)
        page.field(clip(plain(use.container), label), told, label, indent=INDENT)
    for note in (reading.model, *reading.notes):
        page.item("·", plain(note))
    return str(page)


def _cells(row: Row) -> list[str]:
    verdict = f"{row.verdict} {DECIDES}" if row.decides else row.verdict
    return [row.metric, row.before, row.after, row.change, row.p, verdict]


def _style(row: Row, place: int) -> str:
    return row.tone if place == 5 and row.tone in ("good", "bad", "warn") else ""


def _widths(rows: Sequence[Row], number: int, room: int) -> list[int]:
    """As wide as what stands in them; the last one takes what is left and is wrapped."""
    cells = [_cells(row)[:number] for row in rows] or [[""] * number]
    widths = [max(max(columns(line[n]) for line in cells), 6) for n in range(number)]
    rest = sum(widths[:-1]) + GAP * (number - 1)
    return [*widths[:-1], max(room - rest, 8)]
