"""The contract finds each fault that it names, in strategies that are broken on purpose."""

from textwrap import indent

import pytest

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.sdk import compile_strategy
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.sdk.trial.bars import random_walk
from quant_pipelines.sdk.trial.contract import check_strategy
from quant_pipelines.sdk.trial.panels import walk_panel

TEMPLATE = """
import numpy as np
from quant_pipelines.sdk import Array, Bars, Int, Strategy

CALLS = []


class Broken(Strategy):
    window = Int(20, low=5, high=50)

    def target(self, bars: Bars) -> Array:
"""
LONG_ABOVE = "np.sign(np.diff(bars.close, prepend=bars.close[:1]))"
FAULTS = {
    "range": "return np.full(len(bars), 2.0)",
    "causality": "return np.sign(bars.close - bars.close.mean())",
    "other_futures": "return np.sign(np.append(bars.close[1:], bars.close[-1:]) - bars.close)",
    "warm_up": "return np.where(np.arange(len(bars)) % 2 == 0, 1.0, -1.0)",
    "determinism": f"CALLS.append(1)\nreturn np.full(len(bars), float(len(CALLS) % 2)) * {LONG_ABOVE}",
    "quiet_market": "return np.ones(len(bars))",
    "opinions": "return np.zeros(len(bars))",
}


@pytest.mark.parametrize("rule", FAULTS)
def test_a_broken_rule_is_named_with_the_strategy(rule: str) -> None:
    source = TEMPLATE + indent(FAULTS[rule], "        ")
    faults = {
        check.name: check.fault for check in check_strategy(compile_strategy("broken", source).strategy_class)
    }
    assert "Broken" in faults[rule]


def test_a_strategy_that_changes_its_bars_is_found() -> None:
    source = TEMPLATE + "        bars.close[:] = bars.close + 1.0\n        return np.zeros(len(bars))"
    (check,) = check_strategy(compile_strategy("broken", source).strategy_class)
    assert "changes the bars" in check.fault


def test_nothing_else_is_checked_on_a_strategy_without_a_usable_target() -> None:
    source = TEMPLATE + "        raise ValueError('broken on purpose')"
    (check,) = check_strategy(compile_strategy("broken", source).strategy_class)
    assert (check.name, check.passed) == ("range", False)
    assert "ValueError: broken on purpose" in check.fault


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return np.full(len(bars), np.nan)", "takes no position"),
        ("return np.where(bars.volume > 0.0, 1.0, np.nan)", "wants the same on all"),
        (
            "return np.where((bars.volume > 0.0) & (np.arange(len(bars)) > 20), -0.5, np.nan)",
            "wants the same",
        ),
        ("return np.where(rolling_z(bars.volume * np.nan, 9) > 0.0, 1.0, 0.0)", "takes no position"),
    ],
)
def test_an_opinion_that_never_changes_is_found(body: str, told: str) -> None:
    source = "from quant_pipelines.indicators import rolling_z\n" + TEMPLATE + indent(body, "        ")
    faults = {
        one.name: one.fault for one in check_strategy(compile_strategy("broken", source).strategy_class)
    }
    assert told in faults["opinions"]
    assert [name for name, fault in faults.items() if fault] == ["opinions"]


PANEL_TEMPLATE = """
import numpy as np
from quant_pipelines.sdk import Array, Inputs, Int, Panel, Strategy


class Broken(Strategy):
    inputs = Inputs(symbols=2)
    window = Int(20, low=5, high=50)

    def target(self, bars: Panel) -> Array:
"""
LONG_LEADER = "np.sign(np.nan_to_num(bars.close - np.nanmean(bars.close, axis=1, keepdims=True)))"
PANEL_FAULTS = {
    "range": "return np.ones(len(bars))",
    "causality": "return np.sign(np.nan_to_num(bars.close - bars.bars(1).close[-1:].sum()))",
    "other_futures": "return np.sign(np.nan_to_num(np.roll(bars.close, -9, axis=0) - bars.close))",
    "quiet_market": "return np.ones(bars.close.shape)",
    "opinions": "return np.where(bars.volume > 0.0, np.array([1.0, -1.0]), np.nan)",
}


@pytest.mark.parametrize("rule", PANEL_FAULTS)
def test_a_broken_rule_of_a_strategy_of_several_symbols_is_named(rule: str) -> None:
    source = PANEL_TEMPLATE + indent(PANEL_FAULTS[rule], "        ")
    faults = {
        check.name: check.fault for check in check_strategy(compile_strategy("broken", source).strategy_class)
    }
    assert "Broken" in faults[rule]


def test_a_target_of_one_column_for_two_symbols_is_named_with_its_shape() -> None:
    source = PANEL_TEMPLATE + "        return bars.close[:, :1] * 0.0"
    (check,) = check_strategy(compile_strategy("broken", source).strategy_class)
    assert "1); expected (1199, 2)" in check.fault


def test_bars_of_one_symbol_are_refused_by_a_strategy_of_two() -> None:
    source = PANEL_TEMPLATE + f"        return {LONG_LEADER}"
    strategy = compile_strategy("pair", source).strategy_class()
    with pytest.raises(StrategyError, match="got bars of one symbol; expected 2 symbols together"):
        target_of(strategy, random_walk(10, seed=1))


def test_a_panel_of_another_size_is_refused() -> None:
    source = PANEL_TEMPLATE + f"        return {LONG_LEADER}"
    strategy = compile_strategy("pair", source).strategy_class()
    with pytest.raises(StrategyError, match=r"got bars of TRIAL0/USDT:USDT, .*; expected 2 symbols"):
        target_of(strategy, walk_panel(3, 10, seed=1))
