"""A simulated venue in a process of its own, and a canary deployment that the runner trades there."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from sqlalchemy import Engine

from live_runner.book.plan import LoadStrategy
from live_runner.ports.market_time import ExchangeTime
from live_runner.process.adopted import adopt_kills
from live_runner.process.runner import Runner, Surroundings
from quant_pipelines.core.clock import Clock, utc_now
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.settings import ExchangeSettings, Settings
from quant_pipelines.exchange import CcxtSource
from quant_pipelines.exchange.ccxt_orders import CcxtOrders
from quant_pipelines.simulator.listing import BY_NAME
from quant_pipelines.store.epochs import writer_session
from quant_pipelines.store.funds import PostgresFunds
from quant_pipelines.store.postgres_journal import PostgresJournal
from tests.in_process import in_process
from tests.integration.runner.skipped_time import SkippedTime
from tests.integration.runner.world import rows

ROOT = Path(__file__).resolve().parents[3]
SYMBOL = "BTC/USDT:USDT"
STATUS = (
    "select status from trading.orders join trading.intents using (client_order_id) where purpose = '{}' "
    "order by committed_at, client_order_id"
)

HOLD = '''
import numpy as np
from quant_pipelines.sdk import Array, Bars, Float, Stops, Strategy


class Hold(Strategy):
    """Always long."""

    stops = Stops(hard_stop=Float(0.05, low=0.001, high=0.5))

    def target(self, bars: Bars) -> Array:
        return np.ones(len(bars))
'''

PYRAMID = '''
import numpy as np
from quant_pipelines.sdk import Array, Bars, Float, Stops, Strategy


class Pyramid(Strategy):
    """Long, and of another size each minute."""

    stops = Stops(hard_stop=Float(0.05, low=0.001, high=0.5))

    def target(self, bars: Bars) -> Array:
        return np.where(bars.ts // 60_000 % 2 == 0, 1.0, 0.37)
'''

FLIP = '''
import numpy as np
from quant_pipelines.sdk import Array, Bars, Float, Stops, Strategy


class Flip(Strategy):
    """Long in even minutes, short in odd ones."""

    stops = Stops(hard_stop=Float(0.05, low=0.001, high=0.5))

    def target(self, bars: Bars) -> Array:
        return np.where(bars.ts // 60_000 % 2 == 0, 1.0, -1.0)
'''


FLOP = (
    FLIP.replace("Flip", "Flop")
    .replace("1.0, -1.0", "-1.0, 1.0")
    .replace("Long in even minutes, short", "Short in even minutes, long")
)
"""What trades against the one before."""


class Place(Protocol):
    """Where a runner trades."""

    address: str
    clock: Clock


@dataclass(frozen=True)
class Venue:
    """A simulated venue in a process of its own; the runner here lives by its clock."""

    address: str
    clock: SkippedTime


@contextmanager
def simulator(home: Path, tls: tuple[Path, Path] | None = None) -> Iterator[Venue]:
    """A simulated venue in a process of its own; with a certificate and its key it speaks TLS."""
    command = [
        sys.executable,
        "-m",
        "tests.integration.runner.skipped_venue",
        str(home),
        *map(str, tls or ()),
    ]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    told, answers = process.stdin, process.stdout
    assert told is not None
    assert answers is not None

    def tell(ahead_ms: int) -> None:
        told.write(f"{ahead_ms}\n")
        told.flush()
        assert answers.readline() == "skipped\n"

    try:
        yield Venue(answers.readline().strip(), SkippedTime(tell))
    finally:
        process.kill()
        process.wait(10)
        told.close()
        answers.close()


def settings_of(address: str) -> Settings:
    runner = RunnerSettings(deployment_poll_seconds=0.2, heartbeat_seconds=0.5, reconcile_seconds=1.0)
    return replace(Settings(), exchange=ExchangeSettings(base_url=address), runner=runner)


def deploy_canary(deploy: Callable[..., int], source: str = HOLD, **more: Any) -> int:
    """Deploy so that the first decision falls at the start, not a minute later.

    What is stored of the symbol is what the venue lists: a book whose limits change is opened anew.
    """
    now, listing = utc_now(), BY_NAME[more.get("symbol", SYMBOL).partition(":")[0].replace("/", "")]
    place = {"created_at": now - timedelta(minutes=3), "history_start": now - timedelta(hours=3)}
    steps = {"tick_size": listing.tick_size, "min_notional": listing.min_notional}
    return deploy(source, **{"stage": "canary", "venue": "binanceusdm"} | steps | place | more)


@asynccontextmanager
async def runner(
    engine: Engine,
    database_url: str,
    place: Place,
    orders: Callable[..., CcxtOrders] = CcxtOrders,
    home: Path | None = None,
    *,
    load: LoadStrategy = in_process,
) -> AsyncIterator["asyncio.Task[None]"]:
    """A runner in this process; it is stopped at the end, unless it ended by itself."""
    stopping, settings, clock = asyncio.Event(), settings_of(place.address), place.clock

    def connect(settings: Settings) -> CcxtOrders:
        return orders(settings.exchange, "", "", clock=clock)

    async with CcxtSource(settings.exchange, clock=clock) as source:
        journal, lease = PostgresJournal(engine), partial(writer_session, database_url)
        around = Surroundings(
            journal,
            lease,
            settings,
            source,
            ExchangeTime(clock),
            "test:1",
            connect,
            load=load,
            funds=PostgresFunds(engine),
            adopt_kills=partial(adopt_kills, engine, home) if home else lambda: False,
        )
        running = asyncio.create_task(Runner(around).run(stopping))
        try:
            yield running
        finally:
            stopping.set()
            await running


async def until(what: Callable[[], Any], seconds: float = 150.0) -> Any:
    """First true answer; fails behind the deadline."""
    async with asyncio.timeout(seconds):
        while not (answer := what()):  # noqa: ASYNC110 - what is waited for happens in the database
            await asyncio.sleep(0.05)
    return answer


@dataclass(frozen=True)
class Ledger:
    """The venue's own books, read from its file."""

    home: Path

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """The file, which nobody is kept from."""
        file = sqlite3.connect(f"file:{self.home / 'simulator' / 'ledger.sqlite'}?mode=ro", uri=True)
        try:
            yield file
        finally:
            file.close()

    def select(self, query: str) -> list[Any]:
        with self.opened() as file:
            return file.execute(query).fetchall()

    def fills(self) -> list[tuple[str, str, Decimal, Decimal, Decimal]]:
        """Trade id, side, quantity, price and fee."""
        found = self.select("select number, side, quantity, price, fee from fills order by number")
        return [(str(row[0]), row[1].lower(), *map(Decimal, row[2:])) for row in found]

    def wallet_change(self) -> Decimal:
        """Sum of all income but the first deposit."""
        return sum(
            (Decimal(row[0]) for row in self.select("select amount from income where kind <> 'TRANSFER'")),
            Decimal(0),
        )


def our_fills(engine: Engine) -> list[Any]:
    query = "select trade_id, side, quantity, price, fee from trading.fills order by trade_id::bigint"
    return rows(engine, query)


def status_of(engine: Engine, purpose: str) -> list[Any]:
    """Statuses of the orders of a purpose."""
    return rows(engine, STATUS.format(purpose))


def faults_told(engine: Engine) -> list[str]:
    """Alerts but for levels of risk, and what a busy machine or a skipped clock brings about."""
    query = (
        "select message from ops.alerts where split_part(source, ':', 1) not in ('risk', 'outage', 'wait') "
        "and message not like '%after its close%'"
    )
    return [message for (message,) in rows(engine, query)]


def is_entered(engine: Engine) -> bool:
    """Whether the newest order is known to be filled, too: its stop may stand before that."""
    return is_protected(engine) and status_of(engine, "target")[-1:] == [("FILLED",)]


def is_protected(engine: Engine) -> bool:
    return status_of(engine, "stop")[-1:] == [("ACCEPTED",)]


def assert_books_equal(engine: Engine, ledger: Ledger) -> None:
    """Fills, wallet and position are those of the venue, to the last digit."""
    assert our_fills(engine) == ledger.fills()
    sums = "select sum(coalesce(realized_pnl, 0) - fee) from trading.fills"
    booked = f"coalesce(({sums}), 0) + coalesce((select sum(amount) from trading.income), 0)"  # noqa: S608
    [(change,)] = rows(engine, f"select {booked}")
    assert change == ledger.wallet_change()
    held = sum((Decimal(text) for (text,) in ledger.select("select quantity from positions")), Decimal(0))
    [(ours, realized)] = rows(engine, "select quantity, realized_pnl from trading.positions")
    assert ours == held
    assert realized == rows(engine, "select coalesce(sum(realized_pnl), 0) from trading.fills")[0][0]


def reduced_by(engine: Engine) -> str:
    """Why the first deployment opens nothing, as the heartbeat says it."""
    query = "select detail->'deployments'->0->>'reduced_by' from ops.heartbeats where service = 'live_runner'"
    return str(rows(engine, query))


def waits_for(engine: Engine) -> str:
    query = "select detail->'deployments'->0->>'waits_for' from ops.heartbeats where service = 'live_runner'"
    return str(rows(engine, query))
