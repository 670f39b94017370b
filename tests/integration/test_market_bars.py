import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from sqlalchemy import Engine, text

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.series import Series, Window
from quant_pipelines.core.timeframes import MINUTE_MS, day_start_ms
from quant_pipelines.store.bars import (
    Upserted,
    count_by_day,
    ensure_partitions,
    newest_bar_ms,
    oldest_bar_ms,
    read_bar_rows,
    read_bars,
    read_closes,
    upsert_bars,
)
from quant_pipelines.store.engine import transaction

pytestmark = pytest.mark.postgres

SERIES = Series("binanceusdm", "BTC/USDT:USDT", "1m")
START = day_start_ms("2024-02-29")
ALL = Window(0, 4_000_000_000_000)


def rows(count: int, start_ms: int = START, price: float = 100.0) -> BarRows:
    index = np.arange(count)
    column = price + index / 7.0
    return BarRows(
        ts=start_ms + index * MINUTE_MS,
        open=column,
        high=column + 1.0,
        low=column - 1.0,
        close=column + 0.1,
        volume=column / 3.0,
        quote_volume=column * 3.0,
        trades=index,
    )


def test_bars_come_back_to_the_last_bit(engine: Engine) -> None:
    written = rows(5000)
    assert upsert_bars(engine, SERIES, written) == Upserted(5000, 0)
    stored = read_bar_rows(engine, SERIES, ALL)
    for name in BarRows.__dataclass_fields__:
        assert (getattr(stored, name) == getattr(written, name)).all(), name


def test_read_takes_a_half_open_window(engine: Engine) -> None:
    upsert_bars(engine, SERIES, rows(10))
    bars = read_bars(engine, SERIES, Window(START + 2 * MINUTE_MS, START + 5 * MINUTE_MS))
    assert bars.ts.tolist() == [START + minute * MINUTE_MS for minute in (2, 3, 4)]
    assert bars.validated().symbol == "BTC/USDT:USDT"


def test_closes_are_those_of_the_bars_that_end_at_a_time(engine: Engine) -> None:
    written = rows(10)
    upsert_bars(engine, SERIES, written)
    asked = START + MINUTE_MS * np.array([0, 3, 10, 11])
    closes = read_closes(engine, SERIES, asked)
    assert closes[1:3].tolist() == [written.close[2], written.close[9]]
    assert np.isnan(closes[[0, 3]]).all()


def test_nothing_stored_reads_as_nothing(engine: Engine) -> None:
    assert len(read_bars(engine, SERIES, ALL)) == 0
    assert upsert_bars(engine, SERIES, rows(0)) == Upserted(0, 0)
    with transaction(engine) as connection:
        assert newest_bar_ms(connection, SERIES) is None


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (rows(100), Upserted(0, 0)),
        (rows(100, price=200.0), Upserted(0, 100)),
        (rows(100, START + 60 * MINUTE_MS, price=100.0 + 60 / 7.0), Upserted(60, 40)),
        (rows(50, START + 100 * MINUTE_MS), Upserted(50, 0)),
    ],
    ids=["same", "revised", "overlapping", "following"],
)
def test_second_writing_counts_what_it_added_and_changed(
    engine: Engine, second: BarRows, expected: Upserted
) -> None:
    upsert_bars(engine, SERIES, rows(100))
    assert upsert_bars(engine, SERIES, second) == expected
    assert len(read_bars(engine, SERIES, ALL)) == 100 + expected.inserted


def test_unchanged_rows_are_not_rewritten(engine: Engine) -> None:
    upsert_bars(engine, SERIES, rows(3))
    versions = "select xmin::text from market.bars order by ts"
    with engine.connect() as connection:
        before = connection.execute(text(versions)).scalars().all()
    one_changed = replace(rows(3), volume=rows(3).volume + np.array([0.0, 1.0, 0.0]))
    upsert_bars(engine, SERIES, one_changed)
    with engine.connect() as connection:
        after = connection.execute(text(versions)).scalars().all()
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True]


def test_bar_is_available_when_it_closes(engine: Engine) -> None:
    upsert_bars(engine, Series("binanceusdm", "BTC/USDT:USDT", "1h"), rows(1))
    with engine.connect() as connection:
        query = text("select extract(epoch from available_at - ts) from market.bars")
        assert connection.execute(query).scalar_one() == 3600


def test_bars_spread_over_monthly_partitions(engine: Engine) -> None:
    upsert_bars(engine, SERIES, rows(2000))
    with engine.connect() as connection:
        query = text("select tableoid::regclass::text, count(*) from market.bars group by 1 order by 1")
        parts = [tuple(row) for row in connection.execute(query)]
    assert parts == [("market.bars_2024_02", 1440), ("market.bars_2024_03", 560)]


def test_partitions_are_made_once_by_many(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: ensure_partitions(engine, START, START + 90 * 86_400_000), range(8)))
    with engine.connect() as connection:
        query = text("select count(*) from pg_inherits where inhparent = 'market.bars'::regclass")
        assert connection.execute(query).scalar_one() == 4


def test_two_writers_of_the_same_bars_agree(engine: Engine) -> None:
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda _: upsert_bars(engine, SERIES, rows(2000)), range(4)))
    assert sum(report.inserted for report in reports) == 2000
    assert len(read_bars(engine, SERIES, ALL)) == 2000


def test_bar_that_plain_sql_writes_meanwhile_is_met(engine: Engine) -> None:
    ensure_partitions(engine, START, START)
    with ThreadPoolExecutor(1) as pool, engine.connect() as other:
        other.exec_driver_sql(
            "insert into market.bars values ('binanceusdm', 'BTC/USDT:USDT', '1m', '2024-02-29 00:02+00', "
            "1, 1, 1, 1, 1, 1, 1, '2024-02-29 00:03+00')"
        )
        writer = pool.submit(upsert_bars, engine, SERIES, rows(5))
        wait_for_a_lock(engine)
        other.commit()
        assert writer.result() == Upserted(4, 1)
    assert read_bars(engine, SERIES, ALL).open.tolist() == rows(5).open.tolist()


def wait_for_a_lock(engine: Engine) -> None:
    """Return once somebody waits for somebody else."""
    waiting = text("select count(*) from pg_locks where not granted")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with engine.connect() as connection:
            if connection.execute(waiting).scalar_one():
                return
        time.sleep(0.01)
    raise AssertionError("nobody waited within a minute")


def test_edges_and_counts_know_what_is_stored(engine: Engine) -> None:
    upsert_bars(engine, SERIES, rows(1500))
    with transaction(engine) as connection:
        assert oldest_bar_ms(connection, SERIES) == START
        assert newest_bar_ms(connection, SERIES) == START + 1499 * MINUTE_MS
    assert count_by_day(engine, "binanceusdm", "1m", ALL) == {"2024-02-29": 1440, "2024-03-01": 60}
