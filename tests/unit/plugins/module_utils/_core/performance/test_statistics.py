# Copyright (c) vertice.netfix contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each figure against SciPy and NumPy, which the collection itself does not need."""

from __future__ import annotations

import math
import random

import pytest
from ansible_collections.vertice.netfix.plugins.module_utils._core.performance.statistics import (
    fewest_runs,
    interval,
    median,
    noise,
    percentile,
    rank_sum,
    runs_needed,
    shift,
    smallest_shown,
)

stats = pytest.importorskip("scipy.stats")
numpy = pytest.importorskip("numpy")


def drawn(seed, count, factor=1.0, spread=0.1, digits=12):
    source = random.Random(seed)
    return [round(factor * math.exp(source.gauss(3, spread)), digits) for _unused in range(count)]


@pytest.mark.parametrize("percent", [0, 1, 50, 90, 95, 99, 99.9, 100])
@pytest.mark.parametrize("count", [1, 2, 3, 10, 1000])
def test_percentiles_are_numpys(count, percent):
    values = sorted(drawn(count, count))
    assert percentile(values, percent) == pytest.approx(numpy.percentile(values, percent))
    assert median(values[::-1]) == pytest.approx(numpy.median(values))


def test_no_values_have_no_percentile():
    with pytest.raises(ValueError):
        percentile([], 50)


@pytest.mark.parametrize("sizes", [(2, 2), (4, 4), (5, 5), (5, 8), (10, 10), (20, 20)])
@pytest.mark.parametrize("seed", range(5))
def test_the_exact_test_is_scipys(sizes, seed):
    one, other = drawn(seed, sizes[0]), drawn(100 + seed, sizes[1], 1.1)
    assert rank_sum(one, other) == pytest.approx(stats.mannwhitneyu(one, other, method="exact").pvalue)


@pytest.mark.parametrize("seed", range(5))
def test_the_exact_test_with_ties_is_scipys_permutation_test(seed):
    one, other = drawn(seed, 5, digits=0), drawn(100 + seed, 5, 1.1, digits=0)
    assert len(set(one + other)) < 10
    ranks = stats.rankdata(one + other)
    permuted = stats.permutation_test(
        (ranks[:5], ranks[5:]),
        lambda a, _b, axis: numpy.sum(a, axis=axis),
        vectorized=True,
        n_resamples=numpy.inf,
    )
    assert rank_sum(one, other) == pytest.approx(permuted.pvalue)


def test_the_exact_test_of_runs_without_any_difference_shows_none():
    assert rank_sum([5.0] * 5, [5.0] * 5) == 1.0


def not_refused(one, other):
    """The interval of all factors that SciPy's test does not refuse, found by trying one between every two ratios."""
    logs = sorted(math.log(b / a) for a in one for b in other)
    inside = [
        number
        for number, (low, high) in enumerate(zip(logs, logs[1:]))
        if stats.mannwhitneyu(one, [b / math.exp((low + high) / 2) for b in other], method="exact").pvalue > 0.05
    ]
    return math.exp(logs[inside[0]]), math.exp(logs[inside[-1] + 1])


@pytest.mark.parametrize("sizes", [(4, 4), (5, 5), (6, 9), (10, 10)])
@pytest.mark.parametrize("seed", range(3))
def test_the_interval_holds_what_the_test_does_not_refuse(sizes, seed):
    one, other = drawn(seed, sizes[0]), drawn(50 + seed, sizes[1], 1.2)
    effect = shift(one, other)
    low, high = not_refused(one, other)
    assert effect.low == pytest.approx(low) and effect.high == pytest.approx(high)
    assert effect.low <= effect.ratio <= effect.high and effect.confidence >= 0.95


def test_the_interval_covers_the_truth_as_often_as_it_says():
    effects = [shift(drawn(n, 5), drawn(10_000 + n, 5, 1.2)) for n in range(1000)]
    assert sum(e.low <= 1.2 <= e.high for e in effects) >= 945


@pytest.mark.parametrize("count", [6, 7, 9, 12, 20, 41])
def test_the_interval_of_a_median_is_scipys(count):
    values = drawn(count, count)
    found = stats.quantile_test(values, q=numpy.median(values), p=0.5).confidence_interval(0.95)
    assert interval(values) == pytest.approx(tuple(found))


def test_the_interval_of_a_median_of_few_runs_is_all_of_them():
    assert interval([3.0, 1.0, 2.0, 5.0, 4.0]) == (1.0, 5.0) and interval([7.0]) == (7.0, 7.0)


def test_too_few_runs_give_the_widest_interval_and_say_so():
    effect = shift([10.0, 11.0], [12.0, 13.0])
    assert (effect.low, effect.high) == (pytest.approx(12 / 11), pytest.approx(13 / 10)) and effect.confidence < 0.95


def test_noise_is_the_deviation_of_logarithms():
    values = drawn(1, 30)
    assert noise(values) == pytest.approx(numpy.std(numpy.log(values), ddof=1))


@pytest.mark.parametrize(("spread", "ratio"), [(0.05, 1.1), (0.1, 1.2)])
def test_the_runs_that_it_says_are_needed_show_the_change_nine_times_in_ten(spread, ratio):
    runs, trials = runs_needed(spread, ratio), 200

    def shown(runs):
        pairs = [(drawn(n, runs, 1, spread), drawn(10_000 + n, runs, ratio, spread)) for n in range(trials)]
        return sum(rank_sum(one, other) <= 0.05 for one, other in pairs) / trials

    assert shown(runs) >= 0.9
    assert runs == fewest_runs() or shown(max(runs * 2 // 3, 4)) < 0.9


@pytest.mark.parametrize("runs", [5, 8, 20])
def test_the_smallest_change_that_is_shown_needs_that_many_runs(runs):
    share = smallest_shown(0.08, runs)
    assert runs_needed(0.08, 1 + share * 1.001) == runs
    assert smallest_shown(0.08, 3) is None


def test_four_runs_a_side_are_the_fewest():
    assert fewest_runs() == 4
    assert rank_sum([1, 2, 3, 4], [5, 6, 7, 8]) <= 0.05 < rank_sum([1, 2, 3], [5, 6, 7])
