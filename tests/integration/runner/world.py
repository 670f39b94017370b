"""A runner in a replayed market: what the tests and the process that is killed have in common."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Engine, text

from live_runner.book.plan import LoadStrategy
from live_runner.process.runner import Runner, Surroundings
from quant_pipelines.core.runner_settings import RunnerSettings
from quant_pipelines.core.settings import Settings
from quant_pipelines.core.timeframes import MINUTE_MS, to_ms
from quant_pipelines.store.epochs import writer_session
from quant_pipelines.store.journal import Journal
from quant_pipelines.store.postgres_journal import PostgresJournal
from tests.in_process import in_process
from tests.integration.runner.replay import (
    Recording,
    ReplaySource,
    ReplayTime,
    hourly_funding,
    random_bars,
)

SYMBOL = "BTC/USDT:USDT"
OTHER_SYMBOL = "ETH/USDT:USDT"
HISTORY_START = datetime(2026, 1, 1, 20, 0, tzinfo=UTC)
DEPLOYED = HISTORY_START + timedelta(minutes=120)
N_BARS = 400
KILL_BARS = 300
TABLES = ("fills", "orders", "intents", "income", "equity", "signals", "positions", "checkpoints")

SWITCH = '''
import numpy as np
from quant_pipelines.indicators import ema
from quant_pipelines.sdk import Array, Bars, Float, Int, Stops, Strategy


class Switch(Strategy):
    """Long above a short average, short below it, flat for a while in between."""

    window = Int(8, low=2, high=100)
    stops = Stops(hard_stop=Float(0.004, low=0.001, high=0.5))

    def target(self, bars: Bars) -> Array:
        distance = bars.close / ema(bars.close, self.window) - 1.0
        return np.where(np.abs(distance) < 0.0004, 0.0, np.sign(distance))
'''

LADDER = '''
from quant_pipelines.indicators import ema
from quant_pipelines.sdk import Array, Bars, Desk, EventStrategy, Float, Int, OrderEvent, Stops


class Ladder(EventStrategy):
    """Limits around an average, a way out and a stop order for what they fill; it counts what it sees."""

    window = Int(8, low=2, high=100)
    stops = Stops(hard_stop=Float(0.01, low=0.001, high=0.5))

    def features(self, bars: Bars) -> dict[str, Array]:
        return {"mean": ema(bars.close, self.window)}

    def on_start(self, desk: Desk) -> None:
        desk.memory["fills"] = {}

    def on_bar(self, desk: Desk, bars: Bars) -> None:
        desk.memory["bars"] = desk.memory.get("bars", 0) + 1
        if desk.memory["bars"] % 3 == 1 and desk.position == 0.0:
            desk.cancel_all()
            mean = desk.features["mean"]
            for rung in (1, 2, 3):
                desk.limit(0.1, mean * (1.0 - 0.0008 * rung), expires_bars=9)
                desk.limit(-0.1, mean * (1.0 + 0.0008 * rung), post_only=True)
            desk.stop_market(0.15, desk.price * 1.004)
        if desk.memory["bars"] % 41 == 0:
            desk.market(-0.2)

    def on_order(self, desk: Desk, event: OrderEvent) -> None:
        seen = desk.memory["fills"]
        seen[event.reason] = seen.get(event.reason, 0) + 1
        if event.quantity != 0.0 and desk.position != 0.0:
            for order in desk.orders:
                if order.reduce_only or order.quantity * desk.position < 0.0:
                    desk.cancel(order.number)
            side = 1.0 if desk.position > 0.0 else -1.0
            desk.limit(1.0, desk.entry_price * (1.0 + 0.001 * side), reduce_only=True)
            desk.stop_market(1.0, desk.entry_price * (1.0 - 0.003 * side), reduce_only=True)
'''

FAILING = '''
import numpy as np
from quant_pipelines.sdk import Array, Bars, Strategy


class Failing(Strategy):
    """Long, and then it breaks."""

    def target(self, bars: Bars) -> Array:
        if len(bars) > 150:
            raise ZeroDivisionError("broken on purpose")
        return np.ones(len(bars))
'''

SETTINGS = Settings(runner=RunnerSettings(deployment_poll_seconds=0.05, heartbeat_seconds=0.2))


def recording(n_bars: int = N_BARS) -> Recording:
    """Two symbols with funding at 00:00 UTC, the hour four of the recording."""
    bars = {
        symbol: random_bars(symbol, to_ms(HISTORY_START), n_bars, seed=seed)
        for seed, symbol in enumerate((SYMBOL, OTHER_SYMBOL))
    }
    return Recording(bars, {symbol: hourly_funding(series) for symbol, series in bars.items()})


@dataclass
class World:
    """A replayed market and a runner in it."""

    engine: Engine
    database_url: str
    source: ReplaySource
    time: ReplayTime
    settings: Settings = SETTINGS
    open_journal: Callable[[Engine], Journal] = PostgresJournal
    load: LoadStrategy = in_process

    async def play(self, seconds: float = 60.0) -> None:
        """Run until the recording ends; fails if it does not in time."""
        stopping = asyncio.Event()
        around = surroundings(self, "test:1")
        running = asyncio.create_task(Runner(around).run(stopping))
        finished = asyncio.create_task(self.time.finished.wait())
        done, _ = await asyncio.wait((running, finished), timeout=seconds, return_when="FIRST_COMPLETED")
        stopping.set()
        finished.cancel()
        await running
        if finished not in done:
            raise TimeoutError(f"the replay is at {self.time.now_ms()} after {seconds} s")


def surroundings(played: World, writer: str) -> Surroundings:
    """What a runner in this world talks to."""
    lease = partial(writer_session, played.database_url)
    journal = played.open_journal(played.engine)
    return Surroundings(journal, lease, played.settings, played.source, played.time, writer, load=played.load)


def world(
    engine: Engine, database_url: str, *, start: datetime = DEPLOYED, n_bars: int = N_BARS, **options: Any
) -> World:
    """World whose clock starts at ``start`` and stands still behind the last bar's close."""
    end_ms = to_ms(HISTORY_START) + n_bars * MINUTE_MS + 30_000
    time = ReplayTime(to_ms(start), end_ms)
    return World(engine, database_url, ReplaySource(recording(n_bars), time, **options), time)


def with_limit(settings: Settings, **limits: float) -> Settings:
    """Settings with other risk limits."""
    return replace(settings, risk=replace(settings.risk, **limits))


def rows(engine: Engine, query: str, **parameters: Any) -> list[Any]:
    """All rows of a query."""
    with engine.begin() as connection:
        return [tuple(row) for row in connection.execute(text(query), parameters)]


def execute(engine: Engine, statement: str, **parameters: Any) -> None:
    """Run one statement and commit."""
    with engine.begin() as connection:
        connection.execute(text(statement), parameters)


def books(engine: Engine) -> dict[str, list[Any]]:
    """Everything that must not depend on crashes, without what names the epoch."""
    intent = "deployment_id, bar_close, side, quantity, purpose, order_type, price, reduce_only"
    equity = "deployment_id, ts, cash, position, price, equity, open, high, low, volume, mark, slots"
    return {
        "fills": rows(
            engine,
            "select trade_id, f.side, f.quantity, f.price, fee, reason, ts, i.bar_close from trading.fills f "
            "left join trading.intents i using (client_order_id) order by trade_id",
        ),
        "income": rows(engine, "select deployment_id, ts, amount from trading.income order by 1, 2"),
        "positions": rows(
            engine,
            "select deployment_id, quantity, entry_price, realized_pnl, stop_price "
            "from trading.positions order by 1",
        ),
        "equity": rows(engine, f"select {equity} from trading.equity order by 1, 2"),  # noqa: S608
        "intents": rows(engine, f"select {intent} from trading.intents order by 1, 2, purpose"),  # noqa: S608
        "orders": rows(
            engine,
            "select deployment_id, bar_close, status, filled_quantity, reason from trading.orders "
            "join trading.intents using (client_order_id) order by 1, 2, purpose",
        ),
        "signals": rows(
            engine,
            "select deployment_id, bar_close, target, price, decision #- '{view,data_age_seconds}' "
            "from trading.signals order by 1, 2",
        ),
        "state": rows(engine, "select deployment_id, bar_close, state from trading.checkpoints order by 1"),
    }
