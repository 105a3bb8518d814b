# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The diagnosis as a terminal shows it: what fails under its cause, the worst first, and the counts at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ..model import Finding, Severity
from .page import Cell, Page
from .reading import SEVERITY_MARKS, Group, Reading, answer_of, read, request_of, tallies, verdict
from .text import columns, duration, listed, plain

ROWS_PER_CAUSE = 8
NAMES_PER_REASON = 4
LAYER_WIDTH = 9
SEEN_WIDTH = 26
LABEL_WIDTH = 16

SEVERITY_STYLES = {Severity.ERROR: "bold", Severity.WARNING: "", Severity.INFO: "dim"}


def render_diagnosis(
    host: Mapping[str, Any], width: int = 100, colour: bool = False, moment: str = "before", details: bool = False
) -> str:
    """The diagnosis of one host of a journal as terminal text.

    ``moment`` is ``before`` or ``after``, the attempts being what lies between. With ``details`` nothing is left
    out. Raises ValueError where the document is not a diagnosis.
    """
    page = Page(width, colour)
    reading = read(host.get(moment) or {})
    title = "Diagnosis" if moment == "before" else "Diagnosis afterwards"
    page.title(f"{title} · {place(host)}", _circumstances(host, reading))
    page.item(*verdict(reading), style="bold")
    numbers = tallies(reading)
    if not (reading.groups or reading.unprobed or reading.notes):
        # the verdict has counted the dependencies already
        for tally in numbers:
            if tally.noun != "dependencies":
                page.item(tally.mark, f"{tally.noun}: {tally.words}")
        return str(page)
    for group in reading.groups:
        page.raw()
        _group(page, group, bool(reading.causes), details)
    _unprobed(page, reading, details)
    if reading.notes:
        page.raw()
        for note in reading.notes:
            page.item("·", plain(note, 400), "dim")
    page.raw()
    page.marked([(tally.mark, tally.noun, tally.words) for tally in numbers])
    return str(page)


def place(host: Mapping[str, Any]) -> str:
    """``shop on db1``, or what of it is known."""
    project, name = plain(host.get("project")), plain(host.get("host"))
    return f"{project} on {name}" if project and name else project or name or "unknown host"


def _circumstances(host: Mapping[str, Any], reading: Reading) -> list[str]:
    engine = host.get("engine") or {}
    return [
        f"Engine {plain(engine['version'])}" if engine.get("version") else "",
        f"Compose {plain(engine['compose_version'])}" if engine.get("compose_version") else "",
        duration(reading.duration_ms) if reading.duration_ms else "",
    ]


class _Row(NamedTuple):
    """What fails, at which layer, and what was seen there; ``request`` is what a check asked."""

    name: str
    layer: str
    seen: str
    request: str = ""


def _rows(group: Group) -> list[_Row]:
    """The dependencies and checks of a group; what every replica of a consumer sees alike is one row."""
    replicas: dict[_Row, int] = {}
    for walk in group.walks:
        row = _Row(plain(walk.dependency.name, 160), walk.layer.value, plain(walk.detail, 300))
        replicas[row] = replicas.get(row, 0) + 1
    rows = [row._replace(name=f"{row.name} (×{n})") if n > 1 else row for row, n in replicas.items()]
    return rows + [
        _Row(plain(result.check.name, 160), "check", answer_of(result), request_of(result)) for result in group.checks
    ]


def _widths(page: Page, rows: Sequence[_Row]) -> list[int]:
    """Columns of name, layer and what was seen; 0 where that needs a line of its own."""
    longest = max((columns(row.name) for row in rows), default=0)
    name_width = min(max(longest, 10), page.width - LAYER_WIDTH - 4)
    seen_width = page.width - name_width - LAYER_WIDTH - 6
    return [name_width, LAYER_WIDTH, seen_width if seen_width >= SEEN_WIDTH else 0]


def _group(page: Page, group: Group, explained: bool, details: bool) -> None:
    finding = group.finding
    if finding is None:
        # Beside a cause it is most often that cause's consequence, but that was not proven.
        page.item("✗", "fails as well, without a finding of its own" if explained else "no rule explains this", "bold")
    else:
        breaks = f" · breaks {len(finding.breaks)}" if finding.breaks else ""
        right = f"{finding.severity.value} · {finding.confidence.value}{breaks}"
        page.heading(SEVERITY_MARKS[finding.severity], plain(finding.code), right, SEVERITY_STYLES[finding.severity])
        page.text(plain(finding.summary, 800))
    rows = _rows(group)
    _table(page, rows if details else rows[:ROWS_PER_CAUSE], _widths(page, rows), details)
    _more(page, len(rows), ROWS_PER_CAUSE, details)
    if finding is not None:
        _hints(page, finding, details)


def _table(page: Page, rows: Sequence[_Row], widths: Sequence[int], details: bool) -> None:
    told = ""
    for row in rows:
        cells = [Cell(row.name, widths[0]), Cell(row.layer, widths[1], "bad")]
        page.row([*cells, Cell(row.seen, widths[2], "dim")] if widths[2] else cells)
        # Without a column for it, what was seen alike on and on is said once.
        if not widths[2] and row.seen and row.seen != told:
            page.text(row.seen, "dim", indent=4)
        told = row.seen
        if details and row.request:
            page.text(row.request, "dim", indent=4)


def _hints(page: Page, finding: Finding, details: bool) -> None:
    shown = finding.evidence if details else finding.evidence[:1]
    for line in shown:
        page.item("·", plain(line, 400), "dim", indent=2)
    _more(page, len(finding.evidence), len(shown), details)
    if finding.confirm:
        page.command("confirm by hand:", plain(finding.confirm), LABEL_WIDTH)
    if finding.remediations:
        page.field("remediation:", plain(listed(list(finding.remediations))), LABEL_WIDTH)
    if finding.advice:
        page.field("advice:", plain(finding.advice, 800), LABEL_WIDTH)
    elif not finding.remediations and finding.severity is Severity.ERROR:
        page.field("remediation:", "none known: this needs a person", LABEL_WIDTH)


def _more(page: Page, total: int, shown: int, details: bool) -> None:
    if total > shown and not details:
        page.text(f"… {total - shown} more with -v", "dim", indent=4)


def _unprobed(page: Page, reading: Reading, details: bool) -> None:
    unprobed = reading.unprobed
    if unprobed:
        page.raw()
    for one in unprobed:
        page.item("?", f"{len(one.names)} not probed: {plain(one.reason, 300)}", "bold")
        names = [plain(name, 160) for name in one.names]
        page.text(listed(names, len(names) if details else NAMES_PER_REASON))
