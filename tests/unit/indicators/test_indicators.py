"""Indicators against plain numpy; every one of them is causal."""

from collections.abc import Callable

import numpy as np
import pytest

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators import (
    adx,
    atr,
    bollinger,
    ema,
    macd,
    rolling_range,
    rolling_std,
    rolling_vwap,
    rolling_z,
    rsi,
    sma,
    supertrend,
)

RNG = np.random.default_rng(3)
CLOSE = 50_000.0 + np.cumsum(RNG.normal(0.0, 5.0, 300))
INDICATORS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "ema": lambda close: ema(close, 12),
    "sma": lambda close: sma(close, 12),
    "rolling_std": lambda close: rolling_std(close, 12),
    "bollinger": lambda close: bollinger(close, 12, 2.0).upper,
    "atr": lambda close: atr(close + 1.0, close - 1.0, close, 12),
    "rsi": lambda close: rsi(close, 12),
    "macd": lambda close: macd(close, 5, 12, 4).histogram,
    "adx": lambda close: adx(close + 1.0, close - 1.0, close, 6).adx,
    "rolling_range": lambda close: rolling_range(close - 1.0, close + 1.0, 12).high,
    "rolling_vwap": lambda close: rolling_vwap(close, close % 7, 12),
    "rolling_z": lambda close: rolling_z(close, 12),
    "supertrend": lambda close: supertrend(close, close, atr(close + 1.0, close - 1.0, close, 12), 2.0),
}


@pytest.mark.parametrize("name", INDICATORS)
@pytest.mark.parametrize("cut", [1, 2, 11, 12, 13, 100, 299])
def test_indicator_uses_the_past_only(name: str, cut: int) -> None:
    whole = INDICATORS[name](CLOSE)
    assert whole.shape == CLOSE.shape
    assert INDICATORS[name](CLOSE[:cut]).tobytes() == whole[:cut].tobytes()


@pytest.mark.parametrize("name", INDICATORS)
def test_indicator_of_nothing_is_nothing(name: str) -> None:
    assert INDICATORS[name](np.empty(0)).size == 0


def test_sma_and_deviation_equal_numpy() -> None:
    windows = np.lib.stride_tricks.sliding_window_view(CLOSE, 20)
    np.testing.assert_allclose(sma(CLOSE, 20)[19:], windows.mean(axis=1), rtol=1e-12)
    np.testing.assert_allclose(rolling_std(CLOSE, 20)[19:], windows.std(axis=1), rtol=1e-8)
    assert np.isnan(sma(CLOSE, 20)[:19]).all()
    assert np.isnan(rolling_std(CLOSE, 20)[:19]).all()


def test_deviation_of_a_constant_is_zero() -> None:
    assert np.nanmax(rolling_std(np.full(100, 0.1), 7)) == pytest.approx(0.0, abs=1e-12)


def test_window_longer_than_the_series_is_never_defined() -> None:
    assert np.isnan(sma(CLOSE[:5], 6)).all()
    assert np.isnan(atr(CLOSE[:5], CLOSE[:5], CLOSE[:5], 5)).all()


def test_rsi_of_a_price_that_never_moved_is_in_the_middle() -> None:
    assert rsi(np.full(40, 100.0), 14)[14:].tolist() == [50.0] * 26


def test_rsi_of_a_price_that_only_rises_is_full() -> None:
    assert rsi(np.arange(1.0, 41.0), 14)[-1] == 100.0


def test_vwap_is_the_average_price_by_volume_and_unknown_without_any() -> None:
    price, volume = np.array([1.0, 2.0, 4.0, 8.0]), np.array([1.0, 3.0, 0.0, 0.0])
    np.testing.assert_allclose(rolling_vwap(price, volume, 2), [np.nan, 1.75, 2.0, np.nan])


def test_z_counts_deviations_and_is_zero_where_nothing_moves() -> None:
    windows = np.lib.stride_tricks.sliding_window_view(CLOSE, 20)
    expected = (CLOSE[19:] - windows.mean(axis=1)) / windows.std(axis=1)
    np.testing.assert_allclose(rolling_z(CLOSE, 20)[19:], expected, rtol=1e-6)
    still = np.concatenate([CLOSE[:30], np.full(40, CLOSE[29])])
    assert rolling_z(still, 20)[-1] == 0.0


def test_supertrend_turns_on_a_close_behind_the_band_and_its_band_never_loosens() -> None:
    close = np.array([10.0, 10.0, 13.0, 12.0, 11.5, 10.9, 10.9])
    side = supertrend(close, close, np.array([np.nan, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]), 2.0)
    np.testing.assert_array_equal(side, [np.nan, np.nan, 1.0, 1.0, 1.0, -1.0, -1.0])


@pytest.mark.parametrize("size", [2, 4])
def test_arrays_of_different_lengths_are_refused_where_something_is_unknown_too(size: int) -> None:
    with pytest.raises(ValueError, match=f"lengths 3 and {size}; expected the same"):
        rolling_vwap(np.array([1.0, np.nan, 3.0]), np.ones(size), 2)
