from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quant_pipelines.archive import Unused, load_bars, load_funding, unused_files
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.timeframes import DAY_MS, HOUR_MS

FIRST_MS = 20_000 * DAY_MS


@pytest.fixture(name="folder")
def make_archive(tmp_path: Path) -> Path:
    bars = tmp_path / "klines" / "binance_um"
    bars.mkdir(parents=True)
    write(bars / "BTCUSDT-1h.parquet", price=100.0)
    write(bars / "BTCUSDT-1h-old.parquet", price=50.0)
    write(bars / "BTCUSDT-4h-old.parquet", price=50.0, step=4)
    write(bars / "ETHUSDT-1h.parquet", price=10.0)
    funding = tmp_path / "funding" / "binance_um"
    funding.mkdir(parents=True)
    stamps = FIRST_MS + HOUR_MS * np.array([8, 16]) + 7
    columns: dict[str, Any] = {"ts": stamps, "rate": [1e-4, -1e-4]}
    pq.write_table(pa.table(columns), funding / "BTCUSDT.parquet")
    return tmp_path


def write(path: Path, *, price: float, step: int = 1, low: float | None = None) -> None:
    ts = FIRST_MS + HOUR_MS * step * np.arange(24, dtype=np.int64)
    columns: dict[str, Any] = dict.fromkeys(("open", "high", "low", "close", "volume"), np.full(24, price))
    if low is not None:
        columns["low"] = np.full(24, low)
    pq.write_table(pa.table(columns | {"ts": ts}), path)


def test_file_without_suffix_wins(folder: Path) -> None:
    assert load_bars(folder, "BTC/USDT:USDT", "1h").close[0] == 100.0
    assert load_bars(folder, "BTC/USDT:USDT", "4h").close[0] == 50.0


def test_funding_stamps_are_floored_to_their_slot(folder: Path) -> None:
    funding = load_funding(folder, "BTC/USDT:USDT")
    assert list(funding.ts) == [FIRST_MS + 8 * HOUR_MS, FIRST_MS + 16 * HOUR_MS]
    assert np.isnan(funding.mark_price).all()


def test_symbol_without_funding_has_none(folder: Path) -> None:
    assert len(load_funding(folder, "ETH/USDT:USDT")) == 0


def test_unknown_symbol_suggests_the_nearest(folder: Path) -> None:
    with pytest.raises(DataError, match="unknown symbol 'BTC/USD:USDT'; did you mean 'BTC/USDT:USDT'"):
        load_bars(folder, "BTC/USD:USDT", "1h")


def test_missing_timeframe_names_the_ones_that_are_there(folder: Path) -> None:
    with pytest.raises(DataError, match=r"has no 15m bars of BTC/USDT:USDT; it has 1h, 4h$"):
        load_bars(folder, "BTC/USDT:USDT", "15m")


def test_empty_archive_says_what_it_should_hold(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has no bars; expected .*klines/binance_um/<SYMBOL>-<timeframe>"):
        load_bars(tmp_path, "BTC/USDT:USDT", "1h")


def test_malformed_bars_are_refused(folder: Path) -> None:
    write(folder / "klines" / "binance_um" / "SOLUSDT-1h.parquet", price=10.0, low=11.0)
    with pytest.raises(DataError, match=r"low is 11.0 at bar 0"):
        load_bars(folder, "SOL/USDT:USDT", "1h")


def test_file_that_is_not_parquet_is_refused(folder: Path) -> None:
    (folder / "klines" / "binance_um" / "XRPUSDT-1h.parquet").write_text("nothing")
    with pytest.raises(DataError, match="can't be read as Parquet"):
        load_bars(folder, "XRP/USDT:USDT", "1h")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("BTCUSD_PERP-1h", "a coin-margined (inverse) contract"),
        ("BTCUSDT_260626-1h", "a dated contract"),
        ("ETHBTC-1h", "a pair without a known quote coin"),
        ("btcusdt-1h", "no symbol"),
        ("BTCUSDT-7h", "a name without a timeframe of 1m, 5m, 15m, 1h, 4h, 1d"),
    ],
)
def test_file_that_is_not_used_is_named_with_its_reason(folder: Path, name: str, reason: str) -> None:
    path = folder / "klines" / "binance_um" / f"{name}.parquet"
    write(path, price=1.0)
    assert Unused(path, reason) in unused_files(folder)


def test_files_of_other_markets_and_of_the_same_series_are_not_used(folder: Path) -> None:
    other = folder / "klines" / "okx_swap"
    other.mkdir()
    write(other / "BTCUSDT-1h.parquet", price=1.0)
    assert [(one.path.name, one.reason) for one in unused_files(folder)] == [
        ("BTCUSDT-1h-old.parquet", "another file of the same series is used"),
        ("BTCUSDT-1h.parquet", "of another market"),
    ]


def test_contract_named_in_another_script_is_read(folder: Path) -> None:
    write(folder / "klines" / "binance_um" / "币安人生USDT-1h.parquet", price=7.0)
    assert load_bars(folder, "币安人生/USDT:USDT", "1h").close[0] == 7.0
