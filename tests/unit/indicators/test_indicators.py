"""Indicators against plain numpy; every one of them is causal."""

from collections.abc import Callable

import numpy as np
import pytest

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators import atr, bollinger, ema, rolling_std, sma

RNG = np.random.default_rng(3)
CLOSE = 50_000.0 + np.cumsum(RNG.normal(0.0, 5.0, 300))
INDICATORS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "ema": lambda close: ema(close, 12),
    "sma": lambda close: sma(close, 12),
    "rolling_std": lambda close: rolling_std(close, 12),
    "bollinger": lambda close: bollinger(close, 12, 2.0).upper,
    "atr": lambda close: atr(close + 1.0, close - 1.0, close, 12),
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
