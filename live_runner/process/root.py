"""Composition root of the live runner."""

import asyncio
import gc
import logging
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from live_runner.ports.tasks import first_of
from live_runner.process.adopted import adopt_kills
from live_runner.process.entry import outside, run_process
from live_runner.process.restricted import RestrictedSymbols
from live_runner.process.runner import Runner, Surroundings
from live_runner.process.vitals import beating
from live_runner.venue.accounts import KeyPair, orders_with
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.secret_variables import SECRET_VARIABLES
from quant_pipelines.core.settings import Settings
from quant_pipelines.operations.key_store import KeyStore
from quant_pipelines.operations.keys import keep_copy, stored_keys
from quant_pipelines.sandbox.host import HostLimits, SandboxHost
from quant_pipelines.settings import SETTINGS_FILE, home_folder, load_settings, settings_with_secrets
from quant_pipelines.stack.pulse import Pulse
from quant_pipelines.store.epochs import writer_session
from quant_pipelines.store.funds import PostgresFunds
from quant_pipelines.store.postgres_journal import PostgresJournal
from quant_pipelines.store.venue_limits import PostgresLimits

_THREADS = 64
_KEY, _SECRET = "QUANT_API_KEY", "QUANT_API_SECRET"

_log = logging.getLogger("live_runner")


async def trade(pulse: Pulse, settings: Settings, stopping: asyncio.Event, clock: Clock) -> None:
    """Trade until ``stopping`` is set.

    Raises
    ------
    StoreError
        If the database does not answer at the start, or has another schema than this code.
    """
    await first_of(beating(pulse), _run(pulse, settings, stopping, clock))


async def _run(pulse: Pulse, settings: Settings, stopping: asyncio.Event, clock: Clock) -> None:
    # Those who wait for a strategy must not keep the journal and the venues waiting for a thread.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(_THREADS))
    rules = settings.runner
    limits = HostLimits(rules.decision_seconds, megabytes=rules.sandbox_megabytes)
    with SandboxHost(limits) as sandbox:
        sandbox.warm()
        await _run_with(sandbox, pulse, settings, stopping, clock=clock)


async def _run_with(
    sandbox: SandboxHost, pulse: Pulse, settings: Settings, stopping: asyncio.Event, *, clock: Clock
) -> None:
    async with outside(settings, _log, clock) as found:
        gc.freeze()
        gc.enable()
        find_keys = partial(_api_keys, KeyStore(found.engine, home_folder(), os.environ))
        around = Surroundings(
            PostgresJournal(found.engine),
            partial(writer_session, settings.database_url),
            settings,
            found.source,
            found.time,
            f"{socket.gethostname()}:{os.getpid()}",
            orders_with(find_keys, clock, found.ledger),
            found.cache,
            pulse,
            funds=PostgresFunds(found.engine),
            limits=PostgresLimits(found.engine),
            adopt_kills=partial(adopt_kills, found.engine, home_folder()),
            restricted=RestrictedSymbols(settings, load_settings, Path(SETTINGS_FILE)),
            load=sandbox.load,
        )
        await Runner(around).run(stopping)


def _api_keys(store: KeyStore, account: str) -> KeyPair:
    """Keys of an account: of the environment, else those that are stored; empty without."""
    given = KeyPair(store.environment.get(_KEY, ""), store.environment.get(_SECRET, ""))
    stored = None if all(given) else stored_keys(store, account)
    if stored:
        keep_copy(store)  # what a direct kill reads while the database is away
    return KeyPair(stored.key, stored.secret) if stored else given


def main(pulse: Path | None, clock: Clock) -> int:
    """Trade until SIGTERM or SIGINT; returns the exit code.

    Parameters
    ----------
    pulse
        File that this process writes every second; None writes nothing.
    clock
        Milliseconds UTC.
    """
    load = partial(settings_with_secrets, SECRET_VARIABLES)
    return run_process("runner", _log, load, partial(trade, Pulse(pulse), clock=clock))
