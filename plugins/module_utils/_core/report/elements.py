# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTML and SVG put together so that data stays data: whatever is not markup already is escaped."""

from __future__ import annotations

from html import escape
from typing import Union

from .text import plain

# https://html.spec.whatwg.org/multipage/syntax.html#void-elements
VOID = frozenset({"br", "meta"})
LONGEST = 4000


class Markup(str):
    """Text that is HTML already. Only the functions here make it."""


Child = Union[str, int, float, None, "list[Markup]"]
Value = Union[str, int, float, None]


def text(value: object, limit: int = LONGEST) -> Markup:
    """``value`` as one line of text, its control characters and bidirectional overrides shown as escapes."""
    return Markup(escape(plain(value, limit)))


def element(tag: str, /, *children: Child, **attributes: Value) -> Markup:
    """``<tag attribute="…">children</tag>``.

    Children that are not Markup are escaped, None is nothing, a list is its members. An underscore in an
    attribute's name stands for a hyphen, one at its end for nothing (``class_``); an attribute that is None is left
    out. Tags and names are never data.
    """
    told = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_number(value) if isinstance(value, float) else text(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if tag in VOID:
        return Markup(f"<{tag}{told}>")
    return Markup(f"<{tag}{told}>{join(*children)}</{tag}>")


def join(*children: Child) -> Markup:
    """The children one after another."""
    parts: list[str] = []
    for child in children:
        if isinstance(child, list):
            parts += child
        elif child is not None:
            parts.append(child if isinstance(child, Markup) else text(child))
    return Markup("".join(parts))


def _number(value: float) -> str:
    """The number with one decimal at most: a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")
