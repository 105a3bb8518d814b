# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The closing summary of a run as a terminal shows it, ending in one line that says it all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from .diagnosis import place
from .experiments import tuning_fields
from .journal import STATUSES, overall_status, worst_first
from .outline import STATUS_MARKS, Outline, commands, outline, took
from .page import Page
from .text import listed, plain

LABEL_WIDTH = 14
STATUS_STYLES = {"healthy": "good", "mended": "good", "failed": "bad", "not_mended": "bad"}


def render_summary(
    journal: Mapping[str, Any], width: int = 100, colour: bool = False, reports: Optional[Mapping[str, str]] = None
) -> str:
    """The summary of a journal as terminal text; ``reports`` are the paths of what was written, by what they are.

    Raises ValueError where a diagnosis in it is not one.
    """
    page = Page(width, colour)
    hosts = worst_first(journal.get("hosts") or [])
    page.title(f"Summary · run {plain(journal.get('run_id'))}", [plain(journal.get("mode")), took(journal)])
    if not hosts:
        page.item("✗", "no host was looked at: does the inventory or --limit match anything?", "bad")
    outlines = [outline(host, overall_status([host])) for host in hosts]
    for number, (host, seen) in enumerate(zip(hosts, outlines)):
        # Hosts with nothing to tell stay one line each, so that a long list can be read at a glance.
        if number and not (_brief(seen) and _brief(outlines[number - 1])):
            page.raw()
        _host(page, host, seen, journal, len(hosts) == 1)
    if reports:
        page.raw()
        for label, path in reports.items():
            page.command(label, plain(path), LABEL_WIDTH)
    page.raw()
    page.raw(page.paint(last_line(journal), STATUS_STYLES.get(_status(journal), "bold")))
    return str(page)


def _host(page: Page, host: Mapping[str, Any], seen: Outline, journal: Mapping[str, Any], alone: bool) -> None:
    head = f"{seen.status}  {place(host)}"
    page.item(STATUS_MARKS.get(seen.status, "✗"), f"{head}: {seen.meaning}" if seen.meaning else head, "bold")
    _fields(page, "what was wrong", seen.wrong)
    _fields(page, "what helped", seen.helped)
    _fields(page, "did not help", seen.in_vain)
    _fields(page, "taken back", seen.taken_back)
    _fields(page, "still wrong", seen.remains)
    _fields(page, "not probed", seen.unknown)
    _fields(page, "what to do", seen.advice)
    _fields(page, "worth a look", seen.worth_a_look)
    _fields(page, "time budget", [seen.budget] if seen.budget else [])
    _fields(page, "without Docker", [f"{sign} {text}" for sign, text in seen.without_docker])
    if host.get("attempts"):
        page.field("restarted", listed(seen.restarts) if seen.restarts else "nothing", LABEL_WIDTH)
    if seen.counts and not _brief(seen):
        page.field("at the end", seen.counts, LABEL_WIDTH)
    if alone or not _brief(seen):
        _fields(page, "validation", [f"{sign} {text}" for sign, text in seen.validation])
    for label, sentences in tuning_fields(host.get("tuning") or {}):
        _fields(page, label, sentences)
    undo, apply = commands(journal)
    if seen.changed:
        if (seen.helped or seen.tuned) and host.get("compose_command"):
            page.command("keep it with", plain(host["compose_command"]), LABEL_WIDTH)
        page.command("undo it with", undo, LABEL_WIDTH)
    if seen.status in ("diagnosed", "planned") and seen.wrong:
        page.command("repair it with", apply, LABEL_WIDTH)


def _brief(seen: Outline) -> bool:
    quiet = not seen.unknown and not seen.worth_a_look and not seen.tuned
    return seen.status == "healthy" and quiet and all(sign == "✓" for sign, _text in seen.validation)


def _fields(page: Page, label: str, sentences: list[str]) -> None:
    for sentence in sentences:
        page.field(label, sentence, LABEL_WIDTH)
        label = ""


def _status(journal: Mapping[str, Any]) -> str:
    return overall_status(journal.get("hosts") or [])


def last_line(journal: Mapping[str, Any]) -> str:
    """``netfix: mended (shop on db1) in 12.3 s``: the run's status, where, and how long it took."""
    hosts = worst_first(journal.get("hosts") or [])
    status = _status(journal)
    where = listed([place(host) for host in hosts if overall_status([host]) == status], 3) or "no host"
    statuses = [overall_status([host]) for host in hosts]
    others = [f", {statuses.count(name)} {name}" for name in STATUSES if name != status and name in statuses]
    time = took(journal)
    return f"netfix: {status} ({where}){''.join(others)}{',' if others and time else ''}{f' in {time}' if time else ''}"
