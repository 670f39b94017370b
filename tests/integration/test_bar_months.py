"""Months of bars: made ahead, dropped when nobody needs them, TimescaleDB's where that is found."""

from dataclasses import replace
from datetime import date
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.errors import StoreError
from quant_pipelines.core.search_settings import OptimizationSettings, WindowSettings
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.settings import MarketSettings, Settings
from quant_pipelines.core.timeframes import DAY_MS, day_start_ms, from_ms
from quant_pipelines.store.bar_partitions import ensure_months_ahead, month_of, stored_months
from quant_pipelines.store.bars import Upserted, ensure_partitions, read_bars, upsert_bars
from quant_pipelines.store.column_cache import ColumnCache
from quant_pipelines.store.market_events import TradeRow, save_trades
from quant_pipelines.store.retention import apply_retention

pytestmark = pytest.mark.postgres

SERIES = Series("binanceusdm", "BTC/USDT:USDT", "1d")
NOW = day_start_ms("2024-11-20")
ALL = Window(0, 4_000_000_000_000)
WINDOWS = WindowSettings(train_days=10, test_days=5, folds=2, purge_hours=24)
SETTINGS = Settings(
    market=MarketSettings(history_days=10, keep_bars_days=60),
    optimization=OptimizationSettings(minute_windows=WINDOWS, hour_windows=WINDOWS),
)


def days(first: str, count: int) -> BarRows:
    column = np.linspace(1.0, 2.0, count)
    ts = day_start_ms(first) + DAY_MS * np.arange(count)
    return BarRows(ts, column, column, column, column, column, column, np.arange(count))


def months(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return [f"{month:%Y-%m}" for month in sorted(stored_months(connection))]


@pytest.fixture
def year(engine: Engine) -> Engine:
    """A database with daily bars from January to November."""
    upsert_bars(engine, SERIES, days("2024-01-01", 325))
    return engine


def test_months_ahead_are_made_once_over_the_end_of_a_year(engine: Engine) -> None:
    made = ensure_months_ahead(engine, lambda: NOW)
    assert made == ["market.bars_2024_11", "market.bars_2024_12", "market.bars_2025_01"]
    assert ensure_months_ahead(engine, lambda: NOW) == []


def test_nothing_is_dropped_by_default(year: Engine) -> None:
    assert apply_retention(year, Settings(), lambda: NOW) == []


def test_months_before_the_kept_days_are_dropped_whole(year: Engine) -> None:
    dropped = apply_retention(year, SETTINGS, lambda: NOW)
    assert dropped == [f"market.bars_2024_{month:02}" for month in range(1, 9)]
    assert months(year) == ["2024-09", "2024-10", "2024-11"]
    assert read_bars(year, SERIES, ALL).ts[0] == day_start_ms("2024-09-01")
    assert apply_retention(year, SETTINGS, lambda: NOW) == []


@pytest.mark.parametrize(
    ("settings", "first"),
    [
        (replace(SETTINGS, market=replace(SETTINGS.market, history_days=120)), "2024-07"),
        (
            replace(
                SETTINGS,
                optimization=replace(SETTINGS.optimization, hour_windows=replace(WINDOWS, train_days=150)),
            ),
            "2024-06",
        ),
    ],
    ids=["history that is ingested", "window of the optimization"],
)
def test_month_that_is_needed_stays(year: Engine, settings: Settings, first: str) -> None:
    apply_retention(year, settings, lambda: NOW)
    assert months(year)[0] == first


_VERSION = """
insert into research.strategies values ('s', '', now());
insert into research.strategy_versions (strategy, content_hash, kernel_digest, source, parameters, created_at)
values ('s', 'h', 'k', '', '{}', now());
"""
_SEARCH = """
insert into research.records (record_key, begun_at) values ('key', now());
insert into research.optimizer_tasks
    (record_id, task_key, strategy_version_id, strategy, exchange, symbol, timeframe, searcher, objective,
     seed, window_start, window_end, settings, trigger, status, created_at)
select records.id, 'key', versions.id, 's', 'e', 'x', '1h', 'ga', 'sharpe', 1, '2024-04-10',
    '2024-05-01', '{}', 'operator', 'running', now()
from research.strategy_versions as versions, research.records
"""
_DEPLOYMENT = """
insert into trading.accounts (name, venue, currency, capital, created_at)
values ('paper', 'paper', 'USDT', 1000, now());
insert into trading.deployments
    (account_id, strategy_version_id, strategy, exchange, symbol, timeframe, execution_timeframe, parameters,
     settings, stage, capital, history_start, created_at, stage_changed_at)
select accounts.id, versions.id, 's', 'e', 'x', '1h', '1m', '{}', '{}', 'live', 1000, '2024-03-31', now(),
    now()
from trading.accounts, research.strategy_versions as versions
"""


def test_month_that_an_unfinished_search_reads_stays(year: Engine) -> None:
    with year.begin() as connection:
        connection.exec_driver_sql(_VERSION + _SEARCH)
    apply_retention(year, SETTINGS, lambda: NOW)
    assert months(year)[0] == "2024-04"


@pytest.mark.parametrize(
    ("stage", "first"), [("live", "2024-03"), ("cooling", "2024-03"), ("retired", "2024-09")]
)
def test_month_that_a_deployment_is_replayed_from_stays_until_it_is_over(
    year: Engine, stage: str, first: str
) -> None:
    with year.begin() as connection:
        connection.exec_driver_sql(_VERSION + _DEPLOYMENT)
        connection.exec_driver_sql("update trading.deployments set stage = %s", (stage,))
    apply_retention(year, SETTINGS, lambda: NOW)
    assert months(year)[0] == first


def test_months_of_samples_go_by_days_of_their_own(year: Engine) -> None:
    times = [day_start_ms(day) for day in ("2024-08-31", "2024-09-01", "2024-11-19")]
    rows = [TradeRow(ts, str(ts), 1.0, 1.0, is_buyer_maker=False) for ts in times]
    save_trades(year, *SERIES[:2], rows)
    settings = Settings(market=MarketSettings(keep_samples_days=60))
    assert apply_retention(year, settings, lambda: NOW) == ["market.trades_2024_08"]
    with year.connect() as connection:
        left = connection.exec_driver_sql("select ts from market.trades order by ts").scalars()
        assert list(left) == [from_ms(ts) for ts in times[1:]]
    assert len(months(year)) == 11


def test_partition_that_is_being_read_is_left_for_later(year: Engine) -> None:
    with year.connect() as reader:
        reader.exec_driver_sql("select count(*) from market.bars")
        with pytest.raises(StoreError, match=r"market.bars_2024_01 can't be dropped now: .*lock timeout"):
            apply_retention(year, SETTINGS, lambda: NOW)
    assert months(year)[0] == "2024-01"


@pytest.mark.parametrize(
    ("name", "month"),
    [
        ("bars_2024_03", date(2024, 3, 1)),
        ("bars_old", None),
        ("bars_2024_3x", None),
        ("x_bars_2024_03", None),
    ],
)
def test_only_our_names_are_months(name: str, month: date | None) -> None:
    assert month_of(name) == month


@pytest.fixture
def plain(engine: Engine) -> Engine:
    """A database whose bars were handed to TimescaleDB, which a function of the same name stands in for."""
    migration = import_module("quant_pipelines.store.migrations.versions.0007_bar_versions")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "create function create_hypertable(regclass, name, chunk_time_interval interval) returns void "
            "language sql as 'select'"
        )
        assert not migration.has_timescale(connection)
        migration.make_hypertable(connection)
    return engine


def test_table_that_timescale_cuts_takes_bars_without_our_partitions(plain: Engine) -> None:
    written = days("2024-01-01", 90)
    assert ensure_partitions(plain, NOW, NOW) == []
    assert upsert_bars(plain, SERIES, written) == Upserted(90, 0)
    assert upsert_bars(plain, SERIES, written) == Upserted(0, 0)
    assert upsert_bars(plain, SERIES, replace(written, trades=written.trades + 1)) == Upserted(0, 90)
    assert from_ms(int(read_bars(plain, SERIES, ALL).ts[-1])).date() == date(2024, 3, 30)


def test_table_that_timescale_cuts_is_read_without_column_files(plain: Engine, tmp_path: Path) -> None:
    upsert_bars(plain, SERIES, days("2024-01-01", 90))
    cache = ColumnCache(plain, tmp_path / "columns")
    assert len(cache.read_bars(SERIES, ALL)) == 90
    assert not cache.path(SERIES).exists()
