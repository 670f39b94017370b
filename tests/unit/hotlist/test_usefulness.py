"""What may be said of a ranking: only what came after it counts, and chance is told from skill."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.hotlist.usefulness import (
    LEAST_BLOCKS,
    RankedHours,
    Shuffled,
    Usefulness,
    forward_returns,
    rank_correlations,
    shuffled,
    usefulness,
)

N_SYMBOLS = 10


def persistent(generator: np.random.Generator, n_hours: int) -> FloatArray:
    """Scores of symbols that change slowly, as hot scores do: half of a score is left after a day."""
    scores = np.empty((n_hours, N_SYMBOLS))
    scores[0] = generator.standard_normal(N_SYMBOLS)
    kept = 0.5 ** (1 / 24)
    for hour in range(1, n_hours):
        scores[hour] = kept * scores[hour - 1] + math.sqrt(1 - kept**2) * generator.standard_normal(N_SYMBOLS)
    return scores


def panel(seed: int, n_hours: int, *, skill: float = 0.0, horizon: int = 24) -> RankedHours:
    """Hourly returns that know the score by ``skill`` deviations an hour."""
    generator = np.random.default_rng(seed)
    scores = persistent(generator, n_hours)
    moves = generator.standard_normal((n_hours + horizon, N_SYMBOLS))
    moves[1 : n_hours + 1] += skill * scores
    prices = np.vstack([np.zeros(N_SYMBOLS), np.cumsum(0.01 * moves, axis=0)])
    rows = np.arange(n_hours) + 1
    return RankedHours(scores, forward_returns(prices, rows.tolist(), horizon), np.arange(n_hours))


def test_rank_correlation_is_spearmans_of_what_both_know() -> None:
    generator = np.random.default_rng(1)
    scores, returns = generator.integers(0, 4, (20, 8)).astype(float), generator.standard_normal((20, 8))
    scores[3, 2] = returns[3, 5] = np.nan
    expected = [
        stats.spearmanr(*(one[np.isfinite(a) & np.isfinite(b)] for one in (a, b))).statistic
        for a, b in zip(scores, returns, strict=True)
    ]
    assert rank_correlations(scores, returns) == pytest.approx(expected)


def test_hour_with_four_symbols_or_equal_scores_counts_nothing() -> None:
    few = np.array([[1.0, 2.0, 3.0, 4.0, np.nan]])
    alike, returns = np.ones((1, 5)), np.arange(5.0)[None]
    assert np.isnan(rank_correlations(few, returns)).all()
    assert np.isnan(rank_correlations(alike, returns)).all()


@given(
    arrays(np.float64, (30, 6), elements=st.floats(-5, 5)),
    st.integers(0, 25),
    st.integers(1, 40),
)
def test_return_rests_on_its_two_prices_and_on_none_before_its_begin(
    prices: FloatArray, row: int, horizon: int
) -> None:
    before = forward_returns(prices, [row], horizon)
    changed = prices.copy()
    changed[:row] += 1.0
    changed[row + 1 : row + horizon] += 1.0
    assert np.array_equal(forward_returns(changed, [row], horizon), before, equal_nan=True)
    is_known = row + horizon < 30
    assert np.isfinite(before).all() if is_known else np.isnan(before).all()


@pytest.mark.parametrize("hours", [0, 1, 24, 48 * (LEAST_BLOCKS - 1)])
def test_too_few_hours_claim_nothing_however_well_they_went(hours: int) -> None:
    one = panel(3, max(hours, 1), skill=5.0)
    seen = usefulness("score", "return", 24, RankedHours(*(part[:hours] for part in one)))
    assert (seen.claim, math.isnan(seen.low)) == ("too_few", True)
    assert "no claim" in seen.sentence


def test_ranking_that_knows_the_next_hours_is_useful_and_its_reverse_misleading() -> None:
    one = panel(5, 60 * 24, skill=0.3)
    found = [usefulness("score", "return", 24, one._replace(scores=sign * one.scores)) for sign in (1, -1)]
    assert [seen.claim for seen in found] == ["useful", "misleading"]
    assert found[0].coefficient == pytest.approx(-found[1].coefficient)
    assert found[0].low < found[0].coefficient < found[0].high


def test_ranking_that_knows_the_last_hours_only_is_told_from_skill() -> None:
    """Scores that are made of past returns correlate with those perfectly, and with what comes after not."""
    generator = np.random.default_rng(8)
    moves = generator.standard_normal((61 * 24, N_SYMBOLS))
    prices = np.vstack([np.zeros(N_SYMBOLS), np.cumsum(moves, axis=0)])
    rows = np.arange(24, 60 * 24)
    scores = prices[rows] - prices[rows - 24]
    seen = usefulness(
        "momentum", "return", 24, RankedHours(scores, forward_returns(prices, rows.tolist(), 24), rows)
    )
    assert seen.claim == "none"


def test_interval_misses_nothing_more_often_than_it_says() -> None:
    """200 worlds without skill: the share that claims something is within the binomial bound of 5 %."""
    wrong = sum(
        usefulness("score", "return", 12, panel(seed, 30 * 24, horizon=12)).claim != "none"
        for seed in range(200)
    )
    assert wrong <= stats.binom.ppf(0.999, 200, 0.05)


def test_shuffles_of_persistent_rankings_are_as_wide_as_chance() -> None:
    """Ours without skill lies outside of the middle 95 % of its shuffles rarely, persistent as it is."""
    outside = 0
    for seed in range(60):
        one = panel(1000 + seed, 10 * 24)
        told = shuffled(one, "return", np.random.default_rng(seed))
        assert told is not None
        outside += not told.low <= usefulness("score", "return", 24, one).coefficient <= told.high
    assert outside <= stats.binom.ppf(0.999, 60, 0.05)


def test_shuffles_are_the_same_for_a_seed() -> None:
    one = panel(2, 100)
    first, again, other = (shuffled(one, "size", np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other


def test_ranking_that_shuffles_do_as_well_as_claims_nothing() -> None:
    known = Usefulness("score", "return", 24, 900, 30, 0.05, 0.01, 0.09)
    assert known.claim == "useful"
    assert known._replace(shuffled=Shuffled(-0.1, 0.1, 0.4)).claim == "none"


@settings(max_examples=50)
@given(arrays(np.float64, (4, 8), elements=st.floats(-1e6, 1e6) | st.just(math.nan)), st.randoms())
def test_rank_correlation_is_bounded_and_the_names_of_symbols_do_not_matter(
    values: FloatArray, order: object
) -> None:
    returns = np.random.default_rng(0).standard_normal(values.shape)
    found = rank_correlations(values, returns)
    assert (np.abs(found[np.isfinite(found)]) <= 1 + 1e-12).all()
    columns = list(range(8))
    order.shuffle(columns)
    assert rank_correlations(values[:, columns], returns[:, columns]) == pytest.approx(found, nan_ok=True)
