"""A set on paper in memory: its rows, its legs, and a writer that can die at any commit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal

import numpy as np

from live_runner.book.account import AccountBooks
from live_runner.book.approval import Relations
from live_runner.book.broker import OpenBroker
from live_runner.book.joint import InstrumentSet
from live_runner.book.leg import LegTrader
from live_runner.book.paper import open_paper
from live_runner.book.plan import plan_of
from live_runner.book.tick import Tick
from live_runner.feed.series import BarSeries
from quant_pipelines.backtest import BacktestSettings
from quant_pipelines.backtest.account.event import run_event_account
from quant_pipelines.backtest.account.plan import Allocation
from quant_pipelines.backtest.account.result import AccountResult
from quant_pipelines.backtest.market.market import SymbolFeed
from quant_pipelines.core.bars import BarRows, Bars
from quant_pipelines.core.clock import Clock
from quant_pipelines.core.panel import panel_of
from quant_pipelines.core.timeframes import MINUTE_MS, from_ms, to_ms
from quant_pipelines.risk.account_view import NO_PRICES
from quant_pipelines.sdk.loading import compile_strategy
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.store.deployments import Deployment
from quant_pipelines.trading import Specification, TradingRules
from tests.in_process import in_process
from tests.integration.runner.replay import random_bars
from tests.integration.runner.sets import SPREAD, holed
from tests.memory_journal import MemoryJournal
from tests.unit.live_runner.test_races import AT, DEPLOYMENT, INSTRUMENT

SET_ID, WARM = 3, 30
LOTS = Specification(0.001, 5.0)


class Died(BaseException):
    """The writer is gone."""


class Mortal(MemoryJournal):
    """A journal whose writer dies around one of its commits."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.n_commits, self.dies = 0, (0, "before")
        self.at_commit = self._count

    def _count(self, moment: Literal["before", "after"]) -> None:
        self.n_commits += moment == "before"
        if (self.n_commits, moment) == self.dies:
            raise Died


class SetWorld:
    """Legs that take recorded bars minute by minute.

    Parameters
    ----------
    symbols
        Of the legs.
    rules
        Of all of them.
    n_bars
        Recorded minutes; trading begins ``WARM`` minutes in.
    holes
        Positions of bars that a symbol lacks.
    """

    source = SPREAD
    """Text of its strategy."""

    def __init__(
        self,
        symbols: Sequence[str],
        rules: TradingRules,
        n_bars: int,
        holes: Mapping[str, tuple[int, ...]] = {},
        volatility: float = 0.002,
        hard_stop: float = 0.02,
    ) -> None:
        self.hard_stop = hard_stop
        self.rules, self.start_ms, self.n_bars = rules, to_ms(AT), n_bars
        self.bars: dict[str, Bars] = {
            symbol: holed(random_bars(symbol, self.start_ms, n_bars, seed, volatility), holes.get(symbol, ()))
            for seed, symbol in enumerate(symbols)
        }
        deployed = AT + timedelta(minutes=WARM)
        share = Decimal(repr(10_000.0 * (1.0 / len(symbols))))
        self.deployments = [
            replace(
                DEPLOYMENT,
                id=SET_ID + number,
                symbol=symbol,
                source=self.source,
                settings=rules.to_document(),
                stage="paper",
                capital=share,
                created_at=deployed,
                instrument=replace(INSTRUMENT, symbol=symbol),
                set_id=SET_ID,
                parameters={"hard_stop": hard_stop},
                n_legs=len(symbols),
            )
            for number, symbol in enumerate(symbols, 1)
        ]
        self.journal = Mortal(self.deployments)
        self.open(self.start_ms + WARM * MINUTE_MS)

    def load(self, name: str, source: str) -> type[Strategy]:
        """Load the strategy's text."""
        return in_process(name, source)

    def account(self, clock: Clock) -> AccountBooks:
        """Account of all legs."""
        return AccountBooks(lambda _symbol: NO_PRICES, clock)

    def open_broker(self, deployment: Deployment) -> OpenBroker:
        """Who opens a leg's book."""
        return open_paper

    def open(self, now_ms: int) -> None:
        """Begin a writer's epoch where the rows end."""
        epoch = self.journal.open_epoch("test", from_ms(now_ms))
        self.whole = InstrumentSet(self.journal, epoch, len(self.deployments))
        self.legs = []
        account = self.account(lambda: now_ms)
        for deployment in self.deployments:
            series = BarSeries(deployment.symbol, "1m", self.start_ms)
            series.extend(self.bars[deployment.symbol].between(0, now_ms - MINUTE_MS + 1))
            plan = plan_of(deployment, self.load)
            account.expect(deployment.id, float(deployment.capital))
            relations = Relations(gate=account)
            given = (self.whole, self.journal, plan, series)
            opens = self.open_broker(deployment)
            leg = LegTrader(*given, epoch=epoch, relations=relations, open_broker=opens)
            self.whole.add(leg)
            self.legs.append(leg)

    def play(self, first: int = WARM, end: int | None = None) -> None:
        """Take the bars that close at these positions, and what was missed before."""
        for number in range(first, end or self.n_bars):
            self.close(self.start_ms + (number + 1) * MINUTE_MS)

    def close(self, close_ms: int) -> None:
        """Take one close."""
        ticks = {leg.id: self.tick(leg, close_ms) for leg in self.legs}
        self.whole.advance({key: tick for key, tick in ticks.items() if len(tick.bars)})

    def tick(self, leg: LegTrader, close_ms: int) -> Tick:
        """What the market did since the leg's last bar."""
        part = self.bars[leg.symbol].between(leg.booked_until_ms, close_ms)
        nothing = np.zeros(len(part))
        prices = (part.open, part.high, part.low, part.close, part.volume)
        rows = BarRows(part.ts, *prices, nothing, nothing.astype(np.int64))
        return Tick(rows, (), rows, close_ms + 1_000, 0.0)

    def values(self) -> list[float]:
        """Sum of the legs' equity at each close; a leg without its bar stands at its last one."""
        known = {one.id: float(one.capital) for one in self.deployments}
        values = dict[Any, float]()
        for (key, ts), point in sorted(self.journal.tables.equity.items(), key=lambda one: one[0][::-1]):
            known[key] = point.equity
            values[ts] = sum(known.values())
        return list(values.values())

    def books(self) -> dict[str, Any]:
        """Everything that must not depend on crashes, without what names the epoch."""
        tables = self.journal.tables
        fills = {key: replace(fill, client_order_id=None) for key, (_, fill) in tables.fills.items()}
        targets = {key: (one.target, one.decision["order_quantity"]) for key, one in tables.signals.items()}
        states = {key: state for key, (_, state) in tables.checkpoints.items()}
        return {"fills": fills, "equity": tables.equity, "signals": targets, "states": states}

    def backtest(self) -> AccountResult:
        """Backtest of the same bars, row by row."""
        strategy = compile_strategy("spread", self.source).strategy_class(hard_stop=self.hard_stop)
        feeds = {symbol: SymbolFeed(specification=LOTS) for symbol in self.bars}
        since = self.start_ms + WARM * MINUTE_MS
        settings = BacktestSettings(rules=self.rules, trade_from_ms=since)
        panel = panel_of(list(self.bars.values()))
        return run_event_account([Allocation(strategy, panel)], feeds=feeds, settings=settings)
