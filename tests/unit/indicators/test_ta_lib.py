"""What TA-Lib says where its answer is a trap, and what ours say."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import talib

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators import adx, rolling_range, rsi

CLOSE = 100.0 * np.exp(np.cumsum(np.random.default_rng(5).normal(0.0, 0.01, 400)))


@pytest.fixture
def spoiled() -> Iterator[None]:
    """Whatever else lives in the process has set TA-Lib's variables."""
    talib.set_unstable_period("ALL", 50)
    talib.set_compatibility(1)
    yield
    talib.set_unstable_period("ALL", 0)
    talib.set_compatibility(0)


def every(close: FloatArray) -> FloatArray:
    return np.array(
        [rsi(close, 14), *adx(close + 1.0, close - 1.0, close, 14), *rolling_range(close, close, 9)]
    )


@pytest.mark.usefixtures("spoiled")
def test_variables_of_the_process_change_nothing() -> None:
    spoiled = every(CLOSE)
    assert talib.get_unstable_period("RSI") == 0
    np.testing.assert_array_equal(spoiled, every(CLOSE))
    assert np.isfinite(spoiled[0, 14])


def test_threads_ask_at_the_same_time() -> None:
    close = np.resize(CLOSE, 100_000)
    with ThreadPoolExecutor(2) as pool:
        asked = [pool.submit(rsi, close, 14) for _ in range(20)]
    assert {one.result().tobytes() for one in asked} == {rsi(close, 14).tobytes()}


def test_a_gap_does_not_silence_rsi_for_ever() -> None:
    close = CLOSE.copy()
    close[100] = np.nan
    assert (talib.RSI(close, 14)[120:] == 0.0).all()  # the trap
    np.testing.assert_array_equal(rsi(close, 14)[101:], rsi(close[101:].copy(), 14))
    assert (rsi(close, 14)[120:] > 0.0).all()


@pytest.mark.parametrize("unit", [1.0, 1e-8, 1e-14, 1e9])
def test_a_coin_of_any_price_is_treated_alike(unit: float) -> None:
    close, other = CLOSE * unit, CLOSE
    np.testing.assert_allclose(rsi(close, 14), rsi(other, 14), rtol=1e-6)
    for found, known in zip(
        adx(1.01 * close, 0.99 * close, close, 14), adx(1.01 * other, 0.99 * other, other, 14), strict=True
    ):
        np.testing.assert_allclose(found, known, rtol=1e-5, atol=1e-9)


def test_ta_lib_forgets_the_rsi_of_a_price_that_stands_still() -> None:
    still = np.concatenate([CLOSE, np.full(9_000, CLOSE[-1])])
    assert talib.RSI(still, 2)[-1] == 0.0


@pytest.mark.parametrize("window", [2, 14])
def test_a_price_that_comes_to_stand_keeps_its_rsi(window: int) -> None:
    still = np.concatenate([CLOSE, np.full(9_000, CLOSE[-1])])
    found = rsi(still, window)
    assert (found[CLOSE.size :] == found[CLOSE.size - 1]).all()


def test_a_price_that_only_fell_before_it_stands_still_has_rsi_zero() -> None:
    falling = np.concatenate([np.linspace(200.0, 100.0, 50), np.full(9_000, 100.0)])
    assert rsi(falling, 2)[-1] == 0.0


def test_a_price_that_never_moved_has_rsi_fifty_behind_a_gap_too() -> None:
    close = np.full(60, 100.0)
    close[:30] = CLOSE[:30]
    close[30] = np.nan
    assert (rsi(close, 5)[36:] == 50.0).all()
