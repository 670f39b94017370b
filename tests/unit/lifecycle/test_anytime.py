"""Bounds hold at every look as often as they say, and they notice what is far off."""

import numpy as np
import pytest
from scipy.stats import binomtest

from quant_pipelines.lifecycle.anytime import empirical_bernstein, evidence_below, least_rate


@pytest.mark.parametrize("shape", [(2.0, 2.0), (0.3, 3.0), (5.0, 0.5)])
def test_confidence_sequence_leaves_out_the_mean_at_no_look_more_often_than_it_says(
    shape: tuple[float, float],
) -> None:
    """Its interval is the intersection of all looks: the last one left it out if any did."""
    rng, mean, missed = np.random.default_rng(7), shape[0] / sum(shape), 0
    for _ in range(400):
        bounds = empirical_bernstein(rng.beta(*shape, 150), 0.0, 1.0, error=0.1)
        missed += not bounds.low <= mean <= bounds.high
    assert missed / 400 <= 0.1


def test_confidence_sequence_is_narrower_where_values_differ_less() -> None:
    rng = np.random.default_rng(3)
    calm, wild = rng.normal(50.0, 1.0, 300), rng.choice([0.0, 100.0], 300)
    widths = [b.high - b.low for b in (empirical_bernstein(v, 0.0, 100.0, error=0.05) for v in (calm, wild))]
    assert widths[0] < 0.4 * widths[1]


def test_evidence_of_a_fair_book_passes_twenty_at_some_day_in_one_of_twenty_at_most() -> None:
    rng = np.random.default_rng(11)
    said = [evidence_below(rng.normal(0.001, 0.02, 60), 0.001, 0.08) >= 20.0 for _ in range(1_000)]
    assert np.mean(said) <= 0.05


def test_evidence_notices_a_book_that_loses_a_day_and_a_half_of_its_deviation() -> None:
    rng = np.random.default_rng(5)
    said = [evidence_below(rng.normal(-0.015, 0.01, 60), 0.0, 0.08) >= 20.0 for _ in range(100)]
    assert np.mean(said) > 0.9


def test_a_sold_tail_is_no_skill() -> None:
    """Small gains and one great loss: the loss counts whole."""
    days = np.full(30, 0.002)
    crashed = days.copy()
    crashed[10:14] = -0.3
    assert evidence_below(crashed, 0.001, 0.05) > evidence_below(days, 0.001, 0.05)


@pytest.mark.parametrize(("bad", "all_"), [(1, 30), (4, 30), (9, 60)])
def test_least_rate_is_that_of_the_exact_test(bad: int, all_: int) -> None:
    exact = binomtest(bad, all_, alternative="greater").proportion_ci(0.95, method="exact").low
    assert least_rate(bad, all_, error=0.05) == pytest.approx(exact)
