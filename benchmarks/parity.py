"""Replay parity of a day: ``python -m benchmarks.parity [deployments]``.

Starts its own server in a temporary folder, writes the journal of a day of minutes as the runner does
(50 deployments of `ema_cross` on 10 symbols unless told otherwise), and compares the day with its replay,
bars read through the column files as `quant parity` does. The first round fills them and compiles; the others
are told. Every deployment must come out equal to the bit, else the figure counts for nothing.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from sqlalchemy import Connection, Engine, insert

from quant_pipelines.backtest import Book, BookedFill, BookSettings, ExecutionBar
from quant_pipelines.backtest.market.stop_rules import stop_terms_of
from quant_pipelines.core.bars import BarRows, Bars, bars_from_columns
from quant_pipelines.core.ids import content_hash
from quant_pipelines.core.orders import side_of
from quant_pipelines.core.series import Series
from quant_pipelines.core.timeframes import DAY_MS, MINUTE_MS, from_ms, to_ms
from quant_pipelines.parity.journal import exact
from quant_pipelines.parity.replay import kind_of
from quant_pipelines.research.parity import compare_day
from quant_pipelines.sdk import Strategy, compile_strategy
from quant_pipelines.sdk.strategy import target_of
from quant_pipelines.stack.ports import free_port
from quant_pipelines.stack.postgres import EmbeddedPostgres
from quant_pipelines.stack.postgres_place import remove_place
from quant_pipelines.store.bars import upsert_bars
from quant_pipelines.store.databases import create_database
from quant_pipelines.store.engine import connect, transaction
from quant_pipelines.store.migrate import migrate
from quant_pipelines.store.tables import (
    accounts,
    book_openings,
    deployments,
    equity,
    fills,
    instruments,
    intents,
    orders,
    signals,
    strategy_versions,
)
from quant_pipelines.trading import Specification, TradingRules, decide

DAY = datetime(2026, 1, 5, tzinfo=UTC)
HISTORY = DAY - timedelta(days=3)
EXCHANGE, SYMBOLS, ROUNDS = "binanceusdm", 10, 3
SOURCE = Path("strategies/ema_cross.py")
STEPS = Specification(0.001, 5.0)


class Deployed(NamedTuple):
    """One deployment: its id, what it trades, and its strategy."""

    key: int
    symbol: str
    strategy: Strategy


def market(symbol: str, seed: int) -> Bars:
    """Return minutes of a seeded walk, from the history's first to the day's last."""
    n_bars = int((DAY + timedelta(days=1) - HISTORY).total_seconds()) // 60
    random = np.random.default_rng(seed)
    close = np.round(100.0 * np.exp(np.cumsum(random.normal(0, 8e-4, n_bars))), 2)
    opened = np.concatenate([[100.0], close[:-1]])
    columns = {
        "ts": to_ms(HISTORY) + MINUTE_MS * np.arange(n_bars),
        "open": opened,
        "high": np.maximum(opened, close) + 0.01,
        "low": np.minimum(opened, close) - 0.01,
        "close": close,
        "volume": random.uniform(1, 10, n_bars),
    }
    return bars_from_columns(symbol, "1m", columns)


def deploy(connection: Connection, number: int, symbol: str) -> Deployed:
    """Store a deployment with all that it refers to."""
    source = SOURCE.read_text()
    strategy_class = compile_strategy("ema_cross", source).strategy_class
    parameters = {"fast": 5 + number % 20, "slow": 40 + number % 40}
    account = {"name": f"paper {number}", "venue": "paper", "currency": "USDT", "capital": 10_000}
    account_id = _id(connection, accounts, {**account, "created_at": DAY})
    version = {"strategy": f"ema_cross_{number}", "content_hash": content_hash(f"{number}{source}")}
    version |= {"kernel_digest": "benchmark", "source": source, "parameters": {}, "created_at": DAY}
    row = {"account_id": account_id, "strategy_version_id": _id(connection, strategy_versions, version)}
    row |= {"strategy": f"ema_cross_{number}", "exchange": EXCHANGE, "symbol": symbol, "timeframe": "1m"}
    row |= {"execution_timeframe": "1m", "parameters": parameters, "stage": "paper", "capital": 10_000}
    row |= {"settings": TradingRules().to_document(), "history_start": HISTORY}
    row |= {"created_at": HISTORY, "stage_changed_at": HISTORY}
    return Deployed(_id(connection, deployments, row), symbol, strategy_class(**parameters))


def _id(connection: Connection, table: Any, row: dict[str, Any]) -> int:
    return int(connection.execute(insert(table).values(row).returning(table.c.id)).scalar_one())


class Journal(NamedTuple):
    """Rows of a day by their tables, and how they are added."""

    rows: dict[Any, list[dict[str, Any]]]

    def decided(
        self, one: Deployed, book: Book, bar: ExecutionBar, target: float, rules: TradingRules
    ) -> str:
        """Decide at a close and write it down; returns the name of the order, empty without one."""
        decision, close = decide(book.view(), target, rules), from_ms(bar.ts + MINUTE_MS)
        journal = {**decision.steps, "denied_by": None, "is_leaving": False, "rules": rules.to_document()}
        signal = {"deployment_id": one.key, "bar_close": close, "target": decision.target, "price": bar.close}
        self.rows[signals].append({**signal, "decision": journal, "decided_at": close})
        book.submit(decision.order_quantity, target_side=decision.target_side)
        if not decision.order_quantity:
            return ""
        name = f"b{one.key}-{bar.ts}"
        self.rows[intents].append(_intent(one, name, decision.order_quantity, close))
        self.rows[orders].append({"client_order_id": name, "status": "FILLED", "updated_at": close})
        return name


def write_day(connection: Connection, one: Deployed, bars: Bars) -> None:
    """Trade the day as the paper runner does, and write down what it would."""
    rules, strategy, name = TradingRules(specification=STEPS), one.strategy, ""
    stops = stop_terms_of(strategy, MINUTE_MS)
    book = Book(BookSettings(10_000.0, rules, strategy.stop_fraction, stops=stops))
    journal = Journal({table: [] for table in (equity, signals, intents, orders, fills)})
    rows = [row for row in enumerate(_bars(bars)) if row[1].ts >= to_ms(DAY) - MINUTE_MS]
    targets = target_of(strategy, bars)
    for at, bar in rows:
        close, done = from_ms(bar.ts + MINUTE_MS), book.step(bar)
        journal.rows[fills] += [_fill(one, event, name) for event in done if isinstance(event, BookedFill)]
        if close == DAY:
            state = {"deployment_id": one.key, "day": DAY.date(), "bar_close": DAY}
            connection.execute(insert(book_openings).values(state | {"state": book.to_document()}))
        else:
            journal.rows[equity].append(_point(one, book, bar, close))
        name = journal.decided(one, book, bar, float(targets[at]), rules) or name
    for table, made in journal.rows.items():
        connection.execute(insert(table), made)


def _bars(bars: Bars) -> Iterator[ExecutionBar]:
    columns = (bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume)
    return (ExecutionBar(*row) for row in zip(*(column.tolist() for column in columns), strict=True))


def _point(one: Deployed, book: Book, bar: ExecutionBar, close: datetime) -> dict[str, Any]:
    account = book.account
    known = {"deployment_id": one.key, "ts": close, "cash": account.cash, "position": account.position}
    seen = {"open": bar.open, "high": bar.high, "low": bar.low, "volume": bar.volume, "booked_at": close}
    return {**known, "price": bar.close, "equity": book.equity, **seen}


def _intent(one: Deployed, name: str, quantity: float, close: datetime) -> dict[str, Any]:
    order = {"client_order_id": name, "deployment_id": one.key, "epoch": 1, "symbol": one.symbol}
    size = {"side": side_of(quantity), "quantity": exact(abs(quantity)), "order_type": "market"}
    return {**order, **size, "purpose": "target", "bar_close": close, "committed_at": close}


def _fill(one: Deployed, fill: BookedFill, name: str) -> dict[str, Any]:
    is_target = kind_of(fill.reason) == "target"
    known = {"venue": "paper", "symbol": one.symbol, "trade_id": f"p{one.key}-{fill.number:08d}"}
    known |= {"client_order_id": name if is_target else None, "deployment_id": one.key}
    size = {"side": side_of(fill.quantity), "quantity": exact(abs(fill.quantity)), "price": exact(fill.price)}
    when = {"ts": from_ms(fill.ts), "booked_at": from_ms(fill.ts)}
    return {**known, **size, "fee": exact(fill.fee), "reason": fill.reason, **when}


def write(engine: Engine, count: int) -> None:
    """Write the journal of the day."""
    symbols = [f"C{number}/USDT:USDT" for number in range(SYMBOLS)]
    known = {symbol: market(symbol, seed) for seed, symbol in enumerate(symbols)}
    for symbol, bars in known.items():
        nothing = np.zeros(len(bars))
        prices = (bars.open, bars.high, bars.low, bars.close, bars.volume)
        rows = BarRows(bars.ts, *prices, nothing, nothing.astype(np.int64))
        upsert_bars(engine, Series(EXCHANGE, symbol, "1m"), rows)
    with transaction(engine) as connection:
        connection.exec_driver_sql("insert into trading.epochs (writer, started_at) values ('b', now())")
        for symbol in symbols:
            row = {"exchange": EXCHANGE, "symbol": symbol, "valid_from": HISTORY, "tick_size": "0.01"}
            row |= {"lot_size": "0.001", "min_notional": "5", "maker_fee": "0.0002", "taker_fee": "0.0005"}
            row |= {"max_leverage": 20, "funding_interval_hours": 8}
            connection.execute(insert(instruments).values(row))
        for number in range(count):
            one = deploy(connection, number, symbols[number % SYMBOLS])
            write_day(connection, one, known[one.symbol])


def measured(engine: Engine, columns: Path) -> dict[str, float]:
    """Compare the day and return wall and CPU seconds, and how many deployments were not equal to the bit."""
    wall, cpu = time.perf_counter(), time.process_time()
    compared = compare_day(engine, DAY.date(), columns=columns)
    took = time.perf_counter() - wall, time.process_time() - cpu
    unlike = [one for one in compared if one.comparison is None or not one.comparison.is_equal_to_the_bit]
    for one in unlike[:3]:
        print(one.reason or one.comparison, file=sys.stderr)
    fills_made = sum(one.comparison.n_fills for one in compared if one.comparison)
    names = ("seconds", "cpu_seconds", "deployments", "unlike", "fills")
    return dict(zip(names, (*took, len(compared), len(unlike), fills_made), strict=True))


def main() -> int:
    """Print the rounds, the last line as JSON; 1 if a deployment was not its replay."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        try:
            with EmbeddedPostgres(home, free_port()) as server:
                create_database(server.url("postgres"), "quant")
                engine = connect(server.url())
                migrate(engine)
                write(engine, count)
                rounds = [measured(engine, home / "columns") for _ in range(ROUNDS)]
                engine.dispose()
        finally:
            remove_place(home)
    for one in rounds:
        print("  ".join(f"{name} {value:.4g}" for name, value in one.items()))
    best = min(rounds[1:], key=lambda one: one["seconds"])
    print(json.dumps(best | {"days_of_minutes": DAY_MS // MINUTE_MS}))
    return 1 if best["unlike"] else 0


if __name__ == "__main__":
    sys.exit(main())
