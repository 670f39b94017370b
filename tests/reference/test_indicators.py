"""Indicators against the values of TA-Lib and pandas on 500 hourly bars, given to 12 digits."""

import csv
from pathlib import Path

import numpy as np
import pytest

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators import adx, atr, bollinger, ema, macd, rolling_range, rsi, sma


@pytest.fixture(scope="module")
def table(reference: Path) -> dict[str, FloatArray]:
    with (reference / "ref" / "indicators_btc1h_500.csv").open() as file:
        rows = list(csv.DictReader(file))
    return {
        name: np.array([float(row[name]) if row[name] else np.nan for row in rows])
        for name in rows[0]
        if name != "ts"
    }


def test_ema_equals_pandas(table: dict[str, FloatArray]) -> None:
    np.testing.assert_allclose(ema(table["close"], 20), table["ema20_adjust_false_from_first"], rtol=1e-11)


def test_sma_equals_talib(table: dict[str, FloatArray]) -> None:
    np.testing.assert_allclose(sma(table["close"], 20), table["sma20"], rtol=1e-11)


def test_bollinger_bands_equal_talib(table: dict[str, FloatArray]) -> None:
    bands = bollinger(table["close"], 20, 2.0)
    np.testing.assert_allclose(bands.lower, table["bb_low"], rtol=1e-10)
    np.testing.assert_allclose(bands.middle, table["bb_mid"], rtol=1e-11)
    np.testing.assert_allclose(bands.upper, table["bb_up"], rtol=1e-10)


@pytest.mark.parametrize("window", [14, 22])
def test_atr_equals_talib(table: dict[str, FloatArray], window: int) -> None:
    actual = atr(table["high"], table["low"], table["close"], window)
    np.testing.assert_allclose(actual, table[f"atr{window}"], rtol=1e-11)


def test_rsi_equals_talib(table: dict[str, FloatArray]) -> None:
    np.testing.assert_allclose(rsi(table["close"], 14), table["rsi14"], rtol=1e-9)


def test_directional_movement_equals_talib(table: dict[str, FloatArray]) -> None:
    trend = adx(table["high"], table["low"], table["close"], 14)
    np.testing.assert_allclose(trend.adx, table["adx14"], rtol=1e-9)
    np.testing.assert_allclose(trend.plus, table["plus_di14"], rtol=1e-9)
    np.testing.assert_allclose(trend.minus, table["minus_di14"], rtol=1e-9)


def test_rolling_range_equals_the_donchian_channel(table: dict[str, FloatArray]) -> None:
    channel = rolling_range(table["low"], table["high"], 20)
    np.testing.assert_allclose(channel.low, table["donch_lo20"], rtol=1e-12)
    np.testing.assert_allclose(channel.high, table["donch_hi20"], rtol=1e-12)


def test_macd_equals_talib_once_the_seeds_are_forgotten(table: dict[str, FloatArray]) -> None:
    lines = macd(table["close"], 12, 26, 9)
    np.testing.assert_allclose(lines.line[400:], table["macd"][400:], atol=1e-8)
    np.testing.assert_allclose(lines.signal[400:], table["macd_signal"][400:], atol=1e-8)
