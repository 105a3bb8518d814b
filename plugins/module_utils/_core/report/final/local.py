# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The services as local processes: what ran, what could not, and what this does not prove."""

from __future__ import annotations

from collections.abc import Mapping

from ..text import plain
from .document import Block, Bullets, Cell, Heading, Paragraph, Table, code, line, quote
from .facts import Facts
from .load import short_load
from .words import Words

GOOD = ("running", "healthy", "completed")


def local(facts: Facts, words: Words) -> list[Block]:
    """The section, empty where the services ran in Docker."""
    if not facts.local:
        return []
    data = facts.local
    blocks: list[Block] = [
        Heading(words.text("heading.local"), "local"),
        Paragraph(words.say("local.warning"), "warn"),
        Paragraph(words.say("local.not_comparable")),
    ]
    if data.get("warning"):
        blocks.append(Paragraph(line(quote(data["warning"])), "note"))
    if data.get("reason"):
        blocks.append(Paragraph(line(quote(data["reason"])), "warn"))
    services = [one for one in data.get("services") or [] if isinstance(one, Mapping)]
    rows = [
        (
            Cell(line(code(one.get("name")))),
            Cell(
                line(words.known("local.status", one.get("status"))),
                plain(one.get("reason"), 300),
                tone="good" if plain(one.get("status")) in GOOD else "warn",
            ),
            Cell(line(code(one.get("url") or one.get("address")))),
        )
        for one in services
    ]
    if rows:
        titles = tuple(words.text(f"column.{name}") for name in ("service", "state", "address"))
        blocks.append(Table(titles, tuple(rows)))
    else:
        blocks.append(Paragraph(words.say("local.none"), "note"))
    refused = [one for one in data.get("refused") or [] if isinstance(one, Mapping)]
    if refused:
        items = tuple((line(code(one.get("service")), ": ", quote(one.get("reason"))), ()) for one in refused)
        blocks += [Paragraph(words.say("local.refused"), "label"), Bullets(items)]
    validation = data.get("validation") or {}
    outcomes = [check.get("outcome") for check in validation.get("checks") or [] if isinstance(check, Mapping)]
    if outcomes:
        ok = words.number(outcomes.count("ok"))
        blocks.append(Paragraph(words.say("local.checks", ok=ok, total=words.number(len(outcomes)))))
    return blocks + (short_load(validation["load"], words, "local") if validation.get("load") else [])
