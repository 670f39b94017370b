"""Trades are read block by block: the bars are those of all trades, and memory does not follow them."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from quant_pipelines.archive import Claims, FileSeries, read_series
from quant_pipelines.core.errors import DataError
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS

FIRST_MS = 1_717_200_000_000  # 2024-06-01
HEADER = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker"
TARDIS = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount"
N_TRADES = 400_000
ASKED = Claims(kind="trades", symbol="BTC/USDT:USDT", timeframe="5m")
Trades = tuple[np.ndarray, np.ndarray, np.ndarray]


@pytest.fixture(scope="module")
def trades() -> Trades:
    """Times, prices and quantities of a day of 20 MB, in order, of which some share a millisecond."""
    random = np.random.default_rng(7)
    ts = FIRST_MS + np.sort(random.integers(0, DAY_MS, N_TRADES)) // 50 * 50
    price = 68_000 + np.round(np.cumsum(random.normal(0, 0.5, N_TRADES)), 1)
    return ts, price, random.integers(1, 2000, N_TRADES) / 1000


def lines_of(trades: Trades) -> list[str]:
    rows = zip(*(column.tolist() for column in trades), strict=True)
    return [f"{i},{price},{size},{i},{i},{ts},true" for i, (ts, price, size) in enumerate(rows)]


def write(folder: Path, lines: list[str], header: str = HEADER) -> Path:
    path = folder / "BTCUSDT-aggTrades-2024-06-01.csv"
    path.write_text("\n".join([header, *lines]) + "\n")
    return path


def read(folder: Path, lines: list[str], header: str = HEADER) -> FileSeries:
    return read_series(write(folder, lines, header), ASKED, now_ms=FIRST_MS + 2 * DAY_MS)


def require_bars(series: FileSeries, trades: Trades) -> None:
    ts, price, size = trades
    step = ts // (5 * MINUTE_MS)
    first = np.flatnonzero(np.diff(step, prepend=-1))
    columns = series.columns
    assert np.array_equal(series.ts, step[first] * 5 * MINUTE_MS)
    assert np.array_equal(columns["open"], price[first])
    assert np.array_equal(columns["close"], price[np.append(first[1:], ts.size) - 1])
    assert np.array_equal(columns["high"], np.maximum.reduceat(price, first))
    assert np.array_equal(columns["low"], np.minimum.reduceat(price, first))
    assert np.allclose(columns["volume"], np.add.reduceat(size, first), rtol=1e-12)
    assert columns["trades"].sum() == N_TRADES


def test_bars_of_blocks_are_those_of_all_trades(tmp_path: Path, trades: Trades) -> None:
    require_bars(read(tmp_path, lines_of(trades)), trades)


def test_trades_may_stand_newest_first(tmp_path: Path, trades: Trades) -> None:
    require_bars(read(tmp_path, lines_of(trades)[::-1]), trades)


def test_unordered_trades_are_sorted_across_blocks(tmp_path: Path, trades: Trades) -> None:
    ts, price, size = trades
    arrived = np.argsort(ts + np.random.default_rng(8).integers(0, MINUTE_MS, N_TRADES), kind="stable")
    rows = zip(ts[arrived].tolist(), price[arrived].tolist(), size[arrived].tolist(), strict=True)
    lines = [f"binance-futures,BTCUSDT,{t}000,{t}009,{i},buy,{p},{q}" for i, (t, p, q) in enumerate(rows)]
    series = read(tmp_path, lines, TARDIS)
    in_order = arrived[np.argsort(ts[arrived], kind="stable")]
    require_bars(series, (ts, price[in_order], size[in_order]))


def test_a_bad_trade_of_a_later_block_is_named_by_its_line(tmp_path: Path, trades: Trades) -> None:
    lines = lines_of(trades)
    for bad, message in (
        (lines[390_000].replace(",68", ",x", 1), r"price is '.*' at row 390002; expected a number"),
        (f"900001,2,3,4,5,{FIRST_MS},true", r"ts is \d+ at row 390002; expected a time"),
        ("1,2,3", r"3 cells at row 390002; expected 7"),
        (
            f"900001,2,3,4,5,{FIRST_MS // 1000},true",
            r"ts is 1717200000 at row 390002, which looks like seconds",
        ),
    ):
        with pytest.raises(DataError, match=message):
            read(tmp_path, [*lines[:390_000], bad, *lines[390_001:]])


@pytest.mark.parametrize("again", [slice(0, 400_000), slice(250_000, 250_001)])
def test_trades_that_stand_twice_are_refused(tmp_path: Path, trades: Trades, again: slice) -> None:
    ts, price, size = (column.tolist() for column in trades)
    lines = [
        f"binance-futures,BTCUSDT,{t}000,{t}009,{i},buy,{p},{q}"
        for i, (t, p, q) in enumerate(zip(ts, price, size, strict=True))
    ]
    at = N_TRADES + 2 if again.start == 0 else again.stop + 2
    doubled = lines[: at - 2] + lines[again] + lines[at - 2 :]
    with pytest.raises(DataError, match=rf"trade is '{again.start}' at row {at}; expected each trade once"):
        read(tmp_path, doubled, TARDIS)


def test_trades_without_numbers_are_no_fault(tmp_path: Path) -> None:
    lines = [f"binance-futures,BTCUSDT,{FIRST_MS}000,{FIRST_MS}009,,buy,100.0,1.0"] * 3
    assert read(tmp_path, lines, TARDIS).columns["trades"].sum() == 3


def test_memory_does_not_follow_the_trades(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-aggTrades-2024-06-01.csv"
    path.write_text(f"{HEADER}\n" + f",68000.0,0.001,1,1,{FIRST_MS},true\n" * 3_000_000)
    tracemalloc.start()
    [volume] = read_series(path, ASKED, now_ms=FIRST_MS + 2 * DAY_MS).columns["volume"]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert volume == pytest.approx(3000.0)
    assert path.stat().st_size > 100e6
    assert peak < 50e6  # blocks that are read ahead, whatever the size of the file
