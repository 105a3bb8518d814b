# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plots of the report: before and after on one drawing, or the baseline alone, in the report's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Optional

from ...performance.comparison import RunSet
from ..load_plots import WORDS, render_distributions, render_percentiles, render_timeline
from .document import Block, Figure, Fold, Piece, code, line
from .words import Words


def pictures(
    before: Optional[RunSet], after: Optional[RunSet], endpoint: str, words: Words, name: str = "before-after"
) -> list[Block]:
    """The plots of two sets of runs, or of one; those that the runs hold nothing for are left out."""
    if before is None:
        return []
    first = replace(before, name=words.text("column.before") if after else words.text("heading.baseline"))
    second = replace(after, name=words.text("column.after")) if after else None
    labels = _labels(words)
    what: Piece = code(endpoint) if endpoint else words.text("endpoint.all")
    drawn = [
        (
            "percentiles",
            render_percentiles(first, second, endpoint, labels),
            words.say("plot.percentiles", endpoint=what),
        ),
        (
            "distribution",
            render_distributions(first, second, endpoint, labels),
            words.say("plot.spread", endpoint=what),
        ),
        ("timeline", render_timeline(first, second, labels), line(words.text("plot.course"))),
    ]
    figures = [Figure(f"{name}-{kind}", words.decimals(svg), caption) for kind, svg, caption in drawn if svg]
    shown: list[Block] = [one for one in figures if not one.name.endswith("timeline")]
    # the longest one, and the one that decides nothing
    return shown + [Fold(words.text("plot.course"), (one,)) for one in figures if one not in shown]


def _labels(words: Words) -> Mapping[str, str]:
    # the drawing puts the endpoint or the container in by itself
    return {key: words.text(f"plot.{key}", endpoint="{endpoint}", container="{container}") for key in WORDS}
