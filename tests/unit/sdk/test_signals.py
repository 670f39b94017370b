import numpy as np
import pytest

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.sdk import entered, held, turned


def test_an_opinion_is_held_until_the_next_one() -> None:
    opinion = np.array([np.nan, 1.0, np.nan, 0.0, np.nan, -1.0])
    np.testing.assert_array_equal(held(opinion), [np.nan, 1.0, 1.0, 0.0, 0.0, -1.0])


def test_no_opinion_on_no_bars() -> None:
    assert held(np.empty(0)).size == 0
    assert turned(np.empty(0, dtype=bool)).size == 0


def test_a_state_turns_where_it_differs_from_the_bar_before_but_never_on_the_first_one() -> None:
    assert turned(np.array([True, True, False, False, True])).tolist() == [False, False, True, False, True]


@pytest.mark.parametrize("shape", [2, 0, (4, 1)])
def test_entered_refuses_arrays_of_different_shapes(shape: int | tuple[int, int]) -> None:
    with pytest.raises(StrategyError, match=r"arrays have shapes \(4,\) and .*; expected \(n_bars,\) each"):
        entered(np.ones(4, dtype=bool), np.zeros(shape, dtype=bool))
