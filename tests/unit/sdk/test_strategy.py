"""Declared parameters: bounds, search space, frozen instances."""

import math

import pytest

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.sdk import Float, Int, Stops, Strategy


class Example(Strategy):
    """Example."""

    fast = Int(12, low=5, high=60)
    slow = Int(48, low=20, high=240, log=True)
    width = Float(2.0, low=0.5, high=4.0)
    stops = Stops(hard_stop=Float(0.05, low=0.01, high=0.2))

    def is_valid(self) -> bool:
        return self.fast < self.slow


class Wider(Example):
    """Example with one parameter more."""

    extra = Int(3, low=1, high=9)


class Bare(Strategy):
    """No parameter, no stop."""


def test_parameters_read_as_numbers() -> None:
    example = Example(fast=10, width="3")
    assert (example.fast, example.slow, example.width, example.stop_fraction) == (10, 48, 3.0, 0.05)
    assert example.parameters == {"fast": 10, "slow": 48, "width": 3.0, "hard_stop": 0.05}


def test_search_space_is_what_was_declared() -> None:
    assert list(Example.search_space()) == ["fast", "slow", "width", "hard_stop"]
    assert list(Wider.search_space()) == ["fast", "slow", "width", "extra", "hard_stop"]
    assert Bare.search_space() == {}
    expected = {"kind": "int", "default": 48, "low": 20, "high": 240, "log": True}
    assert Example.describe_space()["slow"] == expected


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"fast": 4}, "Example: parameter fast is 4; expected a whole number from 5 to 60"),
        ({"fast": 10.5}, "Example: parameter fast is 10.5; expected a whole number from 5 to 60"),
        ({"fast": True}, "Example: parameter fast is True; expected a whole number from 5 to 60"),
        ({"fast": "ten"}, "Example: parameter fast is 'ten'; expected a whole number from 5 to 60"),
        ({"width": float("nan")}, "Example: parameter width is nan; expected a number from 0.5 to 4.0"),
        ({"hard_stop": 0.5}, "Example: parameter hard_stop is 0.5; expected a number from 0.01 to 0.2"),
        ({"fsat": 9}, "Example: unknown parameter 'fsat'; did you mean 'fast'?"),
        ({"fast": 50, "slow": 40}, "Example: fast=50, slow=40, width=2.0, hard_stop=0.05 is not a valid"),
    ],
)
def test_bad_value_is_one_sentence(values: dict[str, object], sentence: str) -> None:
    with pytest.raises(StrategyError) as caught:
        Example(**values)
    assert str(caught.value).startswith(sentence)
    assert not Example.is_allowed(values)


def test_instances_are_frozen_values() -> None:
    example = Example(fast=10)
    with pytest.raises(AttributeError, match="frozen"):
        example.fast = 11
    with pytest.raises(AttributeError, match="frozen"):
        del example.fast
    assert example == Example(**example.parameters)
    assert example != Example()
    assert len({example, Example(fast=10), Example()}) == 2
    assert repr(example) == "Example(fast=10, slow=48, width=2.0, hard_stop=0.05)"


def test_history_covers_the_longest_window() -> None:
    assert Example(slow=100).history_bars == 500
    assert Bare().history_bars == 5


def test_strategy_without_a_stop_has_none() -> None:
    assert Bare().stop_fraction == 0.0


@pytest.mark.parametrize(
    ("kind", "default", "low", "high", "log"),
    [
        (Float, math.nan, 0.0, 1.0, False),
        (Float, 0.5, math.nan, 1.0, False),
        (Float, 0.5, 0.0, math.inf, False),
        (Float, 2.0, 0.0, 1.0, False),
        (Float, 0.5, 1.0, 0.0, False),
        (Int, 5, 1, 7.5, False),
        (Int, 5, 0, 10, True),
    ],
)
def test_a_range_that_can_not_be_searched_is_refused_where_it_is_declared(
    kind: type[Float | Int], default: float, low: float, high: float, log: bool
) -> None:
    with pytest.raises(
        StrategyError, match=f"declared from {low!r} to {high!r} with the default {default!r}"
    ):
        kind(default, low=low, high=high, log=log)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "nan", 10**400])
def test_a_value_that_is_not_finite_is_refused(value: object) -> None:
    with pytest.raises(StrategyError, match=r"parameter width is .*; expected a number from 0\.5 to 4\.0"):
        Example(width=value)


def test_a_whole_number_beyond_what_a_float_holds_is_out_of_bounds() -> None:
    with pytest.raises(StrategyError, match="expected a whole number from"):
        Example(fast=10**400)
