"""How the processes of this package begin and end: signals, connections, and the exchange's clock."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy import Engine

from live_runner.ports.market_time import ExchangeTime
from quant_pipelines.cache import Cache
from quant_pipelines.core.clock import Clock, system_clock_ms
from quant_pipelines.core.errors import ExchangeError, QuantError
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.telemetry_settings import LogSettings, MeasuredProcess
from quant_pipelines.exchange import CcxtSource
from quant_pipelines.store.engine import connected
from quant_pipelines.store.rate_budgets import PostgresLedger
from quant_pipelines.store.revision import require_current
from quant_pipelines.telemetry.exposition import show_metrics
from quant_pipelines.telemetry.logs import write_logs

_STOP_SECONDS = 8.0


@dataclass(frozen=True, slots=True)
class Outside:
    """Open connections of a process.

    Parameters
    ----------
    engine
        Product database.
    ledger
        Request budget shared with the other processes.
    source
        Market data.
    cache
        Live state and events.
    time
        The exchange's time.
    """

    engine: Engine
    ledger: PostgresLedger
    source: CcxtSource
    cache: Cache
    time: ExchangeTime


def run_process(
    process: MeasuredProcess,
    logger: logging.Logger,
    load: Callable[[], Settings],
    work: Callable[[Settings, asyncio.Event], Awaitable[None]],
) -> int:
    """Work until SIGTERM or SIGINT, then end.

    Parameters
    ----------
    process
        Whose metrics are shown.
    logger
        Says why it can't run, and that it has stopped.
    load
        Reads the settings.
    work
        Ends soon after the event is set; what it has not committed a few seconds later is recovered anyway.

    Returns
    -------
    int
        Exit code: 1, with one sentence, if it can't start.
    """
    write_logs(LogSettings())  # until the settings are read, which may fail

    async def run() -> None:
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, _stop, stopping)
        settings = load()
        write_logs(settings.logs)
        show_metrics(process, settings.metrics)
        await work(settings, stopping)

    try:
        asyncio.run(run())
    except QuantError as error:
        logger.error("can't run", extra={"error": str(error)})
        return 1
    logger.info("stopped")
    return 0


@asynccontextmanager
async def outside(
    settings: Settings, logger: logging.Logger, clock: Clock = system_clock_ms
) -> AsyncIterator[Outside]:
    """Open everything that a process talks to, and close it.

    Raises
    ------
    StoreError
        If the database does not answer, or has another schema than this code.
    """
    with connected(settings.database_url, pool_size=5) as engine:
        require_current(engine)
        ledger = PostgresLedger(engine, settings.exchange.id, settings.exchange.egress)
        async with (
            CcxtSource(settings.exchange, clock=clock, ledger=ledger) as source,
            Cache(settings.redis_url, engine, settings.database_url) as cache,
        ):
            time = ExchangeTime(clock)
            try:
                time.synchronize(await source.server_time())
            except ExchangeError as error:
                logger.warning("exchange's time unknown; using this machine's", extra={"error": str(error)})
            yield Outside(engine, ledger, source, cache, time)


def _stop(stopping: asyncio.Event) -> None:
    """Ask for a clean stop, and make sure of one."""
    stopping.set()
    timer = threading.Timer(_STOP_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()
