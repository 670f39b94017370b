"""Research reads through column files: the same bits as the database, whatever happened to rows or files."""

import logging
import os
import resource
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from quant_pipelines.core.bars import COLUMNS, BarRows, Bars
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS, day_start_ms
from quant_pipelines.store.bars import read_bars, upsert_bars
from quant_pipelines.store.column_cache import ColumnCache

pytestmark = pytest.mark.postgres

SERIES = Series("binanceusdm", "BTC/USDT:USDT", "1m")
START = day_start_ms("2024-02-28")
ALL = Window(0, 4_000_000_000_000)
_OTHERS = "exchange, symbol, timeframe, open, high, low, close, volume, quote_volume, trades, available_at"


def rows(count: int = 4000, start_ms: int = START, price: float = 100.0) -> BarRows:
    index = np.arange(count)
    column = price + index / 7.0
    return BarRows(
        start_ms + index * MINUTE_MS, column, column + 1, column - 1, column + 0.1, column / 3, column, index
    )


def same(bars: Bars, others: Bars) -> bool:
    return all(np.array_equal(getattr(bars, name), getattr(others, name)) for name in ("ts", *COLUMNS))


@pytest.fixture
def cache(engine: Engine, tmp_path: Path) -> ColumnCache:
    return ColumnCache(engine, tmp_path / "columns")


@pytest.fixture
def filled(engine: Engine, cache: ColumnCache) -> ColumnCache:
    """A cache with the file of a series that reaches over the end of a month."""
    upsert_bars(engine, SERIES, rows())
    cache.read_bars(SERIES, ALL)
    return cache


def is_mapped(bars: Bars) -> bool:
    owner = bars.close
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    return owner.base is not None


def execute(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Let the system refuse files that grow beyond a size, as it does when the disk is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize(
    "window",
    [
        ALL,
        Window(START + 1000 * MINUTE_MS, START + 3000 * MINUTE_MS),
        Window(0, START),
        Window(START + 30 * DAY_MS, ALL.end_ms),
    ],
    ids=["all", "inside", "before", "after"],
)
def test_cache_reads_what_the_database_reads(engine: Engine, cache: ColumnCache, window: Window) -> None:
    upsert_bars(engine, SERIES, rows())
    for _ in range(2):
        assert same(cache.read_bars(SERIES, window), read_bars(engine, SERIES, window))


def test_second_read_is_mapped_from_the_first_ones_file(filled: ColumnCache) -> None:
    written = filled.path(SERIES).stat()
    bars = filled.read_bars(SERIES, ALL)
    after = filled.path(SERIES).stat()
    assert is_mapped(bars)
    assert (after.st_ino, after.st_mtime_ns) == (written.st_ino, written.st_mtime_ns)


def test_what_a_reader_does_to_its_arrays_stays_its_own(engine: Engine, filled: ColumnCache) -> None:
    filled.read_bars(SERIES, ALL).close[:] = 0.0
    assert same(filled.read_bars(SERIES, ALL), read_bars(engine, SERIES, ALL))


@pytest.mark.parametrize(
    "change",
    [
        "update market.bars set close = close + 1 where ts = '2024-02-28 10:00+00'",
        "update market.bars set symbol = 'ETH/USDT:USDT' where ts < '2024-02-29'",
        "update market.bars_2024_03 set close = close + 1",
        "delete from market.bars where extract(minute from ts) between 30 and 34",
        "delete from market.bars_2024_02",
        "delete from market.bars",
        "truncate market.bars",
        "truncate market.bars_2024_02",
        "drop table market.bars_2024_03",
        f"insert into market.bars (ts, {_OTHERS}) select ts - interval '5 days', {_OTHERS} from market.bars",  # noqa: S608
    ],
    ids=lambda statement: " ".join(statement.split()[:4]),
)
def test_change_by_plain_sql_is_seen(engine: Engine, filled: ColumnCache, change: str) -> None:
    before = filled.read_bars(SERIES, ALL)
    execute(engine, change)
    after = filled.read_bars(SERIES, ALL)
    assert same(after, read_bars(engine, SERIES, ALL))
    assert not same(after, before)


@pytest.mark.parametrize(
    "written",
    [rows(price=200.0), rows(100, START + 4000 * MINUTE_MS), rows(100, START - 90 * DAY_MS)],
    ids=["revised", "newer", "older"],
)
def test_change_by_an_upsert_is_seen(engine: Engine, filled: ColumnCache, written: BarRows) -> None:
    upsert_bars(engine, SERIES, written)
    assert same(filled.read_bars(SERIES, ALL), read_bars(engine, SERIES, ALL))


def test_unchanged_upsert_keeps_the_file(engine: Engine, filled: ColumnCache) -> None:
    written = filled.path(SERIES).stat().st_ino
    upsert_bars(engine, SERIES, rows())
    upsert_bars(engine, Series("binanceusdm", "ETH/USDT:USDT", "1m"), rows())
    filled.read_bars(SERIES, ALL)
    assert filled.path(SERIES).stat().st_ino == written


def test_change_that_is_rolled_back_changes_nothing(engine: Engine, filled: ColumnCache) -> None:
    written = filled.path(SERIES).stat().st_ino
    with engine.connect() as connection:
        connection.exec_driver_sql("delete from market.bars")
        connection.rollback()
    filled.read_bars(SERIES, ALL)
    assert filled.path(SERIES).stat().st_ino == written


def truncated(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 1)


def cut_to_nothing(path: Path) -> None:
    os.truncate(path, 0)


def flip(path: Path, position: int) -> None:
    data = bytearray(path.read_bytes())
    data[position] ^= 0x10
    path.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        truncated,
        cut_to_nothing,
        lambda path: flip(path, 3),
        lambda path: flip(path, 40),
        lambda path: flip(path, 4096 + 5),
        lambda path: flip(path, path.stat().st_size // 2),
        lambda path: path.write_bytes(b"nothing of ours"),
    ],
    ids=["cut", "empty", "magic", "header", "first page", "in the middle", "foreign"],
)
def test_damaged_file_is_reported_and_made_again(
    engine: Engine, filled: ColumnCache, caplog: pytest.LogCaptureFixture, damage: Callable[[Path], None]
) -> None:
    damage(filled.path(SERIES))
    with caplog.at_level(logging.WARNING):
        assert same(filled.read_bars(SERIES, ALL), read_bars(engine, SERIES, ALL))
    assert "it is made again from the database" in caplog.text
    caplog.clear()
    assert is_mapped(filled.read_bars(SERIES, ALL))
    assert not caplog.text


def test_file_of_another_series_is_not_taken(engine: Engine, filled: ColumnCache) -> None:
    other = Series("binanceusdm", "ETH/USDT:USDT", "1m")
    upsert_bars(engine, other, rows(price=9.0))
    filled.path(SERIES).rename(filled.path(other))
    assert same(filled.read_bars(other, ALL), read_bars(engine, other, ALL))


def test_full_disk_is_reported_and_the_database_answers(
    engine: Engine, cache: ColumnCache, caplog: pytest.LogCaptureFixture
) -> None:
    upsert_bars(engine, SERIES, rows())
    with caplog.at_level(logging.WARNING), largest_file(50_000):
        assert same(cache.read_bars(SERIES, ALL), read_bars(engine, SERIES, ALL))
    assert "can't be written" in caplog.text
    assert list(cache.path(SERIES).parent.iterdir()) == []


def test_folder_that_can_not_be_made_leaves_the_database_to_answer(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    upsert_bars(engine, SERIES, rows())
    cache = ColumnCache(engine, tmp_path / "file" / "columns")
    assert same(cache.read_bars(SERIES, ALL), read_bars(engine, SERIES, ALL))


def test_what_a_killed_writer_left_is_removed_later(engine: Engine, filled: ColumnCache) -> None:
    left = filled.path(SERIES).with_suffix(".columns.1-a.partial")
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    upsert_bars(engine, SERIES, rows(price=300.0))
    filled.read_bars(SERIES, ALL)
    assert [path.name for path in left.parent.iterdir()] == [filled.path(SERIES).name]


def test_files_of_series_that_are_gone_are_removed(engine: Engine, filled: ColumnCache) -> None:
    assert filled.remove_stale() == []
    execute(engine, "delete from market.bar_versions")
    assert filled.remove_stale() == [filled.path(SERIES)]


def flat(price: float) -> BarRows:
    column = np.full(4000, price)
    return replace(rows(), open=column, high=column, low=column, close=column)


def test_readers_see_whole_transactions_while_writers_write(engine: Engine, tmp_path: Path) -> None:
    """Every transaction gives all bars of two months one price: who sees two prices saw half of one."""
    upsert_bars(engine, SERIES, flat(1.0))
    finished = threading.Event()

    def write(first: int) -> None:
        for price in range(first, first + 8):
            upsert_bars(engine, SERIES, flat(price))

    def read() -> set[int]:
        cache, prices = ColumnCache(engine, tmp_path / "columns"), set()
        while not finished.is_set():
            prices.add(np.unique(cache.read_bars(SERIES, ALL).close).size)
        return prices

    with ThreadPoolExecutor(5) as pool:
        readers = [pool.submit(read) for _ in range(3)]
        writers = [pool.submit(write, first) for first in (1000, 2000)]
        try:
            for writer in writers:
                writer.result()
        finally:
            finished.set()
        assert [reader.result() for reader in readers] == [{1}, {1}, {1}]
    last = ColumnCache(engine, tmp_path / "columns").read_bars(SERIES, ALL)
    assert same(last, read_bars(engine, SERIES, ALL))
