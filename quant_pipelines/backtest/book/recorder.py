"""Recorder: what the batch loop writes down, taken from a book that is driven bar by bar."""

from collections.abc import Iterable

import numpy as np

from quant_pipelines.backtest.bar.state import StepFill
from quant_pipelines.backtest.bar.stops import BANKRUPTCY, END, EXIT_REASONS, TARGET
from quant_pipelines.backtest.bar.tally import Tally, tally_after, tally_end
from quant_pipelines.backtest.bar.trades import (
    COLUMNS,
    NO_TRADE,
    TradeEnd,
    TradeLog,
    add_closing,
    add_funding,
    add_opening,
)
from quant_pipelines.backtest.batch.loop import LoopResult
from quant_pipelines.backtest.book.book import Book
from quant_pipelines.backtest.book.resting_play import EQUITY, POSITION, TS, tally_over
from quant_pipelines.backtest.book.values import BookedFill, BookEvent, FundingPayment
from quant_pipelines.backtest.market.market import Market
from quant_pipelines.backtest.market.settings import BacktestSettings
from quant_pipelines.backtest.market.tape import Record
from quant_pipelines.core.arrays import FloatArray
from quant_pipelines.core.errors import BacktestError
from quant_pipelines.core.timeframes import DAY_MS


class Recorder:
    """Round trips, equity and tally of a book, from its events alone.

    Parameters
    ----------
    market
        Bars that will be played.
    settings
        Capital, and what to keep.
    """

    def __init__(self, market: Market, settings: BacktestSettings) -> None:
        self._market = market
        self._settings = settings
        self._log = TradeLog(0, settings.carried.books[0].trade if settings.carried else NO_TRADE)
        value = settings.first_value
        self._trades = np.empty((1, 2 * len(market.execution) + 1, len(COLUMNS)))
        self._daily = np.full(market.n_days, value)
        self._bars: list[float] = []
        self._held: list[float] = []
        self._position = settings.first_account.position
        self._tally = Tally(0, 0.0, value, 0.0)

    @property
    def tally(self) -> Tally:
        """Sums so far."""
        return self._tally

    @property
    def log(self) -> TradeLog:
        """Round trips so far."""
        return self._log

    def rows(self, room: int) -> FloatArray:
        """Return the round trips, shape (room, len(COLUMNS)); rows after the last one mean nothing."""
        rows = np.empty((room, len(COLUMNS)))
        rows[: self._log.finished] = self._trades[0, : self._log.finished]
        return rows

    def add_events(self, events: Iterable[BookEvent]) -> None:
        """Record what happened in a bar, and all that was traded by then."""
        traded = self._tally.traded_notional
        for event in events:
            if isinstance(event, FundingPayment):
                self._log = add_funding(self._log, -event.amount)
            elif isinstance(event, BookedFill):
                self._add_fill(event)
                traded += abs(event.quantity) * event.price
        self._tally = self._tally._replace(traded_notional=traded)

    def add_closes(self, bars: FloatArray) -> None:
        """Record equity and position at the closes of bars that were played, the rows of a strip."""
        self._tally = tally_over(self._tally, bars)
        days = bars[:, TS].astype(np.int64) // DAY_MS - self._market.first_day
        last = np.flatnonzero(np.diff(days, append=-1))
        self._daily[days[0] :] = bars[last, EQUITY].repeat(np.diff(days[last], append=self._daily.size))
        self._bars.extend(bars[:, EQUITY].tolist())
        self._held.extend(bars[:, POSITION].tolist())

    def add(self, book: Book, events: list[BookEvent]) -> None:
        """Record a bar after the book has stepped over it."""
        self.add_events(events)
        traded, is_held = self._tally.traded_notional, book.account.position != 0.0
        self._tally = tally_after(self._tally, traded, is_held, book.equity)
        self._daily[book.last_ts // DAY_MS - self._market.first_day :] = book.equity
        self._bars.append(book.equity)
        self._held.append(book.account.position)

    def rescale(self, growth: float) -> None:
        """Measure by another number of units after a flow of cash."""
        self._tally = self._tally._replace(peak=self._tally.peak * growth)

    def end(self, book: Book) -> None:
        """Close the position of an account of which nothing is left, and record the fill."""
        fill = book.end()
        if fill.quantity != 0.0:
            self._position = 0.0
            self._add_closing(fill, TradeEnd(book.last_ts, BANKRUPTCY, True, 0))
            self._tally = tally_end(self._tally, fill, book.equity)

    def close(self, book: Book, *, debt: float = 0.0) -> StepFill:
        """Close the position at the last close and record the fill; its quantity is 0 where there is none."""
        fill, funding_paid = book.close(self._market.payments.at_end, debt=debt)
        if fill.quantity != 0.0:
            if funding_paid != 0.0:
                self._log = add_funding(self._log, funding_paid)
            end = TradeEnd(book.last_ts + book.terms.step_ms, END, True, 0)
            self._add_closing(fill, end)
            self._tally = tally_end(self._tally, fill, book.equity)
            self._daily[-1] = self._bars[-1] = book.equity
        return fill

    def finish(self, book: Book) -> tuple[LoopResult, Record]:
        """Return the result of the run, and its record."""
        if self._settings.close_at_end:
            self.close(book)
        state = book.state
        if state is None:
            raise BacktestError("no bar was recorded; expected some")
        kept = np.array(self._bars if self._settings.has_bar_equity else [])
        held = np.array(self._held if self._settings.has_bar_position else [])
        record = Record(self._daily[None], kept[None], held[None], self._trades)
        return LoopResult(state, self._log, self._tally), record

    def _add_fill(self, fill: BookedFill) -> None:
        """Tell opening from closing by the position that the fills themselves add up to."""
        step = StepFill(fill.quantity, fill.price, fill.fee)
        held, self._position = self._position, self._position + fill.quantity
        if held * fill.quantity >= 0.0:
            self._log = add_opening(self._log, step, fill.ts)
            return
        is_flat = abs(self._position) <= 1e-9 * abs(fill.quantity)
        if is_flat:
            self._position = 0.0
        reason = EXIT_REASONS.index(fill.reason) if fill.reason in EXIT_REASONS else TARGET
        self._add_closing(step, TradeEnd(fill.ts, reason, is_flat, 0))

    def _add_closing(self, fill: StepFill, end: TradeEnd) -> None:
        """Log the end of a round trip, with room for as many as there are."""
        if self._log.finished == self._trades.shape[1]:
            self._trades = np.concatenate([self._trades, np.empty_like(self._trades)], axis=1)
        self._log = add_closing(self._log, fill, end, self._trades)
