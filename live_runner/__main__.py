"""Composition root of the live runner: ``python -P -m live_runner``."""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from functools import partial

from live_runner.logs import log_to_stderr
from live_runner.market_time import ExchangeTime
from live_runner.runner import Runner, Surroundings
from live_runner.venues import orders_with
from quant_pipelines.cache import Cache
from quant_pipelines.core.errors import ExchangeError, QuantError
from quant_pipelines.core.settings import Settings
from quant_pipelines.exchange import CcxtSource
from quant_pipelines.operations.keys import KeyStore, stored_keys
from quant_pipelines.settings import home_folder, load_settings
from quant_pipelines.store.engine import connect
from quant_pipelines.store.migrate import require_current
from quant_pipelines.store.rate_budgets import PostgresLedger

_STOP_SECONDS = 8.0
_KEY, _SECRET = "QUANT_API_KEY", "QUANT_API_SECRET"

_log = logging.getLogger("live_runner")


def main() -> int:
    """Run until SIGTERM or SIGINT; exit code 1 and one sentence if it can't start."""
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
    ledger = PostgresLedger(engine, settings.exchange.id, settings.exchange.egress)
    async with (
        CcxtSource(settings.exchange, ledger=ledger) as source,
        Cache(settings.redis_url, engine, settings.database_url) as cache,
    ):
        time = ExchangeTime()
        try:
            time.synchronize(await source.server_time())
        except ExchangeError as error:
            _log.warning("exchange's time unknown; using this machine's", extra={"error": str(error)})
        writer = f"{socket.gethostname()}:{os.getpid()}"
        find_keys = partial(_api_keys, KeyStore(engine, home_folder(), os.environ))
        connect_orders = orders_with(find_keys, ledger)
        around = Surroundings(
            engine, settings.database_url, settings, source, time, writer, connect_orders, cache
        )
        runner = Runner(around)
        await runner.run(stopping)
    engine.dispose()


def _api_keys(store: KeyStore, account: str) -> tuple[str, str]:
    """Key and secret of an account: of the environment, else those that are stored; empty without."""
    given = (store.environment.get(_KEY, ""), store.environment.get(_SECRET, ""))
    stored = None if all(given) else stored_keys(store, account)
    return (stored.key, stored.secret) if stored else given


def _stop(stopping: asyncio.Event) -> None:
    """Ask for a clean stop, and make sure of one: what is not committed by then is recovered anyway."""
    stopping.set()
    timer = threading.Timer(_STOP_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    sys.exit(main())
