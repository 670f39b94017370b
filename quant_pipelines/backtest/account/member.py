"""A book of an account that is driven row by row, with its strategy, its bars to come and its record."""

from typing import Any, NamedTuple

import numpy as np

from quant_pipelines.accounting.margin import Backing
from quant_pipelines.accounting.nav import growth_by
from quant_pipelines.backtest.account.plan import AccountPlan, PlannedBook
from quant_pipelines.backtest.account.reel import targets_of
from quant_pipelines.backtest.account.row import left_by, maintained_at
from quant_pipelines.backtest.bar.state import BookState, StepBar
from quant_pipelines.backtest.bar.stops import EXIT_REASONS, LIQUIDATION
from quant_pipelines.backtest.batch.loop import LoopResult
from quant_pipelines.backtest.book.desk import Close
from quant_pipelines.backtest.book.driver import (
    book_of,
    desk_after,
    desk_before,
    latest_before,
    run_of,
    strip_of,
)
from quant_pipelines.backtest.book.recorder import Recorder
from quant_pipelines.backtest.book.resting_play import TS, bar_at
from quant_pipelines.backtest.book.target_run import Aim
from quant_pipelines.backtest.book.values import BookedFill, Part
from quant_pipelines.backtest.market.readings import Latest, Reading, ahead
from quant_pipelines.core.bars import Bars
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.panel import Panel
from quant_pipelines.sdk.strategy import target_of


class Known(NamedTuple):
    """How a book's strategy comes to what it knows at a close, and to its target there."""

    read: Reading
    aim: Aim


def known_ahead(plan: AccountPlan) -> list[Known]:
    """Everything computed once, for all bars of each book; each value uses bars up to its own."""

    def known(book: PlannedBook, target: np.ndarray) -> Known:
        scales = book.scales(book.allocation.bars)
        read = ahead(book.allocation.strategy, book.market.bars, book.settings.rules, scales=scales)
        return Known(read, lambda bars: float(target[len(bars) - 1]))

    return [known(*pair) for pair in zip(plan.books, targets_of(plan.books), strict=True)]


def known_anew(plan: AccountPlan) -> list[Known]:
    """Everything computed again at every bar, from the bars up to it."""
    return [_anew(book) for book in plan.books]


def _anew(book: PlannedBook) -> Known:
    """Read and decide for one book from all bars of its allocation that opened up to its own newest."""
    strategy, rules = book.allocation.strategy, book.settings.rules

    def seen(bars: Bars) -> Bars | Panel:
        return book.allocation.bars.between(0, int(bars.ts[-1]) + 1)

    def read(row: int) -> Latest:
        bars = book.market.bars.rows(0, row + 1)
        return ahead(strategy, bars, rules, scales=book.scales(seen(bars)))(row)

    def aim(bars: Bars) -> float:
        known = seen(bars)
        return float(book.own(known, target_of(strategy, known))[-1])

    return Known(read, aim)


class Member:
    """A book of the account: its bars to come, what decides for it, and what it leaves."""

    def __init__(self, planned: PlannedBook, known: Known, first_ts: int) -> None:
        strategy, market = planned.allocation.strategy, planned.market
        self.share, self._market, self._known = planned.share, market, known
        self.book = book_of(strategy, market, planned.settings, first_ts)
        self.recorder = Recorder(market, planned.settings)
        self._run = run_of(strategy, self.book, market.bars.step_ms, known.aim, desk_before(planned.settings))
        rules = planned.settings.specifications.all_rules(planned.settings.rules)
        self._trading = [dated.terms for dated in rules]
        self._strip, self._number = strip_of(market), 0
        self._latest = latest_before(market, known.read, self.book)

    @property
    def state(self) -> BookState:
        """After the last bar."""
        if self.book.state is None:
            raise BacktestError("the book is not open; expected a first row")
        return self.book.state

    @property
    def equity_left(self) -> float:
        """Equity at its last close, quote."""
        return self.state.curve.equity

    def due(self, ts: int) -> StepBar | None:
        """Bar of its symbol that opens at a time."""
        strip, number = self._strip, self._number
        is_due = number < strip.bars.shape[0] and strip.bars[number, TS] == ts
        return bar_at(strip, number) if is_due else None

    def worst(self, bar: StepBar | None, ts: int) -> float:
        """Least that it leaves of the account's margin; without a bar it stands at its last close."""
        return left_by(self.book, bar, ts)

    def maintained(self, bar: StepBar | None, ts: int) -> float:
        """Margin that it must maintain in its bar; without one it stands at its last close."""
        return maintained_at(self.book, bar, ts)

    @property
    def outcome(self) -> LoopResult:
        """What it leaves."""
        return LoopResult(self.state, self.recorder.log, self.recorder.tally)

    @property
    def desk(self) -> dict[str, Any] | None:
        """What its strategy leaves; see ``CarriedBook``."""
        return desk_after(self.book, self._run)

    def transfer(self, amount: float) -> None:
        """Pay in its part of a flow."""
        value = self.book.equity
        self.recorder.rescale(growth_by(value, amount) if value > 0.0 else 1.0)
        self.book.transfer(amount)

    def liquidate_orders(self) -> None:
        """End what rests at its book: the margin that it shares is liquidated."""
        self._run.note(self.book.liquidate_orders())

    def step(self, bar: StepBar, backing: Backing) -> bool:
        """Book its bar; returns whether it was liquidated in it."""
        events = self.book.advance(bar, backing)
        self.recorder.add(self.book, events)
        self._run.note(events)
        self._number += 1
        reasons = {event.reason for event in events if isinstance(event, BookedFill)}
        return EXIT_REASONS[LIQUIDATION] in reasons

    def act(self, part: Part) -> None:
        """Let its strategy decide on what is known at the close of the bar that was just booked."""
        row, known = int(self._market.decision_row[self._number - 1]), None
        if row < 0 and not self._run.has_news:
            return
        book = self.book
        if row >= 0:
            known, self._latest = self._market.bars.rows(0, row + 1), self._known.read(row)
            book.read(self._latest.inputs)
        latest, close_ms = self._latest, book.last_ts + self._market.execution.step_ms
        close = Close(close_ms, latest.features, latest.volatility, part=part)
        self._run.act(self._trading[book.settings.specifications.span_at(book.last_ts)], close, known)
