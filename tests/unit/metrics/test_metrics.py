"""Metrics where they are not defined, and by hand."""

import numpy as np
import pytest

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.metrics import (
    MEASURES,
    Activity,
    annual_return,
    beta,
    correlation,
    deepest_drawdowns,
    expectancy,
    longest_drawdown,
    max_drawdown,
    payoff_ratio,
    profit_factor,
    rolling_sharpe,
    sharpe_ratio,
    sortino_ratio,
    summarize,
    time_under_water,
    win_rate,
)

NOTHING = np.empty(0)


@pytest.mark.parametrize("returns", [NOTHING, np.zeros(1), np.zeros(30)])
def test_ratios_without_variance_are_not_defined(returns: FloatArray) -> None:
    assert np.isnan(sharpe_ratio(returns))
    assert np.isnan(sortino_ratio(returns))


def test_sortino_without_a_negative_day_is_not_defined() -> None:
    assert np.isnan(sortino_ratio(np.array([0.01, 0.02])))


def test_first_day_can_be_the_drawdown() -> None:
    assert max_drawdown(np.array([-0.1, 0.05])) == pytest.approx(-0.1)
    assert max_drawdown(NOTHING) == 0.0


def test_losing_everything_is_minus_one_a_year() -> None:
    assert annual_return(np.array([-1.0])) == -1.0


def test_round_trips_by_hand() -> None:
    pnl = np.array([3.0, -1.0, -1.0, 0.0])
    assert (win_rate(pnl), payoff_ratio(pnl), profit_factor(pnl)) == (0.25, 3.0, 1.5)


def test_round_trips_without_losses_have_no_ratio() -> None:
    assert np.isnan(profit_factor(np.array([1.0])))
    assert np.isnan(payoff_ratio(np.array([1.0])))
    assert np.isnan(win_rate(NOTHING))


def test_summary_prefers_the_drawdown_by_bars() -> None:
    returns = np.array([0.01, -0.02, 0.03])
    deeper = summarize(returns, NOTHING, Activity(0.5, 12.0, -0.05))
    assert (deeper["max_drawdown"], deeper["exposure"], deeper["turnover"]) == (-0.05, 0.5, 12.0)
    assert deeper["calmar"] == pytest.approx(deeper["annual_return"] / 0.05)
    assert summarize(returns, NOTHING)["max_drawdown"] == pytest.approx(-0.02)


def test_drawdowns_are_separate_and_the_deepest_comes_first() -> None:
    equity = np.array([1.0, 1.2, 0.9, 1.2, 1.1, 1.3, 1.17])
    first, second, third = deepest_drawdowns(equity, 5)
    assert first == (1, 2, 3, pytest.approx(-0.25))
    assert second == (5, 6, None, pytest.approx(-0.1))
    assert third.depth == pytest.approx(1.1 / 1.2 - 1)
    assert len(deepest_drawdowns(equity, 2)) == 2


def test_a_curve_that_only_rises_has_no_drawdown() -> None:
    assert deepest_drawdowns(np.array([1.0, 1.1, 1.2]), 5) == []
    assert longest_drawdown(np.array([0.1, 0.1])) == 0.0


def test_days_below_the_peak_are_counted_until_it_is_reached_again() -> None:
    returns = np.array([0.1, -0.05, 0.01, 0.2, -0.01])
    assert longest_drawdown(returns) == 2.0
    assert time_under_water(returns) == pytest.approx(3 / 5)


def test_twice_the_market_has_beta_two_and_full_correlation() -> None:
    holding = np.array([0.01, -0.02, 0.03, 0.0])
    assert beta(2 * holding, holding) == pytest.approx(2.0)
    assert correlation(2 * holding, holding) == pytest.approx(1.0)
    assert np.isnan(beta(holding, np.zeros(4)))
    assert np.isnan(correlation(np.zeros(4), holding))


def test_rolling_sharpe_is_the_sharpe_of_its_window() -> None:
    returns = np.array([0.01, -0.02, 0.03, 0.01, -0.01])
    rolled = rolling_sharpe(returns, 3)
    assert np.isnan(rolled[:2]).all()
    assert rolled[4] == sharpe_ratio(returns[2:])


def test_expectancy_is_the_mean_profit() -> None:
    assert expectancy(np.array([3.0, -1.0])) == 1.0
    assert np.isnan(expectancy(NOTHING))


def test_every_measure_of_a_summary_is_explained_and_the_undefined_ones_say_why() -> None:
    summary = summarize(NOTHING, NOTHING)
    assert set(summary) <= set(MEASURES)
    assert [name for name, value in summary.items() if np.isnan(value) and not MEASURES[name].undefined] == []
