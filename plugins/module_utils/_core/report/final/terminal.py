# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a terminal shows once the final report is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..page import Page
from ..text import plain
from .report import Rendered

LABEL_WIDTH = 14


def render_written(
    journal: Mapping[str, Any], rendered: Rendered, files: Mapping[str, str], width: int = 100, colour: bool = False
) -> str:
    """How many criteria are met, and where the report is; ``files`` are paths by what they are."""
    page = Page(width, colour)
    page.title(f"Final report · run {plain(journal.get('run_id'))}")
    total = rendered.met + rendered.not_met + rendered.not_measured
    told = f"{rendered.met} of {total} criteria met, {rendered.not_met} not met, {rendered.not_measured} not measured"
    page.item("✗" if rendered.not_met else "✓" if rendered.met == total else "?", told)
    for label, path in files.items():
        page.command(label, plain(path), LABEL_WIDTH)
    return str(page)
