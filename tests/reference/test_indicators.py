"""Indicators against the values of TA-Lib and pandas on 500 hourly bars, given to 12 digits."""

import csv
from pathlib import Path

import numpy as np
import pytest

from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.indicators import atr, bollinger, ema, sma


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
