"""Composition root of the live runner: ``python -P -m live_runner``."""

import asyncio
import logging
import os
import socket
import sys
from functools import partial

from live_runner.process import outside, run_process
from live_runner.runner import Runner, Surroundings
from live_runner.venues import KeyPair, orders_with
from quant_pipelines.core.settings import Settings
from quant_pipelines.operations.keys import KeyStore, stored_keys
from quant_pipelines.settings import home_folder, load_settings

_KEY, _SECRET = "QUANT_API_KEY", "QUANT_API_SECRET"

_log = logging.getLogger("live_runner")


async def _trade(settings: Settings, stopping: asyncio.Event) -> None:
    async with outside(settings, _log) as found:
        find_keys = partial(_api_keys, KeyStore(found.engine, home_folder(), os.environ))
        around = Surroundings(
            found.engine,
            settings.database_url,
            settings,
            found.source,
            found.time,
            f"{socket.gethostname()}:{os.getpid()}",
            orders_with(find_keys, found.ledger),
            found.cache,
        )
        await Runner(around).run(stopping)


def _api_keys(store: KeyStore, account: str) -> KeyPair:
    """Keys of an account: of the environment, else those that are stored; empty without."""
    given = KeyPair(store.environment.get(_KEY, ""), store.environment.get(_SECRET, ""))
    stored = None if all(given) else stored_keys(store, account)
    return KeyPair(stored.key, stored.secret) if stored else given


if __name__ == "__main__":
    sys.exit(run_process(_log, load_settings, _trade))
