# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from string import Formatter

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.bottlenecks.registry import KINDS
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.comparison import Verdict
from ansible_collections.vertice.netfix.plugins.module_utils._core.remediation.planning import REMEDIATIONS
from ansible_collections.vertice.netfix.plugins.module_utils._core.report import journal
from ansible_collections.vertice.netfix.plugins.module_utils._core.report.final.words import CATALOGUES, Words
from unit.builders import ROOT

SOURCES = ROOT / "plugins" / "module_utils" / "_core" / "report" / "final"
# keys that are put together from a closed set
FAMILIES = (
    "month advice baseline bottleneck column condition confidence containers criterion decision evidence experiments.undo "
    "layer local short metric missing network.solution optimization plot remediation source state status "
    "summary.network about verdict attempts"
).split()


def places(text):
    return sorted(field for _literal, field, _spec, _conversion in Formatter().parse(text) if field)


def asked_for():
    code = "\n".join(path.read_text(encoding="utf-8") for path in SOURCES.glob("*.py"))
    return set(re.findall(r'"([a-z_]+(?:\.[a-z0-9_]+)*)"', code))


def test_both_languages_have_the_same_sentences_with_the_same_places_for_values():
    english, portuguese = CATALOGUES["en"], CATALOGUES["pt_BR"]
    assert list(english) == list(portuguese)
    assert {k: places(t) for k, t in english.items()} == {k: places(t) for k, t in portuguese.items()}


def test_no_sentence_was_left_untranslated():
    english, portuguese = CATALOGUES["en"], CATALOGUES["pt_BR"]
    same = {key for key, text in english.items() if text == portuguese[key] and len(text.split()) > 3}
    assert not same


def test_every_sentence_is_used():
    used = asked_for()
    unused = [
        key
        for key in CATALOGUES["en"]
        if key not in used
        and key.removesuffix(".one").removesuffix(".many") not in used
        and not any(key.startswith(f"{family}.") for family in FAMILIES)
    ]
    assert not unused


def test_a_language_without_a_catalogue_is_an_error():
    with pytest.raises(ValueError, match="no catalogue of 'de'; there are en, pt_BR"):
        Words("de")


@pytest.mark.parametrize(
    ("told", "english", "portuguese"),
    [
        (lambda w: w.number(1234.5, 1), "1,234.5", "1.234,5"),
        (lambda w: w.ms(7.956), "7.96 ms", "7,96 ms"),
        (lambda w: w.ms(31.64), "31.6 ms", "31,6 ms"),
        (lambda w: w.ms(1584.2), "1,584 ms", "1.584 ms"),
        (lambda w: w.ms(None), "–", "–"),
        (lambda w: w.percent(0.0123, 2), "1.23%", "1,23%"),
        (lambda w: w.change(0.252), "−74.8%", "−74,8%"),
        (lambda w: w.change(1.1), "+10.0%", "+10,0%"),
        (lambda w: w.change(0.99999), "0.0%", "0,0%"),
        (lambda w: w.value("rps", 79.83), "79.8/s", "79,8/s"),
        (lambda w: w.value("failure_ratio", 0.5), "50.00%", "50,00%"),
        (lambda w: w.size(1536), "1.50 KiB", "1,50 KiB"),
        (lambda w: w.size(12), "12 B", "12 B"),
        (lambda w: w.duration(0.34), "340 ms", "340 ms"),
        (lambda w: w.duration(8.8), "8.8 s", "8,8 s"),
        (lambda w: w.duration(3.0), "3 s", "3 s"),
        (lambda w: w.duration(611.4), "10 min 11 s", "10 min 11 s"),
        (lambda w: w.moment("2026-03-09T18:05:02Z"), "9 March 2026, 18:05 UTC", "9 de março de 2026, 18:05 UTC"),
        (lambda w: w.moment("soon"), "soon", "soon"),
        (lambda w: "".join(s.text for s in w.listed(["a", "b", "c"])), "a, b and c", "a, b e c"),
        (lambda w: w.known("verdict", "no difference shown"), "no difference shown", "nenhuma diferença demonstrada"),
        (lambda w: w.known("verdict", "new"), "new", "new"),
    ],
)
def test_numbers_times_and_dates_are_written_as_each_language_has_them(told, english, portuguese):
    assert (told(Words("en")), told(Words("pt_BR"))) == (english, portuguese)


@pytest.mark.parametrize("language", CATALOGUES)
def test_every_member_of_a_closed_set_has_a_word_in_each_language(language):
    words = Words(language)
    causes = [code.rpartition(".")[2] for code in KINDS]
    wanted = [f"bottleneck.{cause}" for cause in causes] + [f"advice.{cause}" for cause in causes]
    wanted += [f"verdict.{verdict.value.replace(' ', '_')}" for verdict in Verdict]
    wanted += [f"status.{status}" for status in journal.STATUSES]
    wanted += [f"remediation.{name}" for name in REMEDIATIONS]
    assert not [key for key in wanted if not words.has(key)]
