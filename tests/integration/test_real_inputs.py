"""Strategies with inputs on the exchange's own history."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from quant_pipelines.cli.__main__ import main
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.series import Window
from quant_pipelines.research.archive_source import ArchiveSource
from quant_pipelines.sdk import Inputs, Int, Strategy, attach_inputs

pytestmark = pytest.mark.archive

BTC, AVAX = "BTC/USDT:USDT", "AVAX/USDT:USDT"


class Reader(Strategy):
    """Reads all that the archive has of this symbol."""

    inputs = Inputs(funding=True, open_interest=True, mark=True, timeframes=("4h", "1d"))
    window = Int(5, low=1, high=10)


def backtest(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    capfd.readouterr()
    assert main(["backtest", *map(str, arguments), "--timeframe", "1h", "--json"]) == 0
    document: dict[str, Any] = json.loads(capfd.readouterr().out)
    return document


@pytest.mark.parametrize(
    "strategy", ["funding_carry", "open_interest_divergence", "trend_on_higher_timeframe"]
)
def test_a_strategy_trades_on_the_inputs_of_the_archive(
    capfd: pytest.CaptureFixture[str], archive: Path, strategy: str
) -> None:
    document = backtest(capfd, strategy, BTC, "--archive", archive)
    assert len(document["trades"]) > 20
    assert not [name for name in document["not_modelled"] if name.startswith("input")]


def test_an_input_that_the_archive_lacks_is_named(capfd: pytest.CaptureFixture[str], archive: Path) -> None:
    document = backtest(capfd, "basis_reversion", BTC, "--archive", archive)
    assert document["trades"] == []
    assert "input index_close (no data)" in document["not_modelled"]


def test_basis_is_traded_where_spot_prices_stand_for_the_index(
    capfd: pytest.CaptureFixture[str], archive: Path, tmp_path: Path
) -> None:
    spot = archive / "klines" / "binance_spot" / "AVAXUSDT-1h.parquet"
    for folder in ("klines", "mark", "funding"):
        (tmp_path / folder).symlink_to(archive / folder)
    (tmp_path / "index" / "binance_um").mkdir(parents=True)
    (tmp_path / "index" / "binance_um" / spot.name).symlink_to(spot)
    document = backtest(capfd, "basis_reversion", AVAX, "--archive", tmp_path)
    assert len(document["trades"]) > 20
    assert not [name for name in document["not_modelled"] if name.startswith("input")]


def bars_of(archive: Path, symbol: str, start_ms: int, end_ms: int) -> Bars:
    source = ArchiveSource(archive, "binanceusdm")
    return attach_inputs(Reader, source.bars(symbol, "1h", Window(start_ms, end_ms)), source)


def test_real_inputs_do_not_change_when_the_history_is_cut_off(archive: Path) -> None:
    start_ms, end_ms, cut_ms = 1_704_067_200_000, 1_711_929_600_000, 1_708_000_200_000
    whole, early = (bars_of(archive, AVAX, start_ms, until) for until in (end_ms, cut_ms))
    assert 0 < len(early) < len(whole)
    for name, column in early.extras.items():
        np.testing.assert_array_equal(column, whole.extras[name][: len(early)])
        assert not np.isnan(column).any()
    for timeframe, higher in early.higher.items():
        np.testing.assert_array_equal(higher.close, whole.on(timeframe).close[: len(early)])


def test_mark_prices_and_rates_of_the_archive_are_of_the_size_that_they_have(archive: Path) -> None:
    bars = bars_of(archive, AVAX, 1_704_067_200_000, 1_711_929_600_000)
    assert np.abs(bars.mark_close / bars.close - 1.0).max() < 0.02
    assert 1e-6 < np.abs(bars.funding_rate).mean() < 1e-2
    assert (bars.open_interest > 1e5).all()
