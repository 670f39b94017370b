"""A profit that is a sold tail is told from one that is earned: by what a gap would take of it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.calibrate.worlds import Size, rare_loss
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.settings import GateSettings
from quant_pipelines.core.timeframes import DAY_MS
from quant_pipelines.optimize.capital_gates import GAPS_NOT_RULED_OUT
from quant_pipelines.optimize.evaluation import OutOfSample
from quant_pipelines.optimize.folds import Fold
from quant_pipelines.optimize.judge import Context, judge
from quant_pipelines.optimize.purge import Fit
from quant_pipelines.optimize.stress import gaps_paid_for, largest_exposure
from quant_pipelines.optimize.walk_forward import FoldResult, WalkForward

N_BOOKS = 400


def is_refused(returns: FloatArray, exposure: float, gap: float = 0.25) -> bool:
    found = gaps_paid_for(returns, exposure, gap)
    return found is not None and found < GAPS_NOT_RULED_OUT


@pytest.mark.parametrize("days", [60, 365, 720, 1095])
def test_rare_loss_is_refused_before_it_has_come_and_after(days: int) -> None:
    """Half is lost once in 500 days, as by a position of twice the equity in a gap of a quarter."""
    world = rare_loss(np.random.default_rng(11), Size(days, N_BOOKS)).returns
    has_gained = world.sum(axis=0) > 0.0
    assert has_gained.sum() > N_BOOKS / 4  # they look well
    assert all(is_refused(world[:, book], exposure=2.0) for book in range(N_BOOKS))


def test_one_sold_tail_in_twenty_gets_through_within_five_years() -> None:
    """Three losses are earned in 1,500 days, 5 % of which pass without one."""
    through = []
    for days in (1200, 1500, 1825):
        world = rare_loss(np.random.default_rng(12), Size(days, N_BOOKS)).returns
        through.append(sum(not is_refused(world[:, book], exposure=2.0) for book in range(N_BOOKS)))
    assert max(through) / N_BOOKS < 0.05


def test_ordinary_book_passes_within_a_year_or_two() -> None:
    """A whole position of 45 % volatility a year and a Sharpe ratio of 2."""
    daily, year = 0.45 / 365**0.5, 365
    days = np.random.default_rng(5).normal(2.0 * daily / year**0.5, daily, (2 * year, N_BOOKS))
    refused = np.mean([is_refused(days[:, book], exposure=1.0) for book in range(N_BOOKS)])
    assert refused < 0.05


@given(st.floats(0.01, 3.0), st.floats(0.01, 1.0), st.floats(1.1, 5.0))
def test_larger_position_or_gap_is_paid_for_less_often(exposure: float, gap: float, factor: float) -> None:
    returns = np.full(100, 0.002)
    found = gaps_paid_for(returns, exposure, gap)
    assert found == pytest.approx(0.2 / (exposure * gap))
    assert gaps_paid_for(returns, exposure * factor, gap) == pytest.approx((found or 0.0) / factor)
    assert gaps_paid_for(returns, exposure, gap * factor) == pytest.approx((found or 0.0) / factor)


def test_book_that_held_nothing_has_no_gap_to_pay_for() -> None:
    assert gaps_paid_for(np.zeros(10), 0.0, 0.25) is None
    assert largest_exposure(OutOfSample(np.empty(0, dtype=np.int64), np.empty(0), ()), 1_000.0) == 0.0


def trade(day: int, quantity: float, price: float = 10.0) -> dict[str, float]:
    """Round trip that begins in the middle of a day."""
    return {"entry_time": day * DAY_MS + 3_600_000, "quantity": quantity, "entry_price": price}


def test_largest_position_is_measured_by_the_equity_of_its_own_day() -> None:
    days = DAY_MS * np.arange(7, 10)
    test = OutOfSample(days, np.array([1.0, -0.75, 0.0]), (trade(7, 60), trade(8, 100), trade(9, 40)))
    # 600 of 1,000, then 1,000 of 2,000, then 400 of 500
    assert largest_exposure(test, 1_000.0) == pytest.approx(0.8)


def test_a_position_that_is_never_closed_counts_by_its_days() -> None:
    days, held = DAY_MS * np.arange(3), np.array([np.nan, -0.7, 0.4])
    test = OutOfSample(days, np.zeros(3), (trade(0, 50),), exposure=held)
    assert largest_exposure(test, 1_000.0) == 0.7


def test_days_before_the_listing_pay_for_no_gap() -> None:
    """Whoever chose the symbol has seen them: a profit of then proves nothing of what is risked now."""
    returns = np.concatenate([np.full(20, 0.05), np.full(20, 0.001)])
    test = OutOfSample(DAY_MS * np.arange(40), returns, (), is_listed=np.arange(40) >= 20)
    fit = Fit((), {"window": 20}, returns=np.array([0.02, 0.04]))
    fold = FoldResult(Fold(0, 0, 0, 0, 0), fit, test, np.zeros((40, 0)))
    context = Context(GateSettings(capital_stress_gap=0.25), largest_exposure=0.08)
    judgment = judge(WalkForward((fold,)), context)
    assert judgment.out_of_sample["gaps_paid_for"] == pytest.approx(1.0)  # 2 % earned, 2 % lost in each
    assert "gaps_paid_for" in [gate.name for gate in judgment.gates if not gate.passed]
