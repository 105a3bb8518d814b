# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Services that run without Docker, as a terminal and the reports tell of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .page import Page
from .run import load_line
from .text import count, duration, mark, plain

GOOD = ("healthy", "running", "completed")


def local_lines(local: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A mark and a sentence of escaped text for everything that is to be known; the warning is the first."""
    state = plain(local.get("state"))
    if state == "absent":
        return [("✓", "the services that ran without Docker are ended, and nothing of them is left")]
    services = local.get("services") or []
    if state == "planned" and not services:
        return [("·", "what runs of it without Docker would be ended, and nothing of it would be left")]
    good = [s for s in services if s.get("status") in GOOD]
    lines = [("!", plain(local["warning"], 400))] if local.get("warning") else []
    if state == "planned":
        lines.append(("·", f"{count(len(services), 'service')} would run without Docker"))
    elif services:
        took = f" after {duration(float(local.get('seconds') or 0) * 1000)}" if local.get("seconds") else ""
        sign = "✓" if len(good) == len(services) else "✗"
        lines.append((sign, f"{len(good)} of {count(len(services), 'service')} run without Docker{took}"))
    if local.get("reason"):
        lines.append(("✗", plain(local["reason"], 800)))
    lines += [
        ("✗", f"{plain(r.get('service'))} cannot run so: {plain(r.get('reason'), 500)}")
        for r in local.get("refused") or []
    ]
    for service in services:
        for port in service.get("ports") or []:
            there = f"{plain(service.get('name'))}: http://127.0.0.1:{int(port.get('port') or 0)}"
            if service.get("status") == "planned":
                there += ", or on a free port where that one is taken"
            elif port.get("wanted") and port.get("wanted") != port.get("port"):
                there += f" (port {int(port['wanted'])} was taken)"
            lines.append(("·", there))
    lines += [("·", plain(note, 400)) for note in local.get("notes") or []]
    return lines + _validated(local.get("validation") or {})


def _validated(validation: Mapping[str, Any]) -> list[tuple[str, str]]:
    checks = validation.get("checks") or []
    good = [c for c in checks if c.get("outcome") == "ok"]
    lines = (
        [(mark("ok" if len(good) == len(checks) else "failed"), f"{len(good)} of {count(len(checks), 'check')} ok")]
        if checks
        else []
    )
    if validation.get("load"):
        sign, text = load_line(validation["load"])
        lines.append((sign, f"{text}; not comparable with Docker"))
    return lines


def render_local(local: Mapping[str, Any], width: int = 100, colour: bool = False, where: str = "") -> str:
    """What runs without Docker as terminal text."""
    page = Page(width, colour)
    page.title(f"Without Docker · {plain(where)}" if where else "Without Docker")
    for sign, text in local_lines(local):
        page.item(sign, text, "bad" if sign == "✗" else "")
    return str(page)
