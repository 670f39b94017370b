"""The contract finds each fault that it names, in strategies that are broken on purpose."""

from textwrap import indent

import pytest

from quant_pipelines.sdk import compile_strategy
from quant_pipelines.sdk.contract import check_strategy

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
