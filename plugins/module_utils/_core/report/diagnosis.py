# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The diagnosis as a terminal shows it: a table of what fails, then each finding with its evidence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model import Finding, Outcome, Severity, Walk
from .page import Cell, Page
from .reading import Reading, check_row, read, verdict
from .text import columns, count, duration, listed, plain

ROWS_PER_CAUSE = 8
EVIDENCE_LINES = 6
LAYER_WIDTH = 9
OUTCOME_WIDTH = 7
DETAIL_WIDTH = 26

SEVERITY_MARKS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.INFO: "·"}


def render_diagnosis(host: Mapping[str, Any], width: int = 100, colour: bool = False, moment: str = "before") -> str:
    """The diagnosis of one host of a journal as terminal text.

    ``moment`` is ``before`` or ``after``, the attempts being what lies between. Raises ValueError where the
    document is not a diagnosis.
    """
    page = Page(width, colour)
    reading = read(host.get(moment) or {})
    title = "Diagnosis" if moment == "before" else "Diagnosis afterwards"
    page.title(f"{title} · {place(host)}", _circumstances(host, reading))
    page.item(*verdict(reading), style="bold")
    _table(page, reading)
    _checks(page, reading)
    for finding in reading.findings:
        page.raw()
        _finding(page, finding)
    if reading.notes:
        page.raw()
        for note in reading.notes:
            page.item("·", plain(note, 400), "dim")
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


def _table(page: Page, reading: Reading) -> None:
    shown: list[Walk] = [walk for group in reading.groups for walk in group.walks[:ROWS_PER_CAUSE]]
    shown += reading.unknown[:ROWS_PER_CAUSE]
    if shown:
        fixed = LAYER_WIDTH + OUTCOME_WIDTH + 2 * 3
        longest = max(columns(plain(walk.dependency.name, 160)) for walk in shown)
        # The detail has a column where there is room for one, else a line of its own under the row.
        name_width = min(max(longest, 10), page.width - fixed + 2)
        detail_width = page.width - fixed - name_width - 2
        widths = [name_width, LAYER_WIDTH, OUTCOME_WIDTH, detail_width if detail_width >= DETAIL_WIDTH else 0]
        page.raw()
        titles = ["DEPENDENCY", "LAYER", "OUTCOME", "WHAT WAS SEEN"]
        page.row([Cell(title, size, "dim") for title, size in zip(titles, widths) if size])
        for group in reading.groups:
            _group(page, "✗", plain(group.code) or "no rule explains this", group.walks, widths)
        if reading.unknown:
            _group(page, "?", "not probed", reading.unknown, widths)
    if reading.walks and reading.ok < len(reading.walks):
        page.item("✓" if reading.ok else "·", f"{reading.ok} of {count(len(reading.walks), 'dependency')} ok")


def _group(page: Page, sign: str, title: str, walks: Sequence[Walk], widths: list[int]) -> None:
    details = {_detail(walk) for walk in walks}
    # Without a column for it, what was seen alike everywhere is said once.
    common = details.pop() if not widths[3] and len(details) == 1 else ""
    page.item(sign, f"{title}: {common}" if common else title, "bold")
    for walk in walks[:ROWS_PER_CAUSE]:
        cells = [
            Cell(plain(walk.dependency.name, 160), widths[0]),
            Cell(walk.layer.value, widths[1]),
            Cell(walk.outcome.value, widths[2], "bad" if walk.outcome is Outcome.FAILED else "warn"),
        ]
        page.row([*cells, Cell(_detail(walk), widths[3], "dim")] if widths[3] else cells)
        if not widths[3] and not common and _detail(walk):
            page.text(_detail(walk), "dim", indent=4)
    if len(walks) > ROWS_PER_CAUSE:
        page.text(f"… and {len(walks) - ROWS_PER_CAUSE} more; the report has them all", "dim")


def _detail(walk: Walk) -> str:
    return plain(walk.detail, 300) or ("no reason given" if walk.outcome is Outcome.UNKNOWN else "")


def _checks(page: Page, reading: Reading) -> None:
    if not reading.checks:
        return
    bad = reading.bad_checks
    if bad:
        page.raw()
        page.marked([check_row(result) for result in bad[:ROWS_PER_CAUSE]])
        if len(bad) > ROWS_PER_CAUSE:
            page.text(f"… and {len(bad) - ROWS_PER_CAUSE} more; the report has them all", "dim")
    ok = len(reading.checks) - len(bad)
    page.item("✓" if ok else "·", f"{ok} of {count(len(reading.checks), 'check')} ok")


def _finding(page: Page, finding: Finding) -> None:
    breaks = f" · breaks {len(finding.breaks)}" if finding.breaks else ""
    right = f"{finding.severity.value} · {finding.confidence.value}{breaks}"
    page.heading(SEVERITY_MARKS[finding.severity], plain(finding.code), right)
    page.text(plain(finding.summary, 800))
    for line in finding.evidence[:EVIDENCE_LINES]:
        page.item("·", plain(line, 400), "dim", indent=2)
    if len(finding.evidence) > EVIDENCE_LINES:
        page.text(f"… and {len(finding.evidence) - EVIDENCE_LINES} more; the report has them all", "dim", indent=4)
    if finding.confirm:
        page.command("confirm by hand:", plain(finding.confirm), 16)
    if finding.remediations:
        page.field("remediation:", plain(listed(list(finding.remediations))), 16)
    if finding.advice:
        page.field("advice:", plain(finding.advice, 800), 16)
    elif not finding.remediations:
        page.field("remediation:", "none known: this needs a person", 16)
