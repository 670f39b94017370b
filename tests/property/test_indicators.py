"""Every indicator on series with any gaps: nothing is known in one, and behind it a series begins anew."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import quant_pipelines.indicators as shelf
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators import rolling_z, rsi
from tests.property.examples import examples

N_BARS = 90
CLOSE = 100.0 * np.exp(np.cumsum(np.random.default_rng(5).normal(0.0, 0.01, N_BARS)))
SHIFTS = np.random.default_rng(6).uniform(0.0, 1.0, (3, N_BARS)) + np.array([[2.0], [-2.0], [0.0]])
NOT_INDICATORS = {"Memo", "remembered", "remembering"}


class Known(NamedTuple):
    """An indicator on columns, and the first bar at which all of its values can be known."""

    compute: Callable[..., FloatArray | tuple[FloatArray, ...]]
    warm: int
    n_columns: int = 1


def adx_of_averages(high: FloatArray, low: FloatArray, close: FloatArray) -> FloatArray:
    return shelf.adx(*(shelf.sma(column, 3) for column in (high, low, close)), 4).adx


def bollinger_of_macd(close: FloatArray) -> shelf.Bands:
    return shelf.bollinger(shelf.macd(close, 3, 6, 4).histogram, 5, 2.0)


TABLE = {
    "adx": Known(lambda high, low, close: shelf.adx(high, low, close, 5), 9, 3),
    "atr": Known(lambda high, low, close: shelf.atr(high, low, close, 5), 5, 3),
    "bollinger": Known(lambda close: shelf.bollinger(close, 5, 2.0), 4),
    "cointegration": Known(lambda one, other: shelf.cointegration(one, other, 7), 6, 2),
    "ema": Known(lambda close: shelf.ema(close, 5), 0),
    "macd": Known(lambda close: shelf.macd(close, 3, 6, 4), 0),
    "rolling_range": Known(lambda low, high: shelf.rolling_range(low, high, 5), 4, 2),
    "rolling_std": Known(lambda close: shelf.rolling_std(close, 5), 4),
    "rolling_vwap": Known(lambda price, volume: shelf.rolling_vwap(price, volume, 5), 4, 2),
    "rolling_z": Known(lambda close: shelf.rolling_z(close, 5), 4),
    "rsi": Known(lambda close: shelf.rsi(close, 5), 5),
    "sma": Known(lambda close: shelf.sma(close, 5), 4),
    "supertrend": Known(lambda middle, close, reach: shelf.supertrend(middle, close, reach / 1e4, 1.0), 1, 3),
}
OF_INDICATORS = {
    "rolling_z of rsi": Known(lambda close: rolling_z(rsi(close, 5), 6), 10),
    "rsi of sma": Known(lambda close: rsi(shelf.sma(close, 4), 5), 8),
    "ema of atr": Known(lambda high, low, close: shelf.ema(shelf.atr(high, low, close, 4), 3), 4, 3),
    "adx of averages": Known(adx_of_averages, 9, 3),
    "bollinger of macd": Known(bollinger_of_macd, 4),
}
ALL = TABLE | OF_INDICATORS


def columns_of(one: Known) -> list[FloatArray]:
    """Columns as an indicator takes them: near each other, and none the same."""
    return [CLOSE + shift for shift in SHIFTS[: one.n_columns]]


def computed(one: Known, columns: list[FloatArray]) -> FloatArray:
    """All of its values; shape (n_values, n_bars)."""
    return np.atleast_2d(np.array(one.compute(*columns)))


def with_gaps(columns: list[FloatArray], gaps: list[tuple[int, int, int, float]]) -> list[FloatArray]:
    """Columns of which each gap (column, first bar, length, value) is not known."""
    made = [column.copy() for column in columns]
    for column, start, length, value in gaps:
        made[column % len(made)][start : start + length] = value
    return made


GAPS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.integers(0, N_BARS),
        st.integers(1, 9),
        st.sampled_from([np.nan, np.inf, -np.inf]),
    ),
    min_size=1,
    max_size=6,
)


def test_the_table_has_every_indicator() -> None:
    offered = {name for name in shelf.__all__ if name[0].islower()} - NOT_INDICATORS
    assert set(TABLE) == offered


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=examples(60))
@given(gaps=GAPS)
def test_behind_a_gap_the_values_are_those_of_a_series_that_begins_there(
    name: str, gaps: list[tuple[int, int, int, float]]
) -> None:
    one = ALL[name]
    columns = with_gaps(columns_of(one), gaps)
    found = computed(one, columns)
    is_known = np.isfinite(columns).all(axis=0)
    assert np.isnan(found[:, ~is_known]).all()
    edges = np.flatnonzero(np.diff(is_known, prepend=False, append=False))
    for start, end in edges.reshape(-1, 2).tolist():
        anew = computed(one, [column[start:end].copy() for column in columns])
        # Of several columns one may have been known longer: its running sum is rounded in another place.
        np.testing.assert_allclose(found[:, start:end], anew, rtol=0.0 if name in TABLE else 1e-9)


@pytest.mark.parametrize("name", ALL)
def test_an_indicator_is_known_as_soon_as_it_can_be_and_then_changes(name: str) -> None:
    one = ALL[name]
    found = computed(one, columns_of(one))
    first = np.isfinite(found).all(axis=0).argmax()
    assert first >= one.warm
    assert np.isfinite(found[:, first:]).all()
    if name != "supertrend":
        assert first == one.warm
        assert (np.ptp(found[:, first:], axis=1) > 0.0).all()


@pytest.mark.parametrize("name", ALL)
@settings(max_examples=examples(20))
@given(gaps=GAPS, cut=st.integers(1, N_BARS))
def test_no_gap_lets_an_indicator_look_ahead(
    name: str, gaps: list[tuple[int, int, int, float]], cut: int
) -> None:
    one = ALL[name]
    columns = with_gaps(columns_of(one), gaps)
    short = computed(one, [column[:cut] for column in columns])
    np.testing.assert_array_equal(short, computed(one, columns)[:, :cut])


@pytest.mark.parametrize("name", TABLE)
def test_columns_are_left_alone(name: str) -> None:
    columns = with_gaps(columns_of(TABLE[name]), [(0, 20, 5, np.nan)])
    before = [column.copy() for column in columns]
    computed(TABLE[name], columns)
    np.testing.assert_array_equal(columns, before)
