"""The driver of a book bar by bar: its strategy is called where bars closed or something happened."""

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np

from quant_pipelines.backtest.batch.loop import LoopResult
from quant_pipelines.backtest.book.book import Book
from quant_pipelines.backtest.book.desk import Close
from quant_pipelines.backtest.book.event_run import EventRun
from quant_pipelines.backtest.book.recorder import Recorder
from quant_pipelines.backtest.book.resting_play import (
    CLOSE,
    FUNDING,
    INSIDE,
    MARK_LOW,
    MARK_OPEN,
    N_COLUMNS,
    TS,
    VOLUME,
    Strip,
)
from quant_pipelines.backtest.book.target_run import Aim, TargetRun, anew_aim
from quant_pipelines.backtest.book.values import BookEvent, BookSettings
from quant_pipelines.backtest.market.market import Market
from quant_pipelines.backtest.market.readings import NOTHING_YET, Latest, Reading
from quant_pipelines.backtest.market.settings import BacktestSettings
from quant_pipelines.backtest.market.tape import Record
from quant_pipelines.core.bars import Bars
from quant_pipelines.sdk.event import EventStrategy
from quant_pipelines.sdk.strategy import Strategy
from quant_pipelines.trading.rules import TradingTerms


class Run(Protocol):
    """A strategy at its book."""

    @property
    def has_news(self) -> bool:
        """Whether it must be called where none of its bars closed."""

    def note(self, events: Iterable[BookEvent]) -> None:
        """Keep what a bar did for the next call."""

    def act(self, terms: TradingTerms, close: Close, bars: Bars | None) -> object:
        """Call it; ``bars`` are its own up to the close, None where none of them closed."""

    def to_document(self) -> dict[str, Any] | None:
        """Return what it remembers, as a JSON document; None is nothing."""


def drive(
    strategy: Strategy, market: Market, settings: BacktestSettings, read: Reading
) -> tuple[LoopResult, Record, dict[str, Any] | None]:
    """Run one strategy over a market; beside the result and its record, what ``desk_after`` says.

    Raises
    ------
    StrategyError
        If the strategy raises or its target can't be used; the sentence names it.
    """
    recorder, specifications = Recorder(market, settings), settings.specifications
    book = book_of(strategy, market, settings, int(market.execution.ts[0]))
    run = run_of(strategy, book, market.bars.step_ms, anew_aim(strategy), desk_before(settings))
    trading = [dated.terms for dated in specifications.all_rules(settings.rules)]
    strip, latest, at = strip_of(market), latest_before(market, read, book), 0
    decided, step_ms = market.decision_row.tolist(), market.execution.step_ms
    for end in _ends(market):
        while at < end:
            events, at = book.play(strip, at, end)
            if events:
                recorder.add_events(events)
                run.note(events)
            row, known = decided[at - 1], None
            if row < 0 and not run.has_news:
                continue
            if row >= 0:
                known, latest = market.bars.rows(0, row + 1), read(row)
                book.read(latest.inputs)
            close = Close(book.last_ts + step_ms, latest.features, latest.volatility)
            run.act(trading[specifications.span_at(book.last_ts)], close, known)
    recorder.add_closes(strip.bars)
    return *recorder.finish(book), desk_after(book, run)


def book_settings(strategy: Strategy, market: Market, settings: BacktestSettings) -> BookSettings:
    """Return what a book must know to trade a strategy on a market as the batch backtest does."""
    terms = settings.step_terms(strategy, market.execution.step_ms, market.bars.step_ms)
    return BookSettings(
        settings.capital,
        settings.rules,
        terms.hard_stop,
        market.execution.timeframe,
        terms.stops,
        settings.specifications,
    )


def book_of(strategy: Strategy, market: Market, settings: BacktestSettings, first_ts: int) -> Book:
    """Book of a strategy before the first bar: flat, or as the run before has left it."""
    given = book_settings(strategy, market, settings)
    if settings.carried is None:
        book = Book(given)
        book.open(first_ts)
        return book
    (carried,) = settings.carried.books
    return Book.from_document(given, carried.book_document)


def run_of(
    strategy: Strategy, book: Book, step_ms: int, aim: Aim, memory: dict[str, Any] | None = None
) -> Run:
    """Put a strategy at its book; one that places no orders aims at a target."""
    if isinstance(strategy, EventStrategy):
        return EventRun(strategy, book, step_ms, memory)
    return TargetRun(aim, book)


def desk_before(settings: BacktestSettings) -> dict[str, Any] | None:
    """Return what an event strategy remembers of the run before; None is nothing."""
    desk = settings.carried.books[0].desk if settings.carried else None
    return desk["run"] if desk else None


def desk_after(book: Book, run: Run) -> dict[str, Any] | None:
    """Return what an event strategy leaves besides its state; see ``CarriedBook``."""
    memory = run.to_document()
    return {"book": book.to_document(), "run": memory} if memory is not None else None


def latest_before(market: Market, read: Reading, book: Book) -> Latest:
    """Return what was known before the first bar: the stops of a book that goes on read it there."""
    if market.row_before < 0:
        return NOTHING_YET
    latest = read(market.row_before)
    book.read(latest.inputs)
    return latest


def _ends(market: Market) -> list[int]:
    """Positions after which the strategy is called, or another specification begins."""
    decided = np.flatnonzero(market.decision_row >= 0) + 1
    return [int(end) for end in np.union1d(decided, market.span[1:])]


def strip_of(market: Market) -> Strip:
    """Return the execution bars of a market as a book plays them."""
    bars, beside = market.execution, market.beside
    rows = np.zeros((len(bars), N_COLUMNS))
    paid = market.payments.on_bars(len(bars))
    rows[:, TS : CLOSE + 1] = np.column_stack((bars.ts, bars.open, bars.high, bars.low, bars.close))
    rows[:, FUNDING], rows[:, VOLUME], rows[:, INSIDE] = paid[:, 0], bars.volume, paid[:, 1]
    if beside is not None and beside.mark_open.size:
        marks = np.column_stack((beside.mark_open, beside.mark_high, beside.mark_low))
        rows[:, MARK_OPEN : MARK_LOW + 1] = marks
    return Strip(rows, beside)
