# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a project gives the same answers with an optimization as without it: status, and body part by part.

Bodies are told as digests of their parts: what users get must not end in a journal.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Optional

# beyond so many parts a body is compared as a whole
MOST_PARTS = 400
# what a body that is no JSON has as its only part
WHOLE = "body"


@dataclass(frozen=True)
class Answer:
    """What one check was answered. ``parts`` are digests by path (``$.items[0].title``); ``error`` where none came.

    ``volatile`` are the paths whose values differ from one request to the next.
    """

    name: str
    status: int = 0
    error: str = ""
    parts: Mapping[str, str] = field(default_factory=dict)
    volatile: tuple[str, ...] = ()


@dataclass(frozen=True)
class Differing:
    """One check that is answered otherwise, and how."""

    name: str
    how: str


def answer(name: str, status: int, error: str, body: str, ignore: Sequence[str], patterns: Sequence[str]) -> Answer:
    """An answer without what is to be ignored: JSON values by name or path, and what matches a pattern."""
    for pattern in patterns:
        body = re.sub(pattern, "", body)
    return Answer(name, status, "" if status else error, _parts(body, frozenset(ignore)))


def together(answers: Sequence[Answer]) -> Answer:
    """The answers to the same request, made several times, as one: what differs among them is volatile.

    Raises ValueError for none.
    """
    first, *others = answers
    for other in others:
        if (other.status, other.error) != (first.status, first.error):
            return Answer(first.name, 0, f"now {_status(first)}, now {_status(other)}", {})
    moving = {p for o in others for p in {*first.parts, *o.parts} if first.parts.get(p) != o.parts.get(p)}
    return Answer(first.name, first.status, first.error, first.parts, tuple(sorted(moving)))


def differing(before: Iterable[Answer], after: Iterable[Answer]) -> list[Differing]:
    """Checks that are not answered as they were, one sentence each; what was volatile before is not compared."""
    now = {a.name: a for a in after}
    found = [(one, _difference(one, now.get(one.name))) for one in before]
    return [Differing(one.name, how) for one, how in found if how]


def _difference(was: Answer, now: Optional[Answer]) -> str:
    if now is None:
        return "it was not asked again"
    if (was.status, was.error) != (now.status, now.error):
        return f"{_status(was)} before, {_status(now)} now"
    skipped = set(was.volatile)
    changed = {*now.volatile} | {p for p in {*was.parts, *now.parts} if was.parts.get(p) != now.parts.get(p)}
    paths = sorted(changed - skipped)
    if not paths:
        return ""
    more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
    return f"the body differs in {', '.join(paths[:3])}{more}"


def _status(one: Answer) -> str:
    return f"status {one.status}" if one.status else one.error or "no answer"


def _parts(body: str, ignore: frozenset[str]) -> dict[str, str]:
    try:
        value = json.loads(body)
    except ValueError:
        return {WHOLE: _digest(body)}
    parts = dict(_leaves("$", value, ignore))
    if len(parts) > MOST_PARTS:
        return {"$": _digest(json.dumps(sorted(parts.items())))}
    return {path: _digest(told) for path, told in parts.items()}


def _leaves(path: str, value: Any, ignore: frozenset[str]) -> Iterable[tuple[str, str]]:
    if path in ignore:
        return
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            if key not in ignore:
                yield from _leaves(f"{path}.{key}", inner, ignore)
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _leaves(f"{path}[{number}]", inner, ignore)
    else:
        yield path, json.dumps(value)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
