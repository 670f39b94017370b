"""Seconds to ingest a day of 24 symbols of 1-minute bars, with checks: ``python benchmarks/ingest.py``.

The real client reads the simulated venue (a process of its own, over HTTP) into an embedded PostgreSQL; then
the day is checked. The venue lists ten symbols: the rest of the 24 are further days of the same ones, which
costs the venue, the client and the database the same. Every run reads days that were not read before; the
venue makes each day when it is first asked for, and that is inside the figure too.
"""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import Engine

from quant_pipelines.core.clock import system_clock_ms
from quant_pipelines.core.settings import DEFAULT_SYMBOLS, ExchangeSettings
from quant_pipelines.core.timeframes import DAY_MS, day_of, floor_ms
from quant_pipelines.exchange import CcxtSource
from quant_pipelines.marketdata.days import SymbolDays
from quant_pipelines.marketdata.ingest import Ingestion, ingest_bars
from quant_pipelines.marketdata.quality import check_days
from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connect
from quant_pipelines.store.migrate import migrate
from quant_pipelines.store.rate_budgets import PostgresLedger

SYMBOL_DAYS = 24
RUNS = 5
ROOT = Path(__file__).resolve().parents[1]
EXCHANGE = "binanceusdm"


def main() -> None:
    """Measure and print one line for each run, and the median."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        try:
            with EmbeddedPostgres(home, free_port(), durable=True) as server:
                create_database(server.url("postgres"), "bench")
                engine = connect(server.url("bench"))
                migrate(engine)
                measure(engine, home / "venue")
                engine.dispose()
        finally:
            remove_place(home)


def measure(engine: Engine, home: Path) -> None:
    """Run against a venue of its own."""
    home.mkdir()
    command = [sys.executable, "-P", "-m", "quant_pipelines.simulator", "--port", "0", "--home", str(home)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as venue:
        assert venue.stdout is not None
        url = venue.stdout.readline().split()[3]
        try:
            seconds = [asyncio.run(one_run(engine, url, run)) for run in range(RUNS)]
        finally:
            venue.send_signal(signal.SIGTERM)
    load = os.getloadavg()[0]
    print(f"median {statistics.median(seconds):.2f} s of {RUNS} runs, load {load:.1f}")


async def one_run(engine: Engine, url: str, run: int) -> float:
    """Seconds of one run: connect, fetch, store, check."""
    started = time.perf_counter()
    newest = floor_ms(system_clock_ms(), DAY_MS) - (1 + 3 * run) * DAY_MS
    shares = (DEFAULT_SYMBOLS, DEFAULT_SYMBOLS, DEFAULT_SYMBOLS[: SYMBOL_DAYS - 2 * len(DEFAULT_SYMBOLS)])
    async with CcxtSource(
        ExchangeSettings(base_url=url), ledger=PostgresLedger(engine, EXCHANGE, "bench")
    ) as source:
        market = Ingestion(source, engine, EXCHANGE)
        days = [day_of(newest - back * DAY_MS) for back in range(len(shares))]
        stored = await asyncio.gather(
            *(ingest_bars(market, list(symbols), [day]) for symbols, day in zip(shares, days, strict=True))
        )
        fetched = time.perf_counter() - started
        findings = [
            finding
            for symbols, day in zip(shares, days, strict=True)
            for finding in check_days(
                engine, EXCHANGE, SymbolDays(symbols, [day]), clock=system_clock_ms
            ).findings
        ]
    rows = sum(count.inserted for report in stored for count in report.values())
    total = time.perf_counter() - started
    if rows != SYMBOL_DAYS * 1440 or findings:
        raise SystemExit(
            f"stored {rows} rows with {len(findings)} findings; expected {SYMBOL_DAYS * 1440}, 0"
        )
    print(f"{rows} rows: fetched and stored in {fetched:.2f} s, checked in {total - fetched:.2f} s")
    return total


if __name__ == "__main__":
    main()
