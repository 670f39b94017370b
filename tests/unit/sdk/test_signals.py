import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quant_pipelines.core.errors import StrategyError
from quant_pipelines.indicators import Bands
from quant_pipelines.sdk import beyond, entered, held, lasting, turned
from quant_pipelines.sdk.turns import expanded


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


@given(st.integers(0, 2**32), st.integers(0, 200), st.integers(1, 30), st.integers(0, 40))
def test_lasting_opinion_is_the_newest_one_for_so_many_bars_and_then_flat(
    seed: int, n_bars: int, holding: int, settled: int
) -> None:
    rng, index = np.random.default_rng(seed), np.arange(n_bars)
    opinion = np.where(rng.random(n_bars) < 0.1, rng.choice([1.0, -1.0, 0.5], n_bars), np.nan)
    last = held(np.where(np.isnan(opinion), np.nan, index))
    expected = np.where(index - last < holding, held(opinion), 0.0)
    expected[:settled] = np.nan
    np.testing.assert_array_equal(expanded(lasting(opinion, holding, settled=settled)), expected)


@given(st.integers(0, 2**32), st.integers(0, 200), st.integers(0, 40), st.booleans())
def test_what_is_beyond_a_band_is_found_bar_by_bar(
    seed: int, n_bars: int, settled: int, on_entry: bool
) -> None:
    rng = np.random.default_rng(seed)
    value = np.where(rng.random(n_bars) < 0.05, np.nan, rng.integers(-4, 5, n_bars) / 2.0)
    bands = Bands(*(np.full(n_bars, band) for band in (-1.0, 0.0, 1.0)))
    expected, newest = np.full(n_bars, np.nan), np.nan
    for i, now in enumerate(value.tolist()):
        before = value[i - 1] if i else np.nan
        if i and (now > 0.0) != (before > 0.0):
            newest = 0.0 if i >= settled else newest
        for is_beyond, was_beyond, side in (
            (now > 1.0, before > 1.0, 1.0),
            (now < -1.0, before < -1.0, -1.0),
        ):
            if is_beyond and i >= settled and not (on_entry and (was_beyond or not i)):
                newest = side
        expected[i] = newest
    found = expanded(beyond(value, bands, settled=settled, on_entry=on_entry))
    np.testing.assert_array_equal(found, expected)
