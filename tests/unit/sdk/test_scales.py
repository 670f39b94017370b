"""Factors on stops as a strategy gives them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from quant_pipelines.backtest.bar.stops import NO_INPUTS, StopScales, StopTerms
from quant_pipelines.backtest.market.readings import latest_of
from quant_pipelines.backtest.market.stop_rules import stop_terms_of, values_in_force
from quant_pipelines.core.errors import StrategyError
from quant_pipelines.core.timeframes import HOUR_MS
from quant_pipelines.indicators import atr
from quant_pipelines.sdk import Array, Bars, Float, Inputs, Int, Panel, Stops, Strategy
from quant_pipelines.sdk.scales import scales_of
from quant_pipelines.sdk.stops import SCALABLE
from quant_pipelines.sdk.trial.bars import random_walk
from quant_pipelines.sdk.trial.contract import check_strategy
from quant_pipelines.sdk.trial.panels import walk_panel
from quant_pipelines.trading import TradingRules

N_BARS = 50
BARS = random_walk(N_BARS, 3)


class Plain(Strategy):
    """Two stops of fixed width, and the slope of the equity."""

    window = Int(5, low=2, high=9)
    stops = Stops(
        hard_stop=Float(0.05, low=0.01, high=0.2),
        take_profit=Float(0.1, low=0.01, high=0.5),
        slope_tightening=Float(0.5, low=0.1, high=1.0),
        equity_slope_days=4,
    )

    def target(self, bars: Bars) -> Array:
        """Long above the close so many bars ago."""
        late = np.full(len(bars), np.nan)
        late[self.window :] = bars.close[: -self.window]
        return np.where(bars.close > late, 1.0, 0.0)


def giving(scales: Callable[[Plain, Bars], Any]) -> Strategy:
    class Scaled(Plain):
        """The same with factors."""

        def stop_scales(self, bars: Bars) -> dict[str, Array]:
            return scales(self, bars)  # type: ignore[no-any-return]

    return Scaled()


def test_strategy_without_factors_gives_none() -> None:
    assert scales_of(Plain(), BARS) == {}
    assert latest_of(Plain(), BARS, TradingRules()).inputs == NO_INPUTS


def test_factor_that_is_not_known_is_one() -> None:
    strategy = giving(lambda own, bars: {"hard_stop": np.where(np.arange(len(bars)) < own.window, np.nan, 2)})
    assert scales_of(strategy, BARS)["hard_stop"].tolist() == [1.0] * 5 + [2.0] * (N_BARS - 5)
    assert latest_of(strategy, BARS, TradingRules()).inputs.scales == StopScales(hard=2.0)


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf])
def test_factor_that_is_not_positive_is_named_with_its_bar(value: float) -> None:
    strategy = giving(lambda _, bars: {"take_profit": np.where(np.arange(len(bars)) == 7, value, 1.0)})
    with pytest.raises(StrategyError, match=rf"take_profit is {value} at bar 7; expected a positive number"):
        scales_of(strategy, BARS)


def test_factors_of_another_shape_are_refused() -> None:
    with pytest.raises(StrategyError, match=r"hard_stop has shape \(49,\); expected \(50,\)"):
        scales_of(giving(lambda _, bars: {"hard_stop": bars.close[1:]}), BARS)


@pytest.mark.parametrize("name", ["atr_stop", "slope_tightening"])
def test_factor_on_a_stop_that_is_not_declared_is_refused(name: str) -> None:
    with pytest.raises(StrategyError, match=f"unknown scaled stop '{name}'"):
        scales_of(giving(lambda _, bars: {name: bars.close}), BARS)


def test_factors_that_raise_are_the_strategys_fault() -> None:
    with pytest.raises(StrategyError, match="Scaled: stop_scales raised ZeroDivisionError"):
        scales_of(giving(lambda _, __: 1 // 0), BARS)


def test_factor_that_knows_the_future_is_found_by_the_contract() -> None:
    peeking = giving(lambda _, bars: {"hard_stop": bars.close / bars.close.mean()})
    faults = {check.name: check.fault for check in check_strategy(type(peeking)) if not check.passed}
    assert "when bars after" in faults["causality"]
    honest = giving(lambda _, bars: {"hard_stop": bars.high / bars.low})
    assert all(check.passed for check in check_strategy(type(honest)) if check.name == "causality")


def test_factor_of_a_smoothed_range_may_nearly_forget_where_history_began() -> None:
    def ratio(_: Plain, bars: Bars) -> dict[str, Array]:
        return {"hard_stop": 0.1 + atr(bars.high, bars.low, bars.close, 30)}

    def age(_: Plain, bars: Bars) -> dict[str, Array]:
        return {"hard_stop": 1.0 + np.arange(len(bars))}

    near, far = (
        next(check for check in check_strategy(type(giving(scales))) if check.name == "warm_up")
        for scales in (ratio, age)
    )
    assert near.passed
    assert "depend on where history begins" in far.fault


class Together(Plain):
    """Several symbols, each with stops of the width that it chooses."""

    inputs = Inputs(symbols=0)

    def target(self, bars: Panel) -> Array:
        """Long where a symbol closed above its open."""
        return np.where(bars.close > bars.open, 1.0, 0.0)

    def stop_scales(self, bars: Panel) -> dict[str, Array]:
        """Wider on wide bars."""
        return {"hard_stop": bars.high / bars.low}


def test_factors_of_several_symbols_have_a_column_for_each_and_are_one_without_a_bar() -> None:
    panel = walk_panel(3, 300, 5)
    given = scales_of(Together(), panel)["hard_stop"]
    assert given.shape == panel.close.shape
    assert (given[np.isnan(panel.close)] == 1.0).all()
    for k, bars in enumerate(panel.members):
        assert panel.own(k, given).tolist() == (bars.high / bars.low).tolist()


def test_factors_of_several_symbols_in_another_shape_or_below_zero_are_refused() -> None:
    class Flat(Together):
        """One factor for all."""

        def stop_scales(self, bars: Panel) -> dict[str, Array]:
            return {"hard_stop": bars.close[:, 0]}

    class Negative(Together):
        """A factor that is none, of the second symbol."""

        def stop_scales(self, bars: Panel) -> dict[str, Array]:
            factor = np.ones(bars.close.shape)
            factor[7, 1] = -2.0
            return {"hard_stop": factor}

    panel = walk_panel(2, 300, 5)
    with pytest.raises(StrategyError, match=rf"has shape \({len(panel)},\); expected \({len(panel)}, 2\)"):
        scales_of(Flat(), panel)
    with pytest.raises(
        StrategyError, match=r"stop_scales of hard_stop is -2.0 at bar 7; expected a positive"
    ):
        scales_of(Negative(), panel)


def test_contract_sees_the_factors_of_every_symbol() -> None:
    class Peeking(Together):
        """The last symbol's factor knows the newest close."""

        def stop_scales(self, bars: Panel) -> dict[str, Array]:
            factor = np.ones(bars.close.shape)
            factor[:, -1] = 1.0 + np.nanmax(np.append(bars.close[:, 0], 0.0))
            return {"hard_stop": factor}

    class Restless(Together):
        """A factor that every call draws again."""

        def stop_scales(self, bars: Panel) -> dict[str, Array]:
            return {"hard_stop": np.random.default_rng().uniform(0.5, 2.0, bars.close.shape)}

    def kept(strategy_class: type[Strategy]) -> dict[str, bool]:
        return {check.name: check.passed for check in check_strategy(strategy_class)}

    honest = kept(Together)
    assert {name for name, passed in honest.items() if not passed} <= {"warm_up"}
    assert not kept(Peeking)["causality"]
    assert not kept(Restless)["determinism"]


def test_factors_stand_in_the_order_of_the_kernel() -> None:
    kernel = ["hard", "atr", "volatility", "chandelier", "sar", "time_ms", "equity", "target"]
    assert list(StopScales._fields) == kernel == list(StopTerms._fields)[: len(kernel)]
    assert [name.split("_")[0] for name in SCALABLE][:7] == [name.split("_")[0] for name in kernel][:7]
    assert SCALABLE[7] == "take_profit"


def test_slope_rule_reaches_the_kernel_with_its_days() -> None:
    terms = stop_terms_of(Plain(), HOUR_MS)
    assert (terms.slope_tightening, terms.slope_days) == (0.5, 4.0)


def test_values_in_force_are_the_declared_ones_with_every_factor() -> None:
    assert values_in_force(Plain(), StopScales(hard=2.0, target=3.0), 0.5) == {
        "hard_stop": pytest.approx(0.05),
        "take_profit": pytest.approx(0.3),
        "slope_tightening": 0.5,
    }


@pytest.mark.parametrize("given", [{"low": -0.1, "high": 1.0}, {"low": 0.1, "high": 1.5}])
def test_slope_that_would_widen_is_refused(given: dict[str, float]) -> None:
    with pytest.raises(StrategyError, match=r"expected bounds in \[0, 1\]"):
        Stops(slope_tightening=Float(0.5, **given))


def test_slope_over_no_day_is_refused() -> None:
    with pytest.raises(StrategyError, match="equity_slope_days is 0; expected at least 1"):
        Stops(equity_slope_days=0)
