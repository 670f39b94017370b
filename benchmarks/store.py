"""Bars into PostgreSQL and out again, beside other ways: ``python benchmarks/store.py [rows] [symbols]``.

Starts its own durable server with the settings that we ship, in a temporary folder, and removes it. Every way
in writes into a table with the columns of ``market.bars``; slow ones write fewer rows. Rounds alternate, so
that what else the machine does hits all of them; wall figures hold only on a quiet machine. CPU is that of
this process and of the whole server, from /proc.
"""

import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sqlalchemy import Engine, text

from quant_pipelines.core.bars import BarRows
from quant_pipelines.core.timeframes import MINUTE_MS, YEAR_DAYS, day_start_ms
from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.store.bar_copy import STAGED, copy_in, cursor
from quant_pipelines.store.bars import read_bars, upsert_bars
from quant_pipelines.store.column_cache import ColumnCache
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connect, transaction
from quant_pipelines.store.migrate import migrate
from quant_pipelines.store.tables import bars

YEAR = YEAR_DAYS * 1440
START_MS = day_start_ms("2024-01-01")
END_MS = START_MS + YEAR * MINUTE_MS
ROUNDS = 3
EXCHANGE = "binanceusdm"
COLUMNS = ("exchange", "symbol", "timeframe", *STAGED)


@dataclass(frozen=True, slots=True)
class Figure:
    name: str
    units: int
    call: Callable[[int], Any]
    note: str = ""


def synthetic(seed: int, count: int = YEAR) -> BarRows:
    random = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(random.normal(0, 8e-4, count)))
    ts = START_MS + MINUTE_MS * np.arange(count, dtype=np.int64)
    volume = random.random(count)
    trades = random.integers(1, 1000, count)
    return BarRows(ts, close, close * 1.001, close * 0.999, close, volume, volume * close, trades)


def first(rows: BarRows, count: int) -> BarRows:
    return replace(rows, **{name: getattr(rows, name)[:count] for name in BarRows.__dataclass_fields__})


def frame(rows: BarRows, symbol: str) -> pd.DataFrame:
    columns: dict[str, Any] = {name: getattr(rows, name) for name in BarRows.__dataclass_fields__}
    columns["ts"] = pd.to_datetime(rows.ts, unit="ms", utc=True)
    columns["available_at"] = columns["ts"] + pd.Timedelta(minutes=1)
    keys = {"exchange": EXCHANGE, "symbol": symbol, "timeframe": "1m"}
    return pd.DataFrame({**keys, **columns})[list(COLUMNS)]


def processor_seconds(postmaster: int) -> float:
    """Processor time of this process and of a server, without those of its processes that have ended."""
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if postmaster in (int(fields[1]), int(stat.parent.name)):
            ticks += int(fields[11]) + int(fields[12])
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def measure(figures: list[Figure], postmaster: int, rounds: int = ROUNDS) -> None:
    spent: dict[str, list[float]] = {figure.name: [] for figure in figures}
    worked: dict[str, list[float]] = {figure.name: [] for figure in figures}
    load = [os.getloadavg()[0]]
    for number in range(rounds):
        for figure in figures:
            before, started = processor_seconds(postmaster), time.perf_counter()
            figure.call(number)
            spent[figure.name].append(time.perf_counter() - started)
            worked[figure.name].append(max(processor_seconds(postmaster) - before, 0.001))
            load.append(os.getloadavg()[0])
    ours = figures[0].units / min(spent[figures[0].name])
    for figure in figures:
        best, median = (figure.units / pick(spent[figure.name]) for pick in (min, statistics.median))
        cells = f"{figure.units:>10,} {min(spent[figure.name]):>9.3f} {best / 1e3:>10,.0f}"
        cells += (
            f" {median / 1e3:>10,.0f} {figure.units / statistics.median(worked[figure.name]) / 1e3:>10,.0f}"
        )
        cells += f" {ours / best:>8.1f}  {figure.note}"
        print(f"{figure.name:42s} {cells}", flush=True)
    print(f"load average {min(load):.1f} to {max(load):.1f} on {os.cpu_count()} processors\n")


def header(title: str) -> None:
    names = f"{'best s':>9s} {'best k/s':>10s} {'median':>10s} {'CPU k/s':>10s} {'ours is':>8s}"
    print(f"{title}\n{'way':42s} {'rows':>10s} {names}")


def write_figures(engine: Engine, rows: BarRows, postmaster: int) -> None:
    for table, source in (("peer", "including all"), ("keyless", "")):
        with transaction(engine) as connection:
            connection.exec_driver_sql(f"create table {table} (like market.bars {source})")
    few, part = first(rows, 20_000), first(rows, 200_000)
    peer = bars.to_metadata(type(bars.metadata)(), schema=None, name="peer")
    insert = f"insert into peer ({', '.join(COLUMNS)}) values ({', '.join(['%s'] * len(COLUMNS))})"  # noqa: S608
    csv = f"copy peer ({', '.join(COLUMNS)}) from stdin (format csv)"

    def by_sqlalchemy(number: int) -> None:
        records = frame(few, f"A{number}").to_dict("records")
        with transaction(engine) as connection:
            connection.execute(peer.insert(), records)

    def by_executemany(number: int) -> None:
        records = list(frame(few, f"B{number}").itertuples(index=False, name=None))
        with transaction(engine) as connection, cursor(connection) as into:
            into.executemany(insert, records)

    def by_csv(number: int) -> None:
        lines = io.StringIO()
        frame(part, f"C{number}").to_csv(lines, index=False, header=False)
        with transaction(engine) as connection, cursor(connection) as into, into.copy(csv) as copy:
            copy.write(lines.getvalue())

    def by_binary(table: str, number: int) -> None:
        with transaction(engine) as connection, cursor(connection) as into:
            copy_in(into, table, (EXCHANGE, f"D{number}", "1m"), part, has_key=True)

    def ours(number: int) -> None:
        upsert_bars(engine, EXCHANGE, f"NEW{number}/USDT:USDT", "1m", rows)

    upsert_bars(engine, EXCHANGE, "WARM/USDT:USDT", "1m", rows)
    changed = replace(part, volume=part.volume + 1.0)
    header("Write")
    measure(
        [
            Figure("ours: upsert, all new", len(rows), ours),
            Figure("ours: upsert again, nothing changed", len(rows), ours),
            Figure(
                "ours: upsert again, all changed",
                len(part),
                lambda number: upsert_bars(engine, EXCHANGE, f"NEW{number}/USDT:USDT", "1m", changed),
            ),
            Figure("SQLAlchemy bulk insert", len(few), by_sqlalchemy, "new rows only"),
            Figure("psycopg executemany", len(few), by_executemany, "new rows only"),
            Figure("COPY csv (pandas to_csv)", len(part), by_csv, "new rows only"),
            Figure("COPY binary, same key", len(part), lambda n: by_binary("peer", n), "new rows only"),
            Figure("COPY binary, no key (limit)", len(part), lambda n: by_binary("keyless", n)),
        ],
        postmaster,
    )


def read_figures(engine: Engine, folder: Path, symbols: int, postmaster: int) -> None:
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    names = [f"S{number}/USDT:USDT" for number in range(symbols)]
    for number, name in enumerate(names):
        upsert_bars(engine, EXCHANGE, name, "1m", synthetic(number))
    started = time.perf_counter()
    built = ColumnCache(engine, folder)
    total = sum(len(built.read_bars(EXCHANGE, name, "1m", START_MS, END_MS)) for name in names)
    seconds = time.perf_counter() - started
    print(f"column files of {total:,} bars built in {seconds:.1f} s ({total / seconds / 1e3:,.0f} k/s)\n")
    query = (
        f"select ts, open, high, low, close, volume from market.bars where exchange = '{EXCHANGE}' "  # noqa: S608
        f"and symbol = '{names[0]}' and timeframe = '1m' order by ts"
    )
    pandas_engine = connect(url)
    plain = folder / "plain.npy"
    np.save(plain, np.ones((6, total)))

    def by_cache(_: int) -> None:
        cache = ColumnCache(engine, folder)
        for name in names:
            cache.read_bars(EXCHANGE, name, "1m", START_MS, END_MS)

    def by_pandas(_: int) -> None:
        with transaction(pandas_engine) as connection:
            pd.read_sql(text(query), connection)

    figures = [
        Figure("ours: column files, versions and checksums", total, by_cache),
        Figure(
            "ours: packed columns from the database",
            total,
            lambda _: [read_bars(engine, EXCHANGE, name, "1m", START_MS, END_MS) for name in names],
        ),
        Figure("pandas read_sql", YEAR, by_pandas, "one symbol"),
        Figure("np.load .npy (limit)", total, lambda _: np.load(plain), "nothing checked"),
    ]
    if find_spec("adbc_driver_postgresql"):
        figures.append(Figure("ADBC to Arrow", YEAR, lambda _: by_adbc(url, query), "one symbol"))
    header("Read")
    measure(figures, postmaster)
    if not find_spec("adbc_driver_postgresql"):
        print("ADBC is not installed: not measured")
    pandas_engine.dispose()


def by_adbc(url: str, query: str) -> None:
    from adbc_driver_postgresql import dbapi  # type: ignore[import-not-found]  # noqa: PLC0415 - optional

    with dbapi.connect(url) as connection, connection.cursor() as reader:
        reader.execute(query)
        reader.fetch_arrow_table()


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else YEAR
    symbols = int(sys.argv[2]) if len(sys.argv) > 2 else 10
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        try:
            with EmbeddedPostgres(home, free_port()) as server:
                create_database(server.url("postgres"), "quant")
                engine = connect(server.url())
                migrate(engine)
                postmaster = int((home / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
                write_figures(engine, synthetic(0, count), postmaster)
                read_figures(engine, home / "columns", symbols, postmaster)
                engine.dispose()
        finally:
            remove_place(home)


if __name__ == "__main__":
    main()
