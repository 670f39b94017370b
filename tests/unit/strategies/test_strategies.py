"""Every shipped strategy keeps the contract; and what some of them do."""

from pathlib import Path

import numpy as np
import pytest

from quant_pipelines.backtest import run_backtest
from quant_pipelines.indicators import bollinger, cointegration, ema, rolling_range, rolling_z
from quant_pipelines.sdk import EventStrategy, StrategySource, list_strategies, load_strategy
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.sdk.trial.bars import random_walk
from quant_pipelines.sdk.trial.contract import RULES
from quant_pipelines.sdk.trial.event_contract import EVENT_RULES
from quant_pipelines.sdk.trial.market import TrialMarket
from quant_pipelines.sdk.trial.panels import walk_panel

FOLDER = Path(__file__).resolve().parents[3] / "strategies"
CLASSES = {name.stem: load_strategy(name.stem, FOLDER).strategy_class for name in FOLDER.glob("[!_]*.py")}
NAMES = sorted(name for name, made in CLASSES.items() if not issubclass(made, EventStrategy))
EVENT_NAMES = sorted(set(CLASSES) - set(NAMES))
BARS = random_walk(1_500, seed=4)


def load_event(name: str) -> type[EventStrategy]:
    found = CLASSES[name]
    assert issubclass(found, EventStrategy)
    return found


def test_all_shipped_strategies_load() -> None:
    assert all(isinstance(found, StrategySource) for found in list_strategies(FOLDER))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rule", RULES)
def test_a_shipped_strategy_keeps_the_contract(name: str, rule: str) -> None:
    assert RULES[rule](load_strategy(name, FOLDER).strategy_class) == ""


@pytest.mark.parametrize("name", EVENT_NAMES)
@pytest.mark.parametrize("rule", EVENT_RULES)
def test_a_shipped_event_strategy_keeps_the_contract(name: str, rule: str) -> None:
    assert EVENT_RULES[rule](load_event(name)) == ""


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_a_strategy_says_what_it_believes_where_it_works_and_how_it_fails(name: str) -> None:
    document = str(load_strategy(name, FOLDER).strategy_class.__doc__)
    assert all(f"{word}:" in document for word in ("Hypothesis", "Regime", "Failure"))


@pytest.mark.parametrize("name", NAMES)
def test_a_strategy_takes_both_sides_of_a_random_walk(name: str) -> None:
    strategy = load_strategy(name, FOLDER).strategy_class()
    n_bars = 4_000 if strategy.inputs.has_panel else 1_500
    bars = TrialMarket(type(strategy)).walk(n_bars, seed=4)
    assert {-1.0, 1.0} <= set(target_of(strategy, bars).ravel().tolist())


def test_cross_sectional_momentum_holds_the_strongest_long_and_the_weakest_short() -> None:
    panel = walk_panel(0, 1_500, seed=4)
    strategy = load_strategy("cross_sectional_momentum", FOLDER).strategy_class(lookback=48, rebalance=24)
    target = target_of(strategy, panel)
    for row in (np.flatnonzero(panel.close_ts // panel.step_ms % 24 == 0))[20:]:
        past = np.full(4, np.nan)
        for k in range(4):
            own = panel.bars(k).between(0, int(panel.ts[row]) + 1)
            if len(own) > 48 and own.ts[-1] == panel.ts[row]:
                past[k] = np.log(own.close[-1] / own.close[-49])
        assert target[row, np.nanargmax(past)] == 1.0
        assert target[row, np.nanargmin(past)] == -1.0


def test_zscore_spread_buys_the_laggard_and_sells_the_leader() -> None:
    panel = walk_panel(2, 1_500, seed=4)
    target = target_of(load_strategy("zscore_spread", FOLDER).strategy_class(), panel)
    both = panel.is_complete
    ratio = np.log(panel.close[both, 0] / panel.close[both, 1])
    z = rolling_z(ratio, 120)
    legs = target[both]
    np.testing.assert_array_equal(legs[z < -2.0], np.tile([1.0, -1.0], (int((z < -2.0).sum()), 1)))
    np.testing.assert_array_equal(legs[z > 2.0], np.tile([-1.0, 1.0], (int((z > 2.0).sum()), 1)))
    assert np.isnan(target[~both]).all()


def test_pairs_cointegration_weighs_the_legs_by_the_slope_of_the_entry() -> None:
    panel = walk_panel(2, 3_000, seed=4)
    target = target_of(load_strategy("pairs_cointegration", FOLDER).strategy_class(), panel)
    both = panel.is_complete
    bond = cointegration(*np.ascontiguousarray(np.log(panel.close[both]).T), 240)
    legs = np.nan_to_num(target[both])
    entered = np.flatnonzero((legs[1:, 0] != 0.0) & (legs[:-1, 0] == 0.0)) + 1
    assert entered.size > 3
    np.testing.assert_allclose(-legs[entered, 1] / legs[entered, 0], bond.slope[entered])
    assert (bond.statistic[entered] < -3.0).all()
    assert (np.abs(bond.z[entered]) > 2.0).all()
    held = np.flatnonzero((legs[1:, 0] == legs[:-1, 0]) & (legs[1:, 0] != 0.0)) + 1
    np.testing.assert_array_equal(legs[held, 1], legs[held - 1, 1])


def test_ema_cross_follows_the_averages_after_the_first_cross() -> None:
    strategy = load_strategy("ema_cross", FOLDER).strategy_class(fast=20, slow=50)
    target = target_of(strategy, BARS)
    first = int(np.argmax(~np.isnan(target)))
    above = ema(BARS.close, 20) > ema(BARS.close, 50)
    assert first >= 50
    assert above[first] != above[first - 1]
    np.testing.assert_array_equal(target[first:], np.where(above[first:], 1.0, -1.0))


def test_bollinger_reversion_enters_outside_and_leaves_at_the_middle() -> None:
    strategy = load_strategy("bollinger_reversion", FOLDER).strategy_class(window=20, width=1.5)
    bands, target = bollinger(BARS.close, 20, 1.5), target_of(strategy, BARS)
    position = np.nan
    for i in range(20, len(BARS)):
        crossed = (BARS.close[i] > bands.middle[i]) != (BARS.close[i - 1] > bands.middle[i - 1])
        if BARS.close[i] < bands.lower[i]:
            position = 1.0
        elif BARS.close[i] > bands.upper[i]:
            position = -1.0
        elif crossed:
            position = 0.0
        np.testing.assert_equal(target[i], position)
    assert {-1.0, 0.0, 1.0} <= set(target[20:].tolist())


def test_donchian_turtle_enters_on_a_new_extreme_and_leaves_on_the_opposite_one() -> None:
    strategy = load_strategy("donchian_turtle", FOLDER).strategy_class(entry=40, leave=10)
    outer, inner = (rolling_range(BARS.low, BARS.high, window) for window in (40, 10))
    target, position = target_of(strategy, BARS), 0.0
    for i in range(1, len(BARS)):
        if BARS.close[i] > outer.high[i - 1]:
            position = 1.0
        elif BARS.close[i] < outer.low[i - 1]:
            position = -1.0
        else:
            is_over = BARS.close[i] < inner.low[i - 1] if position > 0 else BARS.close[i] > inner.high[i - 1]
            position = 0.0 if is_over else position
        if i >= 40:
            assert target[i] == position, i
    assert {-1.0, 0.0, 1.0} <= set(target[40:].tolist())


def test_grid_holds_at_most_a_full_position_and_leaves_at_its_mean() -> None:
    result = run_backtest(load_event("grid_reversion")(), random_walk(3_000, seed=4))
    reasons = {trade.exit_reason for trade in result.trades}
    worth = max(trade.quantity * trade.entry_price for trade in result.trades)
    assert reasons == {"limit_order", "hard_stop"}
    assert {trade.side for trade in result.trades} == {"long", "short"}
    assert worth <= 1.05 * result.bar_equity.max()


def test_dca_buys_lower_each_time_and_sells_above_its_average() -> None:
    result = run_backtest(load_event("dca_reversion")(gain=0.01), random_walk(3_000, seed=4))
    taken = [trade for trade in result.trades if trade.exit_reason == "limit_order"]
    assert len(taken) > 10
    assert all(trade.exit_price >= trade.entry_price * 1.0099 for trade in taken)
    assert {trade.side for trade in result.trades} == {"long"}
