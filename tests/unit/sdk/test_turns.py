import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.sdk import Bars, Strategy, Turns, above, crossed, held, turned
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.sdk.trial.bars import flat
from quant_pipelines.sdk.turns import expanded

ARRAYS = st.tuples(st.integers(0, 2**32), st.integers(0, 400), st.integers(0, 410))


def two_arrays(seed: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Values that are equal or not a number at times."""
    values = np.random.default_rng(seed).integers(0, 4, (2, size)).astype(float)
    return np.where(values[0] == 3, np.nan, values[0]), values[1]


@given(ARRAYS)
def test_sides_are_those_of_each_bar(drawn: tuple[int, int, int]) -> None:
    seed, size, settled = drawn
    first, second = two_arrays(seed, size)
    sides = np.where(first > second, 1.0, -1.0)
    sides[:settled] = np.nan
    np.testing.assert_array_equal(expanded(above(first, second, settled)), sides)


@given(ARRAYS)
def test_sides_count_from_the_first_cross_on(drawn: tuple[int, int, int]) -> None:
    seed, size, settled = drawn
    first, second = two_arrays(seed, size)
    is_above = first > second
    is_cross = turned(is_above)
    is_cross[:settled] = False
    opinion = held(np.where(is_cross, np.where(is_above, 1.0, -1.0), np.nan))
    np.testing.assert_array_equal(expanded(crossed(first, second, settled)), opinion)


def test_arrays_of_different_lengths_are_refused() -> None:
    with pytest.raises(StrategyError, match=r"\(3,\) and \(4,\)"):
        above(np.zeros(3), np.zeros(4))


@pytest.mark.parametrize(
    "turns",
    [
        Turns(np.array([0, 2]), np.array([1.0, -1.0]), 9),
        Turns(np.array([2, 2]), np.array([1.0, -1.0]), 50),
        Turns(np.array([2, 50]), np.array([1.0, -1.0]), 50),
        Turns(np.array([2, 3]), np.array([1.0]), 50),
    ],
)
def test_turns_that_are_not_those_of_the_bars_are_refused(turns: Turns) -> None:
    class Given(Strategy):
        def target(self, bars: Bars) -> Turns:
            return turns

    with pytest.raises(StrategyError, match="turns"):
        target_of(Given(), flat(50))
