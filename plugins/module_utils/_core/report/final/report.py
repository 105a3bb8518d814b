# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The final report of a run: one document out of its journal, as Markdown and as an HTML page, in one of the languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Optional

from ..journal import elapsed_s, worst_first
from ..load_plots import as_file
from ..outline import commands
from ..text import plain
from .bottlenecks import bottlenecks
from .criteria import checklist, criteria
from .document import (
    Block,
    Card,
    Cell,
    Command,
    Document,
    Figure,
    Fold,
    Heading,
    Line,
    Paragraph,
    Table,
    code,
    joined,
    line,
)
from .experiments import before_after, experiments
from .facts import Facts, facts_of, ran_locally
from .html import to_html
from .load import baseline, containers
from .local import local
from .markdown import to_markdown
from .network import attempts, problem, solution
from .recommendations import recommendations, unmeasured
from .summary import lead, summary
from .words import Words

NAME = "FASE_1_LOAD_TESTING_COMPLETE"
FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")


@dataclass(frozen=True)
class Rendered:
    """The report in one language: ``plots`` are SVG by file name, as the Markdown refers to them."""

    markdown: str
    html: str
    plots: Mapping[str, str]
    met: int
    not_met: int
    not_measured: int


def wanted(journal: Mapping[str, Any]) -> bool:
    """Whether a run has what a final report is for: load tests, or services run without Docker."""
    hosts = [host for host in journal.get("hosts") or [] if isinstance(host, Mapping)]
    # a plan of a tuning has measured nothing yet
    return any((host.get("tuning") or {}).get("baseline") or ran_locally(host) for host in hosts)


def render_final(
    journal: Mapping[str, Any],
    language: str = "en",
    title: str = "",
    name: str = NAME,
    network: Optional[Mapping[str, Any]] = None,
) -> Rendered:
    """The final report of a journal. ``network`` is the journal of the earlier run that mended the network.

    ``name`` is that of the files, without a suffix. Raises ValueError where something in the journal is not what it
    should be, or there is no such language.
    """
    words = Words(language)
    hosts = worst_first([host for host in journal.get("hosts") or [] if isinstance(host, Mapping)])
    known = [facts_of(host, journal, network) for host in hosts]
    told = [criteria(facts, words) for facts in known]
    blocks: list[Block] = []
    for number, (facts, found) in enumerate(zip(known, told), 1):
        part = [*summary(facts, words, found), *lead(facts, words)]
        part += [*problem(facts, words), *solution(facts, words), *attempts(facts, words), *local(facts, words)]
        part += baseline(facts, words)
        if facts.tuning is not None:
            part += [*containers(facts, words), *bottlenecks(facts, words)]
            part += [*experiments(facts, words), *before_after(facts, words)]
        part += checklist(found, words)
        part += [*recommendations(facts, words), *unmeasured(facts, words)]
        blocks += part if len(known) == 1 else _of_host(facts, part, number, words)
    if not known:
        blocks.append(Paragraph(words.say("no_host"), "warn"))
    blocks += _about(journal, network, words)
    where = joined(
        line(code(host.get("project") or "?"), f" {words.text('on')} ", code(host.get("host"))) for host in hosts
    )
    document = Document(
        language, plain(title) or words.text("title"), line(where, " · ", _when(journal, words)), tuple(blocks)
    )
    plots = {f"{name}-{figure.name}.svg": as_file(figure.svg) for figure in _figures(blocks)}
    marks = [one.mark for found in told for one in found]
    return Rendered(
        to_markdown(document, words, name),
        to_html(document, words),
        plots,
        marks.count("✓"),
        marks.count("✗"),
        marks.count("–"),
    )


def _of_host(facts: Facts, part: list[Block], number: int, words: Words) -> list[Block]:
    """A host's part where there are several: its headings one level lower, its anchors its own."""
    place = words.text("place", project=plain(facts.host.get("project")), host=plain(facts.host.get("host")))
    blocks: list[Block] = [Heading(place, f"host{number}")]
    for block in part:
        if isinstance(block, Heading):
            block = replace(block, level=block.level + 1, anchor=f"host{number}-{block.anchor}")
        elif isinstance(block, Card):
            block = replace(block, anchor=f"host{number}-{block.anchor}")
        elif isinstance(block, Figure):
            block = replace(block, name=f"host{number}-{block.name}")
        elif isinstance(block, Fold):
            inner = [replace(b, name=f"host{number}-{b.name}") if isinstance(b, Figure) else b for b in block.blocks]
            block = replace(block, blocks=tuple(inner))
        blocks.append(block)
    return blocks


def _figures(blocks: list[Block]) -> list[Figure]:
    inner = [one for block in blocks if isinstance(block, Fold) for one in block.blocks]
    return [block for block in [*blocks, *inner] if isinstance(block, Figure)]


def _when(journal: Mapping[str, Any], words: Words) -> str:
    return words.moment(journal.get("finished_at") or journal.get("started_at"))


def _about(journal: Mapping[str, Any], network: Optional[Mapping[str, Any]], words: Words) -> list[Block]:
    """What the report was made from, so that every figure can be looked up."""
    seconds = elapsed_s(str(journal.get("started_at")), str(journal.get("finished_at")))
    hosts = [host for host in journal.get("hosts") or [] if isinstance(host, Mapping)]
    results = [str((host.get("tuning") or {}).get("results") or "") for host in hosts]
    facts: list[tuple[str, Line]] = [
        ("run", line(code(journal.get("run_id")))),
        ("network_run", line(code(network.get("run_id"))) if network else ()),
        ("status", line(words.known("status", journal.get("status")))),
        ("started", line(words.moment(journal.get("started_at")))),
        ("took", line(words.duration(seconds)) if seconds is not None else ()),
        ("playbook", line(code(journal.get("playbook")))),
        ("collection", line(f"vertice.netfix {plain(journal.get('collection'))}")),
        ("results", joined(code(folder) for folder in results if folder)),
    ]
    rows = tuple((Cell(line(words.text(f"about.{name}"))), Cell(told)) for name, told in facts if told)
    blocks: list[Block] = [
        Heading(words.text("heading.about"), "about"),
        Paragraph(words.say("about.what")),
        Table((words.text("column.what"), words.text("column.value")), rows),
    ]
    changed = any(one.get("verdict") == "kept" for host in hosts for one in host.get("attempts") or [])
    changed = changed or any(
        one.get("decision") == "kept" for host in hosts for one in (host.get("tuning") or {}).get("experiments") or []
    )
    if changed:
        blocks += [Paragraph(words.say("about.undo"), "label"), Command(_undo(journal))]
    return blocks


def _undo(journal: Mapping[str, Any]) -> str:
    return commands(journal)[0]
