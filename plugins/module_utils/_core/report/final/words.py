# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report's language: its sentences out of one catalogue, and its way to write numbers, times and dates."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime
from string import Formatter
from typing import Optional

from ...performance.runs import TIMES
from ..text import plain
from .document import Line, Piece, Span, line
from .english import TEXTS as ENGLISH
from .portuguese import TEXTS as PORTUGUESE

CATALOGUES: Mapping[str, Mapping[str, str]] = {"en": ENGLISH, "pt_BR": PORTUGUESE}
LANGUAGES = tuple(CATALOGUES)
# thousands and decimals
SEPARATORS = {"en": (",", "."), "pt_BR": (".", ",")}
UNKNOWN = "–"
# a number with decimals that is all of a text, but for its unit
_ON_DRAWING = re.compile(r"(?<=>)(\d+)\.(\d+(?: ms|%)?)(?=<)")
BYTES = ("B", "KiB", "MiB", "GiB", "TiB")


class Words:
    """The words of one language. Raises ValueError for a language that there is no catalogue of."""

    def __init__(self, language: str) -> None:
        if language not in CATALOGUES:
            raise ValueError(f"there is no catalogue of {language!r}; there are {', '.join(LANGUAGES)}")
        self.language = language
        self._texts = CATALOGUES[language]
        self._thousands, self._decimal = SEPARATORS[language]

    def say(self, key: str, /, **values: Piece) -> Line:
        """The sentence of that key with the values in their places. Raises KeyError for an unknown key."""
        pieces: list[Piece] = []
        for literal, field, _spec, _conversion in Formatter().parse(self._texts[key]):
            pieces.append(literal)
            if field is not None:
                pieces.append(values[field])
        return line(*pieces)

    def text(self, key: str, /, **values: Piece) -> str:
        """The sentence as bare text."""
        return "".join(span.text for span in self.say(key, **values))

    def count(self, key: str, number: int, /, **values: Piece) -> Line:
        """The sentence of ``key.one`` or ``key.many``, with ``{n}`` as the number."""
        return self.say(f"{key}.{'one' if number == 1 else 'many'}", n=self.number(number), **values)

    def known(self, prefix: str, name: object) -> str:
        """The word for a member of a closed set (``verdict.improved``); the member itself where it is not one."""
        word = self._texts.get(f"{prefix}.{str(name).replace(' ', '_')}")
        return plain(name, 200) if word is None else word

    def has(self, key: str) -> bool:
        """Whether the catalogue has such a key."""
        return key in self._texts

    def metric(self, name: str) -> str:
        """What a metric is called."""
        return self.known("metric", name)

    def number(self, value: Optional[float], digits: int = 0) -> str:
        """A number with so many decimals, its thousands apart."""
        if value is None or not math.isfinite(value):
            return UNKNOWN
        text = f"{value:,.{digits}f}"
        if float(text.replace(",", "")) == 0:
            text = text.lstrip("-")
        return text.translate({ord(","): self._thousands, ord("."): self._decimal})

    def decimals(self, svg: str) -> str:
        """A drawing with the numbers on it as the language writes them."""
        return _ON_DRAWING.sub(rf"\1{self._decimal}\2", svg)

    def figure(self, value: Optional[float]) -> str:
        """A number with three digits that count, and whole from 100 on."""
        if value is None or not math.isfinite(value):
            return UNKNOWN
        size = abs(value)
        return self.number(value, 0 if size >= 99.95 else 1 if size >= 9.995 else 2)

    def ms(self, value: Optional[float]) -> str:
        """A time in milliseconds."""
        return UNKNOWN if value is None else f"{self.figure(value)} ms"

    def percent(self, share: Optional[float], digits: int = 1) -> str:
        """A share of 1 in percent."""
        return UNKNOWN if share is None else f"{self.number(share * 100, digits)}%"

    def change(self, ratio: Optional[float]) -> str:
        """A factor as a signed change in percent."""
        if ratio is None or not math.isfinite(ratio):
            return UNKNOWN
        text = self.number(abs(ratio - 1) * 100, 1)
        sign = "" if not any(c in "123456789" for c in text) else "+" if ratio > 1 else "−"
        return f"{sign}{text}%"

    def value(self, metric: str, value: Optional[float]) -> str:
        """The value of a metric with its unit."""
        if value is None:
            return UNKNOWN
        if metric == "failure_ratio":
            return self.percent(value, 2)
        if metric == "rps":
            return f"{self.figure(value)}/s"
        return self.ms(value) if metric in TIMES else self.number(value)

    def size(self, count: Optional[float]) -> str:
        """A number of bytes."""
        if count is None:
            return UNKNOWN
        power = 0
        while abs(count) >= 1024 and power < len(BYTES) - 1:
            count, power = count / 1024, power + 1
        return f"{self.figure(count) if power else self.number(count)} {BYTES[power]}"

    def duration(self, seconds: Optional[float]) -> str:
        """``340 ms``, ``8.8 s``, ``7 min 05 s``."""
        if seconds is None:
            return UNKNOWN
        if seconds < 0.9995:
            return f"{self.number(seconds * 1000)} ms"
        if seconds < 59.95:
            return f"{self.number(seconds, 1).removesuffix(f'{self._decimal}0')} s"
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes} min {rest:02d} s" if rest else f"{minutes} min"

    def moment(self, iso: object) -> str:
        """An ISO 8601 time in UTC as a date with its time; as it is where it cannot be read."""
        try:
            at = datetime.fromisoformat(str(iso).replace("Z", "+00:00"))
        except ValueError:
            return plain(iso, 60)
        return self.text(
            "moment", day=str(at.day), month=self.text(f"month.{at.month}"), year=str(at.year), time=f"{at:%H:%M}"
        )

    def listed(self, pieces: list[Piece]) -> Line:
        """``a, b and c``."""
        if len(pieces) < 2:
            return line(*pieces)
        head: list[Piece] = []
        for piece in pieces[:-1]:
            head += [", ", piece] if head else [piece]
        return line(*head, Span(f" {self.text('and')} "), pieces[-1])
