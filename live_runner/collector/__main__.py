"""Composition root of the collector: ``python -P -m live_runner.collector``."""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading

from live_runner.collector.collector import Collector, Surroundings
from live_runner.logs import log_to_stderr
from live_runner.market_time import ExchangeTime
from quant_pipelines.cache import Cache
from quant_pipelines.core.errors import ExchangeError, QuantError
from quant_pipelines.core.settings import Settings
from quant_pipelines.exchange import CcxtSource
from quant_pipelines.settings import load_settings
from quant_pipelines.store.engine import connect
from quant_pipelines.store.migrate import require_current
from quant_pipelines.store.rate_budgets import PostgresLedger

_STOP_SECONDS = 8.0

_log = logging.getLogger("live_runner.collector")


def main() -> int:
    """Collect until SIGTERM or SIGINT; exit code 1 and one sentence if it can't start."""
    log_to_stderr()
    try:
        asyncio.run(_run(load_settings()))
    except QuantError as error:
        _log.error("can't run", extra={"error": str(error)})
        return 1
    _log.info("stopped")
    return 0


async def _run(settings: Settings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, _stop, stopping)
    engine = connect(settings.database_url)
    require_current(engine)
    async with (
        CcxtSource(settings.exchange, ledger=PostgresLedger(engine, settings.exchange.id)) as source,
        Cache(settings.redis_url, engine, settings.database_url) as cache,
    ):
        time = ExchangeTime()
        try:
            time.synchronize(await source.server_time())
        except ExchangeError as error:
            _log.warning("exchange's time unknown; using this machine's", extra={"error": str(error)})
        name = f"collector:{socket.gethostname()}:{os.getpid()}"
        around = Surroundings(engine, settings, source, time, cache, name, rates=source.rate_state)
        await Collector(around).run(stopping)
    engine.dispose()


def _stop(stopping: asyncio.Event) -> None:
    """Ask for a clean stop, and make sure of one: what is not stored by then is fetched again."""
    stopping.set()
    timer = threading.Timer(_STOP_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    sys.exit(main())
