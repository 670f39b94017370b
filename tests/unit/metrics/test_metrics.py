"""Metrics where they are not defined, and by hand."""

import numpy as np
import pytest

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.metrics import (
    Activity,
    annual_return,
    max_drawdown,
    payoff_ratio,
    profit_factor,
    sharpe_ratio,
    sortino_ratio,
    summarize,
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
