"""Seconds to import a year of 1-minute bars from public zips: ``python benchmarks/file_import.py``.

Twelve files of our own numbers in Binance's layout, with their checksums, go into an embedded PostgreSQL: as
``quant data import`` does it, checked and proven, and by ``pandas.read_csv`` with ``DataFrame.to_sql``, which
check nothing. Both read the same files in the same run, each into a database of its own.
"""

import hashlib
import os
import statistics
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import Engine

from quant_pipelines.archive import LAYOUTS, Claims
from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.timeframes import MINUTE_MS, day_start_ms
from quant_pipelines.marketdata.file_import import Request, import_files
from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connect
from quant_pipelines.store.migrate import migrate

YEAR, ROWS, RUNS = 2023, 525_600, 3
EXCHANGE = "binanceusdm"
COLUMNS = LAYOUTS["vision_klines"].header


def main() -> None:
    """Measure and print one line for each run, and the median of the ratios."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        files = write_year(home)
        try:
            with EmbeddedPostgres(home, free_port(), durable=True) as server:
                ratios = []
                for run in range(RUNS):
                    engines = [fresh(server, f"{who}_{run}") for who in ("ours", "theirs")]
                    ratios.append(compare(*engines, files))
                    for engine in engines:
                        engine.dispose()
        finally:
            remove_place(home)
    load = os.getloadavg()[0]
    print(f"median {statistics.median(ratios):.1f} x of {RUNS} runs, load {load:.1f}")


def write_year(folder: Path) -> list[Path]:
    """Zips of twelve months with their checksums."""
    generator = np.random.default_rng(7)
    files = []
    for month in range(1, 13):
        start, end = f"{YEAR}-{month:02d}-01", f"{YEAR + month // 12}-{month % 12 + 1:02d}-01"
        ts = np.arange(day_start_ms(start), day_start_ms(end), MINUTE_MS)
        path = folder / f"BTCUSDT-1m-{YEAR}-{month:02d}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
            packed.writestr(f"{path.stem}.csv", month_text(ts, generator))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        path.with_name(f"{path.name}.CHECKSUM").write_text(f"{digest}  {path.name}\n")
        files.append(path)
    return files


def month_text(ts: np.ndarray, generator: np.random.Generator) -> str:
    """Bars in the spelling of the exchange."""
    close = np.round(30_000 * np.exp(np.cumsum(generator.normal(0, 5e-4, ts.size))), 1)
    opened = np.append(close[0], close[:-1])
    volume = np.round(generator.lognormal(3, 1, ts.size), 3)
    high, low = np.maximum(opened, close) + 5.1, np.minimum(opened, close) - 5.1
    paid = np.round(volume * (opened + close) / 2, 5)
    columns = (
        ts,
        opened,
        high,
        low,
        close,
        volume,
        ts + MINUTE_MS - 1,
        paid,
        ts % 997,
        volume / 2,
        paid / 2,
        ts * 0,
    )
    lines = [",".join(map(str, row)) for row in zip(*(column.tolist() for column in columns), strict=True)]
    return "\n".join([",".join(COLUMNS), *lines]) + "\n"


def fresh(server: EmbeddedPostgres, name: str) -> Engine:
    """Migrated database."""
    create_database(server.url("postgres"), name)
    engine = connect(server.url(name))
    migrate(engine)
    return engine


def compare(ours: Engine, theirs: Engine, files: list[Path]) -> float:
    """How many times as long the others take."""
    started = time.perf_counter()
    rows = sum(
        row["inserted"] for row in import_files(ours, [request(path) for path in files], system_clock_ms)
    )
    own = time.perf_counter() - started
    started = time.perf_counter()
    for path in files:
        frame = pd.read_csv(path)
        frame["open_time"] = pd.to_datetime(frame["open_time"], unit="ms", utc=True)
        frame.to_sql("klines", theirs, if_exists="append", index=False)
    other = time.perf_counter() - started
    with theirs.connect() as connection:
        [stored] = connection.exec_driver_sql("select count(*) from klines").scalars()
    if (rows, stored) != (ROWS, ROWS):
        raise SystemExit(f"stored {rows} and {stored} rows; expected {ROWS} each")
    print(
        f"{rows} rows in {own:.2f} s ({rows / own:,.0f} a second), pandas {other:.2f} s: {other / own:.1f} x"
    )
    return other / own


def request(path: Path) -> Request:
    return Request(path, Claims(), EXCHANGE)


if __name__ == "__main__":
    main()
