"""The contract finds each fault of an event strategy that it names, in strategies broken on purpose."""

from textwrap import indent

import pytest

from quant_pipelines.sdk import compile_strategy
from quant_pipelines.sdk.trial.contract import check_strategy

TEMPLATE = """
import numpy as np
from quant_pipelines.sdk import Array, Bars, Desk, EventStrategy, Int

CALLS = []


class Broken(EventStrategy):
    window = Int(20, low=5, high=50)

    def features(self, bars: Bars) -> dict[str, Array]:
        mean = bars.close.mean() if len(bars) else 0.0
        return {"ahead": np.append(bars.close[1:], bars.close[-1:]), "mean": np.full(len(bars), mean)}

    def on_bar(self, desk: Desk, bars: Bars) -> None:
"""
MOVED = "if len(bars) > 1 and bars.close[-1] != bars.close[-2]:"
FAULTS = {
    "causality": f"{MOVED}\n    desk.limit(0.1, desk.features['mean'])",
    "other_futures": f"{MOVED}\n    desk.limit(0.1, desk.features['ahead'] * 0.99)",
    "warm_up": f"{MOVED}\n    desk.limit(0.1, bars.close[-1] * (0.9 if len(bars) % 2 else 0.8))",
    "determinism": f"CALLS.append(1)\n{MOVED}\n    desk.limit(0.1, 50.0 + len(CALLS) % 7)",
    "quiet_market": "desk.limit(0.1, desk.price * 0.99)",
    "opinions": "return",
}


def faults_of(body: str) -> dict[str, str]:
    source = TEMPLATE + indent(body, "        ")
    return {
        check.name: check.fault for check in check_strategy(compile_strategy("broken", source).strategy_class)
    }


@pytest.mark.parametrize("rule", FAULTS)
def test_a_broken_rule_is_named_with_the_strategy(rule: str) -> None:
    assert "Broken" in faults_of(FAULTS[rule])[rule]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("desk.limit(1.5, 1.0)", "size is 1.5; expected -1 to 1"),
        ("desk.limit(0.5, 0.0)", "price is 0.0; expected a positive number"),
        ("desk.memory['seen'] = {1, 2}", "left a memory that is no JSON document"),
        ("self.window = 3", "is frozen"),
        ("raise ValueError('on purpose')", "at the close of 1970-01-01 01:00 raised ValueError: on purpose"),
        ("bars.close[:] = 1.0", "changes the bars"),
    ],
)
def test_what_can_not_be_is_one_sentence_that_names_strategy_and_bar(body: str, sentence: str) -> None:
    fault = faults_of(body)["orders"]
    assert "Broken" in fault
    assert sentence in fault


def test_orders_on_a_flat_market_may_be_declared() -> None:
    source = TEMPLATE + indent(FAULTS["quiet_market"], "        ") + "\n\n    orders_in_flat_market = True\n"
    checks = check_strategy(compile_strategy("declared", source).strategy_class)
    assert {check.name: check.passed for check in checks}["quiet_market"]


def test_a_feature_that_is_never_known_is_found() -> None:
    source = TEMPLATE.replace("np.full(len(bars), mean)", "np.full(len(bars), np.nan)")
    source += indent(f"{MOVED}\n    desk.limit(0.1, bars.close[-1] * 0.9)", "        ")
    checks = check_strategy(compile_strategy("broken", source).strategy_class)
    told = {check.name: check.fault for check in checks}["opinions"]
    assert told == "Broken(window=20): feature mean is unknown on all 2400 bars of a random walk"


@pytest.mark.parametrize("price", ["np.nan", "np.inf", "-np.inf"])
def test_an_order_at_a_price_that_is_not_finite_is_refused(price: str) -> None:
    assert "expected a positive number" in faults_of(f"desk.limit(0.5, {price})")["orders"]
    assert "expected -1 to 1" in faults_of(f"desk.limit({price}, 1.0)")["orders"]
